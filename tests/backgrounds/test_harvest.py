from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sirstgen.backgrounds.harvest import harvest_folder
from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.errors import GenerationError, InputError, InvalidValueError, OutputExistsError
from sirstgen.images import read_gray


def labelled(folder: Path, key: str, seed: int, spread: int = 2) -> tuple[str, Path, Path]:
    noise = np.random.default_rng(seed).normal(size=(96, 120)).astype(np.float32)
    clouds = cv2.GaussianBlur(noise, (0, 0), 9.0)
    image: NDArray[np.float32] = 90 + 25 * clouds / clouds.std() + noise
    mask = np.zeros((96, 120), np.uint8)
    mask[40 - spread : 41 + spread, 60 - spread : 61 + spread] = 255
    image[mask > 0] += 60
    paths = folder / f"{key}_image.png", folder / f"{key}_mask.png"
    cv2.imwrite(str(paths[0]), np.clip(image, 0, 255).astype(np.uint8))
    cv2.imwrite(str(paths[1]), mask)
    return key, *paths


def test_clean_frames_become_a_library(tmp_path: Path) -> None:
    frames = [labelled(tmp_path, f"f{number}", number) for number in range(3)]
    broken, huge = labelled(tmp_path, "broken", 8), labelled(tmp_path, "huge", 9, spread=30)
    broken[1].write_bytes(broken[1].read_bytes()[:200])
    report = harvest_folder([*frames, broken, huge], tmp_path / "out", scene="cloud")
    assert report.written == {"f0": 1, "f1": 1, "f2": 1}
    assert report.dropped_by_reason() == {"mask too large": 1, "unreadable": 1}
    written = json.loads((tmp_path / "out" / "harvest.json").read_text())
    assert written["dropped"] == {"mask too large": 1, "unreadable": 1}
    assert str(tmp_path) not in json.dumps(written)
    library = BackgroundLibrary.open(tmp_path / "out")
    assert [library.background("cloud", number).id for number in range(3)] == ["cloud/f0", "cloud/f1", "cloud/f2"]
    image = library.pixels(library.find("cloud/f1"), 8)
    original = read_gray(frames[1][1])
    assert int(original[40, 60]) - int(image[40, 60]) > 30
    np.testing.assert_array_equal(image[:20], original[:20])


def test_a_mask_of_another_size_is_resized_and_said(tmp_path: Path) -> None:
    frame = labelled(tmp_path, "a", 1)
    mask = cv2.imread(str(frame[2]), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(frame[2]), cv2.resize(mask, (240, 192), interpolation=cv2.INTER_NEAREST))
    report = harvest_folder([frame], tmp_path / "out")
    assert report.resized_masks == ["a"]
    assert report.written == {"a": 1}


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(OutputExistsError, match="not empty"):
        harvest_folder([labelled(tmp_path, "a", 1)], tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_an_interrupted_harvest_leaves_nothing(tmp_path: Path) -> None:
    frame = labelled(tmp_path, "a", 1)
    before = set(tmp_path.iterdir())

    def interrupted() -> Iterator[tuple[str, Path, Path]]:
        yield frame
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harvest_folder(interrupted(), tmp_path / "out")
    assert set(tmp_path.iterdir()) == before


def test_nothing_to_harvest_and_bad_arguments_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no frame was given"):
        harvest_folder([], tmp_path / "out")
    with pytest.raises(GenerationError, match="none of 1 frames became a background: 1 mask too large"):
        harvest_folder([labelled(tmp_path, "a", 1, spread=30)], tmp_path / "out")
    with pytest.raises(InvalidValueError, match="margin must be 0 or more"):
        harvest_folder([], tmp_path / "out", margin=-1)
    key, image, mask = labelled(tmp_path, "b", 2)
    with pytest.raises(InputError, match="outside the output folder"):
        harvest_folder([(f"../{key}", image, mask)], tmp_path / "out")
    assert not (tmp_path / "out").exists()
