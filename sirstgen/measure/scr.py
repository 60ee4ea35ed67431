"""The signal-to-clutter ratio of Eq. 10, measured in whole gray levels.

    SCR = |mu_t - mu_b| / sigma_b

``mu_t`` is the mean over the target's mask; ``mu_b`` and ``sigma_b`` are the mean and the population standard deviation
over the clutter region: the target's bounding box grown by a margin (or the whole image), without the masks of all
targets grown by the support margin. All three are taken from whole gray levels, so anyone can recompute them from the
two files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.plan import ClutterRegion

Box = tuple[int, int, int, int]
"""(x, y, width, height); right and bottom exclusive as x + width, y + height."""

_EXACT = 1 << 20  # pixels whose squared 8-bit levels sum to a number that a double holds with digits to spare


class Clutter(NamedTuple):
    """Statistics of a clutter region: mean and population standard deviation (gray levels) and number of pixels."""

    mu_b: float
    sigma_b: float
    pixels: int


def excluded(masks: NDArray[np.uint8], support_margin: int) -> NDArray[np.bool_]:
    """Return the pixels that belong to no clutter region: every mask grown by `support_margin` px, a square dilation.

    Args:
        masks: (H, W) uint8, non-zero on the masks of all targets.
        support_margin: pixels, 0 or more.
    """
    if support_margin == 0:
        return masks.astype(bool)
    side = 2 * support_margin + 1
    return cv2.dilate(masks, np.ones((side, side), np.uint8)).astype(bool)


def measure_clutter(
    image: NDArray[np.uint8 | np.uint16], excluded: NDArray[np.bool_], bbox: Box, region: ClutterRegion
) -> Clutter:
    """Return the mean and deviation of the clutter around one target, Eq. 10.

    Args:
        image: (H, W) whole gray levels.
        excluded: (H, W) bool, from `excluded`.
        bbox: the target's bounding box.
        region: local or global.

    Returns:
        Exact figures (sums of whole numbers); NaN mean and 0 pixels where nothing is left of the region.
    """
    if region.kind == "local":
        height, width = image.shape
        x, y, w, h = bbox
        rows = slice(max(y - region.margin, 0), min(y + h + region.margin, height))
        columns = slice(max(x - region.margin, 0), min(x + w + region.margin, width))
        image, excluded = image[rows, columns], excluded[rows, columns]
    kept = (~excluded).view(np.uint8)
    return _statistics(cv2.countNonZero(kept), *_sums(cv2.copyTo(image, kept)))  # type: ignore[arg-type]


class Region(NamedTuple):
    """The clutter region of one target before any mask is taken out, with sums over it.

    Args:
        left, top, right, bottom: right and bottom exclusive, pixels.
        total: sum of the gray levels.
        squares: sum of their squares.
    """

    left: int
    top: int
    right: int
    bottom: int
    total: int
    squares: int


def clutter_region(image: NDArray[np.uint8 | np.uint16], bbox: Box, region: ClutterRegion) -> Region:
    """Return the clutter region of a target and the sums over it.

    Args:
        image: (H, W) whole gray levels.
        bbox: the target's bounding box.
        region: local or global.
    """
    height, width = image.shape
    left, top, right, bottom = 0, 0, width, height
    if region.kind == "local":
        x, y, w, h = bbox
        margin = region.margin
        left, top = max(x - margin, 0), max(y - margin, 0)
        right, bottom = min(x + w + margin, width), min(y + h + margin, height)
    return Region(left, top, right, bottom, *_sums(image[top:bottom, left:right]))


def clutter_without(
    image: NDArray[np.uint8 | np.uint16], masks: NDArray[np.uint8], boxes: Iterable[Box], region: Region, margin: int
) -> Clutter:
    """Return the statistics of a region without the masks grown by `margin` pixels; equal to `measure_clutter`.

    Args:
        image: (H, W) whole gray levels.
        masks: (H, W) uint8, 255 on the masks of all targets.
        boxes: bounding boxes of the masks.
        region: from `clutter_region`.
        margin: the support margin, pixels.
    """
    left, top, right, bottom, total, squares = region
    # The window that holds all grown masks inside the region.
    x0, y0, x1, y1 = right, bottom, left, top
    for x, y, w, h in boxes:
        if x - margin < right and y - margin < bottom and x + w + margin > left and y + h + margin > top:
            x0 = x - margin if x - margin < x0 else x0
            y0 = y - margin if y - margin < y0 else y0
            x1 = x + w + margin if x + w + margin > x1 else x1
            y1 = y + h + margin if y + h + margin > y1 else y1
    x0, y0 = x0 if x0 > left else left, y0 if y0 > top else top
    x1, y1 = x1 if x1 < right else right, y1 if y1 < bottom else bottom
    count = (right - left) * (bottom - top)
    if x0 < x1 and y0 < y1:
        before, above = min(margin, x0), min(margin, y0)
        near = masks[y0 - above : y1 + margin, x0 - before : x1 + margin]
        if margin:
            near = cv2.dilate(near, _square(margin))  # type: ignore[assignment]
        out = near[above : above + y1 - y0, before : before + x1 - x0]
        window = image[y0:y1, x0:x1]
        lost, lost_squares = _sums(cv2.copyTo(window, out))  # type: ignore[arg-type]
        count -= cv2.countNonZero(out)
        total, squares = total - lost, squares - lost_squares
    return _statistics(count, total, squares)


def whole_clutter(region: Region) -> Clutter:
    """Return the statistics of a region with all its pixels."""
    pixels = (region.right - region.left) * (region.bottom - region.top)
    return _statistics(pixels, region.total, region.squares)


@cache
def _square(margin: int) -> NDArray[np.uint8]:
    return np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)


def _sums(values: NDArray[np.uint8 | np.uint16]) -> tuple[int, int]:
    """Return the exact sums of whole gray levels and of their squares."""
    if values.dtype == np.uint8 and values.size <= _EXACT:  # OpenCV is faster on the few pixels of a region
        return int(cv2.sumElems(values)[0]), round(cv2.norm(values, cv2.NORM_L2SQR))
    wide = values.astype(np.uint64)
    return int(wide.sum()), int((wide * wide).sum())


def _statistics(count: int, total: int, squares: int) -> Clutter:
    """Return the statistics of a region from exact sums, which keep all digits where the clutter is nearly flat."""
    if count == 0:
        return Clutter(math.nan, 0.0, 0)
    spread = count * squares - total * total
    return Clutter(total / count, math.sqrt(max(spread, 0) / count**2), count)


def signal_to_clutter(mu_t: float, clutter: Clutter) -> float:
    """Return the SCR, Eq. 10; infinite where the clutter is flat."""
    return abs(mu_t - clutter.mu_b) / clutter.sigma_b if clutter.sigma_b > 0 else math.inf
