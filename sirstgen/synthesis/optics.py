"""F_blur: the 5x5 Gaussian blur of section IV-B, on layers.

Target and background are blurred apart, since ``blur(B + T) = blur(B) + blur(T)``: the target's own contribution to
every pixel is then known exactly, and with it the mask. The background layer is blurred in whole gray levels, which
OpenCV does in fixed point: equal pixels on every processor.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import cast

import cv2
import numpy as np

from sirstgen.images import Gray
from sirstgen.synthesis.stamps import Stamp

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


def blur_stamp(stamp: Stamp, sigma: float) -> Stamp:
    """A target's own radiance blurred; the window grows by the kernel's radius, the peak falls below 1."""
    padded = cv2.copyMakeBorder(stamp.values, RADIUS, RADIUS, RADIUS, RADIUS, cv2.BORDER_CONSTANT, value=0.0)
    values = cv2.GaussianBlur(padded, (KERNEL, KERNEL), sigma, sigmaY=sigma, borderType=cv2.BORDER_CONSTANT)
    return Stamp(np.asarray(values, dtype=np.float32), stamp.left - RADIUS, stamp.top - RADIUS)


def spread_stamp(stamp: Stamp, sigma: float) -> Stamp:
    """A target's own radiance seen through a Gaussian point spread; the window grows, the peak falls below 1.

    Args:
        stamp: radiance.
        sigma: pixels, positive.
    """
    reach = math.ceil(3 * sigma)
    padded = cv2.copyMakeBorder(stamp.values, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0.0)
    side = 2 * reach + 1
    values = cv2.GaussianBlur(padded, (side, side), sigma, sigmaY=sigma, borderType=cv2.BORDER_CONSTANT)
    return Stamp(np.asarray(values, dtype=np.float32), stamp.left - reach, stamp.top - reach)
