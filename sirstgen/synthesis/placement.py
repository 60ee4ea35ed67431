"""Where a target goes: inside the image, apart from the others, on its side of a horizon, in a bright or dim place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.images import Gray
from sirstgen.measure.horizon import Horizon, find_horizon
from sirstgen.plan import BackgroundCrop, RegionKind
from sirstgen.recipe.parts import Cluster, Position, Where
from sirstgen.seeding import Draws
from sirstgen.synthesis.rasterise import RasterisedTarget

NO_ROOM = "no room"
BLOCK = 8
_NEIGHBOURHOOD = 5  # blocks: 40 px, about the clutter region of a small target
_CANDIDATES = 24
_BESIDE = 24  # places tried beside another target
_LEEWAY = 3 / 255  # of white: how far the foretold mean must keep from the 90th percentile, since it errs
_TOP_SHARE = 90  # percentile that bounds the brightest 10 %, Fig. 6c

Allowed = Callable[[Where], NDArray[np.bool_] | None]
"""Returns the pixels on which a target that belongs there may lie, (H, W) bool; None where the horizon decides."""


class FrameAnalysis:
    """What placing targets needs to know of a background frame; made once a frame, asked for every crop of it.

    Args:
        frame: (h, w) uint8 or uint16.
    """

    def __init__(self, frame: Gray) -> None:
        self.frame = frame

    @cached_property
    def horizon(self) -> Horizon | None:
        """The horizon in frame coordinates, if one is visible."""
        return find_horizon(self.frame)

    @cached_property
    def clutter(self) -> tuple[list[list[float]], list[list[float]]]:
        """Local mean and standard deviation (gray levels) by row and column of `BLOCK` px blocks."""
        height, width = self.frame.shape
        grid = (max(width // BLOCK, 1), max(height // BLOCK, 1))
        # Every other pixel is plenty for a block's statistics; double precision holds their sums exactly.
        frame = self.frame[::2, ::2].astype(np.float64)
        side = (_NEIGHBOURHOOD, _NEIGHBOURHOOD)
        mean = cv2.blur(cv2.resize(frame, grid, interpolation=cv2.INTER_AREA), side)
        square = cv2.blur(cv2.resize(frame * frame, grid, interpolation=cv2.INTER_AREA), side)
        deviation = np.sqrt(np.maximum(square - mean * mean, 0))
        return np.round(mean, 4).tolist(), np.round(deviation, 4).tolist()


class OccupiedRegion(NamedTuple):
    """The window of a target that is in its place: right and bottom exclusive, image pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, raster: RasterisedTarget, column: int, row: int) -> OccupiedRegion:
        """Return the window of a target whose position lies in this pixel."""
        height, width = raster.values.shape
        left, top = column + raster.left, row + raster.top
        return cls(left, top, left + width, top + height)


class Place(NamedTuple):
    """A place for a target: the pixel of its position, and the deviation of the clutter there, gray levels."""

    column: int
    row: int
    sigma_b: float


class PlacementContext:
    """One crop of an analysed background, in which targets are placed.

    Args:
        analysis: of the whole frame.
        crop: the part shown.
        layer: (H, W) the crop at the image's size.
        border: pixels kept free at the image's edge.
        min_contrast: gray levels that a target's peak needs to be seen.
        region: where the SCR takes its clutter.
        preferred: where in the image targets stand; anywhere if None.
        may_saturate: only a target's mean must keep below white, not its peak.
        allowed: the pixels on which targets may lie; the horizon decides if None.
    """

    def __init__(
        self,
        analysis: FrameAnalysis,
        crop: BackgroundCrop,
        layer: Gray,
        border: int,
        min_contrast: float,
        region: RegionKind = "local",
        preferred: Position | None = None,
        may_saturate: bool = False,
        allowed: Allowed | None = None,
    ) -> None:
        self._analysis, self._crop, self._layer = analysis, crop, layer
        self._border, self._min_contrast = border, min_contrast
        self._preferred, self._may_saturate, self._allowed = preferred, may_saturate, allowed
        self._global = (float(layer.mean()), float(layer.std())) if region == "global" else None
        self._white = 255 if layer.dtype == np.uint8 else 65535
        self._bright: float | None = None

    def place(
        self,
        rng: Draws,
        raster: RasterisedTarget,
        where: Where,
        taken: Sequence[OccupiedRegion],
        signal: Callable[[float], float],
        outside_top10: bool | None,
        beside: Sequence[tuple[float, float]] = (),
    ) -> Place | str:
        """Return a place for a target, or the reason why there is none (a key of `REASONS`, or ``no room``).

        Args:
            rng: the target's placement numbers.
            raster: the target.
            where: the side of the horizon that it belongs on; without a visible horizon every place will do.
            taken: windows of the other targets.
            signal: the target's mean above the local clutter's in clutter of a deviation, gray levels.
            outside_top10: look for a place where that mean lies below the image's 90th percentile (Fig. 6c), or above.
            beside: (x, y) places beside another target; they go before all others, bright or dim.
        """
        height, width = self._layer.shape
        own_height, own_width = raster.values.shape
        low_x, low_y = self._border - raster.left, self._border - raster.top
        room_x = width - self._border - own_width - raster.left - low_x
        room_y = height - self._border - own_height - raster.top - low_y
        if room_x < 0 or room_y < 0:
            return NO_ROOM
        per_level = raster.area / raster.own_sum  # peak of the target's contribution per gray level of its mean
        allowed = self._allowed(where) if self._allowed is not None else None
        horizon = self._analysis.horizon if allowed is None and where != "any" else None
        best, best_score = None, -1
        room = saturated = False
        for number in range(len(beside) + _CANDIDATES):
            is_beside = number < len(beside)
            if is_beside:
                column, row = round(beside[number][0]), round(beside[number][1])
                if not (0 <= column - low_x <= room_x and 0 <= row - low_y <= room_y):
                    continue
            else:
                if best_score >= 6:
                    break
                column, row = self._anywhere(rng, (low_x, low_y), (room_x, room_y))
            left, top = column + raster.left, row + raster.top
            right, bottom = left + own_width, top + own_height
            free = False
            for one in taken:
                if left <= one.right and one.left <= right and top <= one.bottom and one.top <= bottom:
                    break
            else:
                free = True
            if not free:
                continue
            if allowed is not None and not allowed[top:bottom, left:right].all():
                continue
            x, y = self._to_frame(column, row)
            if horizon is not None:
                reach = max(column - left, right - column, row - top, bottom - row) * self._crop.crop[2] / width
                distance = float(horizon.signed_distance(x, y))
                if not (distance < -reach if where == "sky" else distance > reach):
                    continue
            room = True
            mean, deviation = self._global or self._clutter_at(x, y)
            wanted = signal(deviation)
            here = self._layer.item(row, column)
            peak = (mean + wanted - here) * per_level
            if (peak if wanted > 0 else -peak) < self._min_contrast:
                continue
            shown = mean + wanted if self._may_saturate else here + peak
            if not 0 < shown < self._white:
                saturated = True
                continue
            fits = True
            if outside_top10 is not None:
                bright, leeway = self._brightest(), _LEEWAY * self._white
                fits = mean + wanted < bright - leeway if outside_top10 else mean + wanted > bright + leeway
            score = 4 * is_beside + 2 + fits
            if score > best_score:
                best, best_score = Place(column, row, deviation), score
                if score == 7 or (score == 3 and not is_beside):
                    break
        if best is None:
            return "saturated" if saturated else "invisible contrast" if room else NO_ROOM
        return best

    def _anywhere(self, rng: Draws, low: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
        """Return a pixel where the target fits in: where targets stand by preference, if there is room."""
        column, row = low[0] + int(rng.random() * (room[0] + 1)), low[1] + int(rng.random() * (room[1] + 1))
        if self._preferred is not None:
            height, width = self._layer.shape
            x = round(self._preferred.x.draw(rng) * (width - 1))
            y = round(self._preferred.y.draw(rng) * (height - 1))
            if 0 <= x - low[0] <= room[0] and 0 <= y - low[1] <= room[1]:
                return x, y
        return column, row

    def _brightest(self) -> float:
        """Return the gray level that bounds the brightest 10 % of the image."""
        if self._bright is None:
            sample = self._layer[::8, ::8].ravel()
            place = len(sample) * _TOP_SHARE // 100
            self._bright = float(np.partition(sample, place)[place])
        return self._bright

    def _to_frame(self, column: int, row: int) -> tuple[float, float]:
        """Return the place of an image pixel in the frame."""
        height, width = self._layer.shape
        x, y, crop_width, crop_height = self._crop.crop
        if self._crop.flip:
            column = width - 1 - column
        return (column + 0.5) * crop_width / width - 0.5 + x, (row + 0.5) * crop_height / height - 0.5 + y

    def _clutter_at(self, x: float, y: float) -> tuple[float, float]:
        """Return mean and deviation of the clutter around a place in the frame."""
        means, deviations = self._analysis.clutter
        row, column = min(max(int(y) // BLOCK, 0), len(means) - 1), min(max(int(x) // BLOCK, 0), len(means[0]) - 1)
        return means[row][column], deviations[row][column]


def places_beside(rng: Draws, rules: Cluster, others: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return places x and y around one of the others, for a target of a cluster.

    Args:
        rng: numbers of this target and trial.
        rules: distances in a cluster.
        others: (x, y) of the targets that are in their places; at least one.
    """
    x, y = others[rng.integers(len(others))]
    found = []
    for _ in range(_BESIDE):
        bearing, distance = 2 * math.pi * rng.random(), rules.distance.draw(rng)
        found.append((x + distance * math.cos(bearing), y + distance * math.sin(bearing)))
    return found
