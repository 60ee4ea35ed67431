"""FiftyOne reads its own format and COCO; runs where fiftyone and mongomock are installed (`pip install fiftyone`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from making.labelled_masks import HEIGHT, WIDTH, write_masks

from sirstgen import export_dataset
from sirstgen.datasets.readers import Dataset
from sirstgen.measure.components import find_components

pytestmark = pytest.mark.skipif(
    find_spec("fiftyone") is None or find_spec("mongomock") is None, reason="fiftyone or mongomock is not installed"
)


@pytest.fixture(scope="module")
def fo() -> Iterator[Any]:
    """FiftyOne on a database in memory, so that no server is needed."""
    pymongo, mongomock = import_module("pymongo"), import_module("mongomock")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"DATABASE_URI": "mongodb://localhost", "DATABASE_VALIDATION": "false"}.items():
            patch.setenv(f"FIFTYONE_{name}", value)
        patch.setenv("FIFTYONE_DO_NOT_TRACK", "true")

        class Client(mongomock.MongoClient):  # type: ignore[misc,name-defined]
            """All clients share one store, as those of a server do."""

            _closed = False
            _shared = mongomock.store.ServerStore()

            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, _store=self._shared, **options)

        for part in ("database", "collection"):
            module = import_module(f"mongomock.{part}")
            if hasattr(module, "mongomock_codec_options"):
                patch.setattr(module.mongomock_codec_options, "is_supported", lambda options: None)
        patch.setattr(pymongo, "MongoClient", Client)
        yield import_module("fiftyone")


@pytest.fixture
def source(tmp_path: Path) -> Dataset:
    write_masks(tmp_path / "set")
    return Dataset.open(tmp_path / "set")


def test_the_lines_of_the_readme_load_images_boxes_and_masks(
    fo: Any, source: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export_dataset(source, "fiftyone", out)
    monkeypatch.chdir(out)
    code = re.search(r"```python\n(.*?)```", (out / "README.md").read_text(), re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)
    data = names["data"]
    assert len(data) == len(source.split("train"))
    for sample in data:
        key = Path(sample.filepath).stem
        mask = source.mask(key)
        np.testing.assert_array_equal(cv2.imread(sample["mask"].mask_path, cv2.IMREAD_UNCHANGED) == 255, mask)
        found = sample["ground_truth"].detections if sample["ground_truth"] else []
        assert len(found) == len(find_components(mask))
        assert all(detection.label == "target" and detection["scr"] > 0 for detection in found)


def test_coco_comes_with_the_mask_of_each_target(fo: Any, source: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_dataset(source, "coco", out)
    data = fo.Dataset.from_dir(
        dataset_type=fo.types.COCODetectionDataset,
        data_path=str(out / "images"),
        labels_path=str(out / "annotations" / "instances_train.json"),
        label_types="segmentations",
    )
    assert len(data) == len(source.split("train"))
    for sample in data:
        whole = np.zeros((HEIGHT, WIDTH), bool)
        for detection in sample["ground_truth"].detections if sample["ground_truth"] else []:
            left, top, _, _ = detection.bounding_box
            x, y = round(left * WIDTH), round(top * HEIGHT)
            height, width = detection.mask.shape
            whole[y : y + height, x : x + width] |= detection.mask.astype(bool)
        np.testing.assert_array_equal(whole, source.mask(Path(sample.filepath).stem))
