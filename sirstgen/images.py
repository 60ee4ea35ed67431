"""Reading an image file as gray levels, whatever it is stored as, and bringing frames to a detector's size.

Infrared frames come as 8- and 16-bit gray, as palettes in any order, as RGB copies of gray video, as 1-bit masks and as
float TIFF. All of them leave here as one (H, W) array of gray levels, or as one `InputError` naming the file.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from sirstgen.errors import InputError, InvalidValueError

Gray = NDArray[np.uint8] | NDArray[np.uint16]

IMAGE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")

# Pillow opens some formats by starting other programs; a folder of frames has no business there.
_FORMATS = ("PNG", "TIFF", "JPEG", "BMP", "DIB", "GIF", "WEBP", "PPM")
_WAY_OUT = "replace it or take it out"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_GRAY = 0
_LUMA_RED, _LUMA_GREEN, _LUMA_BLUE = 19595, 38470, 7471  # ITU-R 601-2 in 1/65536, as Pillow's convert("L")


def read_gray(path: Path | str) -> Gray:
    """The gray levels of an image file (PNG, TIFF, JPEG, BMP).

    Palettes are looked up, colours become luma (ITU-R 601-2, equal to Pillow's ``convert("L")``), alpha and EXIF
    orientation are ignored, 1-bit images become 0 and 255. Whole numbers of more than 8 bits stay as they are in 16
    bits. Values that fit in no 16-bit image (float, negative, above 65535) have no gray level of their own: their
    minimum becomes 0 and their maximum 65535, linearly between.

    Args:
        path: the file.

    Returns:
        (H, W), uint8 or uint16.

    Raises:
        InputError: the file is missing, unreadable, empty, truncated, no image, or holds several frames, NaN or
            infinite values.
    """
    return decode_gray(read_bytes(path), path)


def read_bytes(path: Path | str) -> bytes:
    """The content of `path`, or an `InputError` that says why it cannot be read."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError.of(path, "there is no such file") from None
    except IsADirectoryError:
        raise InputError.of(path, "an image file is expected, this is a folder") from None
    except PermissionError:
        raise InputError.of(path, "cannot be read, permission denied; change its permissions") from None
    except OSError as fault:
        raise InputError.of(path, f"cannot be read ({fault.strerror or fault})") from None
    if not data:
        raise InputError.of(path, f"the file is empty (0 bytes); {_WAY_OUT}")
    return data


def decode_gray(data: bytes, path: Path | str) -> Gray:
    """As `read_gray`, for the content `data` of `path` (used in messages only)."""
    if data.startswith(_PNG_SIGNATURE):
        kinds = _whole_png(data, path)
        depth, colour = data[24], data[25]
        if b"acTL" not in kinds and (depth == 16 or (depth == 8 and colour == _PNG_GRAY)):
            image = _decode_opencv(data)
            if image is not None:
                return image
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of damage and then raises; one message is enough
            with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
                return _from_pillow(picture, data, path)
    except InputError:
        raise
    except UnidentifiedImageError:
        raise InputError.of(path, f"not a PNG, TIFF, JPEG or BMP image, or its head is damaged; {_WAY_OUT}") from None
    except Exception as fault:  # on damaged bytes the decoders raise nearly anything
        reason = str(fault) or type(fault).__name__
        raise InputError.of(path, f"truncated or damaged image ({reason}); {_WAY_OUT}") from None


def squash(image: Gray, mask: NDArray[np.bool_], size: int) -> tuple[Gray, NDArray[np.bool_]]:
    """A frame made `size` x `size`, aspect not kept, as the published test protocol has it.

    The image is averaged over the pixels that fall together (bilinear with antialiasing), the mask takes the nearest.

    Args:
        image: (H, W) uint8 or uint16.
        mask: (H, W) bool.
        size: pixels, positive.

    Raises:
        InvalidValueError: size is not positive.
    """
    if size < 1:
        raise InvalidValueError(f"size must be positive, got {size}", value=size)
    if image.shape == (size, size):
        return image, mask
    # Pillow's filters are those of the published test protocol.
    if image.dtype == np.uint8:
        small: Gray = np.array(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
    else:
        wide = Image.fromarray(image.astype(np.float32)).resize((size, size), Image.Resampling.BILINEAR)
        small = np.rint(np.asarray(wide)).astype(np.uint16)
    nearest = cv2.resize(mask.view(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
    return small, np.asarray(nearest, dtype=bool)


def _whole_png(data: bytes, path: Path | str) -> set[bytes]:
    """The kinds of chunk of a PNG; InputError where it is cut off or damaged, which decoders do not always notice."""
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
    if not data.startswith(b"IHDR", 12):
        raise InputError.of(path, f"damaged image, its head is missing; {_WAY_OUT}")
    return kinds


def _from_pillow(picture: Image.Image, data: bytes, path: Path | str) -> Gray:
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":  # an MPO photograph carries its own previews
        raise InputError.of(path, f"holds {frames} frames, one is expected; save each frame as a file of its own")
    bits = getattr(picture, "tag_v2", {}).get(258, ())  # BitsPerSample of TIFF; Pillow cuts 16-bit colour to 8
    if picture.mode not in ("I;16", "I;16B", "I;16L", "I", "F") and 16 in bits:
        image = _decode_opencv(data)
        if image is not None:
            return image
    if picture.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        return _to_16_bit(np.asarray(picture), path)
    return np.array(picture.convert("L"), dtype=np.uint8)


def _decode_opencv(data: bytes) -> Gray | None:
    """OpenCV's fast decoder; None where it fails, so that Pillow gets to say what is wrong."""
    try:
        image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if image is None or image.dtype not in (np.uint8, np.uint16):
        return None
    if image.ndim == 2:
        gray: Gray = image
        return gray
    blue, green, red = (image[..., channel].astype(np.uint64) for channel in range(3))
    luma: Gray = ((_LUMA_RED * red + _LUMA_GREEN * green + _LUMA_BLUE * blue + 0x8000) >> 16).astype(image.dtype)
    return luma


def _to_16_bit(values: NDArray[Any], path: Path | str) -> NDArray[np.uint16]:
    if values.dtype.kind == "f":
        bad = int(np.count_nonzero(~np.isfinite(values)))
        if bad:
            raise InputError.of(path, f"holds {bad} NaN or infinite pixels; fill them or take the file out")
    elif values.min() >= 0 and values.max() <= 65535:
        return values.astype(np.uint16)
    wide = values.astype(np.float64)
    low, high = float(wide.min()), float(wide.max())
    scaled: NDArray[np.float64] = (wide - low) * (65535.0 / (high - low) if high > low else 0.0)
    return np.rint(scaled).astype(np.uint16)
