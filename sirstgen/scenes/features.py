"""What a frame's tones and textures measure, whatever stands where in it.

A thousand labelled frames are few for a CNN that starts from random weights. These statistics (tones, gradients over
five octaves, local binary patterns) need no learning, so a small head on them learns scenes from far fewer frames.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.float32]

STATISTICS = 178
"""How many there are."""

_SIDE = 128  # pixels; the shorter side of the frame while it is measured
_LONGEST = 32 * _SIDE  # pixels; a frame of a few rows or columns is squeezed to this
_OCTAVES = 5
_ORIENTATIONS = 8
_BANDS = 6
_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def scene_statistics(gray: Gray) -> NDArray[np.float32]:
    """Return the statistics of one frame.

    Args:
        gray: (H, W), float32, 0 to 1 (`sirstgen.scenes.preparation.relative_gray`).

    Returns:
        (STATISTICS,), float32.
    """
    scale = _SIDE / min(gray.shape)
    height, width = (int(np.clip(round(side * scale), _SIDE, _LONGEST)) for side in gray.shape)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    level: Gray = np.asarray(cv2.resize(gray, (width, height), interpolation=way), dtype=np.float32) * np.float32(255)
    parts = [_tones(level), _layout(level), _binary_patterns(level, 1), _binary_patterns(level, 3)]
    for _ in range(_OCTAVES):
        parts.append(_gradients(level))
        level = np.asarray(cv2.pyrDown(level), dtype=np.float32)
    return np.concatenate(parts, dtype=np.float32)


def _tones(gray: Gray) -> NDArray[np.float64]:
    """Return mean, spread, shares of bright and dark pixels, percentiles."""
    shares = [np.mean(gray >= 230), np.mean(gray >= 200), np.mean(gray < 20)]
    return np.array([gray.mean() / 255, gray.std() / 255, *shares, *np.percentile(gray, [1, 10, 50, 90, 99]) / 255])


def _layout(gray: Gray) -> NDArray[np.float64]:
    """Return mean and spread of eight bands from top to bottom, and the sharpest steps: a horizon, a wall."""
    bands = np.array_split(gray, 8)
    steps = [np.abs(np.diff(gray.mean(axis=axis))).max() for axis in (1, 0)]
    return np.array([*(band.mean() / 255 for band in bands), *(band.std() / 255 for band in bands), *steps])


def _gradients(level: Gray) -> NDArray[np.float64]:
    """Return strength, sparsity, alignment, directions and height in the frame of the edges of one octave."""
    across, down = cv2.Scharr(level, cv2.CV_32F, 1, 0) / 32, cv2.Scharr(level, cv2.CV_32F, 0, 1) / 32
    energy = across**2 + down**2
    strength = np.sqrt(energy)
    angle = np.arctan2(down, across) % np.pi
    histogram = np.bincount(
        np.minimum((angle * (_ORIENTATIONS / np.pi)).astype(int), _ORIENTATIONS - 1).ravel(),
        weights=strength.ravel(),
        minlength=_ORIENTATIONS,
    )
    # Sixteen narrow bins about the axes and diagonals: walls and horizons stand exactly there, trees and clouds do not.
    narrow = np.bincount(np.rint(angle * (16 / np.pi)).astype(int).ravel() % 16, weights=energy.ravel(), minlength=16)
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), 2) for product in (across * across, down * down, across * down))
    coherence = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / (xx + yy + 1e-3)
    detail = level - cv2.GaussianBlur(level, (0, 0), 1)
    spread = detail.std()
    relative = detail / (spread + 0.1)
    return np.array(
        [
            np.log(strength.mean() + 0.1),
            np.log(strength.std() + 0.1),
            np.mean(energy**2) / (energy.mean() ** 2 + 1e-3),
            coherence.mean(),
            np.sum(coherence * strength) / (strength.sum() + 1e-3),
            *histogram / (histogram.sum() + 1e-6),
            *narrow[[0, 8, 4, 12]] / (narrow.sum() + 1e-6),
            *(np.log(band.mean() + 0.1) for band in np.array_split(strength, _BANDS)),
            np.log(spread + 0.05),
            np.mean(relative**3),
            np.mean(relative**4),
        ]
    )


def _binary_patterns(gray: Gray, radius: int) -> NDArray[np.float64]:
    """Return shares of rotation-invariant uniform patterns of eight neighbours (Ojala et al., PAMI 2002), ten bins."""
    smooth = np.asarray(cv2.GaussianBlur(gray, (0, 0), radius / 2), dtype=np.float32)
    height, width = smooth.shape
    middle = smooth[radius:-radius, radius:-radius] + np.float32(0.5)  # gray levels; above what quantisation leaves
    ring = np.stack(
        [
            smooth[radius * (1 + y) : height + radius * (y - 1), radius * (1 + x) : width + radius * (x - 1)] > middle
            for y, x in _NEIGHBOURS
        ]
    )
    changes = np.count_nonzero(ring != np.roll(ring, 1, axis=0), axis=0)
    code = np.where(changes <= 2, np.count_nonzero(ring, axis=0), 9)
    return np.bincount(code.ravel(), minlength=10) / code.size
