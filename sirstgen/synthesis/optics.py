"""F_blur: the 5x5 Gaussian blur of section IV-B, on layers.

Target and background are blurred apart, since ``blur(B + T) = blur(B) + blur(T)``: the target's own contribution to
every pixel is then known exactly, and with it the mask. The background layer is blurred in whole gray levels, which
OpenCV does in fixed point: equal pixels on every processor.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import DTypeLike

from sirstgen.errors import InvalidValueError
from sirstgen.files.images import Gray
from sirstgen.plan import BackgroundCrop

KERNEL = 5
RADIUS = KERNEL // 2


@lru_cache(maxsize=64)
def blur_variance(sigma: float) -> float:
    """Return the variance of the 5x5 kernel along one axis, square pixels; five pixels cut the tails of sigma^2."""
    weights = cv2.getGaussianKernel(KERNEL, sigma).ravel()
    return float((weights * np.arange(-RADIUS, RADIUS + 1) ** 2).sum())


def background_layer(frame: Gray, crop: BackgroundCrop, size: tuple[int, int], sigma: float) -> Gray:
    """Return the part of a background frame that an image shows, at the image's size and blurred.

    A crop at its own scale is blurred together with the frame around it, a resized one is mirrored at its edge.

    Args:
        frame: (h, w) uint8 or uint16, gray levels.
        crop: which part.
        size: (width, height) of the image, pixels.
        sigma: of the blur, pixels.

    Raises:
        InvalidValueError: the crop is outside of the frame.
    """
    x, y, width, height = crop.crop
    rows, columns = frame.shape
    if x + width > columns or y + height > rows:
        raise InvalidValueError(
            f"the crop must be inside its background, got {list(crop.crop)} in {crop.id} of {columns}x{rows} px"
        )
    blank = leaves_alone(sigma, frame.dtype)
    if (width, height) == size:
        grow = 0 if blank else RADIUS
        left, top = min(x, grow), min(y, grow)
        layer = frame[y - top : y + height + grow, x - left : x + width + grow]
        if not blank:
            layer = blurred(layer, sigma)
        layer = layer[top : top + height, left : left + width]
    else:
        method = cv2.INTER_AREA if width > size[0] or height > size[1] else cv2.INTER_CUBIC
        layer = cast(Gray, cv2.resize(frame[y : y + height, x : x + width], size, interpolation=method))
        if not blank:
            layer = blurred(layer, sigma)
    return cast(Gray, cv2.flip(layer, 1) if crop.flip else np.ascontiguousarray(layer))


def blurred(image: Gray, sigma: float) -> Gray:
    """Return an image after the 5x5 blur, mirrored at its edge."""
    return cast(Gray, cv2.GaussianBlur(image, (KERNEL, KERNEL), sigma, sigmaY=sigma))


@lru_cache(maxsize=64)
def leaves_alone(sigma: float, dtype: DTypeLike) -> bool:
    """Return whether the blur changes no whole gray level of any image: a kernel that rounds to a single pixel."""
    white = np.iinfo(cast(Any, dtype)).max
    dot = np.zeros((9, 9), dtype)
    dot[4, 4] = white
    return all(
        np.array_equal(cv2.GaussianBlur(image, (KERNEL, KERNEL), sigma, sigmaY=sigma), image)
        for image in (dot, white - dot)
    )
