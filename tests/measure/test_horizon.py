from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sirstgen.measure.horizon import Horizon, find_horizon


def field(seed: int, height: int, width: int, sigma: float) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), sigma)
    scaled: NDArray[np.float32] = blurred / blurred.std()
    return scaled


def sea(
    seed: int, left: float, right: float, height: int = 240, width: int = 320, step: float = 30.0
) -> NDArray[np.uint8]:
    """A shaded sky over rippled water, parted along the line from row `left` to row `right`."""
    y, x = np.mgrid[:height, :width]
    below = np.clip(y - (left + (right - left) * x / (width - 1)) + 0.5, 0, 1)
    sky = 120 + 20 * y / height + 0.5 * field(seed, height, width, 1.0)
    water = sky - step + 4 * cv2.blur(field(seed + 1, height, width, 1.0), (9, 1))
    return np.clip(sky * (1 - below) + water * below, 0, 255).astype(np.uint8)


@settings(max_examples=25, deadline=None)
@given(
    row=st.floats(0.15, 0.85),
    tilt=st.floats(-0.12, 0.12),
    step=st.floats(12, 70) | st.floats(-70, -12),
    seed=st.integers(0, 99),
)
def test_a_horizon_is_found_where_it_is(row: float, tilt: float, step: float, seed: int) -> None:
    left, right = 240 * row - 320 * tilt / 2, 240 * row + 320 * tilt / 2
    found = find_horizon(sea(seed, left, right, step=step))
    assert found is not None
    assert found.row_left == pytest.approx(left, abs=2.0)
    assert found.row_right == pytest.approx(right, abs=2.0)


def test_16_bit_frames_are_read_alike() -> None:
    image = sea(1, 100, 110)
    narrow, wide = find_horizon(image), find_horizon(image.astype(np.uint16) * np.uint16(257))
    assert narrow is not None
    assert wide is not None
    assert wide.row_left == pytest.approx(narrow.row_left, abs=0.5)


@pytest.mark.parametrize("seed", range(6))
def test_cloud_fields_and_shaded_skies_have_none(seed: int) -> None:
    clouds = 120 + 30 * field(seed, 256, 256, 24) + 8 * field(seed + 50, 256, 256, 5)
    assert find_horizon(np.clip(clouds, 0, 255).astype(np.uint8)) is None
    y = np.mgrid[:256, :256][0] / 256
    sky = 90 + 60 * y**2 + 0.6 * field(seed, 256, 256, 1.0)
    assert find_horizon(sky.astype(np.uint8)) is None


def test_a_ragged_skyline_and_a_wall_of_windows_have_none() -> None:
    rng = np.random.default_rng(3)
    skyline = np.full((256, 256), 60, np.uint8)
    for start in range(0, 256, 16):
        skyline[int(rng.integers(80, 180)) :, start : start + 16] = 140
    assert find_horizon(skyline) is None
    wall = np.full((256, 256), 150, np.uint8)
    for top in range(10, 256, 24):
        for left in range(6, 256, 20):
            wall[top : top + 12, left : left + 10] = 90
    assert find_horizon(wall) is None


def test_constant_and_tiny_frames_have_none() -> None:
    assert find_horizon(np.full((256, 256), 9, np.uint8)) is None
    assert find_horizon(np.zeros((20, 300), np.uint8)) is None


def test_distance_is_positive_below_and_square_to_the_line() -> None:
    horizon = Horizon(row_left=100.0, row_right=400.0, width=301, straightness=1.0)
    assert horizon.signed_distance(0.0, 100.0) == 0.0
    assert horizon.signed_distance(0.0, 110.0) == pytest.approx(10 / np.sqrt(2))
    distances = horizon.signed_distance(np.array([300.0, 300.0]), np.array([400.0, 390.0]))
    np.testing.assert_allclose(distances, [0.0, -10 / np.sqrt(2)], atol=1e-12)
