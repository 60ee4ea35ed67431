"""Output, settings and truth of exports, whatever the format."""

from __future__ import annotations

import gc
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from making.labelled_masks import write_masks
from typer.testing import CliRunner, Result

from sirstgen import Generator, export_dataset, write_dataset
from sirstgen.cli import export, reported
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InvalidValueError, OutputExistsError
from sirstgen.export.export import FORMATS
from sirstgen.export.frames import ExportFrame, parts_of, read_frames
from sirstgen.files.gray_scale import GrayScale

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(reported(export.export))

HOLDS_16_BITS = {"coco", "mmseg", "webdataset", "hf", "fiftyone"}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_truth_of_our_own_sets_is_carried(small_generator: Generator, tmp_path: Path) -> None:
    folder = write_dataset(small_generator, tmp_path / "ours", 6)
    rows = {row["id"]: row for row in map(json.loads, (folder / "targets.jsonl").open())}
    export_dataset(folder, "coco", tmp_path / "coco")
    seen = 0
    for part in ("train", "test"):
        data = json.loads((tmp_path / "coco" / "annotations" / f"instances_{part}.json").read_text())
        names = {image["id"]: image["file_name"].removesuffix(".png") for image in data["images"]}
        for annotation in data["annotations"]:
            row = rows[names[annotation["image_id"]]]
            entry = next(entry for entry in row["targets"] if entry["bbox"] == annotation["bbox"])
            stated = {"scr": entry["scr"], "kind": entry["kind"], "scene": row["scene"]}
            assert annotation["attributes"] == stated and annotation["area"] == entry["area"]
            seen += 1
    assert seen == sum(len(row["targets"]) for row in rows.values()) > 0


@pytest.mark.parametrize("format", FORMATS)
def test_16_bits_stay_where_the_format_holds_them(format: str, tmp_path: Path) -> None:
    write_masks(tmp_path / "raw", bits=16)
    raw = Dataset.open(tmp_path / "raw")
    result = export_dataset(raw, format, tmp_path / "out")
    pictures = [path for path in (tmp_path / "out").rglob("s0.*") if path.suffix in (".png", ".jpg")]
    depths = {cv2.imread(str(path), cv2.IMREAD_UNCHANGED).dtype for path in pictures}
    if format in HOLDS_16_BITS:
        assert result.levels is None and any("keep their 16 bits" in note for note in result.notes)
        assert np.dtype(np.uint16) in depths or format == "webdataset"
        return
    assert depths == {np.dtype(np.uint8)}
    assert result.levels is not None and f"gray level {result.levels.black:g} is 0" in str(result.notes)
    expected = raw.image("s0") / 257
    image = cv2.imread(str(next(path for path in pictures if path.parent.name in ("train", "test", "JPEGImages"))), 0)
    assert np.abs(image - expected).max() <= 2
    assert image.std() > 15, "the contrast of the set survives"


def test_8_bits_on_demand_with_one_scale_for_all(tmp_path: Path) -> None:
    write_masks(tmp_path / "raw", bits=16)
    result = export_dataset(tmp_path / "raw", "coco", tmp_path / "out", bit_depth=8)
    assert result.levels is not None
    raw = Dataset.open(tmp_path / "raw")
    for key in raw.ids:
        image = cv2.imread(str(tmp_path / "out" / "images" / f"{key}.png"), cv2.IMREAD_UNCHANGED)
        expected = raw.image(key) / 257
        assert image.dtype == np.uint8 and np.abs(image - expected).max() <= 0.5


def test_files_are_linked_unless_copies_are_asked_for(tmp_path: Path) -> None:
    write_masks(tmp_path / "set")
    source = tmp_path / "set" / "images" / "s0.png"
    export_dataset(tmp_path / "set", "coco", tmp_path / "linked")
    assert (tmp_path / "linked" / "images" / "s0.png").samefile(source)
    export_dataset(tmp_path / "set", "coco", tmp_path / "copied", link=False)
    copy = tmp_path / "copied" / "images" / "s0.png"
    assert not copy.samefile(source) and copy.read_bytes() == source.read_bytes()


def test_a_folder_of_images_without_lists_is_one_part(tmp_path: Path) -> None:
    write_masks(tmp_path / "set", lists=False)
    for format in FORMATS:
        result = export_dataset(tmp_path / "set", format, tmp_path / format)
        assert result.parts == {"all": result.images}
    assert "val: images/all" in (tmp_path / "yolo" / "data.yaml").read_text()
    assert (tmp_path / "voc/VOCdevkit/VOC2007/ImageSets/Main/train.txt").is_file()


def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    write_masks(tmp_path / "set")
    wrong = [
        ({"format": "cocos"}, "format must be one of coco, yolo"),
        ({"format": "yolo", "bit_depth": 16}, "bit_depth must be 8 for yolo"),
        ({"format": "coco", "bit_depth": 12}, "bit_depth must be 8 or 16"),
        ({"format": "coco", "imgsz": 640}, "imgsz has an effect on yolo and yolo-seg only"),
        ({"format": "yolo", "imgsz": 0}, "imgsz must be at least 1"),
        ({"format": "hf", "shard_size": 10}, "shard_size has an effect on webdataset only"),
    ]
    for arguments, message in wrong:
        with pytest.raises(InvalidValueError, match=message):
            export_dataset(tmp_path / "set", out=tmp_path / "out", **arguments)  # type: ignore[arg-type]
    for out in (tmp_path / "set", tmp_path / "set" / "images" / "out", tmp_path):
        with pytest.raises(InvalidValueError, match=r"must (be apart|not be or hold)"):
            export_dataset(tmp_path / "set", "coco", out, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]


@pytest.mark.parametrize("format", ["coco", "webdataset", "hf"])
def test_files_are_closed_where_an_export_fails(
    format: str, small_generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(*_: object) -> Iterator[ExportFrame]:
        yield next(read_frames(dataset, parts_of(dataset)))
        raise KeyError

    dataset = Dataset.open(write_dataset(small_generator, tmp_path / "set", 2))
    monkeypatch.setattr("sirstgen.export.export.read_frames", cut_off)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(KeyError):
            export_dataset(dataset, format, tmp_path / "out")
        gc.collect()
    assert not [str(warning.message) for warning in caught if warning.category is ResourceWarning]


def test_only_an_export_is_overwritten(tmp_path: Path) -> None:
    write_masks(tmp_path / "set")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years")
    with pytest.raises(OutputExistsError, match="not empty"):
        export_dataset(tmp_path / "set", "coco", tmp_path / "mine")
    with pytest.raises(OutputExistsError, match=r"export\.json and SHA256SUMS do not show"):
        export_dataset(tmp_path / "set", "coco", tmp_path / "mine", overwrite=True)
    export_dataset(tmp_path / "set", "coco", tmp_path / "out")
    export_dataset(tmp_path / "set", "yolo", tmp_path / "out", overwrite=True)
    assert not (tmp_path / "out" / "annotations").exists() and (tmp_path / "out" / "data.yaml").is_file()


def test_ids_that_one_key_stands_for_are_refused(tmp_path: Path) -> None:
    write_masks(tmp_path / "set", lists=False)
    for kind in ("images", "masks"):
        file = tmp_path / "set" / kind / "s0.png"
        for name in ("a.b", "a_b"):
            (file.parent / f"{name}.png").write_bytes(file.read_bytes())
    assert "both become a_b" in run(tmp_path / "set", "--format", "webdataset", "--out", tmp_path / "out").stderr
    (tmp_path / "set" / "images" / "a_b.png").unlink()
    (tmp_path / "set" / "masks" / "a_b.png").unlink()
    result = export_dataset(tmp_path / "set", "webdataset", tmp_path / "out")
    assert any(note.startswith("1 ids hold dots") for note in result.notes)


def test_an_export_to_webdataset_is_a_dataset_again(tmp_path: Path) -> None:
    write_masks(tmp_path / "set")
    export_dataset(tmp_path / "set", "webdataset", tmp_path / "tars", shard_size=4)
    first, again = Dataset.open(tmp_path / "set"), Dataset.open(tmp_path / "tars")
    assert again.ids == first.ids and set(again.split("test")) == set(first.split("test"))
    export_dataset(again, "mmseg", tmp_path / "masks")
    for key in first.ids:
        np.testing.assert_array_equal(again.image(key), first.image(key))
        np.testing.assert_array_equal(again.mask(key), first.mask(key))
    assert not (tmp_path / "masks" / "img_dir" / "train" / "s1.png").is_symlink()


def test_the_command_prints_what_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_masks(tmp_path / "set")
    plain = run("set", "--format", "yolo", "--imgsz", 64)
    assert plain.exit_code == 0 and "in set-yolo (yolo; train 8, test 4, unlisted 1)" in plain.stdout
    assert "At imgsz 64 the smallest box side is 1.1 px" in plain.stdout
    told = json.loads(run("set", "--format", "yolo", "--json", "--overwrite").stdout)
    assert told["images"] == 13 and told["folder"] == "set-yolo" and told["targets"] > 600
    assert run("set", "--format", "yolo").exit_code == 2
    assert run("nowhere").exit_code == 2


@pytest.mark.parametrize("format", ["yolo", "voc"])
def test_16_bit_files_of_the_range_of_8_bits_are_exported_in_8_bits(format: str, tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (3, 40, 40), dtype=np.uint16)
    for part in ("images", "masks"):
        (tmp_path / "set" / part).mkdir(parents=True)
    for number, image in enumerate(levels):
        cv2.imwrite(str(tmp_path / "set" / "images" / f"{number}.png"), image)
        cv2.imwrite(str(tmp_path / "set" / "masks" / f"{number}.png"), np.eye(40, dtype=np.uint8) * 255)
    dataset = Dataset.open(tmp_path / "set", gray_scale=GrayScale(0, 255))
    found = export_dataset(dataset, format, tmp_path / "out")
    pictures = sorted(path for path in (tmp_path / "out").rglob("*.[jp][pn]g") if "Segmentation" not in str(path))
    for path, image in zip(pictures, levels, strict=True):
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert stored.dtype == np.uint8 and np.abs(stored.astype(int) - image).max() <= (2 if format == "voc" else 0)
    assert found.levels == GrayScale(0, 255)
