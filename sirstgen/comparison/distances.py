"""Distances of two samples of one statistic: Earth Mover and Kolmogorov-Smirnov."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_Sample = NDArray[np.float64]


def earth_mover(first: _Sample, second: _Sample) -> float:
    """Return the area between the two distribution functions, in the unit of the samples (first Wasserstein distance).

    Args:
        first, second: (n,) and (m,) float64, finite.

    Returns:
        0 or more; NaN where a sample is empty.
    """
    steps, apart = _distribution_difference(first, second)
    return float(np.abs(apart[:-1]) @ np.diff(steps)) if steps.size else math.nan


def kolmogorov_smirnov(first: _Sample, second: _Sample) -> float:
    """Return the largest difference of the two distribution functions.

    Args:
        first, second: (n,) and (m,) float64, finite.

    Returns:
        0 to 1; NaN where a sample is empty.
    """
    _, apart = _distribution_difference(first, second)
    return float(np.abs(apart).max()) if apart.size else math.nan


def _distribution_difference(first: _Sample, second: _Sample) -> tuple[_Sample, _Sample]:
    """Return all values in order, and the difference of the distribution functions from each on."""
    if not first.size or not second.size:
        return np.empty(0), np.empty(0)
    steps = np.sort(np.concatenate([first, second]))
    below_first = np.searchsorted(np.sort(first), steps, side="right") / first.size
    below_second = np.searchsorted(np.sort(second), steps, side="right") / second.size
    return steps, np.asarray(below_first - below_second)
