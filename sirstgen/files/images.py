"""Reading an image file as gray levels, and bringing frames to a detector's size."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sirstgen.errors import InvalidValueError
from sirstgen.files.decoding import IMAGE_SUFFIXES, Levels, decode_levels
from sirstgen.files.gray_scale import SIXTEEN_BIT, FrameRange, Gray, GrayScale, derive_scale
from sirstgen.files.input_files import MAX_IMAGE_BYTES, read_bytes

__all__ = ["IMAGE_SUFFIXES", "Gray", "decode_gray", "own_scale", "read_bytes", "read_gray", "resize_frame"]


def read_gray(path: Path | str) -> Gray:
    """Return the gray levels of one image file that is no part of a set, (H, W), uint8 or uint16.

    Whole numbers of 0 to 65535 stay as they are. Other values (float, negative, above 65535) are brought to the scale
    that follows from this file alone (`sirstgen.files.gray_scale`). Frames of a set are read on the set's scale
    instead.

    Raises:
        InputError: as `sirstgen.files.decoding.read_levels`.
    """
    return decode_gray(read_bytes(path, MAX_IMAGE_BYTES), path)


def decode_gray(data: bytes, path: Path | str) -> Gray:
    """Return the gray levels in `data`, the content of `path` (used in messages only); see `read_gray`."""
    levels = decode_levels(data, path)
    return own_scale(levels).apply(levels)


def own_scale(levels: Levels) -> GrayScale:
    """Return the scale of a single image that belongs to no set."""
    return derive_scale([FrameRange.of(levels)]) if levels.values.dtype.kind == "f" else SIXTEEN_BIT


def resize_frame(image: Gray, mask: NDArray[np.bool_], size: int) -> tuple[Gray, NDArray[np.bool_]]:
    """Return a frame made `size` x `size`, aspect not kept, as the published test protocol has it.

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
