"""Mask files as target and background: one stated rule for every kind of mask that labelling tools write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.decoding import decode_levels, opened

Mask = NDArray[np.bool_]

_VOID, _VOID_COLOUR = 255, 0xE0E0C0
VOID_NOTE = "classes within a border of 255; the border is taken as void, the classes as target"
_MOST_COLOURS = 256  # a mask of more colours is a picture, not a map of labels
_LABELS_BELOW = {1: 64, 2: 1024}  # highest instance number, by bytes a pixel
_ASPECT_TOLERANCE = 0.02
_NEIGHBOURS = np.ones((3, 3), np.uint8)
_OPAQUE = 128  # least alpha of a pixel that counts as opaque


@dataclass(frozen=True, slots=True)
class ReadMask:
    """A mask as it was read.

    Attributes:
        mask: (H, W) bool, true on target pixels.
        note: what had to be decided, in words that are the same for every mask of the kind; empty: nothing.
    """

    mask: Mask
    note: str = ""


def decode_mask(data: bytes, path: Path | str, threshold: int | None = None) -> ReadMask:
    """Return the mask that the content `data` of `path` holds.

    The rule, in this order:

    1. With `threshold`, pixels of at least that gray level are target. Without, transparent pixels of a file that has
       such and others are background, and the others are target where they have one colour.
    2. Palette files and colour files of at most 256 colours that are not gray: black is background, or else index 0 of
       the palette or the most frequent colour; every other colour is target. In a palette file whose other
       numbers are classes (1 to 63), index 255 is void, as the border of PASCAL VOC: background. So is the colour of
       that border, (224, 224, 192), in a colour file.
    3. Files of two values, whatever they are: the higher is target. Files of one value: it is target unless it is 0.
    4. Whole numbers below 64 (below 1024 in 16 bits), in no JPEG, are numbers of instances: all but 0 are target. So
       are levels of equal steps, each in regions of its own (`numbers_regions`).
    5. Files of such numbers and 255: 255 is void, which is background, if no number touches a 0 and each region of
       255 touches a number.
    6. Anything else (soft edges, JPEG, stray values): pixels of at least half of the file's highest level are target.

    Args:
        data: the file's content.
        path: the file, for messages.
        threshold: gray level.

    Raises:
        InputError: the file cannot be read.
    """
    read = _decoded(data, path, threshold)
    if 2 * np.count_nonzero(read.mask) <= read.mask.size:
        return read
    return ReadMask(read.mask, "; ".join(filter(None, (read.note, "more target than background: inverted?"))))


def _decoded(data: bytes, path: Path | str, threshold: int | None) -> ReadMask:
    labels = None if threshold is not None else _labels(data, path)
    if labels is not None:
        return labels
    levels = decode_levels(data, path)
    gray: NDArray[Any] = levels.values if levels.nodata is None else np.where(levels.nodata, 0, levels.values)
    if threshold is not None:
        return ReadMask(gray >= threshold)
    low, high = gray.min(), gray.max()
    if low == high:
        return ReadMask(np.full(gray.shape, bool(high)))
    if not np.any((gray != low) & (gray != high)):
        return ReadMask(gray == high)
    lossy = data.startswith(b"\xff\xd8")
    if not lossy and (high < _LABELS_BELOW.get(gray.itemsize, 0) or numbers_regions(gray)):
        return ReadMask(gray != 0)
    if (classes := _within_void(gray, data)) is not None:
        return ReadMask(classes, VOID_NOTE)
    half = float(high) / 2
    return ReadMask(
        gray >= half, "more than two values; at least half of the highest is target (--mask-threshold sets another)"
    )


def numbers_regions(gray: NDArray[Any]) -> bool:
    """Return whether gray levels number the targets: 85, 170, 255 or 1 to 80, a level or more for each region.

    The levels are a number, twice that number, and so on without gap, and no two of them touch as in soft edges.

    Args:
        gray: (H, W) uint8 or uint16; other types number nothing here.
    """
    if gray.dtype not in (np.uint8, np.uint16):
        return False
    levels = np.unique(gray)
    if levels[0] or not np.array_equal(levels, int(levels[min(1, len(levels) - 1)]) * np.arange(len(levels))):
        return False
    around = np.where(gray > 0, gray, np.iinfo(gray.dtype).max).astype(gray.dtype)
    alone = (cv2.dilate(gray, _NEIGHBOURS) == gray) & (cv2.erode(around, _NEIGHBOURS) == gray)
    return bool(alone[gray > 0].all())


def _within_void(gray: NDArray[Any], data: bytes) -> Mask | None:
    """Return the pixels of classes of a gray file in which 255 is their border; None where it is not."""
    if gray.dtype != np.uint8 or data.startswith(b"\xff\xd8"):
        return None
    classes, void = (gray > 0) & (gray < _LABELS_BELOW[1]), gray == _VOID
    if not np.array_equal(classes | void, gray > 0) or np.any(_grown(gray == 0) & classes):
        return None
    count, regions = cv2.connectedComponents(void.view(np.uint8), connectivity=8)
    touched = np.unique(regions[_grown(classes) & void])
    return classes if len(touched) == count - 1 else None


def _grown(mask: Mask) -> Mask:
    return cv2.dilate(mask.view(np.uint8), _NEIGHBOURS) > 0


def fit_mask(read: ReadMask, shape: tuple[int, int], path: Path | str) -> ReadMask:
    """Return the mask at the size of its image; one that is shrunk keeps every target.

    A pixel is target where at least half of it is covered; a target that covers half of no pixel keeps the pixel at
    its centroid. Enlarging takes the nearest pixel.

    Args:
        read: the mask.
        shape: (height, width) of the image.
        path: the mask's file, for messages.

    Raises:
        InputError: the image has another aspect ratio.
    """
    mask = read.mask
    if mask.shape == shape:
        return read
    (height, width), (rows, columns) = shape, mask.shape
    factors = columns / width, rows / height
    if abs(factors[0] - factors[1]) > _ASPECT_TOLERANCE * max(factors) and abs(columns - width * factors[1]) > 1:
        raise InputError.of(
            path, f"the mask is {columns}x{rows}, its image {width}x{height}: another aspect ratio; export it again"
        )
    if max(factors) <= 1:
        fitted = cv2.resize(mask.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT) > 0
        lost = 0
    else:
        fitted, lost = _shrunk(mask, shape)
    note = f"another size than their images ({columns}x{rows} for {width}x{height}); resized"
    if lost:
        note += f", {lost} targets merged with others"
    return ReadMask(fitted, "; ".join(filter(None, (read.note, note))))


def check_threshold(threshold: int | None) -> None:
    """Raise InvalidValueError unless `threshold` is a gray level above black."""
    if threshold is not None and not 1 <= threshold <= 65535:
        raise InvalidValueError(f"mask threshold must be 1 to 65535, got {threshold}", name="mask_threshold")


def _shrunk(mask: Mask, shape: tuple[int, int]) -> tuple[Mask, int]:
    """Return the mask made smaller, and by how many components it has fewer."""
    height, width = shape
    covered = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    small = covered >= 0.5
    count, labels, _, centroids = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    rows = (np.arange(mask.shape[0]) * height) // mask.shape[0]
    columns = (np.arange(mask.shape[1]) * width) // mask.shape[1]
    kept = np.unique(labels[small[np.ix_(rows, columns)] & mask])
    for label in np.setdiff1d(np.arange(1, count), kept):
        x, y = (centroids[label] + 0.5) * (width / mask.shape[1], height / mask.shape[0])
        small[min(int(y), height - 1), min(int(x), width - 1)] = True
    left = cv2.connectedComponents(small.view(np.uint8), connectivity=8)[0]
    return small, max(count - left, 0)


def _labels(data: bytes, path: Path | str) -> ReadMask | None:
    """Return the target pixels of a palette file or of a colour file with few colours; None for other files."""
    if data.startswith(b"\xff\xd8") or (data.startswith(b"\x89PNG\r\n\x1a\n") and data[25:26] == b"\x00"):
        return None
    decode_levels(data, path)  # the checks of the reader
    with opened(data, path) as picture:
        if picture is None or picture.mode not in ("P", "PA", "LA", "RGB", "RGBA"):
            return None
        opaque = None
        if picture.has_transparency_data:
            picture = picture.convert("RGBA")
            opaque = np.asarray(picture.getchannel("A")) >= _OPAQUE
        if picture.mode in ("P", "PA"):
            return _of_palette(picture)
        colours = np.array(picture.convert("RGB"))
        if opaque is not None and 0 < np.count_nonzero(opaque) < opaque.size:
            if not np.ptp(colours[opaque], axis=0).any():
                return ReadMask(opaque)
            colours[~opaque] = 0
        elif not np.ptp(colours, axis=2).any():
            return None
        packed = colours.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
        found, counts = np.unique(packed, return_counts=True)
        background = 0 if found[0] == 0 else int(found[np.argmax(counts)])
        if len(found) > _MOST_COLOURS:
            return None
        target = packed != background
        void = packed == _VOID_COLOUR
        if np.any(void) and np.any(target & ~void):
            return ReadMask(target & ~void, VOID_NOTE)
        return ReadMask(target)


def _of_palette(picture: Image.Image) -> ReadMask | None:
    """Return the target pixels of a palette file; None for a palette of gray levels, which decide as in a gray file."""
    indices = np.asarray(picture.getchannel(0) if picture.mode == "PA" else picture)
    palette = np.zeros((256, 3), int)
    entries = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
    palette[: len(entries)] = entries
    used = np.unique(indices)
    if not np.ptp(palette[used], axis=1).any():
        return None
    black = used[~palette[used].any(axis=1)]
    background = black if black.size else np.array([0])
    target = ~np.isin(indices, background)
    classes = used[(used != _VOID) & ~np.isin(used, background)]
    if _VOID in used and classes.size and classes.max() < _LABELS_BELOW[1]:
        return ReadMask(target & (indices != _VOID), VOID_NOTE)
    return ReadMask(target)
