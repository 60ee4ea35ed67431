"""F_intensity: the amplitude with which a target meets its signal-to-clutter ratio (Eq. 10) in the written image."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def clipped_amplitude(
    required: int, under: NDArray[np.float64], own: NDArray[np.float64], first: float, white: int
) -> float:
    """Return the amplitude with which the pixels of the mask, clipped at black and white, sum to `required`.

    Args:
        required: what the mask's pixels must sum to.
        under: (area,) background under the mask.
        own: (area,) the target's own profile there, positive.
        first: the amplitude without the ends, gray levels, which is too small in size.
        white: the largest gray level.

    Returns:
        Gray levels; infinite where no amplitude is enough.
    """
    if not 0 <= required <= white * under.size:
        return math.copysign(math.inf, first)
    if first < 0:  # seen from white, a dark target is a bright one
        return -clipped_amplitude(white * under.size - required, white - under, own, -first, white)
    ends = (white - under) / own  # amplitudes at which the pixels become white, the first ones first
    order = ends.argsort(kind="stable")
    below, slopes = (part[order][::-1].cumsum()[::-1] for part in (under, own))  # of the pixels that are not white yet
    amplitudes = (required - white * np.arange(under.size) - below) / slopes
    reached = amplitudes <= ends[order]
    return float(amplitudes[reached.argmax()] if reached.any() else ends[order[-1]])


def place_gray_levels(values: NDArray[np.float64], required: int) -> NDArray[np.float64]:
    """Return whole gray levels that sum to exactly `required` and are within one of `values`.

    The largest remainder method: rounding each pixel separately leaves the sum off by a few levels; here every pixel is
    rounded down and the missing levels go to the pixels with the largest remainders.

    Args:
        values: (area,) whose sum is within one gray level of `required`.
        required: the sum to be met.
    """
    levels = np.floor(values)
    missing = required - int(np.add.reduce(levels))
    if missing:
        order = (levels - values).argsort(kind="stable")
        each, extra = divmod(missing, values.size)
        levels[order[:extra]] += 1
        if each:
            levels += each
    return levels
