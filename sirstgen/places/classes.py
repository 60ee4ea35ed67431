"""Place maps: one of four places for every pixel, and their form as PNG files that people can read and edit."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InputError
from sirstgen.files.images import decode_gray
from sirstgen.files.png import encode_png

PlaceMap = NDArray[np.uint8]
"""(H, W) of the numbers below."""

UNKNOWN, SKY, WATER, GROUND = range(4)
NAMES = ("unknown", "sky", "water", "ground")
"""Name of each number."""

LEVELS = np.array([0, 255, 170, 85], dtype=np.uint8)
"""Gray level of each number in a file: black is unknown, white is sky, in between water and, darker, ground."""

_NO_PLACE = np.uint8(255)
_TOLERANCE = 20  # gray levels, which an editor or a lossy file may move a pixel


def _table() -> NDArray[np.uint8]:
    """Return the number of the place of each gray level, (256,); `_NO_PLACE` where none is near."""
    off = np.abs(np.arange(256)[:, None] - LEVELS.astype(int))
    return np.where(off.min(axis=1) <= _TOLERANCE, off.argmin(axis=1), _NO_PLACE).astype(np.uint8)


_PLACES = _table()

WEIGHTS = Path(__file__).parent / "weights" / "places.safetensors"
"""The weights of the place network that ships with sirstgen; named here, where nothing needs torch."""

BUILTIN_PLACES = Path(__file__).parent / "builtin"
"""Folder of the place maps of the built-in backgrounds."""


def encode_places(places: PlaceMap) -> bytes:
    """Return the map as an 8-bit gray PNG at `LEVELS`."""
    return encode_png(LEVELS[places])


def decode_places(data: bytes, path: Path, shape: tuple[int, int]) -> PlaceMap:
    """Return the map in an image file.

    Args:
        data: the content of the file; gray levels within 20 of one of `LEVELS`.
        path: of the file, for messages.
        shape: (H, W) of its background.

    Raises:
        InputError: the image cannot be decoded, has another size, or holds other gray levels; names it.
    """
    image = decode_gray(data, path)
    if image.shape != shape:
        (height, width), (rows, columns) = image.shape, shape
        raise InputError.of(
            path, f"a place map has the size of its background, {columns}x{rows}, this one has {width}x{height}"
        )
    nearest = np.full(shape, _NO_PLACE)
    if image.dtype == np.uint8:
        nearest = np.asarray(cv2.LUT(image, _PLACES), np.uint8)
    if nearest.max() == _NO_PLACE:
        row, column = np.unravel_index(int(nearest.argmax()), shape)
        raise InputError.of(
            path,
            "a place map is an 8-bit gray image of 255 (sky), 170 (water), 85 (ground) and 0 (unknown), "
            f"got {int(image[row, column])} at x={column}, y={row}",
        )
    return nearest
