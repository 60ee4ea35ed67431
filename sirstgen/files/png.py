"""Gray PNG files, encoded fast.

A PNG is a filter, a deflate stream and three chunks. The UP filter (each row minus the one above) is one subtraction,
and ISA-L deflates about four times as fast as zlib for files of equal size; the bytes depend on the pixels alone.
"""

from __future__ import annotations

import struct

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError

_UP = 2
_LEVEL = 1


def encode_png(image: NDArray[np.uint8 | np.uint16]) -> bytes:
    """Return a gray PNG of 8 or 16 bit.

    Args:
        image: (H, W) uint8 or uint16.

    Raises:
        InvalidValueError: another shape or type.
    """
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16) or image.size == 0:
        raise InvalidValueError(f"a gray PNG takes (H, W) uint8 or uint16, got {image.shape} {image.dtype}")
    height, width = image.shape
    depth = 8 * image.dtype.itemsize
    pixels = np.ascontiguousarray(image if depth == 8 else image.astype(">u2")).view(np.uint8)
    rows = np.empty((height, pixels.shape[1] + 1), np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = pixels[0]
    np.subtract(pixels[1:], pixels[:-1], out=rows[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    data = isal_zlib.compress(rows, _LEVEL)
    return b"".join((b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", header), _chunk(b"IDAT", data), _chunk(b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = isal_zlib.crc32(data, isal_zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", check)))
