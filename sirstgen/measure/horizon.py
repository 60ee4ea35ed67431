"""Finding the horizon: the straight line across a frame that separates sky from water or ground.

A line is returned only where it crosses the whole frame, has a step of one sign nearly everywhere along it, and is
straight. Edges of clouds and roofs have steps as large but are ragged. Hill and tree lines are ragged too and are not
found.

Judged by eye on real frames: in 33 frames of the sea 18 lines are found, all where the water begins, and about 8 that a
person sees are missed; in 409 frames of clouds and sky 6 wrong lines are found (straight cloud banks). In fields and
cities a road, a wall or a furrow may be taken for the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.files.images import Gray

LEAST_COHERENCE = 0.9
"""Least share of columns that step the same way as the whole line."""

LEAST_STRAIGHTNESS = 0.8
"""Least share of columns whose own edge lies within 0.8 % of the frame's height of the fitted line."""

LEAST_STEP = 1.0
"""Least median step along the line, 8-bit gray levels per 1/192 of the height."""

LEAST_DOMINANCE = 0.5
"""Least step of the line over the largest step of any parallel line: a facade has many, a horizon few as strong."""

LEAST_CLEARNESS = 8.0
"""Least step of the line over the median change from column to column above it: skies are smooth, walls are not."""

_COARSE, _FINE = 64, 192  # sides of the copies that lines are searched on and fitted on
_STEEPEST = 0.24  # rise over the frame's width, as a share of its height; a camera rolled by 13 degrees
_MARGIN = 3  # coarse rows at top and bottom where a line would have nothing on its other side
_REACH = 6  # fine rows on either side of a candidate where each column looks for its own edge
_CANDIDATES = 6
_LEVEL_ERROR = 0.3  # gray levels; standard deviation of rounding to whole levels

_ACROSS = (np.arange(_COARSE) + 0.5) / _COARSE - 0.5
_SLOPES = np.linspace(-_STEEPEST, _STEEPEST, 25)
_SHEARED = np.clip(
    np.arange(_COARSE)[None, :, None] + np.rint(_SLOPES[:, None, None] * _ACROSS * _COARSE), 0, _COARSE - 1
)
_GATHER = (_SHEARED * _COARSE + np.arange(_COARSE)).astype(np.intp)  # (slope, row, column) into a flat coarse copy
_COLUMNS = np.arange(_FINE)


@dataclass(frozen=True, slots=True)
class Horizon:
    """A straight line across a frame, by its rows (pixels, y down) at the first and the last column.

    Attributes:
        row_left: row at x = 0.
        row_right: row at x = width - 1.
        width: the frame's width, pixels.
        straightness: share of columns whose edge lies on the line, 0 to 1.
    """

    row_left: float
    row_right: float
    width: int
    straightness: float

    @overload
    def signed_distance(self, x: float, y: float) -> float: ...
    @overload
    def signed_distance(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]: ...
    def signed_distance(
        self, x: float | NDArray[np.floating], y: float | NDArray[np.floating]
    ) -> float | NDArray[np.floating]:
        """Return the distance of the points (x, y) from the line in pixels: positive below it, on water or ground."""
        slope = (self.row_right - self.row_left) / max(self.width - 1, 1)
        distance: float | NDArray[np.floating] = (y - self.row_left - slope * x) / float(np.hypot(1.0, slope))
        return distance


def find_horizon(image: Gray) -> Horizon | None:
    """Return the horizon of a frame, or None where no line is sure enough.

    Lines up to 13 degrees of tilt are ranked on a 64 x 64 copy by step, coherence and explained variance of the two
    regions; the best few are fitted to each column's own edge on a 192 x 192 copy, and the straightest, strongest one
    that meets the `LEAST_...` limits wins.

    Args:
        image: (H, W), uint8 or uint16.
    """
    height, width = image.shape
    if min(height, width) < _COARSE:
        return None
    fine = cv2.resize(image, (_FINE, _FINE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if image.dtype == np.uint16:
        fine *= np.float32(1 / 257)
    coarse: NDArray[np.float32] = cv2.resize(fine, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA).astype(
        np.float32, copy=False
    )
    smooth = cv2.GaussianBlur(fine, (0, 0), 1.0)
    slope_down = np.zeros_like(smooth)
    slope_down[1:-1] = (smooth[2:] - smooth[:-2]) / 2
    best: tuple[float, float, float, float] | None = None
    for slope, row, sign in _candidates(coarse):
        start = (row - slope * _COARSE / 2) / _COARSE * _FINE - 0.5
        left, right, straightness, step = _fit(slope_down * sign, start, slope)
        inside = _MARGIN / _COARSE < (left + right) / (2 * _FINE) < 1 - _MARGIN / _COARSE
        if straightness >= LEAST_STRAIGHTNESS and step >= LEAST_STEP and inside:
            merit = straightness**4 * step
            if best is None or merit > best[0]:
                best = merit, left, right, straightness
    if best is None:
        return None
    scale = height / _FINE
    rows = [(row + 0.5) * scale - 0.5 for row in best[1:3]]
    return Horizon(rows[0], rows[1], width, best[3])


def _candidates(coarse: NDArray[np.float32]) -> list[tuple[float, float, float]]:
    """Return the best lines of a coarse copy: (rise over the width, row in the middle, sign of the step downwards)."""
    step = np.zeros_like(coarse)
    step[2:-1] = (coarse[2:-1] + coarse[3:] - coarse[:-3] - coarse[1:-2]) / 2
    steps = step.ravel()[_GATHER]
    mean = steps.mean(axis=2)
    same = (steps * np.sign(mean)[:, :, None] > 0.15 * np.abs(mean)[:, :, None]).mean(axis=2)
    rows = coarse.ravel()[_GATHER].mean(axis=2)
    above = np.arange(1, _COARSE)
    total = np.cumsum(rows, axis=1)
    difference = np.zeros_like(rows)
    difference[:, 1:] = total[:, :-1] / above - (total[:, -1:] - total[:, :-1]) / (_COARSE - above)
    share = np.zeros(_COARSE)
    share[1:] = above * (_COARSE - above) / _COARSE**2
    explained = share * difference**2 / (float(coarse.var()) + 1e-6)
    score = np.abs(mean) * same**2 * np.sqrt(np.clip(explained, 0.02, 1.0))
    score[same < LEAST_COHERENCE] = 0.0
    score[:, :_MARGIN] = score[:, -_MARGIN:] = 0.0
    found: list[tuple[float, float, float]] = []
    best_of_row = score.max(axis=0)
    for _ in range(_CANDIDATES):
        row = int(best_of_row.argmax())
        if best_of_row[row] <= 0.0:
            break
        slope = int(score[:, row].argmax())
        step_there = abs(float(mean[slope, row]))
        others = np.abs(mean[slope])
        others[max(row - 4, 0) : row + 5] = 0.0
        across = np.abs(np.diff(coarse[: max(row - 1, 2)], axis=1))
        dominant = step_there >= LEAST_DOMINANCE * float(others.max())
        if dominant and step_there >= LEAST_CLEARNESS * (float(np.median(across)) + _LEVEL_ERROR):
            found.append((float(_SLOPES[slope]), float(row), float(np.sign(mean[slope, row]))))
        best_of_row[max(row - 3, 0) : row + 4] = 0.0
    return found


def _fit(slope_down: NDArray[np.float32], start: float, slope: float) -> tuple[float, float, float, float]:
    """Fit a line to each column's sharpest edge near a candidate: rows left and right, straightness, median step."""
    line = np.rint(start + slope * _COLUMNS).astype(np.intp)
    rows = line + np.arange(-_REACH, _REACH + 1)[:, None]
    edges = cv2.blur(slope_down[np.clip(rows, 0, _FINE - 1), _COLUMNS], (5, 1))
    sharpest = edges.argmax(axis=0)
    edge = rows[sharpest, _COLUMNS].astype(np.float64)
    kept = np.ones(_FINE, dtype=bool)
    for _ in range(3):
        x, y = _COLUMNS[kept], edge[kept]
        x_mean, y_mean = x.mean(), y.mean()
        tilt = float(((x - x_mean) * (y - y_mean)).sum() / max(((x - x_mean) ** 2).sum(), 1.0))
        left = float(y_mean - tilt * x_mean)
        off = np.abs(edge - left - tilt * _COLUMNS)
        kept = off <= max(2.5 * float(np.median(off[kept])), 1.0)
    step = float(np.median(edges[sharpest, _COLUMNS]))
    return left, left + tilt * (_FINE - 1), float((off <= 1.5).mean()), step
