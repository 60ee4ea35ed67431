"""Distances against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from sirstgen.comparison.distances import earth_mover, kolmogorov_smirnov

samples = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30).map(np.array)


@given(samples, samples)
def test_they_are_what_they_are_called(first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    assert earth_mover(first, second) == pytest.approx(stats.wasserstein_distance(first, second), abs=1e-9)
    steps = [abs((first <= at).mean() - (second <= at).mean()) for at in (*first, *second)]
    assert kolmogorov_smirnov(first, second) == pytest.approx(max(steps), abs=1e-12)


def test_a_shift_costs_its_length() -> None:
    values = np.array([1.0, 2.0, 5.0])
    assert earth_mover(values, values + 3) == pytest.approx(3) and earth_mover(values, values) == 0
    assert kolmogorov_smirnov(values, values + 10) == 1


def test_empty_samples_have_no_distance() -> None:
    assert math.isnan(earth_mover(np.empty(0), np.ones(2))) and math.isnan(kolmogorov_smirnov(np.ones(2), np.empty(0)))
