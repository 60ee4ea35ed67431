"""Where a target goes: inside the image, apart from the others, on its place of the map, in a bright or dim place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.files.images import Gray
from sirstgen.plan import BackgroundCrop, RegionKind
from sirstgen.recipe.parts import Cluster, Position
from sirstgen.seeding import Draws
from sirstgen.synthesis.areas import ANYWHERE, NO_PLACE, NO_ROOM, Area
from sirstgen.synthesis.blocks import BLOCK, blocks_of
from sirstgen.synthesis.frame_analysis import FrameAnalysis
from sirstgen.synthesis.rasterise import RasterisedTarget
from sirstgen.synthesis.request import Request

_TRIES = 24  # pixels tried in the blocks that come into question
_MARGIN = 1.2  # of the predicted peak, which has an error: what would come close to white or to invisible is not tried
_BESIDE = 24  # places tried beside another target
_LEEWAY = 3 / 255  # of white: how far the predicted mean must keep from the 90th percentile, since it has an error
_TOP_SHARE = 90  # percentile that bounds the brightest 10 %, Fig. 6c


class OccupiedRegion(NamedTuple):
    """The window of a target that is in its place: right and bottom exclusive, image pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def of(cls, raster: RasterisedTarget, column: int, row: int) -> OccupiedRegion:
        """Return the window of a target whose position is in this pixel."""
        height, width = raster.values.shape
        left, top = column + raster.left, row + raster.top
        return cls(left, top, left + width, top + height)


class Place(NamedTuple):
    """A place for a target: the pixel of its position, and the deviation of the clutter there, gray levels."""

    column: int
    row: int
    sigma_b: float


class Prospect(NamedTuple):
    """Where in an image a target may go, by blocks in raster order.

    Args:
        request: what it is asked to show.
        contrast: (blocks,) by how much the mean of the target exceeds the block, gray levels; for a dark target, by how
            much it falls below.
        fit: (blocks,) bool, where it would be visible and below white.
        wanted: (blocks,) bool, where it would also be as bright or dim as wanted.
    """

    request: Request
    contrast: NDArray[np.float64]
    fit: NDArray[np.bool_]
    wanted: NDArray[np.bool_]


class PlacementContext:
    """One crop of an analysed background, in which targets are placed.

    Args:
        analysis: of the whole frame.
        crop: the part shown.
        layer: (H, W) the crop at the image's size.
        border: pixels kept free at the image's edge.
        min_contrast: gray levels that a target's peak needs to be seen.
        region: where the SCR takes its clutter.
        preferred: where in the image targets are; anywhere if None.
        may_saturate: only a target's mean must keep below white, not its peak.
        min_scr: least SCR of a target.
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
        min_scr: float = 0.0,
    ) -> None:
        self._analysis, self._layer = analysis, layer
        self._border, self._min_contrast = border, min_contrast
        self._preferred, self._may_saturate, self._min_scr = preferred, may_saturate, min_scr
        self._white = 255 if layer.dtype == np.uint8 else 65535
        self._bright: float | None = None
        self._crop = crop
        self._step = crop.crop[2] / layer.shape[1]  # pixels of the frame per pixel of the image
        self._grid = max(layer.shape[0] // BLOCK, 1), max(layer.shape[1] // BLOCK, 1)
        self._blocks = blocks_of(layer, self._grid, region, self._white)
        # Other pixels of a block may be deeper by its side.
        self._leeway = self._step * max(layer.shape[0] // self._grid[0], layer.shape[1] // self._grid[1]) + 1
        self._depths: dict[tuple[int, ...], tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}

    def _depth(self, area: Area) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """Return how far inside an area each pixel of the image is, and one pixel of each block, in frame pixels.

        (H, W) and (blocks,); None where that is not known.
        """
        if not area.places:
            return None
        if area.places not in self._depths:
            depth = self._analysis.depth(area.places)
            if depth is None:
                return None
            x, y, width, height = self._crop.crop
            depth = depth[y : y + height, x : x + width]
            if depth.shape != self._layer.shape:
                depth = np.asarray(cv2.resize(depth, self._layer.shape[::-1], interpolation=cv2.INTER_NEAREST))
            some = np.asarray(cv2.resize(depth, self._grid[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
            self._depths[area.places] = (
                (depth[:, ::-1], some[:, ::-1].ravel()) if self._crop.flip else (depth, some.ravel())
            )
        return self._depths[area.places]

    def predict(
        self, request: Request, per_level: float, outside_top10: bool | None, area: Area = ANYWHERE, reach: float = 0.0
    ) -> Prospect | str:
        """Return in which blocks a target would be visible and below white, or the reason why in none.

        Args:
            request: what the target is asked to show.
            per_level: peak of its contribution per gray level of its mean.
            outside_top10: True: a place where its mean is below the image's 90th percentile (Fig. 6c); False: above;
                None: any place will do.
            area: the places where all of it must be.
            reach: pixels by which it reaches beyond its position, at least.
        """
        blocks, bright = self._blocks, request.polarity > 0
        contrast = request.signals(blocks.deviation)
        strong = np.abs(contrast) >= self._min_scr * blocks.deviation if self._min_scr else None
        contrast += blocks.raised
        if not bright:
            np.negative(contrast, out=contrast)
        fit = (contrast if self._may_saturate else contrast * (_MARGIN * per_level)) < (
            blocks.room if bright else blocks.own
        )
        visible = contrast >= _MARGIN * self._min_contrast / per_level
        if strong is not None:
            visible &= strong
        fit &= visible
        if not cv2.countNonZero(fit.view(np.uint8)):
            return "saturated" if visible.any() else "invisible contrast"
        known = self._depth(area)
        if known is not None:
            fit &= known[1] >= max(reach * self._step - self._leeway, 1)
            if not cv2.countNonZero(fit.view(np.uint8)):
                return NO_ROOM
        wanted = fit
        if outside_top10 is not None:
            shown = blocks.own + contrast if bright else blocks.own - contrast
            edge, leeway = self._brightest(), _LEEWAY * self._white
            wanted = shown < edge - leeway if outside_top10 else shown > edge + leeway
            wanted &= fit
        return Prospect(request, contrast, fit, wanted)

    def place(
        self,
        rng: Draws,
        raster: RasterisedTarget,
        prospect: Prospect,
        area: Area,
        taken: Sequence[OccupiedRegion],
        beside: Sequence[tuple[float, float]] = (),
    ) -> Place | str:
        """Return a place for a target, or the reason why there is none (a key of `REASONS`, or ``no room``).

        Pixels are drawn from the blocks that come into question, all equally likely.

        Args:
            rng: the target's placement numbers.
            raster: the target.
            prospect: of the target.
            area: the places where all of its window must be.
            taken: windows of the other targets.
            beside: (x, y) places beside another target; they go before all others, bright or dim.
        """
        layer, white, bright = self._layer, self._white, prospect.request.polarity > 0
        height, width = layer.shape
        own_height, own_width = raster.values.shape
        own_left, own_top = raster.left, raster.top
        low_x, low_y = self._border - own_left, self._border - own_top
        high_x, high_y = width - self._border - own_width - own_left, height - self._border - own_height - own_top
        if high_x < low_x or high_y < low_y:
            return NO_ROOM
        blocks, contrast, (rows, columns) = self._blocks, prospect.contrast, self._grid
        fit, wanted, depth, reach = prospect.fit, prospect.wanted, None, 0.0
        known = self._depth(area)
        if known is not None:
            depth, some = known
            # A pixel of the frame shows up to one pixel of a resized image further on.
            reach = max(-own_left, own_left + own_width, -own_top, own_top + own_height) * self._step + 1
            deep = some >= reach - self._leeway
            fit, wanted = fit & deep, wanted & deep
        elif area.places and area.strict:
            return NO_PLACE.get(area.places, NO_ROOM)
        choices = wanted.nonzero()[0]
        first = -len(beside)
        if not choices.size:
            choices = fit.nonzero()[0]
            if not choices.size:
                return NO_ROOM
            first = first or _TRIES
        per_level = raster.area / raster.own_sum
        random, least, may_saturate = rng.random, self._min_contrast, self._may_saturate
        anywhere = self._preferred is not None or min(high_x - low_x, high_y - low_y) < 2 * BLOCK
        reason = NO_ROOM
        for number in range(first, 2 * _TRIES):
            if number < 0:
                column, row = round(beside[number][0]), round(beside[number][1])
            elif anywhere:
                column, row = low_x + int(random() * (high_x - low_x + 1)), low_y + int(random() * (high_y - low_y + 1))
                if self._preferred is not None:
                    x, y = self._by_preference(rng)
                    if low_x <= x <= high_x and low_y <= y <= high_y:
                        column, row = x, y
            else:
                if number == _TRIES:
                    choices = fit.nonzero()[0]
                down, across = divmod(choices.item(int(random() * choices.size)), columns)
                column, row = int((across + random()) * width / columns), int((down + random()) * height / rows)
            if not (low_x <= column <= high_x and low_y <= row <= high_y):
                continue
            block = row * rows // height * columns + column * columns // width
            if not (wanted if 0 <= number < _TRIES else fit).item(block):
                continue
            left, top = column + own_left, row + own_top
            right, bottom = left + own_width, top + own_height
            for one in taken:
                if left <= one[2] and one[0] <= right and top <= one[3] and one[1] <= bottom:
                    break
            else:
                if depth is not None and depth.item(row, column) < reach:
                    continue
                # A pixel may be brighter or darker than its block.
                here = layer.item(row, column)
                raised = blocks.own.item(block) - here
                rise = (contrast.item(block) + (raised if bright else -raised)) * per_level
                if rise < least:
                    reason = "invisible contrast"
                elif not may_saturate and rise * _MARGIN >= (white - here if bright else here):
                    reason = "saturated"
                else:
                    return Place(column, row, round(blocks.deviation.item(block), 4))
        return reason

    def _by_preference(self, rng: Draws) -> tuple[int, int]:
        """Return a pixel drawn by the recipe's `position`."""
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
