"""WSLCM: strengthened local contrast, weighted by how regional levels differ (Han et al., 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

from sirstgen.detectors.classical.cells import centre, core_brightness, mean_of_largest, padded_for, surround
from sirstgen.detectors.classical.gray import Image, TargetMap, as_gray, as_target_map, is_flat
from sirstgen.detectors.classical.tllcm import DARKEST


def wslcm(
    image: ArrayLike, *, cells: Sequence[int] = (5, 7, 9, 11), largest: int = 9, least_deviation: float = 5.0
) -> TargetMap:
    """Return ``G = max over scales of W_T W_D / W_B * SLCM``, in gray levels squared.

    With M the brightness of a cell (mean of its largest pixels) and IRIL = M - mean(cell), index 0 the centre and
    1..8 the surround: ``SLCM = max(g^2 / max M_i - g, 0)``, ``W_T = IRIL_0``, ``W_D = max(IRIL_0 - max IRIL_i, 0)``,
    ``W_B = max(std(IRIL_1..8), least_deviation)``. A black surround counts as `DARKEST`, as in TLLCM.

    Args:
        image: (H, W), gray levels 0..255.
        cells: side of a cell, pixels, odd, one per scale.
        largest: how many of a cell's largest pixels make its brightness.
        least_deviation: floor of W_B, gray levels; meant for images of 0..255.

    Source: J. Han, S. Moradi, I. Faramarzi, H. Zhang, Q. Zhao, X. Zhang and N. Li, "Infrared small target detection
    based on the weighted strengthened local contrast measure", IEEE GRSL 18(9):1670-1674, 2021.
    """
    gray = as_gray(image)
    if is_flat(gray):
        return as_target_map(np.zeros_like(gray))
    core = core_brightness(gray)
    scales = [_at_scale(gray, core, cell, largest, least_deviation) for cell in cells]
    return as_target_map(np.max(scales, axis=0))


def _at_scale(gray: Image, core: Image, cell: int, largest: int, least_deviation: float) -> Image:
    padded, shape, half = padded_for(gray, cell), gray.shape, cell // 2
    brightness = mean_of_largest(padded, cell, largest)
    level = brightness - cv2.blur(padded, (cell, cell))[half:-half, half:-half]
    around = np.stack(surround(level, cell, shape))
    brightest = np.maximum(np.max(surround(brightness, cell, shape), axis=0), DARKEST)
    own = centre(level, cell, shape)
    weight = own * np.maximum(own - around.max(axis=0), 0.0)
    weight /= np.maximum(around.std(axis=0, ddof=1), least_deviation)
    contrast: Image = weight * np.maximum(core**2 / brightest - core, 0.0)
    return contrast
