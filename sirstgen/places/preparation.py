"""From a frame of any size to what the place network takes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 192
"""Side of the network's input, pixels; frames are resized to a square."""

_LEAST_RANGE = 24.0  # gray levels of 256; a flat sky keeps being flat
_LOW, _HIGH = 1.0, 99.0  # percentiles that become -1 and 1


def square(gray: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the frame as a square of `SIDE`, gray levels of 256, float32."""
    way = cv2.INTER_AREA if min(gray.shape) > SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(gray, (SIDE, SIDE), interpolation=way), dtype=np.float32)


def as_input(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return gray levels with the 1st and 99th percentiles at -1 and 1; less where they lie close together.

    Args:
        levels: (h, w) float32, gray levels of 256.

    Returns:
        (1, h, w).
    """
    low, high = np.percentile(levels[::2, ::2], [_LOW, _HIGH])
    spread = max(float(high - low), _LEAST_RANGE) / 2
    scaled = (levels - np.float32((low + high) / 2)) / np.float32(spread)
    return np.asarray(np.clip(scaled, -1.5, 1.5)[None], dtype=np.float32)
