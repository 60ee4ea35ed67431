from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sirstgen.backgrounds.harvest import harvest_folder
from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.datasets.readers import Dataset
from sirstgen.files.images import read_gray
from sirstgen.measure.horizon import find_horizon

pytestmark = pytest.mark.realdata


@pytest.fixture
def data() -> Path:
    folder = os.environ.get("SIRSTGEN_TEST_DATA")
    if folder is None:
        pytest.skip("needs real frames: set SIRSTGEN_TEST_DATA to the folder that holds nuaa-sirst/ and nudt-sirst/")
    return Path(folder)


def test_real_palettes_and_colours_are_read_as_pillow_reads_them(data: Path) -> None:
    modes = set()
    for path in sorted((data / "nuaa-sirst" / "images").iterdir())[:80]:
        with Image.open(path) as picture:
            modes.add(picture.mode)
            np.testing.assert_array_equal(read_gray(path), np.asarray(picture.convert("L")))
    assert modes >= {"L", "P", "RGB"}


def test_training_frames_are_harvested(data: Path, tmp_path: Path) -> None:
    dataset = Dataset.open(data / "nuaa-sirst")
    keys = dataset.split("train")[:60]
    report = harvest_folder(dataset, keys, tmp_path / "out")
    assert len(report.written) >= 57
    assert set(report.dropped_by_reason()) <= {"residue"}
    assert BackgroundLibrary.open(tmp_path / "out", scene="cloud").count("cloud") >= 56


@pytest.mark.parametrize(("key", "row"), [("000604", 0.49), ("000607", 0.515), ("000618", 0.50), ("000937", 0.55)])
def test_the_horizon_of_real_seas_is_where_a_person_sees_it(data: Path, key: str, row: float) -> None:
    image = read_gray(data / "nudt-sirst" / "images" / f"{key}.png")
    horizon = find_horizon(image)
    assert horizon is not None
    assert (horizon.row_left + horizon.row_right) / 2 == pytest.approx(row * image.shape[0], abs=5)
