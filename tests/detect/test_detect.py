"""Detection on a folder: masks, the table of centroids, overlays."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from making.training_frames import make_frames
from PIL import Image

from sirstgen.detect.detect import TILED_ABOVE, detections, probabilities
from sirstgen.detect.folder import DetectOptions, DetectResult, detect_folder
from sirstgen.detectors.detector import Detector
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError
from sirstgen.files.gray_scale import GrayScale
from sirstgen.training.runtime import Runtime
from sirstgen.training.trained_scale import TrainedScale

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
    assert len(rows) == len(found.found) == found.images == 3
    assert not found.faults
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


def test_resizing_gives_masks_of_the_image_s_own_size() -> None:
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
    with pytest.raises(InputError, match="a second file for one id"):
        detect_folder(Bright(), tmp_path, tmp_path / "out", CPU)
    (tmp_path / "a.bmp").unlink()
    with pytest.raises(InvalidValueError, match="threshold"):
        DetectOptions(threshold=1.0)
    with pytest.raises(InvalidValueError, match="size"):
        DetectOptions(size=0)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(OutputExistsError):
            detect_folder(Bright(), tmp_path, tmp_path / "mine", CPU, **options)


def frames_in(folder: Path, *names: str, counts: bool = False) -> Path:
    """Images with one target each; `counts`: as raw counts of 16 bits, 20000 + 3 a level."""
    frames = make_frames(len(names))
    for name, image in zip(names, frames.images, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(20000 + 3 * image.astype(np.uint16) if counts else image).save(folder / name)
    return folder


def boxes(result: DetectResult) -> list[tuple[object, ...]]:
    return [(one.image.rpartition(".")[0], one.left, one.top, one.width, one.height) for one in result.found]


def test_bad_frames_are_listed_and_the_others_done(tmp_path: Path) -> None:
    folder = frames_in(tmp_path / "in", "0.png", "1.png", "2.png", "seq/3.png")
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:200])
    (folder / "2.png").write_bytes(b"")
    (folder / "._0.png").write_bytes(b"\0\5\x16\7")
    result = detect_folder(Bright(), folder, tmp_path / "out", CPU)
    assert sorted(result.faults) == ["1.png", "2.png"]
    assert result.images == 2
    assert (tmp_path / "out" / "masks" / "seq" / "3.png").is_file()
    assert {row["image"] for row in csv.DictReader((tmp_path / "out" / "detections.csv").open())} == {
        "0.png",
        "seq/3.png",
    }


@pytest.mark.parametrize(
    ("names", "left_out"),
    [
        (["images/0.png", "masks/0.png", "masks/9.png"], ["masks/0.png", "masks/9.png"]),
        (["seq1/images/0.png", "seq1/masks/0.png", "no_label/1.png"], ["seq1/masks/0.png"]),
        (["mixed/0.png", "annotations/masks/0_pixels0.png"], ["annotations/masks/0_pixels0.png"]),
        (["test_org/0.png", "test_gt/0.png"], ["test_gt/0.png"]),
        (["0.png", "0_mask.png", "1_mask.png"], ["0_mask.png"]),
        (["masks/0.png", "masks/1.png"], []),
        (["no_label/0.png", "label/1.png", "a_1.png", "a_2.png"], []),
    ],
)
def test_masks_of_a_labelled_set_are_no_frames(tmp_path: Path, names: list[str], left_out: list[str]) -> None:
    folder = frames_in(tmp_path / "in", *names)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = detect_folder(Bright(), folder, tmp_path / "out", CPU)
    assert result.images == len(names) - len(left_out)
    assert {found.image for found in result.found} == set(names) - set(left_out)
    said = [str(warning.message) for warning in caught]
    assert len(said) == bool(left_out) and all(name in said[0] for name in left_out)


def test_a_run_is_resumed_and_overwritten(tmp_path: Path) -> None:
    folder, out = frames_in(tmp_path / "in", "0.png", "1.png", "2.png"), tmp_path / "in" / "out"

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        detect_folder(Bright(), folder, out, CPU, progress=stop)
    with (out / "detections.jsonl").open("a") as file:
        file.write('{"id": "2", "sour')  # cut off by a power failure
    untouched = (out / "masks" / "0.png").stat().st_mtime_ns
    result = detect_folder(Bright(), folder, out, CPU, resume=True)
    assert (out / "masks" / "0.png").stat().st_mtime_ns == untouched
    assert boxes(result) == boxes(detect_folder(Bright(), folder, tmp_path / "anew", CPU))
    with pytest.raises(InputError, match=r"cannot resume: its threshold is 0\.5, this run's is 0\.7"):
        detect_folder(Bright(), folder, out, CPU, DetectOptions(threshold=0.7), resume=True)
    (out / "masks" / "mine.png").write_bytes(b"x")
    assert boxes(detect_folder(Bright(), folder, out, CPU, overwrite=True)) == boxes(result)
    assert (out / "masks" / "mine.png").is_file()


def test_raw_counts_are_seen_on_the_trained_scale(tmp_path: Path) -> None:
    names = ("0.png", "1.png", "2.png")
    plain = detect_folder(Bright(), frames_in(tmp_path / "8", *names), tmp_path / "out8", CPU)
    frames = make_frames(3)
    trained = TrainedScale.of(GrayScale(0, 255), frames.images)
    raw = frames_in(tmp_path / "16", *names, counts=True)
    found = detect_folder(Bright(), raw, tmp_path / "out16", CPU, trained=trained)
    assert boxes(found) == boxes(plain) != []
    stated = DetectOptions(gray_scale=GrayScale(20000, 20765))
    assert boxes(detect_folder(Bright(), raw, tmp_path / "stated", CPU, stated)) == boxes(plain)


def test_large_frames_are_seen_in_tiles_without_seams() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1100, 1000), dtype=np.uint8)
    assert image.size > TILED_ABOVE
    expected = np.where(image >= 150, 1, 0)
    np.testing.assert_array_equal(probabilities(Bright(), image, CPU) > 0.5, expected)
