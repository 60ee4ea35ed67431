"""From a frame of any size and depth to what the scene network looks at: squares and statistics.

Brightness is kept, not stretched: highlight scenes are told from others by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.scenes.features import scene_statistics

INPUT_SIDE = 80
"""Side of the network's input, pixels."""

_MOST_SQUARES = 5
_MIDDLE_GRAY, _GRAY_SPREAD = 0.45, 0.25


def relative_gray(image: NDArray[Any]) -> NDArray[np.float32]:
    """The frame in units of its full scale, 0 to 1.

    Args:
        image: (H, W), uint8 or uint16, on its set's gray scale (`sirstgen.gray_scale`): white is 255 or 65535.

    Raises:
        InvalidValueError: another shape or dtype, or no pixels.
    """
    if image.ndim != 2 or image.size == 0 or image.dtype not in (np.uint8, np.uint16):
        raise InvalidValueError(
            f"a frame to classify must be a non-empty (H, W) uint8 or uint16 array, got {image.shape} {image.dtype}"
        )
    return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)


def resized(square: NDArray[np.float32]) -> NDArray[np.float32]:
    """The square at the network's input size: by area when it shrinks, linearly when it grows."""
    way = cv2.INTER_AREA if square.shape[0] > INPUT_SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (INPUT_SIDE, INPUT_SIDE), interpolation=way), dtype=np.float32)


def normalised(squares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Relative gray levels as the network wants them; one fixed line for every frame, so that brightness survives."""
    return (squares - np.float32(_MIDDLE_GRAY)) / np.float32(_GRAY_SPREAD)


@dataclass(frozen=True, slots=True)
class PreparedFrame:
    """One frame as the network takes it.

    Attributes:
        squares: (k, INPUT_SIDE, INPUT_SIDE), float32; k is 1 for a square frame.
        statistics: (STATISTICS,), float32.
    """

    squares: NDArray[np.float32]
    statistics: NDArray[np.float32]


def prepare(image: NDArray[Any]) -> PreparedFrame:
    """The frame's squares and statistics.

    Args:
        image: (H, W), uint8 or uint16, gray levels.

    Raises:
        InvalidValueError: as `relative_gray`.
    """
    gray = relative_gray(image)
    return PreparedFrame(_covering_squares(gray), scene_statistics(gray))


def _covering_squares(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    """The evenly spaced squares of the frame's shorter side that together cover it, at most five, as network input."""
    height, width = gray.shape
    side = min(height, width)
    count = min(_MOST_SQUARES, -(-max(height, width) // side))
    rows = np.linspace(0, height - side, count).astype(int)
    columns = np.linspace(0, width - side, count).astype(int)
    squares = [resized(gray[y : y + side, x : x + side]) for y, x in zip(rows, columns, strict=True)]
    return normalised(np.stack(squares))
