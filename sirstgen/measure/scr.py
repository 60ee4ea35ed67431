"""The signal-to-clutter ratio of Eq. 10, measured in whole gray levels.

    SCR = |mu_t - mu_b| / sigma_b

``mu_t`` is the mean over the target's mask; ``mu_b`` and ``sigma_b`` are the mean and the population standard deviation
over the clutter region: the target's bounding box grown by a margin (or the whole image), without the masks of all
targets grown by the support margin. All three are taken from whole gray levels, so anyone can recompute them from the
two files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.plan import ClutterRegion

Box = tuple[int, int, int, int]
"""(x, y, width, height); right and bottom exclusive as x + width, y + height."""

_NEAR = 12  # pixels; support margins up to this need no second pass over the region


class Clutter(NamedTuple):
    """Statistics of a clutter region: mean and population standard deviation (gray levels) and number of pixels."""

    mu_b: float
    sigma_b: float
    pixels: int


def excluded(masks: NDArray[np.uint8], support_margin: int) -> NDArray[np.bool_]:
    """Pixels that belong to no clutter region: every mask grown by `support_margin` px, a square dilation.

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
    """Mean and deviation of the clutter around one target, Eq. 10.

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
    values = image[~excluded].astype(np.float64)
    return _statistics(values.size, float(values.sum()), float(values @ values))


def clutter_by_margin(
    image: NDArray[np.uint8 | np.uint16], masks: NDArray[np.uint8], bbox: Box, region: ClutterRegion
) -> Callable[[int], Clutter]:
    """`measure_clutter` as a function of the support margin, from one pass over the region.

    Growing masks by m px in a square takes away the pixels within chessboard distance m of them, so the sums over the
    pixels at each distance give the statistics for every margin.

    Args:
        image: (H, W) whole gray levels.
        masks: (H, W) uint8, non-zero on the masks of all targets.
        bbox: the target's bounding box.
        region: local or global.
    """
    height, width = image.shape
    rows, columns = slice(0, height), slice(0, width)
    if region.kind == "local":
        x, y, w, h = bbox
        rows = slice(max(y - region.margin, 0), min(y + h + region.margin, height))
        columns = slice(max(x - region.margin, 0), min(x + w + region.margin, width))
    # Masks just outside the region reach into it when they grow.
    halo_rows = slice(max(rows.start - _NEAR, 0), min(rows.stop + _NEAR, height))
    halo_columns = slice(max(columns.start - _NEAR, 0), min(columns.stop + _NEAR, width))
    outside = (masks[halo_rows, halo_columns] == 0).view(np.uint8)
    distance = cv2.distanceTransform(outside, cv2.DIST_C, 3)
    inner = (
        slice(rows.start - halo_rows.start, rows.stop - halo_rows.start),
        slice(columns.start - halo_columns.start, columns.stop - halo_columns.start),
    )
    rings = np.minimum(distance[inner], _NEAR + 1).astype(np.intp).ravel()
    values = image[rows, columns].astype(np.float64).ravel()
    # [d]: sum over the pixels at distance d and more.
    counts, totals, squares = (
        np.bincount(rings, weights=weights, minlength=_NEAR + 2)[::-1].cumsum()[::-1].tolist()
        for weights in (None, values, values * values)
    )

    def beyond(margin: int) -> Clutter:
        if margin > _NEAR:
            return measure_clutter(image, excluded(masks, margin), bbox, region)
        return _statistics(counts[margin + 1], totals[margin + 1], squares[margin + 1])

    return beyond


def _statistics(count: int, total: float, squares: float) -> Clutter:
    """From sums of whole numbers, which are exact in any order below 2**53 (two million white pixels of 16 bit)."""
    if count == 0:
        return Clutter(math.nan, 0.0, 0)
    # In whole numbers of any size: 16-bit squares would lose digits where the clutter is nearly flat.
    spread = count * int(squares) - int(total) ** 2
    return Clutter(total / count, math.sqrt(max(spread, 0) / count**2), count)


def signal_to_clutter(mu_t: float, clutter: Clutter) -> float:
    """Eq. 10; infinite where the clutter is flat."""
    return abs(mu_t - clutter.mu_b) / clutter.sigma_b if clutter.sigma_b > 0 else math.inf
