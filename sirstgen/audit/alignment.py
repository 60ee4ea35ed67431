"""Whether masks are where the image shows targets, or some pixels beside.

Each target's mask is moved over the image's local contrast. Where all masks of a set fit better at one and the same
distance, they are shifted. A single mask is called shifted only where nothing stands out under it, and something as
large as each of its targets stands out from all around at one distance: an edge beside a dim target is no shift.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.files.images import Gray
from sirstgen.measure.components import find_components

REACH = 16
"""Pixels; the largest shift that is looked for."""

_BACKGROUND = 31  # pixels; side of the median that is the local background
_LARGEST = 400  # pixels; larger components say little about their position
_OUT, _NOTHING = 3.0, 1.0  # deviations of its surroundings by which something stands out, or nothing does
_OUT_TOGETHER = 1.5  # the same where several targets ask for one shift
_SURROUNDINGS, _GAP = 4, 1  # pixels around a target: how wide, and how many next to it are left out
_LEAST_FRAMES = 3

Map = NDArray[np.float32]
"""(2 REACH + 1, 2 REACH + 1); fit of a mask moved by dy, dx, as a share of the best; the middle is no shift."""


def shift_maps(image: Gray, mask: NDArray[np.bool_]) -> list[Map]:
    """Return the map of each target of `mask` that is small enough to be compared."""
    components = find_components(mask)
    if not len(components):
        return []
    levels = image.astype(np.float32)
    if image.dtype == np.uint16:
        low, high = np.percentile(levels, (0.1, 99.9))
        levels = np.clip((levels - float(low)) * (255 / max(float(high - low), 1)), 0, 255)
    ground = cv2.medianBlur(np.rint(levels).astype(np.uint8), _BACKGROUND).astype(np.float32)
    contrast = (levels - ground).astype(np.float32)
    padded = np.pad(contrast, REACH, mode="reflect") if min(image.shape) > REACH else np.pad(contrast, REACH)
    maps = []
    for number, area in enumerate(components.areas.tolist(), start=1):
        if area > _LARGEST:
            continue
        rows, columns = np.nonzero(components.labels == number)
        y, x = int(rows.min()), int(columns.min())
        own = np.zeros((int(rows.max()) - y + 1, int(columns.max()) - x + 1), np.float32)
        own[rows - y, columns - x] = 1 / area
        window = padded[y : y + own.shape[0] + 2 * REACH, x : x + own.shape[1] + 2 * REACH]
        fit = np.abs(cv2.matchTemplate(window, own, cv2.TM_CCORR))
        best = float(fit.max())
        if best > 0:
            maps.append((fit / best).astype(np.float32))
    return maps


def frame_shift(image: Gray, mask: NDArray[np.bool_], maps: Sequence[Map]) -> tuple[int, int] | None:
    """Return (dx, dy) by which one image's mask must be moved to fit; None where it fits."""
    if not maps:
        return None
    joint = np.mean(maps, axis=0)
    dx, dy = _peak(joint)
    # A fit at the edge of the search is not a maximum. All targets must ask for one shift.
    if max(abs(dx), abs(dy)) < 2 or max(abs(dx), abs(dy)) >= REACH or float(joint.max()) < 0.9:
        return None
    labels = find_components(mask).labels
    here = [_standing_out(image, labels == number, 0, 0) for number in range(1, int(labels.max()) + 1)]
    there = [_standing_out(image, labels == number, dx, dy) for number in range(1, int(labels.max()) + 1)]
    enough = _OUT if len(there) == 1 else _OUT_TOGETHER
    return (dx, dy) if max(here) < _NOTHING and min(there) > enough else None


def _standing_out(image: Gray, own: NDArray[np.bool_], dx: int, dy: int) -> float:
    """Return by how many deviations of its close surroundings a target stands out at its place moved by (dx, dy).

    The surroundings are cut in four quarters, and the least counts: an edge stands out from one side only.
    """
    rows, columns = np.nonzero(own)
    rows, columns = rows + dy, columns + dx
    height, width = image.shape
    if rows.min() < 0 or columns.min() < 0 or rows.max() >= height or columns.max() >= width:
        return 0.0
    reach = _GAP + _SURROUNDINGS
    y0, y1 = max(int(rows.min()) - reach, 0), min(int(rows.max()) + reach + 1, height)
    x0, x1 = max(int(columns.min()) - reach, 0), min(int(columns.max()) + reach + 1, width)
    near = np.zeros((y1 - y0, x1 - x0), np.uint8)
    near[rows - y0, columns - x0] = 1
    ring = cv2.dilate(near, np.ones((2 * _GAP + 1, 2 * _GAP + 1), np.uint8)) == 0
    window = image[y0:y1, x0:x1].astype(np.float64)
    level = float(image[rows, columns].mean())
    middle = int(rows.mean()) - y0, int(columns.mean()) - x0
    quarters = []
    for vertical in (slice(0, middle[0]), slice(middle[0], None)):
        for horizontal in (slice(0, middle[1]), slice(middle[1], None)):
            values = window[vertical, horizontal][ring[vertical, horizontal]]
            if values.size >= 4:
                quarters.append((level - float(values.mean())) / max(float(values.std()), 1.0))
    if not quarters or min(quarters) * max(quarters) < 0:
        return 0.0
    return float(min(abs(value) for value in quarters))


def set_shift(maps: Sequence[Map]) -> tuple[int, int, float] | None:
    """Return (dx, dy, gain) by which all masks of a set must be moved; None where they fit.

    Args:
        maps: the mean map of each image.

    Returns:
        The shift in pixels, and how much better the masks fit there, as a factor.
    """
    if len(maps) < _LEAST_FRAMES:
        return None
    joint = np.mean(maps, axis=0)
    dx, dy = _peak(joint)
    if (dx, dy) == (0, 0):
        return None
    here, there = joint[REACH, REACH], joint[REACH + dy, REACH + dx]
    better = float(np.mean([fit[REACH + dy, REACH + dx] > fit[REACH, REACH] for fit in maps]))
    return (dx, dy, float(there / max(here, 1e-6))) if there > 1.15 * here and better > 0.7 else None


def _peak(joint: NDArray[np.floating]) -> tuple[int, int]:
    dy, dx = np.unravel_index(int(np.argmax(joint)), joint.shape)
    return int(dx) - REACH, int(dy) - REACH
