from __future__ import annotations

import json
from pathlib import Path

import pytest

from sirstgen.errors import InputError
from sirstgen.scenes.labels import SceneDecisions, SceneLabel, read_labels


def write(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_json_of_words(tmp_path: Path) -> None:
    path = write(tmp_path, "l.json", '{"0007.png": "sea", "b\\\\c.tif": "city", "v1.2": "cloud"}')
    assert read_labels(path) == {"0007": SceneLabel("sea"), "b/c": SceneLabel("city"), "v1.2": SceneLabel("cloud")}


def test_json_of_records_with_words_or_numbers_for_confidence(tmp_path: Path) -> None:
    rows = {
        "a": {"scene": "sea", "confidence": "high", "content": "sea"},
        "b": {"scene": "sky", "confidence": "low", "group": "g1"},
        "c": {"scene": "city", "scene_confidence": 0.75},
    }
    labels = read_labels(write(tmp_path, "l.json", json.dumps(rows)))
    assert labels == {"a": SceneLabel("sea", 1.0), "b": SceneLabel("sky", 0.5, "g1"), "c": SceneLabel("city", 0.75)}


@pytest.mark.parametrize(
    "text",
    ["0007.png,sea\nx/8, city\n", "name,scene\n0007,sea\nx/8,city\n", "\ufeffscene,file\r\nsea,0007\r\ncity,x/8\r\n"],
)
def test_csv(tmp_path: Path, text: str) -> None:
    assert read_labels(write(tmp_path, "l.csv", text)) == {"0007": SceneLabel("sea"), "x/8": SceneLabel("city")}


def test_csv_confidence_is_a_number_or_a_word(tmp_path: Path) -> None:
    labels = read_labels(write(tmp_path, "l.csv", "name,scene,confidence\na,sea,0.5\nb,sea,high\nc,sea,\n"))
    assert [label.confidence for label in labels.values()] == [0.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("l.json", "{", "not valid JSON"),
        ("l.json", "[1]", "got a list"),
        ("l.json", "{}", "holds no label"),
        ("l.json", '{"a": 3}', "needs a scene"),
        ("l.json", '{"a": {"confidence": 1}}', "label of 'a' needs a scene"),
        ("l.json", '{"a": {"scene": "sea", "confidence": 1.5}}', "confidence must be 0 to 1"),
        ("l.json", '{"a": {"scene": "sea", "confidence": "sure"}}', "got 'sure'"),
        ("l.json", '{"a": "sea", "a.png": "city"}', "two different labels"),
        ("l.csv", "a,sea\nb\n", "line 2"),
        ("l.csv", "scene,who\nsea,a\n", "needs a column 'name'"),
        ("l.csv", "image,label\n0001,sea\n", "the header needs a column 'scene' beside 'image'"),
        ("l.csv", "", "0 bytes"),
    ],
)
def test_faulty_labels_name_file_and_rule(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"{name}.*{said}"):
        read_labels(write(tmp_path, name, text))


def test_decisions_are_kept_outside_the_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIRSTGEN_CACHE", str(tmp_path / "cache"))
    SceneDecisions().put("key", SceneLabel("sea", 0.87))
    assert SceneDecisions().get("key") == SceneLabel("sea", 0.87)
    assert SceneDecisions().get("other") is None


def test_decisions_live_on_where_the_cache_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIRSTGEN_CACHE", str(write(tmp_path, "not-a-folder", "")))
    decisions = SceneDecisions()
    decisions.put("key", SceneLabel("sea"))
    assert decisions.get("key") == SceneLabel("sea")


@pytest.mark.parametrize("text", ["name;scene\n0001;sea\n", "0001;sea\n", "name\tscene\n0001\tsea\n"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_labels_as_spreadsheets_write_them(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "labels.csv").write_text(text, encoding=encoding)
    assert {name: label.scene for name, label in read_labels(tmp_path / "labels.csv").items()} == {"0001": "sea"}
