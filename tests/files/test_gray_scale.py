from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.decoding import Levels
from sirstgen.files.gray_scale import FrameRange, GrayScale, derive_scale, stated_scale


def scene(seed: int = 0, low: float = 0.0, high: float = 255.0) -> NDArray[np.float64]:
    """A smooth frame with a blurred target, from `low` to `high`."""
    y, x = np.mgrid[:96, :120]
    rng = np.random.default_rng(seed)
    frame = 60 + 40 * np.sin(x / 19 + seed) + 20 * np.cos(y / 23) + rng.normal(0, 1, y.shape)
    frame += 120 * np.exp(-((x - 70) ** 2 + (y - 30) ** 2) / 2)
    return low + (frame - frame.min()) * (high - low) / (frame.max() - frame.min())


def scale_of(*frames: NDArray[np.generic], nodata: NDArray[np.bool_] | None = None) -> GrayScale:
    return derive_scale([FrameRange.of(Levels(frame, nodata)) for frame in frames])


@pytest.mark.parametrize(
    ("frame", "black", "white"),
    [
        (np.rint(scene(low=20000, high=20800)).astype(np.uint16), 20000, 20800),  # raw counts: an offset, a small part
        (np.rint(scene(low=900, high=15200)).astype(np.uint16), 0, 16383),  # 14 bits in 16
        (np.rint(scene(low=3, high=3900)).astype(np.uint16), 0, 4095),
        (np.rint(scene(low=0, high=65535)).astype(np.uint16), 0, 65535),
        (scene(low=-12.5, high=31.25), -12.5, 31.25),  # degrees
        (scene(low=270, high=312).astype(np.float32), 270, 312),
        (scene(low=0.05, high=0.95), 0, 1),
    ],
)
def test_the_scale_follows_from_the_values(frame: NDArray[np.generic], black: float, white: float) -> None:
    found = scale_of(frame)
    assert (found.black, found.white) == (pytest.approx(black), pytest.approx(white))


@pytest.mark.parametrize("value", [0, 65535, 40000])
def test_hot_and_dead_pixels_do_not_set_it(value: int) -> None:
    frame = np.rint(scene(low=20000, high=20800)).astype(np.uint16)
    expected = scale_of(frame)
    for place in ((3, 4), (50, 60), (90, 7)):
        frame[place] = value
    assert scale_of(frame) == expected


def test_a_border_of_zeros_and_saturated_areas_do_not_set_it() -> None:
    frame = np.rint(scene(low=20000, high=20800)).astype(np.uint16)
    expected = scale_of(frame)
    frame[:5] = 0
    frame[60:64, 20:30] = 65535
    found = scale_of(frame)
    assert found.black == pytest.approx(expected.black, abs=20)
    assert found.white == expected.white
    delivered = expected.apply(Levels(frame))
    assert delivered[0, 0] == 0
    assert delivered[61, 25] == 65535


def test_one_damaged_frame_of_many_does_not_set_it() -> None:
    frames = [np.rint(scene(seed, 20000, 20800)).astype(np.uint16) for seed in range(12)]
    shutter = np.full((96, 120), 3000, np.uint16)
    shutter[::2] = 3004
    assert scale_of(*frames, shutter).black == 20000


def test_a_bright_target_on_a_calm_sky_keeps_its_contrast() -> None:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:96, :120]
    frame = 20000 + rng.normal(0, 3, (96, 120)) + 400 * np.exp(-((x - 70) ** 2 + (y - 30) ** 2) / 1.2)
    counts = np.rint(frame).astype(np.uint16)
    assert scale_of(counts).white == counts.max()


def test_8_bits_stay_and_16_bits_are_linear_and_clipped() -> None:
    scale = GrayScale(20000, 20800)
    eight = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert scale.apply(Levels(eight)) is eight
    counts = np.array([[0, 20000, 20400, 20800, 65535]], np.uint16)
    assert scale.apply(Levels(counts)).tolist() == [[0, 0, 32768, 65535, 65535]]
    assert scale.apply(Levels(counts.astype(np.float64))).tolist() == [[0, 0, 32768, 65535, 65535]]
    assert scale.count(32767.5) == 20400


def test_it_is_a_plain_record() -> None:
    scale = GrayScale(20000, 20800.5)
    assert json.loads(json.dumps(scale.to_dict())) == {"black": 20000, "white": 20800.5}
    assert GrayScale.from_dict(scale.to_dict()) == scale == GrayScale.parse(str(scale))
    for bad in ({}, {"black": 1}, {"black": 2, "white": 1}, {"black": "x", "white": 1}, {"black": 0, "white": 1e999}):
        with pytest.raises(InvalidValueError, match="gray_scale"):
            GrayScale.from_dict(bad)
    for text in ("", "1", "5:1", "a:b", "nan:1"):
        with pytest.raises(InvalidValueError, match="gray_scale"):
            GrayScale.parse(text)


def test_a_folder_may_state_it(tmp_path: Path) -> None:
    assert stated_scale(tmp_path) is None
    (tmp_path / "dataset.json").write_text('{"gray_scale": {"black": 5, "white": 9}}')
    assert stated_scale(tmp_path) == GrayScale(5, 9)
    (tmp_path / "dataset.json").write_text('{"recipe": {"bit_depth": 16}}')
    assert stated_scale(tmp_path) == GrayScale(0, 65535)
    (tmp_path / "dataset.json").write_text('{"gray_scale": 7}')
    with pytest.raises(InputError, match=r"dataset\.json: gray_scale must be"):
        stated_scale(tmp_path)
