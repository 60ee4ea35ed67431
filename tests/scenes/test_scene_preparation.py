from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirstgen.errors import InvalidValueError
from sirstgen.scenes.features import STATISTICS, scene_statistics
from sirstgen.scenes.preparation import INPUT_SIDE, prepare, relative_gray

_FIRST_OCTAVE = 10 + 18 + 10 + 10  # tones, layout, two sets of binary patterns come before


def test_sixteen_bit_copies_look_like_their_eight_bit_frames() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (80, 100), dtype=np.uint8)
    frame[0, 0] = 255
    deep, shallow = prepare(frame.astype(np.uint16) * 257), prepare(frame)
    np.testing.assert_allclose(deep.square, shallow.square, atol=1e-5)
    np.testing.assert_allclose(deep.statistics, shallow.statistics, atol=1e-3)


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535)])
def test_full_scale_is_that_of_the_delivered_frame(dtype: type, full: int) -> None:
    assert relative_gray(np.full((4, 4), full, dtype)).max() == pytest.approx(1.0)
    assert relative_gray(np.full((4, 4), full // 4, dtype)).mean() == pytest.approx(0.25, abs=0.01)


def test_contrast_is_evened_out_and_brightness_stays_in_the_statistics() -> None:
    frame = np.random.default_rng(1).integers(60, 90, (64, 64), dtype=np.uint8)
    dark, bright = prepare(frame), prepare(2 * frame)
    np.testing.assert_allclose(bright.square, dark.square, atol=0.02)
    assert bright.statistics[0] == pytest.approx(2 * dark.statistics[0], rel=0.01)
    assert np.abs(prepare(np.full((64, 64), 100, np.uint8)).square).max() == 0


@settings(max_examples=15, deadline=None)
@given(height=st.integers(1, 300), width=st.integers(1, 300))
def test_any_frame_becomes_a_square(height: int, width: int) -> None:
    frame = prepare(np.full((height, width), 100, np.uint8))
    assert frame.square.shape == (INPUT_SIDE, INPUT_SIDE)
    assert frame.statistics.shape == (STATISTICS,)
    assert np.isfinite(frame.statistics).all()


@pytest.mark.parametrize("size", [(3, 4096), (4096, 1)])
def test_a_frame_of_a_few_rows_or_columns_costs_no_more_than_others(size: tuple[int, int]) -> None:
    tracemalloc.start()
    found = scene_statistics(np.random.default_rng(0).random(size, dtype=np.float32))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.isfinite(found).all() and most < 100_000_000


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.float32), np.zeros((0, 4), np.uint8)]
)
def test_other_arrays_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(InvalidValueError, match=r"must be a non-empty \(H, W\) uint8 or uint16 array"):
        prepare(bad)


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
