from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirstgen.errors import InvalidValue
from sirstgen.scenes.augmentation import augmented
from sirstgen.scenes.preparation import INPUT_SIDE, covering_squares, relative_gray


def test_sixteen_bit_copies_look_like_their_eight_bit_frames() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (80, 100), dtype=np.uint8)
    frame[0, 0] = 255
    np.testing.assert_allclose(covering_squares(frame.astype(np.uint16) * 257), covering_squares(frame), atol=1e-5)


@pytest.mark.parametrize(("bits", "full"), [(12, 4095), (14, 16383), (16, 65535)])
def test_full_scale_is_that_of_the_sensor(bits: int, full: int) -> None:
    frame = np.full((4, 4), 2**bits - 1, np.uint16)
    assert relative_gray(frame).max() == pytest.approx(1.0)
    assert relative_gray(frame // 4 + full // 2).mean() == pytest.approx(0.75, abs=0.01)


def test_brightness_survives() -> None:
    dark, bright = (covering_squares(np.full((64, 64), level, np.uint8)).mean() for level in (50, 200))
    assert bright - dark == pytest.approx(150 / 255 / 0.25, rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 300), width=st.integers(1, 300))
def test_squares_cover_the_frame(height: int, width: int) -> None:
    squares = covering_squares(np.full((height, width), 100, np.uint8))
    assert squares.shape[1:] == (INPUT_SIDE, INPUT_SIDE)
    assert len(squares) == min(5, -(-max(height, width) // min(height, width)))


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.float32), np.zeros((0, 4), np.uint8)]
)
def test_other_arrays_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(InvalidValue, match=r"must be a non-empty \(H, W\) uint8 or uint16 array"):
        covering_squares(bad)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), height=st.integers(16, 120), width=st.integers(16, 120))
def test_augmented_squares_stay_gray_levels(seed: int, height: int, width: int) -> None:
    gray = np.random.default_rng(1).random((height, width), dtype=np.float32)
    square = augmented(gray, np.random.default_rng(seed))
    assert square.shape == (INPUT_SIDE, INPUT_SIDE)
    assert square.dtype == np.float32
    assert 0 <= square.min() <= square.max() <= 1
    np.testing.assert_array_equal(square, augmented(gray, np.random.default_rng(seed)))
