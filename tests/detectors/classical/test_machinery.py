"""The machinery that the classical detectors share, against slow plain versions of itself."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirstgen.detectors.classical.cells import mean_of_largest
from sirstgen.detectors.classical.max_median import max_median
from sirstgen.detectors.classical.patches import PatchGrid, positions
from sirstgen.detectors.classical.shrinkage import (
    lowered_by,
    shrink_singular_values,
    singular_values,
    soft_threshold,
)
from sirstgen.detectors.classical.structure_tensor import structure_tensor_eigenvalues

sides = st.integers(1, 40)


@given(length=st.integers(1, 200), patch=st.integers(1, 60), step=st.integers(1, 40))
def test_positions_start_at_zero_end_at_the_border_and_leave_no_gap_wider_than_a_step(
    length: int, patch: int, step: int
) -> None:
    patch = min(patch, length)
    starts = positions(length, patch, step)
    assert starts[0] == 0
    assert starts[-1] == length - patch
    assert len(set(starts)) == len(starts)
    assert all(0 < b - a <= step for a, b in pairwise(starts))


@given(height=sides, width=sides, patch=st.integers(1, 20), step=st.integers(1, 12), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_patches_join_to_the_image_they_came_from(height: int, width: int, patch: int, step: int, seed: int) -> None:
    image = np.random.default_rng(seed).normal(size=(height, width))
    grid = PatchGrid.over(image.shape, patch, min(step, patch))
    patches = grid.split(image)
    for aggregate in ("last", "mean", "median"):
        assert np.allclose(grid.join(patches, aggregate), image)


def test_aggregates_of_patches_that_disagree() -> None:
    grid = PatchGrid.over((1, 5), 3, 1)
    patches = np.arange(3.0)[:, None, None] * np.ones((3, 1, 3)) ** 2
    patches[2] = 7
    assert grid.join(patches, "last").tolist() == [[0, 1, 7, 7, 7]]
    assert np.allclose(grid.join(patches, "mean"), [[0, 0.5, 8 / 3, 4, 7]])
    assert np.allclose(grid.join(patches, "median"), [[0, 0.5, 1, 4, 7]])


def test_patches_are_numbered_down_the_columns() -> None:
    grid = PatchGrid.over((4, 6), 2, 2)
    patches = grid.split(np.arange(24.0).reshape(4, 6))
    assert [patch[0, 0] for patch in patches] == [0, 12, 2, 14, 4, 16]


@pytest.mark.parametrize("shape", [(30, 200), (200, 30), (25, 25), (1, 9), (4, 12, 7)])
@pytest.mark.parametrize("complex_part", [0, 1])
def test_shrinkage_agrees_with_a_singular_value_decomposition(shape: tuple[int, ...], complex_part: int) -> None:
    rng = np.random.default_rng(3)
    matrices = rng.normal(size=shape) + complex_part * 1j * rng.normal(size=shape)
    left, spectrum, right = np.linalg.svd(matrices, full_matrices=False)
    level = float(np.median(spectrum)) * 0.9
    expected = (left * np.maximum(spectrum - level, 0)[..., None, :]) @ right
    result, kept = shrink_singular_values(matrices, lowered_by(level))
    assert np.allclose(result, expected, atol=1e-9)
    assert np.allclose(kept, np.maximum(spectrum - level, 0), atol=1e-6)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("level", [5.0, 1e6])
def test_computing_only_what_survives_changes_nothing(turned: bool, level: float) -> None:
    rng = np.random.default_rng(4)
    matrix = 20 * rng.normal(size=(60, 3)) @ rng.normal(size=(3, 90)) + 0.1 * rng.normal(size=(60, 90))
    matrix = matrix.T if turned else matrix
    whole, _ = shrink_singular_values(matrix, lowered_by(level))
    part, kept = shrink_singular_values(matrix, lowered_by(level), floor=level, expected=3)
    assert np.allclose(part, whole, atol=1e-8)
    assert len(kept) == (3 if level < 1e6 else 0)


def test_singular_values_and_soft_threshold() -> None:
    matrix = np.random.default_rng(0).normal(size=(12, 50))
    assert np.allclose(singular_values(matrix), np.linalg.svd(matrix, compute_uv=False))
    assert soft_threshold(np.array([-3.0, -1.0, 0.5, 2.0]), 1.0).tolist() == [-2, 0, 0, 1]


@given(cell=st.sampled_from([1, 3, 5, 7, 9, 11]), count=st.integers(1, 9), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_mean_of_largest_agrees_with_sorting_every_window(cell: int, count: int, seed: int) -> None:
    count = min(count, cell * cell)
    image = np.random.default_rng(seed).integers(0, 50, (cell + 5, cell + 7)).astype(float)
    windows = np.lib.stride_tricks.sliding_window_view(image, (cell, cell)).reshape(6, 8, -1)
    expected = np.sort(windows, axis=-1)[..., -count:].mean(axis=-1)
    assert np.allclose(mean_of_largest(image, cell, count), expected)


def test_max_median_by_hand() -> None:
    image = np.zeros((9, 9))
    image[2, 1:4] = 9  # a bar of three is the median of its row
    image[7, 7] = 4
    target_map = max_median(image, length=5)
    assert target_map[2, 2] == 0
    assert target_map[7, 7] == 4


def test_structure_tensor_tells_an_edge_from_a_corner() -> None:
    edge = np.zeros((20, 20))
    edge[:, 10:] = 100
    large, small = structure_tensor_eigenvalues(edge, size=3, gradient_sigma=1.2, tensor_sigma=2.0)
    assert large[10, 10] > 100
    assert small[10, 10] < 1e-9
    corner = np.zeros((20, 20))
    corner[10:, 10:] = 100
    large, small = structure_tensor_eigenvalues(corner, size=3, gradient_sigma=1.2, tensor_sigma=2.0)
    assert small[10, 10] > 100
