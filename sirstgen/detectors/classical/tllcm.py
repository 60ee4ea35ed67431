"""TLLCM: contrast of a Gaussian core against the brightest of eight cells, over a reserve ring (Han et al., 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from sirstgen.detectors.classical.cells import core_brightness, mean_of_largest, padded_for, surround
from sirstgen.detectors.classical.gray import TargetMap, as_gray, as_target_map, is_flat

# Below any gray level of real data. Where a cell is black (B = 0) the published code divides 0 by 0 and the result,
# not a number, ends up as a detection: the Fa of thousands in published tables.
DARKEST = float(np.finfo(np.float32).eps)


def tllcm(image: ArrayLike, *, cells: Sequence[int] = (9,), largest: int = 9) -> TargetMap:
    """Return ``G = max(g^2 / B - g, 0)``, B the largest of the eight cells' brightness; the largest G over the scales.

    Args:
        image: (H, W), gray levels 0..255.
        cells: side of a cell, pixels, odd, one per scale. The authors' demo has the one; WSLCM's (5, 7, 9, 11) is the
            natural set for the multiscale measure their abstract mentions.
        largest: how many of a cell's largest pixels make its brightness.

    Source: J. Han, S. Moradi, I. Faramarzi, C. Liu, H. Zhang and Q. Zhao, "A local contrast method for infrared
    small-target detection utilizing a tri-layer window", IEEE GRSL 17(10):1822-1826, 2020.
    """
    gray = as_gray(image)
    contrast = np.zeros_like(gray)
    if is_flat(gray):
        return as_target_map(contrast)
    core = core_brightness(gray)
    for cell in cells:
        brightness = mean_of_largest(padded_for(gray, cell), cell, largest)
        brightest = np.maximum(np.max(surround(brightness, cell, gray.shape), axis=0), DARKEST)
        np.maximum(contrast, core**2 / brightest - core, out=contrast)
    return as_target_map(contrast)
