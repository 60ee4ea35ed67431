"""F_blur: the 5x5 Gaussian blur of section IV-B, on layers.

Target and background are blurred apart, since ``blur(B + T) = blur(B) + blur(T)``: the target's own contribution to
every pixel is then known exactly, and with it the mask. The background layer is blurred in whole gray levels, which
OpenCV does in fixed point: equal pixels on every processor.
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import cv2
import numpy as np

from sirstgen.images import Gray

KERNEL = 5
RADIUS = KERNEL // 2


@lru_cache(maxsize=64)
def blur_variance(sigma: float) -> float:
    """Variance of the 5x5 kernel along one axis, square pixels; below sigma**2, since five pixels cut its tails."""
    weights = cv2.getGaussianKernel(KERNEL, sigma).ravel()
    return float((weights * np.arange(-RADIUS, RADIUS + 1) ** 2).sum())


def blur_background(background: Gray, sigma: float) -> Gray:
    """The background layer blurred; mirrored at the image's edge.

    Args:
        background: (H, W) uint8 or uint16, gray levels.
        sigma: pixels.
    """
    return cast(Gray, cv2.GaussianBlur(background, (KERNEL, KERNEL), sigma, sigmaY=sigma))
