from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sirstgen.backgrounds.harvest import harvest_folder
from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import GenerationError, InputError, InvalidValueError, OutputExistsError
from sirstgen.files.images import read_gray


def labelled(folder: Path, key: str, seed: int, spread: int = 2) -> tuple[Path, Path]:
    """One frame with a target, put into the dataset `folder`; its image and mask."""
    noise = np.random.default_rng(seed).normal(size=(96, 120)).astype(np.float32)
    clouds = cv2.GaussianBlur(noise, (0, 0), 9.0)
    image: NDArray[np.float32] = 90 + 25 * clouds / clouds.std() + noise
    mask = np.zeros((96, 120), np.uint8)
    mask[40 - spread : 41 + spread, 60 - spread : 61 + spread] = 255
    image[mask > 0] += 60
    paths = folder / "images" / f"{key}.png", folder / "masks" / f"{key}.png"
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(paths[0]), np.clip(image, 0, 255).astype(np.uint8))
    cv2.imwrite(str(paths[1]), mask)
    return paths


def test_clean_frames_become_a_library(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    frames = [labelled(folder, f"f{number}", number) for number in range(3)]
    broken = labelled(folder, "broken", 8)
    labelled(folder, "huge", 9, spread=30)
    broken[0].write_bytes(broken[0].read_bytes()[:200])
    source = Dataset.open(folder)
    report = harvest_folder(source, source.ids, tmp_path / "out", scenes=dict.fromkeys(source.ids, "cloud"))
    assert report.written == {"f0": 1, "f1": 1, "f2": 1}
    assert report.dropped_by_reason() == {"mask too large": 1, "unreadable": 1}
    written = json.loads((tmp_path / "out" / "harvest.json").read_text())
    assert written["dropped"] == {"mask too large": 1, "unreadable": 1}
    assert str(tmp_path) not in json.dumps(written)
    library = BackgroundLibrary.open(tmp_path / "out")
    assert [library.background("cloud", number).id for number in range(3)] == ["cloud/f0", "cloud/f1", "cloud/f2"]
    image = library.pixels(library.find("cloud/f1"), 8)
    original = read_gray(frames[1][0])
    assert int(original[40, 60]) - int(image[40, 60]) > 30
    np.testing.assert_array_equal(image[:20], original[:20])


def test_a_mask_of_another_size_is_resized_and_said(tmp_path: Path) -> None:
    _, path = labelled(tmp_path / "set", "a", 1)
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    cv2.imwrite(str(path), cv2.resize(mask, (240, 192), interpolation=cv2.INTER_NEAREST))
    report = harvest_folder(Dataset.open(tmp_path / "set"), ["a"], tmp_path / "out")
    assert [note for note in report.mask_notes if "another size" in note]
    assert report.written == {"a": 1}


def test_frames_of_16_bits_are_written_on_their_scale_and_read_on_it(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    for number in range(3):
        image, _ = labelled(folder, f"f{number}", number)
        counts = 20000 + 3 * cv2.imread(str(image), cv2.IMREAD_UNCHANGED).astype(np.uint16)
        cv2.imwrite(str(image), counts)
    source = Dataset.open(folder)
    harvest_folder(source, source.ids, tmp_path / "out", scenes=dict.fromkeys(source.ids, "sky"))
    library = BackgroundLibrary.open(tmp_path / "out")
    pixels = library.pixels(library.find("sky/f1"), 16)
    np.testing.assert_array_equal(pixels[:20], source.image("f1")[:20])


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    labelled(tmp_path / "set", "a", 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(OutputExistsError, match="not empty"):
        harvest_folder(Dataset.open(tmp_path / "set"), ["a"], tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_harvest_is_replaced_and_files_of_the_user_stay(tmp_path: Path) -> None:
    for number, key in enumerate("ab"):
        labelled(tmp_path / "set", key, number)
    source, out = Dataset.open(tmp_path / "set"), tmp_path / "out"
    harvest_folder(source, ["a", "b"], out)
    (out / "mine.png").write_bytes((out / "a.png").read_bytes())
    harvest_folder(source, ["b"], out, overwrite=True)
    assert sorted(path.name for path in out.iterdir()) == ["b.png", "harvest.json", "mine.png"]
    (out / "b.png").write_bytes(b"edited")
    with pytest.raises(OutputExistsError, match="changed since it was harvested; choose another name"):
        harvest_folder(source, ["b"], out, overwrite=True)
    (out / "harvest.json").write_text("[]")
    with pytest.raises(OutputExistsError, match="does not list what a harvest wrote; choose another name"):
        harvest_folder(source, ["b"], out, overwrite=True)


def test_an_interrupted_harvest_leaves_nothing(tmp_path: Path) -> None:
    labelled(tmp_path / "set", "a", 1)
    before = set(tmp_path.iterdir())

    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harvest_folder(Dataset.open(tmp_path / "set"), ["a"], tmp_path / "out", progress=interrupted)
    assert set(tmp_path.iterdir()) == before


def test_nothing_to_harvest_and_bad_arguments_are_named(tmp_path: Path) -> None:
    labelled(tmp_path / "set", "a", 1, spread=30)
    source = Dataset.open(tmp_path / "set")
    with pytest.raises(InputError, match="no frame was given"):
        harvest_folder(source, [], tmp_path / "out")
    with pytest.raises(GenerationError, match="none of 1 frames became a background: 1 mask too large"):
        harvest_folder(source, ["a"], tmp_path / "out")
    with pytest.raises(InvalidValueError, match="margin must be 0 or more"):
        harvest_folder(source, [], tmp_path / "out", margin=-1)
    with pytest.raises(InputError, match="outside the output folder"):
        harvest_folder(source, ["a"], tmp_path / "out", scenes={"a": "../elsewhere"})
    assert not (tmp_path / "out").exists()
