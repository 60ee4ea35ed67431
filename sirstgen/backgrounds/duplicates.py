"""Near-duplicate backgrounds: the same view taken twice, enhanced, resized or mirrored.

Frames of one sequence on both sides of a train/test split make a detector look better than it is. So every frame gets
a thumbnail that keeps its structure and drops brightness, contrast and noise, and frames whose thumbnails correlate
join one group. A shifted or cropped view is not found this way, and featureless skies are not compared at all: any two
of them look alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.files.images import Gray

SIDE = 32
"""Side of a thumbnail, pixels."""

CORRELATION = 0.9
"""Thumbnails that correlate above this are near-duplicates. Measured against groups assigned by eye and by
cross-correlation on 1,132 real frames: of 83 pairs above 0.9, 82 were of one group; of 136 above 0.8, 113."""

WINDOW = 20_000
"""Frames are compared with so many that follow in order: all pairs of folders up to this size, and beyond it only
frames that lie near each other by name, as those of a sequence do."""

_FINE, _COARSE = 0.7, 5.0  # band-pass, thumbnail pixels: keeps structure of 1/20 to 1/3 of the frame
_LEAST_CONTRAST = 1.5  # standard deviation of the band, 8-bit gray levels; skies without clouds lie below
_BLOCK = 1024


def thumbnail(image: Gray) -> NDArray[np.int8] | None:
    """Return a band-passed, normalised 32 x 32 thumbnail, (1024,) int8; None where `image` has no texture to compare.

    Args:
        image: (H, W), uint8 or uint16, on its set's gray scale.
    """
    levels = 255.0 / np.iinfo(image.dtype).max
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) * levels
    band = cv2.GaussianBlur(small, (0, 0), _FINE) - cv2.GaussianBlur(small, (0, 0), _COARSE)
    band -= band.mean()
    if float(band.std()) < _LEAST_CONTRAST:
        return None
    code: NDArray[np.int8] = np.rint(band * (127.0 / np.abs(band).max())).astype(np.int8).ravel()
    return code


def group_duplicates(
    thumbnails: Sequence[NDArray[np.int8] | None],
    linked: Sequence[tuple[int, int]] = (),
    window: int = WINDOW,
) -> list[int]:
    """Group near-duplicates, also mirrored left to right.

    Args:
        thumbnails: one a frame, of `thumbnail`; None is alike to nothing.
        linked: pairs of frames known to belong together.
        window: a frame is compared with so many of the frames that follow it.

    Returns:
        For each frame the number of the first frame of its group.
    """
    parents = list(range(len(thumbnails)))
    for first, second in linked:
        _join(parents, first, second)
    textured = [number for number, code in enumerate(thumbnails) if code is not None]
    codes = [code for code in thumbnails if code is not None]
    for start in range(0, len(codes), _BLOCK):
        rows = _normalised(codes[start : start + _BLOCK])
        mirrored = rows.reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(rows.shape)
        for other in range(start, min(start + window, len(codes)), _BLOCK):
            columns = rows if other == start else _normalised(codes[other : other + _BLOCK])
            likeness = np.maximum(rows @ columns.T, mirrored @ columns.T)
            for row, column in np.argwhere(likeness > CORRELATION):
                _join(parents, textured[start + row], textured[other + column])
    return [_root(parents, number) for number in range(len(parents))]


def _normalised(codes: Sequence[NDArray[np.int8]]) -> NDArray[np.float32]:
    rows = np.stack(codes).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    scaled: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number


def _join(parents: list[int], first: int, second: int) -> None:
    low, high = sorted((_root(parents, first), _root(parents, second)))
    parents[high] = low
