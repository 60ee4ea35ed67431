"""What is kept of an image so that copies of it can be found: turned, mirrored, cropped, resized, encoded again.

Three things. A digest of the gray levels finds equal images. A small likeness of the whole frame finds those that were
resized, enhanced, turned or mirrored. Signatures of the surroundings of up to `ANCHORS` conspicuous points find crops.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.duplicates import thumbnail
from sirstgen.files.images import Gray

ANCHORS = 48
_PATCH = 40  # pixels of a signature's surroundings
_CELLS = 8  # squared: bits of a signature
_APART = 9  # pixels between anchors, at least
_LONGEST = 640  # larger images are made smaller first
_FINE, _COARSE = 1.2, 8.0  # band-pass of the signatures, pixels

TURNS = (
    "as it is",
    "mirrored",
    "turned by 180",
    "upside down",
    "transposed",
    "turned by 90",
    "transposed along the other diagonal",
    "turned by 270",
)
"""What `turned` makes of an image, by number."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is compared.

    Args:
        digests: of size and gray levels, as the image is and turned in every way (`TURNS`).
        shape: (height, width) of the image.
        small: (32, 32) int8 band-passed thumbnail; None where the frame has no texture to compare.
        points: (n, 2) int32, x and y of the anchors, pixels of an image made `scale` times as large.
        signatures: (n, 8, 8) bool; which cells around an anchor are above their median.
        scale: 1 or less.
    """

    digests: tuple[str, ...]
    shape: tuple[int, int]
    small: NDArray[np.int8] | None
    points: NDArray[np.int32]
    signatures: NDArray[np.bool_]
    scale: float


def likeness(image: Gray) -> Likeness:
    """Return what is kept of an image.

    Args:
        image: (H, W) uint8 or uint16.
    """
    digests = tuple(_digest(np.ascontiguousarray(turned(image, turn))) for turn in range(len(TURNS)))
    small = thumbnail(image)
    scale = min(1.0, _LONGEST / max(image.shape))
    levels = as_levels(image, scale)
    points, signatures = _anchors(levels)
    code = None if small is None else small.reshape(32, 32)
    return Likeness(digests, (image.shape[0], image.shape[1]), code, points, signatures, scale)


def turned(array: NDArray[Any], turn: int) -> NDArray[Any]:
    """Return an array (..., H, W) turned as `TURNS` says."""
    if turn >= 4:
        array = array.swapaxes(-1, -2)
    turn %= 4
    if turn in (1, 2):
        array = array[..., ::-1]
    if turn in (2, 3):
        array = array[..., ::-1, :]
    return array


def _digest(image: NDArray[Any]) -> str:
    return hashlib.sha1(f"{image.shape} {image.dtype}".encode() + image.tobytes()).hexdigest()


def as_levels(image: Gray, scale: float) -> NDArray[np.float32]:
    """Return an image as 0 to 255 by its own levels, made `scale` times as large."""
    wide = image.astype(np.float32)
    if image.dtype == np.uint16:
        low, high = np.percentile(wide, (0.1, 99.9))
        wide = np.clip((wide - low) * (255 / max(high - low, 1)), 0, 255)
    if scale < 1:
        return np.asarray(cv2.resize(wide, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    return wide


def band(levels: NDArray[np.float32], fine: float, coarse: float) -> NDArray[np.float32]:
    """Return structure between two scales, pixels."""
    return np.asarray(cv2.GaussianBlur(levels, (0, 0), fine) - cv2.GaussianBlur(levels, (0, 0), coarse), np.float32)


def _anchors(levels: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the extremes of the band-passed image, strongest first, and what surrounds each."""
    half = _PATCH // 2
    height, width = levels.shape
    none = np.zeros((0, 2), np.int32), np.zeros((0, _CELLS, _CELLS), bool)
    if min(height, width) <= _PATCH:
        return none
    structure = band(levels, _FINE, _COARSE)
    strength = np.abs(structure)
    peaks = strength == cv2.dilate(strength, np.ones((_APART, _APART), np.uint8))
    peaks[:half] = peaks[-half:] = False
    peaks[:, :half] = peaks[:, -half:] = False
    rows, columns = np.nonzero(peaks & (strength > 1.0))
    if not len(rows):
        return none
    order = np.argsort(-strength[rows, columns], kind="stable")[:ANCHORS]
    points = np.stack([columns[order], rows[order]], axis=1).astype(np.int32)
    cell = _PATCH // _CELLS
    patches = np.stack([structure[y - half : y + half, x - half : x + half] for x, y in points.tolist()])
    means = patches.reshape(-1, _CELLS, cell, _CELLS, cell).mean(axis=(2, 4))
    signatures = means > np.median(means, axis=(1, 2), keepdims=True)
    return points, signatures
