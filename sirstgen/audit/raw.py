"""An image file as it is stored, with what usual readers hide: mode, palette, orientation, values without data."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sirstgen.datasets.entries import Stored
from sirstgen.datasets.masks import VOID_NOTE, decode_mask
from sirstgen.errors import InputError
from sirstgen.files.decoding import opened
from sirstgen.files.images import Gray, decode_gray

_ORIENTATION = 0x0112  # EXIF
_NODATA = 42113  # the TIFF tag of GDAL
_NEVER = -1e30  # no sensor counts or measures this


@dataclass(frozen=True, slots=True)
class Raw:
    """A file, opened.

    Args:
        mode: of Pillow: ``1``, ``L``, ``P``, ``RGB``, ``RGBA``, ``LA``, ``I;16``, ``F``, ...
        orientation: EXIF orientation; 1 where there is none.
        rgb: (H, W, 3) uint8 where the file has colours or a palette; None for gray.
        alpha: (H, W) uint8 where the file has an alpha channel; None otherwise.
        gray: (H, W) uint8 or uint16, as the readers deliver it.
        without_data: (H, W) bool, pixels that hold NaN, infinity, the file's nodata value or an impossible one.
        lossy: whether the format is JPEG.
        classes: (H, W) bool, targets of a mask whose 255 is void; None for other masks, and for images.
    """

    mode: str
    orientation: int
    rgb: NDArray[np.uint8] | None
    alpha: NDArray[np.uint8] | None
    gray: Gray
    without_data: NDArray[np.bool_]
    lossy: bool
    classes: NDArray[np.bool_] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), pixels, without the EXIF orientation."""
        height, width = self.gray.shape
        return width, height


def open_mask(stored: Stored) -> Raw:
    """Return the content of a mask, as `open_raw` does for an image.

    Raises:
        InputError: the file cannot be read.
    """
    raw, read = open_raw(stored), decode_mask(stored.read(), stored.path)
    return replace(raw, classes=read.mask) if VOID_NOTE in read.note else raw


def open_raw(stored: Stored) -> Raw:
    """Open an image file, or the member of a shard.

    Raises:
        InputError: the file cannot be read.
    """
    data, path = stored.read(), stored.path
    with suppress(InputError), opened(data, path) as picture:
        if picture is not None:
            picture.load()
            return _opened(picture, data, path)
    gray = decode_gray(data, path)  # says what is wrong, or decodes what Pillow cannot
    return Raw("", 1, None, None, gray, np.zeros(gray.shape, bool), False)


def _opened(picture: Image.Image, data: bytes, path: Path) -> Raw:
    orientation = int(picture.getexif().get(_ORIENTATION, 1) or 1)
    coloured = picture.mode not in ("1", "L", "LA", "I", "F") and not picture.mode.startswith("I;")
    alpha = None
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    rgb = np.asarray(picture.convert("RGB")) if coloured else None
    without_data: NDArray[np.bool_] = np.zeros(picture.size[::-1], bool)
    if picture.mode == "F":
        values = np.asarray(picture)
        without_data = _without_data(values, picture)
        gray = _scaled(values, without_data) if without_data.any() else decode_gray(data, path)
    else:
        gray = decode_gray(data, path)
    return Raw(picture.mode, orientation, rgb, alpha, gray, without_data, picture.format in ("JPEG", "MPO"))


def _without_data(values: NDArray[np.float32], picture: Image.Image) -> NDArray[np.bool_]:
    missing = ~np.isfinite(values) | (values < _NEVER) | (values == -9999)
    tags: Any = getattr(picture, "tag_v2", {})
    with suppress(KeyError, ValueError):
        missing |= values == float(str(tags[_NODATA]).strip("\0 "))
    return np.asarray(missing, dtype=bool)


def _scaled(values: NDArray[np.float32], missing: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Return floats as 16 bits, from the smallest to the largest that hold data; those without become the smallest."""
    if missing.all():
        return np.zeros(values.shape, np.uint16)
    low, high = float(values[~missing].min()), float(values[~missing].max())
    wide = np.where(missing, low, values).astype(np.float64)
    return np.rint((wide - low) * (65535 / (high - low) if high > low else 0)).astype(np.uint16)
