"""Where a target goes: inside the image, apart from the others, on its place of the map, in a bright or dim place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.files.images import Gray
from sirstgen.places.classes import UNKNOWN, PlaceMap
from sirstgen.plan import BackgroundCrop, RegionKind
from sirstgen.recipe.parts import Cluster, Position
from sirstgen.seeding import Draws
from sirstgen.synthesis.areas import NO_PLACE, Area
from sirstgen.synthesis.canvas import Request
from sirstgen.synthesis.rasterise import RasterisedTarget

NO_ROOM = "no room"
BLOCK = 8
_NEIGHBOURHOOD = 5  # blocks: 40 px, about the clutter region of a small target
_CANDIDATES = 24
_FURTHER = 12  # candidates after the first that can take the target, for one that is as bright or dim as wanted
_MARGIN = 1.1  # of the foretold peak, which errs: what would come close to white is not tried
_BESIDE = 24  # places tried beside another target
_LEEWAY = 3 / 255  # of white: how far the foretold mean must keep from the 90th percentile, since it errs
_TOP_SHARE = 90  # percentile that bounds the brightest 10 %, Fig. 6c


class FrameAnalysis:
    """What placing targets needs to know of a background frame; made once a frame, asked for every crop of it.

    Args:
        frame: (h, w) uint8 or uint16.
        places: gives its place map when it is first needed; without it every place is unknown.
    """

    def __init__(self, frame: Gray, places: Callable[[], PlaceMap] | None = None) -> None:
        self.frame = frame
        self._source = places
        self._depths: dict[tuple[int, ...], NDArray[np.float32] | None] = {}

    @cached_property
    def places(self) -> PlaceMap:
        """The place map, (h, w) uint8."""
        return np.full(self.frame.shape, UNKNOWN, dtype=np.uint8) if self._source is None else self._source()

    def depth(self, places: tuple[int, ...]) -> NDArray[np.float32] | None:
        """Distance of each pixel, along the axes, to the nearest pixel of another place; None where all are others."""
        if places not in self._depths:
            inside = np.isin(self.places, places).astype(np.uint8)
            self._depths[places] = np.asarray(cv2.distanceTransform(inside, cv2.DIST_C, 3)) if inside.any() else None
        return self._depths[places]

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
    ) -> None:
        self._analysis, self._crop, self._layer = analysis, crop, layer
        self._border, self._min_contrast = border, min_contrast
        self._preferred, self._may_saturate = preferred, may_saturate
        self._global = (float(layer.mean()), float(layer.std())) if region == "global" else None
        self._white = 255 if layer.dtype == np.uint8 else 65535
        self._bright: float | None = None
        self._in_frame = _to_frame(crop, layer.shape[1], layer.shape[0])

    def lacks(self, area: Area) -> str | None:
        """Return why the frame takes no target of an area; None where it may take one."""
        if not area.places or not area.strict or self._analysis.depth(area.places) is not None:
            return None
        return NO_PLACE.get(area.places, NO_ROOM)

    def place(
        self,
        rng: Draws,
        raster: RasterisedTarget,
        area: Area,
        taken: Sequence[OccupiedRegion],
        request: Request,
        outside_top10: bool | None,
        beside: Sequence[tuple[float, float]] = (),
    ) -> Place | str:
        """Return a place for a target, or the reason why there is none (a key of `REASONS`, or ``no room``).

        Args:
            rng: the target's placement numbers.
            raster: the target.
            area: the places where all of its window must lie.
            taken: windows of the other targets.
            request: what the target is asked to show.
            outside_top10: look for a place where that mean lies below the image's 90th percentile (Fig. 6c), or above.
            beside: (x, y) places beside another target; they go before all others, bright or dim.
        """
        layer = self._layer
        height, width = layer.shape
        own_height, own_width = raster.values.shape
        own_left, own_top = raster.left, raster.top
        low_x, low_y = self._border - own_left, self._border - own_top
        room_x = width - self._border - own_width - own_left - low_x
        room_y = height - self._border - own_height - own_top - low_y
        if room_x < 0 or room_y < 0:
            return NO_ROOM
        per_level = raster.area / raster.own_sum  # peak of the target's contribution per gray level of its mean
        (first_x, step_x), (first_y, step_y) = self._in_frame
        depth, inside = (self._analysis.depth(area.places) if area.places else None), None
        reach_x = max(-own_left, own_left + own_width) * abs(step_x)
        reach = max(reach_x, max(-own_top, own_top + own_height) * step_y) + 1
        if depth is not None:
            inside, from_x, from_y = self._pixels_inside(depth, reach, (low_x, low_y, low_x + room_x, low_y + room_y))
            if not inside[0].size:
                return NO_ROOM
        elif lacking := self.lacks(area):
            return lacking
        means, deviations = self._analysis.clutter
        # Blocks that a frame's width is no multiple of are a little wider than `BLOCK`.
        rows_of, columns_of = len(means) / self._analysis.frame.shape[0], len(means[0]) / self._analysis.frame.shape[1]
        first_column, step_column = (first_x + 0.5) * columns_of, step_x * columns_of
        first_row, step_row = (first_y + 0.5) * rows_of, step_y * rows_of
        bright, leeway = (0.0 if outside_top10 is None else self._brightest()), _LEEWAY * self._white
        random, ratio = rng.random, None if request.scr is None else request.scr * request.polarity
        least, white, may_saturate = self._min_contrast, self._white, self._may_saturate
        ahead = len(beside)
        best, best_score = None, -1
        room = saturated = False
        last = ahead + _CANDIDATES
        for number in range(last):
            is_beside = number < ahead
            if is_beside:
                column, row = round(beside[number][0]), round(beside[number][1])
                if not (0 <= column - low_x <= room_x and 0 <= row - low_y <= room_y):
                    continue
            else:
                if best_score >= 6 or number > last:
                    break
                if inside is not None:
                    chosen = int(random() * inside[0].size)
                    column = round((from_x + 2 * inside[1].item(chosen) - first_x) / step_x)
                    row = round((from_y + 2 * inside[0].item(chosen) - first_y) / step_y)
                    column = min(max(column, low_x), low_x + room_x)
                    row = min(max(row, low_y), low_y + room_y)
                else:
                    column, row = low_x + int(random() * (room_x + 1)), low_y + int(random() * (room_y + 1))
                if self._preferred is not None:
                    x, y = self._by_preference(rng)
                    if 0 <= x - low_x <= room_x and 0 <= y - low_y <= room_y:
                        column, row = x, y
            left, top = column + own_left, row + own_top
            right, bottom = left + own_width, top + own_height
            for one in taken:
                if left <= one[2] and one[0] <= right and top <= one[3] and one[1] <= bottom:
                    break
            else:
                if depth is not None and depth.item(*self._pixel_of_frame(column, row)) < reach:
                    continue
                room = True
                if self._global is None:
                    down, across = int(first_row + step_row * row), int(first_column + step_column * column)
                    mean, deviation = means[down][across], deviations[down][across]
                else:
                    mean, deviation = self._global
                wanted = deviation * ratio if ratio is not None else request.signal(deviation)
                here = layer.item(row, column)
                peak = (mean + wanted - here) * per_level
                if (peak if wanted > 0 else -peak) < least:
                    continue
                shown = mean + wanted if may_saturate else here + peak * _MARGIN
                if not 0 < shown < white:
                    saturated = True
                    continue
                fits = True
                if outside_top10 is not None:
                    fits = mean + wanted < bright - leeway if outside_top10 else mean + wanted > bright + leeway
                score = 4 * is_beside + 2 + fits
                if best is None:
                    last = max(number, ahead) + _FURTHER
                if score > best_score:
                    best, best_score = Place(column, row, deviation), score
                    if score == 7 or (score == 3 and not is_beside):
                        break
        if best is None:
            return "saturated" if saturated else "invisible contrast" if room else NO_ROOM
        return best

    def _pixels_inside(
        self, depth: NDArray[np.float32], reach: float, bounds: tuple[int, int, int, int]
    ) -> tuple[tuple[NDArray[np.intp], ...], int, int]:
        """Return every second pixel of the frame that is so far inside an area and that the bounds show.

        Args:
            depth: of the frame (`FrameAnalysis.depth`).
            reach: frame pixels.
            bounds: first and last column and row of the image that come into question: left, top, right, bottom.

        Returns:
            Rows and columns in steps of two, from the column and the row that follow.
        """
        (first_x, step_x), (first_y, step_y) = self._in_frame
        across = sorted((first_x + step_x * bounds[0], first_x + step_x * bounds[2]))
        left, right = math.ceil(across[0] - 0.5), math.floor(across[1] + 0.5)
        top, bottom = math.ceil(first_y + step_y * bounds[1] - 0.5), math.floor(first_y + step_y * bounds[3] + 0.5)
        left, top = max(left, 0), max(top, 0)
        return (depth[top : bottom + 1 : 2, left : right + 1 : 2] >= reach).nonzero(), left, top

    def _pixel_of_frame(self, column: int, row: int) -> tuple[int, int]:
        """Return (row, column) of the frame's pixel that shows at a pixel of the image."""
        (first_x, step_x), (first_y, step_y) = self._in_frame
        height, width = self._analysis.frame.shape
        return (
            min(max(round(first_y + step_y * row), 0), height - 1),
            min(max(round(first_x + step_x * column), 0), width - 1),
        )

    def _by_preference(self, rng: Draws) -> tuple[int, int]:
        """Return a pixel drawn from where targets stand by the recipe."""
        assert self._preferred is not None
        height, width = self._layer.shape
        return round(self._preferred.x.draw(rng) * (width - 1)), round(self._preferred.y.draw(rng) * (height - 1))

    def _brightest(self) -> float:
        """Return the gray level that bounds the brightest 10 % of the image."""
        if self._bright is None:
            sample = self._layer[::8, ::8].flatten()
            place = len(sample) * _TOP_SHARE // 100
            sample.partition(place)
            self._bright = float(sample[place])
        return self._bright


def _to_frame(crop: BackgroundCrop, width: int, height: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the first coordinate and the step of an image's columns in the frame, and of its rows."""
    x, y, crop_width, crop_height = crop.crop
    along, down = crop_width / width, crop_height / height
    columns = (x - 0.5 + along / 2, along)
    if crop.flip:
        columns = (columns[0] + along * (width - 1), -along)
    return columns, (y - 0.5 + down / 2, down)


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
