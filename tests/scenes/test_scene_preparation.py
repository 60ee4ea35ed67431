from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirstgen.errors import InvalidValueError
from sirstgen.scenes.augmentation import augmented
from sirstgen.scenes.features import STATISTICS, scene_statistics
from sirstgen.scenes.preparation import INPUT_SIDE, prepare, relative_gray

_FIRST_OCTAVE = 10 + 18 + 10 + 10  # tones, layout, two sets of binary patterns come before


def test_sixteen_bit_copies_look_like_their_eight_bit_frames() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (80, 100), dtype=np.uint8)
    frame[0, 0] = 255
    deep, shallow = prepare(frame.astype(np.uint16) * 257), prepare(frame)
    np.testing.assert_allclose(deep.squares, shallow.squares, atol=1e-5)
    np.testing.assert_allclose(deep.statistics, shallow.statistics, atol=1e-3)


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535)])
def test_full_scale_is_that_of_the_delivered_frame(dtype: type, full: int) -> None:
    assert relative_gray(np.full((4, 4), full, dtype)).max() == pytest.approx(1.0)
    assert relative_gray(np.full((4, 4), full // 4, dtype)).mean() == pytest.approx(0.25, abs=0.01)


def test_brightness_survives() -> None:
    dark, bright = (prepare(np.full((64, 64), level, np.uint8)).squares.mean() for level in (50, 200))
    assert bright - dark == pytest.approx(150 / 255 / 0.25, rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 300), width=st.integers(1, 300))
def test_squares_cover_the_frame(height: int, width: int) -> None:
    frame = prepare(np.full((height, width), 100, np.uint8))
    squares = frame.squares
    assert squares.shape[1:] == (INPUT_SIDE, INPUT_SIDE)
    assert len(squares) == min(5, -(-max(height, width) // min(height, width)))
    assert frame.statistics.shape == (STATISTICS,)
    assert np.isfinite(frame.statistics).all()


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.float32), np.zeros((0, 4), np.uint8)]
)
def test_other_arrays_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(InvalidValueError, match=r"must be a non-empty \(H, W\) uint8 or uint16 array"):
        prepare(bad)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), height=st.integers(16, 120), width=st.integers(16, 120))
def test_augmented_squares_stay_gray_levels(seed: int, height: int, width: int) -> None:
    gray = np.random.default_rng(1).random((height, width), dtype=np.float32)
    square = augmented(gray, np.random.default_rng(seed))
    assert square.shape == (INPUT_SIDE, INPUT_SIDE)
    assert square.dtype == np.float32
    assert 0 <= square.min() <= square.max() <= 1
    np.testing.assert_array_equal(square, augmented(gray, np.random.default_rng(seed)))


def test_statistics_know_walls_from_clouds_and_not_left_from_right() -> None:
    rng = np.random.default_rng(4)
    wall = np.kron(rng.random((8, 8)), np.ones((16, 16))).astype(np.float32)
    cloud = cv2.GaussianBlur(rng.random((128, 128), dtype=np.float32), (0, 0), 8)
    cloud = (cloud - cloud.min()) / (cloud.max() - cloud.min())
    upright = slice(_FIRST_OCTAVE + 13, _FIRST_OCTAVE + 15)  # energy of edges along the rows and columns
    assert scene_statistics(wall)[upright].sum() > 0.8
    assert scene_statistics(cloud)[upright].sum() < 0.3
    mirrored, tones = scene_statistics(np.ascontiguousarray(cloud[:, ::-1])), slice(0, _FIRST_OCTAVE)
    np.testing.assert_allclose(mirrored[tones], scene_statistics(cloud)[tones], atol=0.02)
