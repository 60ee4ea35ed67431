"""Max-Median: what stands above the largest of four directional medians (Deshpande et al., 1999)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sirstgen.detectors.classical.gray import TargetMap, as_gray, as_target_map
from sirstgen.errors import InvalidValueError

_DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


def max_median(image: ArrayLike, *, length: int = 5) -> TargetMap:
    """Return ``G = I - max(z1, z2, z3, z4)``, each z the median of `length` pixels along a row, a column or a diagonal.

    Args:
        image: (H, W), gray levels 0..255.
        length: pixels on each line through the pixel, odd; symmetric border.

    Source: S. D. Deshpande, M. H. Er, R. Venkateswarlu and P. Chan, "Max-mean and max-median filters for detection of
    small targets", Proc. SPIE 3809, 1999.
    """
    if length < 1 or length % 2 == 0:
        raise InvalidValueError(f"length must be an odd number of pixels, got {length}")
    gray, reach = as_gray(image), length // 2
    padded = np.pad(gray, reach, mode="symmetric")
    height, width = gray.shape
    background = np.full_like(gray, -np.inf)
    for down, right in _DIRECTIONS:
        steps = range(-reach, reach + 1)
        line = np.stack([padded[reach + k * down :, reach + k * right :][:height, :width] for k in steps], axis=-1)
        line.partition(reach, axis=-1)
        np.maximum(background, line[..., reach], out=background)
    return as_target_map(gray - background)
