"""Top-Hat: what a morphological opening removes (Rivest and Fortin, 1996), and its ring form (Bai and Zhou, 2010)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sirstgen.detectors.classical.gray import TargetMap, as_gray, as_target_map
from sirstgen.errors import InvalidValueError


def top_hat(image: ArrayLike, *, size: int = 5) -> TargetMap:
    """Return the white top-hat, ``G = I - open(I, B)`` with a square B.

    The border never opens: outside the image the minimum takes +infinity and the maximum -infinity.

    Args:
        image: (H, W), gray levels 0..255.
        size: side of B, pixels, odd; what is narrower than this stands out.

    Source: J.-F. Rivest and R. Fortin, "Detection of dim targets in digital infrared imagery by morphological image
    processing", Opt. Eng. 35(7), 1996.
    """
    gray, square = as_gray(image), _square(size, "size")
    return as_target_map(gray - cv2.dilate(cv2.erode(gray, square), square))


def new_top_hat(image: ArrayLike, *, outer: int = 13, inner: int = 9) -> TargetMap:
    """Return the ring top-hat, ``G = I - min(I, C)``, ``C = erode(dilate(I, ring), B)``: the ring skips the target
    itself.

    Args:
        image: (H, W), gray levels 0..255.
        outer: outer side of the square ring and side of B, pixels, odd.
        inner: side of the hole in the ring, pixels, odd, smaller than `outer`.

    Source: X. Bai and F. Zhou, "Analysis of new top-hat transformation and the application for infrared dim small
    target detection", Pattern Recognition 43(6), 2010.
    """
    gray, ring, hole = as_gray(image), _square(outer, "outer"), _square(inner, "inner")
    if inner >= outer:
        raise InvalidValueError(f"inner must be smaller than outer, got inner={inner}, outer={outer}")
    margin = (outer - inner) // 2
    ringed = cv2.dilate(gray, ring - np.pad(hole, margin))
    # Where no pixel of the ring lies inside the image, nothing is known and the pixel stands for its surroundings.
    around = cv2.erode(np.where(ringed < gray.min(), gray, ringed), ring)
    return as_target_map(gray - np.minimum(gray, around))


def _square(side: int, name: str) -> NDArray[np.uint8]:
    if side < 1 or side % 2 == 0:
        raise InvalidValueError(f"{name} must be an odd number of pixels, got {side}")
    return np.ones((side, side), np.uint8)
