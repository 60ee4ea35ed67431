"""Each format is loaded by a tool that people load it with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from making.labelled_masks import HEIGHT, WIDTH, write_masks

from sirstgen import export_dataset
from sirstgen.datasets.readers import Dataset
from sirstgen.export.export import FORMATS, Export
from sirstgen.measure.components import find_components
from sirstgen.training.torchvision_compat import import_torchvision


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("source") / "set"
    write_masks(folder)
    return Dataset.open(folder)


def written(source: Dataset, format: str, tmp_path: Path) -> tuple[Path, Export]:
    out = tmp_path / "out"
    return out, export_dataset(source, format, out)


def counted(source: Dataset, part: str | None = None) -> int:
    ids = source.ids if part is None else source.split(part)
    return sum(len(find_components(source.mask(key))) for key in ids)


def labels_of(source: Dataset, key: str) -> list[np.ndarray]:
    found = find_components(source.mask(key))
    return [found.labels == number for number in range(1, len(found) + 1)]


@pytest.mark.parametrize("format", FORMATS)
def test_no_target_is_lost(source: Dataset, format: str, tmp_path: Path) -> None:
    out, result = written(source, format, tmp_path)
    assert result.images == len(source) and result.targets == counted(source)
    assert result.parts == {"train": len(source.split("train")), "test": len(source.split("test")), "unlisted": 1}
    record = json.loads((out / "export.json").read_text())
    assert record["targets"] == result.targets and record["format"] == format
    assert any("1 images are in no split list" in note for note in result.notes)
    card = (out / "README.md").read_text()
    assert "## Load" in card and all(note in card for note in result.notes)
    assert str(tmp_path) not in card + json.dumps(record)


def test_coco_masks_by_pycocotools(source: Dataset, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    out, _ = written(source, "coco", tmp_path)
    for part in ("train", "test"):
        data = coco.COCO(str(out / "annotations" / f"instances_{part}.json"))
        entries = data.loadImgs(data.getImgIds())
        assert [entry["file_name"].removesuffix(".png") for entry in entries] == sorted(source.split(part))
        for entry in entries:
            targets = data.loadAnns(data.getAnnIds(imgIds=entry["id"]))
            expected = labels_of(source, entry["file_name"].removesuffix(".png"))
            assert len(targets) == len(expected)
            for target, own in zip(targets, expected, strict=True):
                np.testing.assert_array_equal(data.annToMask(target).astype(bool), own)
                from pycocotools import mask as rle

                assert rle.area(data.annToRLE(target)) == target["area"] == own.sum()
                assert rle.toBbox(data.annToRLE(target)).tolist() == target["bbox"]


def test_coco_by_torchvision(source: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    CocoDetection = import_torchvision("datasets").CocoDetection
    out, _ = written(source, "coco", tmp_path)
    data = CocoDetection(str(out / "images"), str(out / "annotations" / "instances_train.json"))
    assert len(data) == len(source.split("train"))
    assert sum(len(targets) for _, targets in data) == counted(source, "train")
    image, targets = data[0]
    np.testing.assert_array_equal(np.asarray(image)[..., 0], source.image(sorted(source.split("train"))[0]))
    assert set(targets[0]["attributes"]) == {"scr", "kind", "scene"}


def test_voc_by_torchvision(source: Dataset, tmp_path: Path) -> None:
    datasets = import_torchvision("datasets")
    out, result = written(source, "voc", tmp_path)
    for part in ("train", "test"):
        ids = sorted(source.split(part))
        boxes = datasets.VOCDetection(str(out), year="2007", image_set=part)
        masks = datasets.VOCSegmentation(str(out), year="2007", image_set=part)
        assert len(boxes) == len(masks) == len(ids)
        for key, (image, annotation), (_, mask) in zip(ids, boxes, masks, strict=True):
            np.testing.assert_array_equal(np.asarray(mask), source.mask(key))
            difference = np.abs(np.asarray(image)[..., 0].astype(int) - source.image(key)).max()
            most = re.search(r"at most (\d+) gray", " ".join(result.notes))
            assert most and difference <= int(most[1]) <= 2
            found = {
                tuple(int(entry["bndbox"][side]) for side in ("xmin", "ymin", "xmax", "ymax"))
                for entry in annotation["annotation"].get("object", [])
            }
            expected = set()
            for own in labels_of(source, key):
                y, x = np.nonzero(own)
                expected.add((x.min() + 1, y.min() + 1, x.max() + 1, y.max() + 1))
            assert found == expected
    many = cv2.imread(str(out / "VOCdevkit/VOC2007/SegmentationClass/many.png"))
    assert np.unique(many.reshape(-1, 3), axis=0).tolist() == [[0, 0, 0], [0, 0, 128]]  # the colours of VOC, BGR
    assert any("share the void value" in note for note in result.notes) == (counted(source) > 254 + len(source))


def test_hf_by_datasets(source: Dataset, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    out, _ = written(source, "hf", tmp_path)
    cache = str(tmp_path / "cache")
    data = datasets.load_dataset(str(out), cache_dir=cache)
    sizes = {part: len(source.split(part)) for part in ("train", "test")}
    assert {part: len(rows) for part, rows in data.items()} == sizes | {"unlisted": 1}
    for row in data["train"]:
        np.testing.assert_array_equal(np.asarray(row["image"]), source.image(row["id"]))
        np.testing.assert_array_equal(np.asarray(row["mask"]) == 255, source.mask(row["id"]))
        assert len(row["objects"]["bbox"]) == len(labels_of(source, row["id"]))
    plain = datasets.load_dataset("imagefolder", data_dir=str(out / "test"), cache_dir=cache, split="train")
    assert sorted(plain["id"]) == sorted(source.split("test"))


def test_webdataset_by_webdataset(source: Dataset, tmp_path: Path) -> None:
    wds = pytest.importorskip("webdataset")
    out = tmp_path / "out"
    export_dataset(source, "webdataset", out, shard_size=3)
    tars = sorted(path.name for path in out.glob("train-*.tar"))
    assert len(tars) == -(-len(source.split("train")) // 3)
    address = f"{out}/train-{{000000..{len(tars) - 1:06d}}}.tar"
    data = wds.WebDataset(address, shardshuffle=False).decode("l8").to_tuple("image.png", "mask.png", "json")
    rows = list(data)
    assert [row["id"] for _, _, row in rows] == sorted(source.split("train"))
    for image, mask, row in rows:
        np.testing.assert_array_equal(image, source.image(row["id"]))
        np.testing.assert_array_equal(mask == 255, source.mask(row["id"]))
        assert len(row["targets"]) == len(labels_of(source, row["id"]))
    again = tmp_path / "again"
    export_dataset(source, "webdataset", again, shard_size=3)
    assert all((again / name).read_bytes() == (out / name).read_bytes() for name in tars)


def test_mmseg_folders_hold_labels_0_and_1(source: Dataset, tmp_path: Path) -> None:
    out, _ = written(source, "mmseg", tmp_path)
    for part in ("train", "test"):
        names = sorted(path.name for path in (out / "img_dir" / part).iterdir())
        assert names == sorted(f"{key}.png" for key in source.split(part))
        assert names == sorted(path.name for path in (out / "ann_dir" / part).iterdir())
        for name in names:
            labels = cv2.imread(str(out / "ann_dir" / part / name), cv2.IMREAD_UNCHANGED)
            np.testing.assert_array_equal(labels, source.mask(name.removesuffix(".png")))


def read_yolo(path: Path) -> list[np.ndarray]:
    return [np.array(line.split()[1:], np.float32) for line in path.read_text().splitlines()]


def test_yolo_boxes_by_the_rules_of_ultralytics(source: Dataset, tmp_path: Path) -> None:
    """Five columns, class 0, all within 0 and 1, no line twice; the box is that of the pixels' outer edges."""
    out, _ = written(source, "yolo", tmp_path)
    for part in ("train", "test"):
        for key in source.split(part):
            assert (out / "images" / part / f"{key}.png").is_file()
            path = out / "labels" / part / f"{key}.txt"
            rows = read_yolo(path)
            lines = path.read_text().splitlines()
            assert len(set(lines)) == len(lines) and all(line.startswith("0 ") for line in lines)
            for row, own in zip(rows, labels_of(source, key), strict=True):
                assert row.shape == (4,) and row.min() >= 0 and row.max() <= 1
                y, x = np.nonzero(own)
                corner = np.array([x.min(), y.min()]), np.array([x.max() + 1, y.max() + 1])
                scale = np.array([WIDTH, HEIGHT])
                np.testing.assert_allclose((row[:2] - row[2:] / 2) * scale, corner[0], atol=1e-4)
                np.testing.assert_allclose((row[:2] + row[2:] / 2) * scale, corner[1], atol=1e-4)
    assert "train: images/train\nval: images/test\ntest: images/test\n" in (out / "data.yaml").read_text()


@pytest.mark.parametrize("rule", ["ultralytics", "pycocotools"])
def test_yolo_polygons_give_masks_back(source: Dataset, rule: str, tmp_path: Path) -> None:
    if rule == "pycocotools":
        rle = pytest.importorskip("pycocotools.mask")
    out, _ = written(source, "yolo-seg", tmp_path)
    for part in ("train", "test", "unlisted"):
        for path in sorted((out / "labels" / part).iterdir()):
            rows = read_yolo(path)
            expected = labels_of(source, path.stem)
            for row, own in zip(rows, expected, strict=True):
                points = row.reshape(-1, 2) * np.array([WIDTH, HEIGHT], np.float32)
                if rule == "pycocotools":
                    found = rle.decode(rle.frPyObjects([points.ravel().tolist()], HEIGHT, WIDTH))[..., 0].astype(bool)
                else:
                    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
                    found = cv2.fillPoly(canvas, [points.astype(np.int32)], 1).astype(bool)
                np.testing.assert_array_equal(found, own)


def test_the_hint_names_the_smallest_box_at_the_training_size(source: Dataset, tmp_path: Path) -> None:
    result = export_dataset(source, "yolo", tmp_path / "small", imgsz=64)
    boxes = counted(source)
    hint = next(note for note in result.notes if note.startswith("At imgsz 64 "))
    assert f"smallest box side is {64 / WIDTH:.1f} px" in hint and f" of {boxes} here" in hint
    needed = int(re.search(r"imgsz (\d+) keeps all", hint)[1])  # type: ignore[index]
    assert needed / WIDTH > 2 and needed % 32 == 0
    large = export_dataset(source, "yolo", tmp_path / "large", imgsz=needed)
    assert not any("drops boxes" in note for note in large.notes)


def test_fiftyone_labels_are_as_documented(source: Dataset, tmp_path: Path) -> None:
    out, _ = written(source, "fiftyone", tmp_path)
    labels = json.loads((out / "train" / "labels.json").read_text())
    assert set(labels) == {"classes", "labels"}
    assert set(labels["labels"]) == {path.stem for path in (out / "train" / "data").iterdir()}
    for key, detections in labels["labels"].items():
        for detection, own in zip(detections, labels_of(source, key), strict=True):
            y, x = np.nonzero(own)
            left, top, width, height = detection["bounding_box"]
            np.testing.assert_allclose((left * WIDTH, top * HEIGHT), (x.min(), y.min()), atol=1e-9)
            np.testing.assert_allclose((width * WIDTH, height * HEIGHT), (np.ptp(x) + 1, np.ptp(y) + 1), atol=1e-9)
            assert detection["attributes"]["area"] == own.sum()


def test_parts_without_targets_and_flat_frames_are_told_types(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    for name in ("images", "masks", "50_50"):
        (tmp_path / "flat" / name).mkdir(parents=True)
    for key in ("a", "b"):
        image, mask = np.full((20, 20), 90, np.uint8), np.zeros((20, 20), np.uint8)
        if key == "a":
            image[5, 5], mask[5, 5] = 200, 255
        cv2.imwrite(str(tmp_path / "flat" / "images" / f"{key}.png"), image)
        cv2.imwrite(str(tmp_path / "flat" / "masks" / f"{key}.png"), mask)
        part = {"a": "train", "b": "test"}[key]
        (tmp_path / "flat" / "50_50" / f"{part}.txt").write_text(f"{key}\n")
    export_dataset(tmp_path / "flat", "hf", tmp_path / "hf")
    data = datasets.load_dataset(str(tmp_path / "hf"), cache_dir=str(tmp_path / "cache"))
    assert data["train"][0]["objects"]["scr"] == [None] and data["test"][0]["objects"]["bbox"] == []
    for format in FORMATS:
        export_dataset(tmp_path / "flat", format, tmp_path / format, overwrite=True)
