from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from making.frame_sets import write_set
from PIL import Image

from sirstgen.datasets.readers import Dataset
from sirstgen.datasets.truth import parse_truth
from sirstgen.errors import InputError, SirstgenError
from sirstgen.export.export import export_dataset

RNG = np.random.default_rng(1)
FRAME = RNG.integers(0, 255, (20, 30), dtype=np.uint8)
MASK = np.zeros((20, 30), dtype=np.uint8)
MASK[5:8, 10:12] = 255


def save(path: Path, array: np.ndarray, mode: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path)


def dataset(folder: Path, ids: tuple[str, ...] = ("a", "b", "c"), mask_ending: str = "") -> Path:
    for key in ids:
        save(folder / "images" / f"{key}.png", FRAME)
        save(folder / "masks" / f"{key}{mask_ending}.png", MASK)
    return folder


def listed(folder: Path, train: str, test: str, where: str = "50_50", name: str = "") -> None:
    (folder / where).mkdir()
    (folder / where / f"train{name}.txt").write_bytes(train.encode())
    (folder / where / f"test{name}.txt").write_bytes(test.encode())


@pytest.mark.parametrize("ending", ["", "_pixels0", "_mask", "-label", ".mask", "_GT"])
def test_images_and_masks_folders(tmp_path: Path, ending: str) -> None:
    opened = Dataset.open(dataset(tmp_path / "set", mask_ending=ending))
    assert opened.ids == ("a", "b", "c")
    assert opened.name == "set"
    assert not opened.has_splits
    assert np.array_equal(opened.image("b"), FRAME)
    assert np.array_equal(opened.mask("b"), MASK > 0)
    image, mask = opened.sample("c")
    assert np.array_equal(image, FRAME)
    assert np.array_equal(mask, MASK > 0)
    assert not opened.warnings
    assert opened.truth() == {}


def test_pairs_of_nust(tmp_path: Path) -> None:
    for key in ("000001", "000002"):
        save(tmp_path / f"{key}_1.png", FRAME)
        save(tmp_path / f"{key}_2.png", MASK)
    opened = Dataset.open(tmp_path)
    assert opened.ids == ("000001", "000002")
    assert np.array_equal(opened.mask("000002"), MASK > 0)
    (tmp_path / "000002_1.png").unlink()
    with pytest.raises(InputError, match=r"1 masks without image \(000002\)"):
        Dataset.open(tmp_path)


@pytest.mark.parametrize(
    ("where", "name"),
    [("50_50", ""), ("img_idx", "_set"), ("img_idx", "_NUAA-SIRST"), ("idx_427", ""), ("my_split", "")],
)
def test_split_layouts(tmp_path: Path, where: str, name: str) -> None:
    folder = dataset(tmp_path / "set")
    listed(folder, "c\r\n\r\na.png\r\n", "b", where, name)
    opened = Dataset.open(folder)
    assert opened.has_splits
    assert opened.split("train") == ("c", "a")
    assert opened.split("test") == ("b",)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("TRAIN.TXT", "Test.txt"),
        ("ImageSets/Main/train.txt", "ImageSets/Main/val.txt"),
        ("splits/trainval.txt", "splits/test.txt"),
    ],
)
def test_lists_of_other_spelling_and_place(tmp_path: Path, train: str, test: str) -> None:
    folder = dataset(tmp_path / "set")
    for name, text in ((train, "a\nb\n"), (test, "c\n")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    opened = Dataset.open(folder)
    assert (opened.split("train"), opened.split("test")) == (("a", "b"), ("c",))


def test_composed_and_decomposed_names_are_one_id(tmp_path: Path) -> None:
    save(tmp_path / "set" / "images" / "e\u0301.png", FRAME)
    save(tmp_path / "set" / "masks" / "\u00e9.png", MASK)
    assert Dataset.open(tmp_path / "set").ids == ("\u00e9",)


def test_ids_that_differ_in_case_alone_are_noted_and_exported_with_a_note(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", ids=("a1", "A1", "b"))
    what = "ids differ in upper and lower case alone (A1 and a1); on macOS and Windows their files are one; rename them"
    assert Dataset.open(folder).notes() == [what]
    assert what in export_dataset(folder, "coco", tmp_path / "coco").notes


def test_dna_net_lists_come_first_and_ids_may_hold_dots(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set", ids=("a", "x.1", "y.png"))
    listed(folder, "a", "x.1\ny.png\n")
    listed(folder, "x.1.PNG", "a", "img_idx", "_set")
    assert Dataset.open(folder).split("test") == ("x.1", "y.png")


def test_split_faults_are_named(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set")
    with pytest.raises(InputError, match="no list of train"):
        Dataset.open(folder).split("train")
    listed(folder, "a\nMisc_9\n", "b")
    with pytest.raises(InputError, match=r"train\.txt: lists Misc_9, without image"):
        Dataset.open(folder)
    (folder / "50_50" / "train.txt").write_text("a\nb\n")
    with pytest.raises(InputError, match=r"test\.txt: b also in train\.txt"):
        Dataset.open(folder)
    (folder / "50_50" / "train.txt").write_text("a\na\n")
    with pytest.raises(InputError, match="lists a more than once"):
        Dataset.open(folder)
    (folder / "50_50" / "train.txt").write_bytes(b"\xfa\xfe\x00")
    with pytest.raises(InputError, match="not a text file"):
        Dataset.open(folder)
    (folder / "50_50" / "train.txt").write_text("\n")
    opened = Dataset.open(folder)
    with pytest.raises(InputError, match="list of train images is empty"):
        opened.split("train")


def test_ambiguous_splits_are_not_guessed(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set")
    listed(folder, "a", "b", "first")
    listed(folder, "b", "a", ".ipynb_checkpoints")
    assert Dataset.open(folder).split("train") == ("a",)
    listed(folder, "b", "a", "second")
    with pytest.raises(InputError, match=r"several splits \(first/, second/\)"):
        Dataset.open(folder)
    listed(folder, "a", "b", "img_idx", "_one")
    listed_two = folder / "img_idx" / "train_two.txt"
    listed_two.write_text("b")
    with pytest.raises(InputError, match="several train lists"):
        Dataset.open(folder)


def test_palette_and_rgb_images_become_gray(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set")
    save(folder / "images" / "a.png", FRAME, "RGB")
    scrambled = Image.fromarray(FRAME, mode="P")
    scrambled.putpalette([value for level in range(256) for value in [255 - level] * 3])
    scrambled.save(folder / "images" / "b.png")
    opened = Dataset.open(folder)
    assert np.array_equal(opened.image("a"), FRAME)
    assert np.array_equal(opened.image("b"), 255 - FRAME)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        Dataset.open(tmp_path / "absent")
    with pytest.raises(InputError, match="not a dataset"):
        Dataset.open(tmp_path)
    folder = dataset(tmp_path / "set")
    (folder / "images" / "b.png").unlink()
    with pytest.raises(InputError, match=r"1 masks without image \(b\)"):
        Dataset.open(folder)
    (folder / "masks" / "b.png").unlink()
    (folder / "masks" / "a.png").unlink()
    with pytest.raises(InputError, match=r"1 images without mask \(a\)"):
        Dataset.open(folder)
    save(folder / "images" / "a.bmp", FRAME)
    with pytest.raises(InputError, match=r"a second file for one id: a\.png beside a\.bmp"):
        Dataset.open(folder)
    (tmp_path / "empty" / "images").mkdir(parents=True)
    with pytest.raises(InputError, match="no masks/"):
        Dataset.open(tmp_path / "empty")
    (tmp_path / "empty" / "masks").mkdir()
    with pytest.raises(InputError, match="holds no images"):
        Dataset.open(tmp_path / "empty")


def test_broken_and_unknown_images_are_named(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set")
    (folder / "images" / "b.png").write_bytes(b"")
    (folder / "images" / ".hidden.png").write_bytes(b"x")
    (folder / "images" / "Thumbs.db").write_bytes(b"x")
    opened = Dataset.open(folder)
    for read in (opened.image, opened.mask, opened.sample):
        with pytest.raises(InputError, match=r"b\.png"):
            read("b")
    with pytest.raises(InputError, match="no image 'z'"):
        opened.image("z")


def test_truth_lines_are_read_and_checked(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "set")
    (folder / "targets.jsonl").write_text('{"id": "a", "index": 0}\n{"id": "b", "index": 1}\n')
    assert Dataset.open(folder).truth()["b"]["index"] == 1
    for bad in ('{"id": "zz"}', '{"id": "a"}\n{"id": "a"}', "[1]", "{", '{"id": ["a"]}'):
        (folder / "targets.jsonl").write_text(bad)
        with pytest.raises(SirstgenError, match=r"targets.jsonl: line"):
            Dataset.open(folder).truth()


def real_data(name: str) -> Path:
    root = os.environ.get("SIRSTGEN_TEST_DATA")
    if not root or not (Path(root) / name).is_dir():
        pytest.skip(f"SIRSTGEN_TEST_DATA names no folder that holds {name}/")
    return Path(root) / name


@pytest.mark.realdata
def test_nuaa_sirst_reads_as_published() -> None:
    opened = Dataset.open(real_data("nuaa-sirst"))
    assert len(opened) == 427
    assert (len(opened.split("train")), len(opened.split("test"))) == (213, 214)
    pixels = sum(int(opened.mask(key).sum()) for key in opened.split("train"))
    assert pixels == 9133
    assert not opened.warnings
    assert opened.mask("Misc_111").shape == opened.image("Misc_111").shape == (220, 325)
    assert list(opened.warnings) == ["Misc_111"]


@pytest.mark.realdata
def test_nudt_sirst_reads_as_published() -> None:
    opened = Dataset.open(real_data("nudt-sirst"))
    assert (len(opened), len(opened.split("train")), len(opened.split("test"))) == (1327, 663, 664)
    image, mask = opened.sample("000001")
    assert image.shape == mask.shape == (256, 256)


def test_a_dataset_is_a_finite_sequence_of_images_and_masks(tmp_path: Path) -> None:
    dataset = write_set(tmp_path / "set", 0, frames=5)
    assert len(dataset) == len(list(dataset)) == 5
    assert "003" in dataset
    assert "009" not in dataset
    for place, key in ((3, "003"), (-1, "004")):
        for one, other in zip(dataset[place], dataset[key], strict=True):
            np.testing.assert_array_equal(one, other)
    part = dataset[1:4]
    assert len(part) == 3
    np.testing.assert_array_equal(part[2][0], dataset.image("003"))
    with pytest.raises(IndexError):
        dataset[5]
    with pytest.raises(InputError, match="has no image '009'"):
        dataset["009"]


def test_null_in_a_line_is_not_stated(tmp_path: Path) -> None:
    line = '{"id": "a", "scene": null, "mine": null, "targets": [{"scr": null, "kind": "spot", "template": null}]}'
    (row,) = parse_truth(line.encode(), tmp_path / "targets.jsonl", {"a"}).values()
    assert row == {"id": "a", "mine": None, "targets": [{"kind": "spot", "template": None}]}
