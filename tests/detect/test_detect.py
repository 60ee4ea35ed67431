"""Detection on a folder: masks, the table of centroids, overlays."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from making.training_frames import make_frames
from PIL import Image

from sirstgen.detect.detect import detect_folder, detections, probabilities
from sirstgen.detectors.detector import Detector
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError
from sirstgen.training.runtime import Runtime

CPU = Runtime(torch.device("cpu"))


class Bright(Detector):
    """A detector by threshold: logit 5 where the normalised gray level is that of 150 or more."""

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        self.check_input(images)
        return (torch.where(images > (150 / 255 - 0.449) / 0.226, 5.0, -5.0),)


def test_a_folder_becomes_masks_a_table_and_overlays(tmp_path: Path) -> None:
    frames = make_frames(3)
    for key, image in zip(frames.ids, frames.images, strict=True):
        Image.fromarray(image).save(tmp_path / f"{key}.png")
    (tmp_path / "notes.txt").write_text("not an image")
    done: list[tuple[int, int]] = []
    found = detect_folder(Bright(), tmp_path, tmp_path / "out", CPU, progress=lambda *step: done.append(step))
    assert done == [(1, 3), (2, 3), (3, 3)]
    rows = list(csv.DictReader((tmp_path / "out" / "detections.csv").open()))
    assert len(rows) == len(found) == 3
    for row, key, mask in zip(rows, frames.ids, frames.masks, strict=True):
        ys, xs = np.nonzero(mask)
        assert row["image"] == f"{key}.png"
        assert (float(row["x"]), float(row["y"])) == (xs.mean(), ys.mean())
        assert [int(row[name]) for name in ("left", "top", "width", "height", "area")] == [xs.min(), ys.min(), 4, 4, 16]
        assert float(row["score"]) == pytest.approx(1 / (1 + np.exp(-5)), abs=1e-4)
        written = np.asarray(Image.open(tmp_path / "out" / "masks" / f"{key}.png"))
        np.testing.assert_array_equal(written, mask * 255)
        overlay = Image.open(tmp_path / "out" / "overlays" / f"{key}.png")
        assert overlay.mode == "RGB"
        assert overlay.size == mask.shape[::-1]


def test_squashing_gives_masks_of_the_image_s_own_size() -> None:
    (image,) = make_frames(1, shape=(60, 100)).images
    scores = probabilities(Bright(), image, CPU, size=64)
    assert scores.shape == (60, 100)
    found = detections("a.png", scores)
    assert len(found) == 1


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        detect_folder(Bright(), tmp_path / "nowhere", tmp_path / "out", CPU)
    with pytest.raises(InputError, match="holds no images"):
        detect_folder(Bright(), tmp_path, tmp_path / "out", CPU)
    for name in ("a.png", "a.bmp"):
        Image.fromarray(make_frames(1).images[0]).save(tmp_path / name)
    with pytest.raises(InputError, match="several images named a"):
        detect_folder(Bright(), tmp_path, tmp_path / "out", CPU)
    (tmp_path / "a.bmp").unlink()
    with pytest.raises(InvalidValueError, match="threshold"):
        detect_folder(Bright(), tmp_path, tmp_path / "out", CPU, threshold=1.0)
    with pytest.raises(OutputExistsError):
        detect_folder(Bright(), tmp_path, tmp_path, CPU)
