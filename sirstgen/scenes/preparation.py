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

_STRETCH = (1, 99)  # percentiles that become -1 and 1
_LEAST_RANGE = 0.08  # of full scale; a flat sky keeps being flat
_BEYOND = 1.3


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


def prepare(image: NDArray[Any]) -> PreparedFrame:
    """Return the frame as a square, and its statistics.

    Args:
        image: (H, W), uint8 or uint16, gray levels.

    Raises:
        InvalidValueError: as `relative_gray`.
    """
    gray = relative_gray(image)
    way = cv2.INTER_AREA if min(gray.shape) > INPUT_SIDE else cv2.INTER_LINEAR
    square = np.asarray(cv2.resize(gray, (INPUT_SIDE, INPUT_SIDE), interpolation=way), dtype=np.float32)
    low, high = np.percentile(square[::2, ::2], _STRETCH)
    half = max(float(high - low), _LEAST_RANGE) / 2
    stretched = np.clip((square - np.float32((low + high) / 2)) / np.float32(half), -_BEYOND, _BEYOND)
    return PreparedFrame(stretched.astype(np.float32), scene_statistics(gray))
