"""Decoding an image file: the pixel values that it holds, whatever it is stored as, or one `InputError` naming it.

Infrared frames come as 8- and 16-bit gray, as palettes in any order, as RGB copies of gray video, as 1-bit masks and as
whole numbers or floats in TIFF. What the values mean as gray levels is said by `sirstgen.files.gray_scale`.
"""

from __future__ import annotations

import io
import math
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from sirstgen.errors import InputError
from sirstgen.files.input_files import MAX_IMAGE_BYTES, read_bytes

IMAGE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")

MAX_PIXELS = 1 << 26
"""The largest image that is decoded, pixels (8192x8192). Its size is read from the head, before memory is taken."""

NODATA = (-9999.0, -99999.0, -32768.0, -32767.0)
"""Values of float and signed images that mean "not measured", beside the file's own GDAL_NODATA tag, NaN, infinite
values and everything of a magnitude above `NODATA_MAGNITUDE` (such as -3.4e38)."""

NODATA_MAGNITUDE = 1e30

# Pillow opens some formats by starting other programs; a folder of frames has no business there.
_FORMATS = ("PNG", "TIFF", "JPEG", "BMP", "DIB", "GIF", "WEBP", "PPM")
_WAY_OUT = "replace it or take it out"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TIFF_SIGNATURES = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_PNG_GRAY = 0
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION = 256, 257, 258, 262, 274  # TIFF tags
_SAMPLES, _PLANAR, _FORMAT, _GDAL_NODATA = 277, 284, 339, 42113
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3  # values of _FORMAT
_LUMA = (7471, 38470, 19595)  # blue, green, red of ITU-R 601-2 in 1/65536, as Pillow's convert("L")
_WIDE_MODES = ("I;16", "I;16B", "I;16L", "I", "F")


@dataclass(frozen=True, slots=True)
class Levels:
    """The pixel values of an image file.

    Attributes:
        values: (H, W); uint8, uint16, int32, float32 or float64.
        nodata: (H, W) bool, true where nothing was measured; None: everywhere something was.
    """

    values: NDArray[Any]
    nodata: NDArray[np.bool_] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width), pixels."""
        height, width = self.values.shape
        return height, width


def read_levels(path: Path | str) -> Levels:
    """Return the pixel values of an image file (PNG, TIFF, JPEG, BMP).

    Palettes are looked up, colours become luma (ITU-R 601-2, equal to Pillow's ``convert("L")``), alpha and EXIF
    orientation are ignored, 1-bit images become 0 and 255. Everything else keeps its values.

    Raises:
        InputError: the file is missing, unreadable, empty, truncated, too large, no image, or holds several frames.
    """
    return decode_levels(read_bytes(path, MAX_IMAGE_BYTES), path)


def decode_levels(data: bytes, path: Path | str) -> Levels:
    """Return the levels in `data`, the content of `path` (used in messages only); see `read_levels`."""
    if data.startswith(_PNG_SIGNATURE):
        kinds = _whole_png(data, path)
        width, height = struct.unpack_from(">II", data, 16)
        _check_size(width, height, path)
        depth, colour = data[24], data[25]
        if b"acTL" not in kinds and (depth == 16 or (depth == 8 and colour == _PNG_GRAY)):
            image = _decode_opencv(data)
            if image is not None and image.dtype in (np.uint8, np.uint16):
                return Levels(image)
    if data.startswith(_TIFF_SIGNATURES):
        _check_directory(data, path)
    with opened(data, path) as picture:
        if picture is None:  # a TIFF of a kind that Pillow does not know, such as float64
            return _unknown_tiff(data, path)
        return _from_pillow(picture, data, path)


def is_8_bit(data: bytes) -> bool:
    """Return whether the head of an image file promises values of 8 bits; False where that takes decoding."""
    if data.startswith(_PNG_SIGNATURE):
        return len(data) > 24 and data[24] <= 8
    return data.startswith((b"\xff\xd8", b"BM"))


@contextmanager
def opened(data: bytes, path: Path | str) -> Iterator[Image.Image | None]:
    """Yield the picture of `data` as Pillow opens it, not decoded yet; None for TIFFs that Pillow cannot open.

    Faults of the decoder inside the block become InputError. Warnings of Pillow and of the C libraries are not shown:
    one message is enough.
    """
    try:
        with warnings.catch_warnings(), quiet_libraries():
            warnings.simplefilter("ignore")
            try:
                picture = Image.open(io.BytesIO(data), formats=_FORMATS)
            except UnidentifiedImageError:
                if not data.startswith(_TIFF_SIGNATURES):
                    raise
                yield None
                return
            if getattr(picture, "tag_v2", {}).get(_ORIENTATION, 1) != 1:  # Pillow turns TIFFs, and no other files
                picture = Image.open(io.BytesIO(_with_tag(data, _ORIENTATION, 1)), formats=_FORMATS)
            with picture:
                _check_size(*picture.size, path)
                yield picture
    except InputError:
        raise
    except UnidentifiedImageError:
        if data.startswith(b"version https://git-lfs"):
            raise InputError.of(path, "a pointer of Git LFS, not the file; run git lfs pull") from None
        raise InputError.of(path, f"not a PNG, TIFF, JPEG or BMP image, or its head is damaged; {_WAY_OUT}") from None
    except Image.DecompressionBombError as fault:
        raise InputError.of(path, f"too large ({fault}); split or shrink it") from None
    except MemoryError:
        raise InputError.of(path, "there is not enough memory to decode it; split or shrink it") from None
    except Exception as fault:  # on damaged bytes the decoders raise nearly anything
        reason = (str(fault).splitlines() or [type(fault).__name__])[0][:200]
        raise InputError.of(path, f"truncated or damaged image ({reason}); {_WAY_OUT}") from None


class _Muted:
    """How many threads decode now, and what standard error was before the first of them."""

    lock = threading.Lock()
    users = 0
    saved = -1


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep what libpng, libjpeg and libtiff print themselves from the terminal while the block runs."""
    with _Muted.lock:
        if _Muted.users == 0:
            try:
                _Muted.saved = os.dup(2)
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, 2)
                os.close(null)
            except OSError:  # standard error is closed
                _Muted.saved = -1
        _Muted.users += 1
    try:
        yield
    finally:
        with _Muted.lock:
            _Muted.users -= 1
            if _Muted.users == 0 and _Muted.saved >= 0:
                os.dup2(_Muted.saved, 2)
                os.close(_Muted.saved)


def _check_size(width: int, height: int, path: Path | str) -> None:
    if width * height > MAX_PIXELS:
        raise InputError.of(path, f"too large ({width}x{height}, limit {MAX_PIXELS} pixels); split or shrink it")


def _whole_png(data: bytes, path: Path | str) -> set[bytes]:
    """Return the kinds of chunk of a PNG.

    InputError where it is cut off or damaged, which decoders do not always notice.
    """
    kinds: set[bytes] = set()
    view, offset = memoryview(data), len(_PNG_SIGNATURE)
    while b"IEND" not in kinds:
        length, kind = struct.unpack_from(">I4s", data, offset) if offset + 12 <= len(data) else (len(data), b"")
        end = offset + 12 + length
        if end > len(data):
            raise InputError.of(path, f"truncated image, its end is missing; {_WAY_OUT}")
        critical = kind[:1].isupper()
        if critical and zlib.crc32(view[offset + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]:
            name = kind.decode("ascii", "replace")
            raise InputError.of(path, f"damaged image, the checksum of its {name} chunk is wrong; {_WAY_OUT}")
        kinds.add(kind)
        offset = end
    if not data.startswith(b"\x00\x00\x00\rIHDR", 8):
        raise InputError.of(path, f"damaged image, its head is missing; {_WAY_OUT}")
    return kinds


def _check_directory(data: bytes, path: Path | str) -> None:
    """Raise InputError for a TIFF whose directory is cut off: decoders go on without the entries that are missing."""
    at, word, count, size = (8, "Q", "Q", 20) if b"+" in data[2:4] else (4, "I", "H", 12)
    order = "<" if data.startswith(b"II") else ">"
    try:
        start = struct.unpack_from(order + word, data, at)[0]
        end = start + struct.calcsize(count) + size * struct.unpack_from(order + count, data, start)[0]
    except struct.error:
        end = math.inf
    if end > len(data):
        raise InputError.of(path, f"truncated image, the directory of the TIFF is cut off; {_WAY_OUT}")


def _from_pillow(picture: Image.Image, data: bytes, path: Path | str) -> Levels:
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":  # an MPO photograph carries its own previews
        raise InputError.of(path, f"holds {frames} frames, one is expected; save each frame as a file of its own")
    tags: Any = getattr(picture, "tag_v2", {})
    _check_samples(tags, path)
    if picture.mode not in _WIDE_MODES and 16 in tags.get(_BITS, ()):  # Pillow cuts 16-bit colour to 8
        image = _decode_opencv(data)
        if image is None:
            raise _unsupported(tags, path, "damaged, or ")
        return Levels(image)
    if picture.mode in _WIDE_MODES:
        return _wide(np.asarray(picture), tags, path)
    gray = np.array(picture.convert("L"), dtype=np.uint8)
    if picture.mode == "L" and tags.get(_FORMAT) == (_SIGNED,):
        return _wide(gray.view(np.int8), tags, path)
    return _without_nodata(gray, tags, path)


def _unknown_tiff(data: bytes, path: Path | str) -> Levels:
    if data.startswith(b"MM\x00+"):
        raise InputError.of(path, "a big-endian BigTIFF is not supported; save it as plain TIFF")
    tags = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if data[2] == 43 else 8])
    stream = io.BytesIO(data)
    stream.seek(tags.next)
    tags.load(stream)
    _check_size(int(tags[_WIDTH]), int(tags[_HEIGHT]), path)
    _check_samples(tags, path)
    half = 16 in tags.get(_BITS, ()) and _FLOAT in tags.get(_FORMAT, ())  # no decoder knows float16
    image = _decode_opencv(_with_tag(data, _FORMAT, _UNSIGNED) if half else data)
    if image is None:
        raise _unsupported(tags, path, "damaged, or ")
    return _wide(image.view(np.float16) if half else image, tags, path)


def _check_samples(tags: Any, path: Path | str) -> None:
    """Raise InputError for a TIFF that the decoders misread: wide gray with alpha, wide colours in separate planes."""
    samples = tags.get(_SAMPLES, 1)
    if max(tags.get(_BITS, (1,))) > 8 and (samples == 2 or (samples > 2 and tags.get(_PLANAR) == 2)):
        raise _unsupported(tags, path)


def _unsupported(tags: Any, path: Path | str, doubt: str = "") -> InputError:
    samples, bits = tags.get(_SAMPLES, 1), max(tags.get(_BITS, (1,)))
    form = " float" if _FLOAT in tags.get(_FORMAT, ()) else ""
    planes = ", in separate planes" if samples > 1 and tags.get(_PLANAR) == 2 else ""
    kind = f"{samples} sample{'s' if samples > 1 else ''} of {bits} bits{form} a pixel{planes}"
    return InputError.of(path, f"{doubt}a TIFF of an unsupported kind ({kind}); save it as gray, uint16 or float32")


def _with_tag(data: bytes, tag: int, value: int) -> bytes:
    """Return a TIFF with another value of one tag that holds a single 16-bit number."""
    order = "<" if data.startswith(b"II") else ">"
    word, at = ("Q", 8) if data[2] == 43 else ("I", 4)
    head = struct.pack(f"{order}HH{word}", tag, 3, 1)
    place = data.find(head, struct.unpack_from(f"{order}{word}", data, at)[0])
    if place < 0:
        return data
    place += len(head)
    return data[:place] + struct.pack(f"{order}H", value) + data[place + 2 :]


def _decode_opencv(data: bytes) -> NDArray[Any] | None:
    """Return what OpenCV's fast decoder gives; None where it fails, so that Pillow can report what is wrong."""
    try:
        with quiet_libraries():
            image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if image is None or image.ndim == 2:
        return image  # type: ignore[no-any-return]
    if image.dtype not in (np.uint8, np.uint16) or image.shape[2] < len(_LUMA):
        return None
    luma = np.full(image.shape[:2], 0x8000, np.uint32)
    for channel, weight in enumerate(_LUMA):
        luma += image[..., channel] * np.uint32(weight)
    return (luma >> 16).astype(image.dtype)


def _wide(values: NDArray[Any], tags: Any, path: Path | str) -> Levels:
    """Return values of more than 8 bits, or signed ones, with what was not measured taken out."""
    bits = max(tags.get(_BITS, (16,)))
    if values.dtype == np.int32 and tags.get(_FORMAT, (_UNSIGNED,)) == (_UNSIGNED,) and bits == 32:
        values = values.view(np.uint32)  # Pillow has no such kind
    if values.dtype.kind in "iu" and values.size and values.min() >= 0 and values.max() <= 65535:
        values = values.astype(np.uint16, copy=False)
    elif values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
    levels = _without_nodata(values, tags, path)
    if tags.get(_PHOTOMETRIC) != 0 or tags.get(_FORMAT, (_UNSIGNED,)) != (_UNSIGNED,):
        return levels
    return Levels(np.asarray(2**bits - 1 - levels.values, levels.values.dtype), levels.nodata)  # 0 is white


def _without_nodata(values: NDArray[Any], tags: Any, path: Path | str) -> Levels:
    stated = _tagged_nodata(tags.get(_GDAL_NODATA))
    if values.dtype.kind == "f":
        nodata: Any = ~(np.abs(values) < NODATA_MAGNITUDE)  # NaN compares false
        for value in NODATA if stated is None or abs(stated) > NODATA_MAGNITUDE else (*NODATA, stated):
            nodata |= values == values.dtype.type(value)
    else:
        nodata = None if stated is None else values == stated
    if nodata is None or not nodata.any():
        return Levels(values)
    if nodata.all():
        raise InputError.of(path, "holds no measured pixel, all are marked as no data; take the file out")
    return Levels(values, nodata)


def _tagged_nodata(tag: object) -> float | None:
    try:
        value = float(str(tag).strip().strip("\0"))
    except ValueError:
        return None
    return None if math.isnan(value) or math.isinf(value) else value
