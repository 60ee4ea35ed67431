"""TIFF files of kinds that no writer at hand makes: any sample format, byte order, photometric meaning and planes."""

from __future__ import annotations

import struct
from typing import Any

from numpy.typing import NDArray

_FORMATS = {"u": 1, "i": 2, "f": 3}


def tiff_bytes(
    pixels: NDArray[Any], order: str = "<", big: bool = False, planes: bool = False, nodata: str = "", **tags: int
) -> bytes:
    """Return an uncompressed TIFF of one strip a plane.

    Args:
        pixels: (H, W) or (H, W, samples) of any number type.
        order: byte order, ``<`` or ``>``.
        big: BigTIFF.
        planes: samples in separate planes.
        nodata: the text of the GDAL_NODATA tag.
        tags: ``photometric`` (1: 0 is black) and ``orientation``.
    """
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    planar = [pixels[..., number] for number in range(samples)] if planes else [pixels]
    strips = [plane.astype(plane.dtype.newbyteorder(order)).tobytes() for plane in planar]
    start = 16 if big else 8
    offsets = [start + sum(map(len, strips[:number])) for number in range(len(strips))]
    head = start + sum(map(len, strips))
    entries: dict[int, tuple[str, list[int] | bytes]] = {
        256: ("I", [pixels.shape[1]]),
        257: ("I", [pixels.shape[0]]),
        258: ("H", [8 * pixels.dtype.itemsize] * samples),
        259: ("H", [1]),
        262: ("H", [tags.get("photometric", 2 if samples > 2 else 1)]),
        273: ("I", offsets),
        274: ("H", [tags.get("orientation", 1)]),
        277: ("H", [samples]),
        278: ("I", [pixels.shape[0]]),
        279: ("I", [len(strip) for strip in strips]),
        284: ("H", [2 if planes else 1]),
        339: ("H", [_FORMATS[pixels.dtype.kind]] * samples),
    }
    if nodata:
        entries[42113] = ("s", nodata.encode() + b"\0")
    word = "Q" if big else "I"
    size = struct.calcsize(f"{order}HH{word}{word}")
    after = head + (8 if big else 2) + size * len(entries) + (8 if big else 4)
    listed, far = b"", b""
    for tag, (kind, values) in sorted(entries.items()):
        raw = values if isinstance(values, bytes) else struct.pack(f"{order}{kind * len(values)}", *values)
        field = raw.ljust(8 if big else 4, b"\0")
        if len(field) > (8 if big else 4):
            field = struct.pack(order + word, after + len(far))
            far += raw
        listed += struct.pack(f"{order}HH{word}", tag, {"H": 3, "I": 4, "s": 2}[kind], len(values)) + field
    mark = b"II" if order == "<" else b"MM"
    first = struct.pack(f"{order}HHHQ", 43, 8, 0, head) if big else struct.pack(f"{order}HI", 42, head)
    count = struct.pack(f"{order}{'Q' if big else 'H'}", len(entries))
    return mark + first + b"".join(strips) + count + listed + struct.pack(order + word, 0) + far
