"""From a frame of any size and depth to what the scene network looks at: a square and statistics.

The square is stretched to one contrast, so that cameras differ less; brightness stays in the statistics, since
highlight scenes are recognised by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.scenes.features import scene_statistics

INPUT_SIDE = 192
"""Side of the network's input, pixels; frames are resized to a square."""


def relative_gray(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return the frame in units of its full scale, 0 to 1.

    Args:
        image: (H, W), uint8 or uint16, on its set's gray scale (`sirstgen.files.gray_scale`): white is 255 or 65535.

    Raises:
        InvalidValueError: another shape or dtype, or no pixels.
    """
    if image.ndim != 2 or image.size == 0 or image.dtype not in (np.uint8, np.uint16):
        raise InvalidValueError(
            f"a frame to classify must be a non-empty (H, W) uint8 or uint16 array, got {image.shape} {image.dtype}"
        )
    return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)


@dataclass(frozen=True, slots=True)
class PreparedFrame:
    """One frame as the network takes it.

    Attributes:
        square: (INPUT_SIDE, INPUT_SIDE), float32, the 1st and 99th percentiles at -1 and 1.
        statistics: (STATISTICS,), float32.
    """

    square: NDArray[np.float32]
    statistics: NDArray[np.float32]


def square(levels: NDArray[Any]) -> NDArray[np.float32]:
    """Return (H, W) gray levels resized to (INPUT_SIDE, INPUT_SIDE) float32."""
    way = cv2.INTER_AREA if min(levels.shape) > INPUT_SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(levels, (INPUT_SIDE, INPUT_SIDE), interpolation=way), dtype=np.float32)


def stretched(levels: NDArray[np.float32], least_range: float, beyond: float) -> NDArray[np.float32]:
    """Return gray levels with their 1st and 99th percentiles at -1 and 1.

    Args:
        levels: (h, w).
        least_range: difference of gray levels that becomes 2 at the most: a flat sky keeps being flat.
        beyond: results are clipped to this on either side of 0.
    """
    low, high = np.percentile(levels[::2, ::2], (1, 99))
    half = max(float(high - low), least_range) / 2
    scaled = (levels - np.float32((low + high) / 2)) / np.float32(half)
    return np.asarray(np.clip(scaled, -beyond, beyond), dtype=np.float32)


def prepare(image: NDArray[Any]) -> PreparedFrame:
    """Return the frame as a square, and its statistics.

    Args:
        image: (H, W), uint8 or uint16, gray levels.

    Raises:
        InvalidValueError: as `relative_gray`.
    """
    gray = relative_gray(image)
    return PreparedFrame(stretched(square(gray), least_range=0.08, beyond=1.3), scene_statistics(gray))
