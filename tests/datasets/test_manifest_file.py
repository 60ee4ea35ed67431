"""Tests of reading dataset.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirstgen.datasets.manifest_file import check_manifest, read_manifest
from sirstgen.errors import InputError

_FILE = {
    "name": "shards/train-0.tar",
    "number": 0,
    "split": "train",
    "sha256": "a",
    "bytes": 1,
    "count": 1,
    "targets": 1,
}
_SHARDS = {"size": 5, "files": [{**_FILE, "ids": ["000001", "000001"]}]}
_PART = {"dataset": "a", "train": 1, "test": 1}
_MIX = {"kind": "mix", "real": _PART, "synthetic": _PART, "images": [{"id": "1", "kind": "real", "part": "train"}]}
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"count": "7"}, "count"),
        ({"count": -1}, "count"),
        ({"count": True}, "count"),
        ({"seed": [7]}, "seed"),
        ({"redrawn": None}, "redrawn"),
        ({"redrawn": {"000001": -2}}, "redrawn.000001"),
        ({"backgrounds": "builtin"}, "backgrounds"),
        ({"shards": {**_SHARDS, "size": 0}}, "shards.size"),
        ({"shards": {"size": 5, "files": [{**_FILE, "ids": ["000001"]}]}}, "shards.files.0.ids"),
        ({**_MIX, "images": [{"id": 1, "kind": "real", "part": "train"}]}, "images.0.id"),
        ({**_MIX, "real": 5}, "real"),
        ({"kind": "mix"}, "real"),
    ],
)
def test_an_entry_of_another_type_is_named(tmp_path: Path, changes: dict[str, Any], place: str) -> None:
    (tmp_path / "dataset.json").write_text(json.dumps({"count": 3, **changes}))
    with pytest.raises(InputError, match=rf"dataset\.json: {place}: "):
        read_manifest(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", "{", "[" * 5000, '{"count": ' + "9" * 400 + "}"])
def test_what_is_no_manifest_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(InputError, match=r"dataset\.json"):
        read_manifest(tmp_path)


def test_a_folder_without_manifest_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no dataset\.json"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("whole", [{"count": 3}, {"count": 3, "shards": _SHARDS}, {"count": 3, **_MIX}])
def test_a_sound_manifest_has_no_fault(whole: dict[str, Any]) -> None:
    assert not list(check_manifest({**whole, "plans": None, "note": [1], "seed": 2**64 - 1}))


@given(st.dictionaries(st.sampled_from(["count", "seed", "shards", "kind", "redrawn", "recipe", "images"]), _JSON))
def test_any_value_is_sound_or_named(changes: dict[str, Any]) -> None:
    for entry, message in check_manifest({"count": 1, **changes}):
        assert entry
        assert message
