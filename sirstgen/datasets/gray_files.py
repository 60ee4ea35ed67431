"""Gray PNG files in a new place: the source's own bytes where they serve, as a hard link where possible."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.files.images import Gray, decode_gray
from sirstgen.files.png import encode_png

# PNG signature, then the header chunk with the depth in byte 24 and the colour type in byte 25.
_PNG = b"\x89PNG\r\n\x1a\n"


def place_gray(source: Path, data: bytes, pixels: Gray, target: Path, link: bool) -> None:
    """Put `pixels` at `target` as a gray PNG: the source's own bytes where they are one of just these pixels.

    Args:
        source: the file that `data` is from.
        data: its content.
        pixels: (H, W) uint8 or uint16.
        target: the file to be made; its folder exists. What an interrupted run has left there is replaced.
        link: a hard link in place of a copy where the bytes are kept and both places are on one disk.
    """
    own = _is_gray_png_of(data, pixels, source)
    content = data if own else encode_png(pixels)
    if target.exists():
        if target.read_bytes() == content:
            return
        target.unlink()  # it may be a link to the source, whose content must not change
    if own and link:
        try:
            os.link(source.resolve(), target)
        except OSError:  # another disk, or a file system without hard links: a copy is as good
            pass
        else:
            return
    target.write_bytes(content)


def _is_gray_png_of(data: bytes, pixels: Gray, source: Path) -> bool:
    if b"eXIf" in data:
        return False  # some readers would turn the image, others would not
    if not data.startswith(_PNG) or data[24] != 8 * pixels.dtype.itemsize or data[25] != 0:
        return False
    stored: NDArray[Any] = decode_gray(data, source)
    return stored.shape == pixels.shape and bool(np.array_equal(stored, pixels))
