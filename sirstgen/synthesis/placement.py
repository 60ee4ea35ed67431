"""Where a target goes: inside the image, apart from the others, on its side of a horizon, in a bright or dim place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.images import Gray
from sirstgen.places.classes import GROUND, SKY, UNKNOWN, WATER, PlaceMap
from sirstgen.plan import BackgroundCrop, RegionKind, TargetPlan
from sirstgen.recipe.parts import Position, Where
from sirstgen.synthesis.profiles import target_profile
from sirstgen.synthesis.templates import TemplateLibrary

NO_ROOM = "no room"
BLOCK = 8
_NEIGHBOURHOOD = 5  # blocks: 40 px, about the clutter region of a small target
_CANDIDATES = 24
_PEAK_TO_MEAN = 1.7  # of a Gaussian target's contribution over its mask at level 0.3
_LEEWAY = 3 / 255  # of white: how far the foretold mean must keep from the 90th percentile, since it errs
_TOP_SHARE = 90  # percentile that bounds the brightest 10 %, Fig. 6c


class Area(NamedTuple):
    """The places where a target may stand with all of its support.

    Attributes:
        places: numbers of `sirstgen.places.classes`; none: anywhere, unknown places included.
        strict: a frame that shows none of them does not take the target; otherwise it stands anywhere there.
    """

    places: tuple[int, ...] = ()
    strict: bool = True


AREAS: dict[Where, Area] = {
    "sky": Area((SKY,)),
    "water": Area((WATER,)),
    "ground": Area((GROUND,)),
    "any": Area(),
}
MAYBE_SKY, MAYBE_BELOW = Area((SKY,), strict=False), Area((WATER, GROUND), strict=False)
NO_PLACE: dict[tuple[int, ...], str] = {(SKY,): "no sky", (WATER,): "no water", (GROUND,): "no ground"}
"""Why a frame does not take a target at all, by the places it needs."""


class FrameAnalysis:
    """What placing targets needs to know of a background frame; made once a frame, asked for every crop of it.

    Args:
        frame: (h, w) uint8 or uint16.
        places: gives its place map; without it every place is unknown.
    """

    def __init__(self, frame: Gray, places: Callable[[], PlaceMap] | None = None) -> None:
        self.frame = frame
        self._source = places
        self._depths: dict[tuple[int, ...], NDArray[np.float32] | None] = {}

    @cached_property
    def places(self) -> PlaceMap:
        """The place map, (h, w) uint8."""
        if self._source is None:
            return np.full(self.frame.shape, UNKNOWN, dtype=np.uint8)
        return self._source()

    def depth(self, places: tuple[int, ...]) -> NDArray[np.float32] | None:
        """Distance of each pixel, along the axes, to the nearest pixel of another place; None where all are others."""
        if places not in self._depths:
            inside = np.isin(self.places, places)
            self._depths[places] = (
                np.asarray(cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_C, 3)) if inside.any() else None
            )
        return self._depths[places]

    @cached_property
    def clutter(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Local mean and standard deviation (gray levels) on a grid of `BLOCK` px blocks."""
        height, width = self.frame.shape
        grid = (max(width // BLOCK, 1), max(height // BLOCK, 1))
        frame = self.frame[::2, ::2].astype(np.float32)  # every other pixel is plenty for a block's statistics
        side = (_NEIGHBOURHOOD, _NEIGHBOURHOOD)
        mean = cv2.blur(cv2.resize(frame, grid, interpolation=cv2.INTER_AREA), side)
        square = cv2.blur(cv2.resize(frame * frame, grid, interpolation=cv2.INTER_AREA), side)
        deviation = np.sqrt(np.maximum(square - mean * mean, 0))
        return np.asarray(mean), np.asarray(deviation)


class OccupiedRegion(NamedTuple):
    """A place taken by a target: centre (x, y) and half side of the square it may touch, image pixels."""

    x: float
    y: float
    reach: float


class Place(NamedTuple):
    """A place for a target: centre (x, y), image pixels, and the clutter's deviation there, gray levels."""

    x: float
    y: float
    sigma_b: float


Signal = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""What a target's mean will differ by from clutter of given deviations, gray levels; negative for dark targets."""


class PlacementContext:
    """One crop of a surveyed background, in which targets are placed.

    Args:
        survey: of the whole frame.
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
        survey: FrameAnalysis,
        crop: BackgroundCrop,
        layer: Gray,
        border: int,
        min_contrast: float,
        region: RegionKind = "local",
        preferred: Position | None = None,
        may_saturate: bool = False,
    ) -> None:
        self._survey, self._crop, self._layer = survey, crop, layer
        self._border, self._min_contrast = border, min_contrast
        self._region, self._preferred = region, preferred
        self._white = int(np.iinfo(layer.dtype).max)
        self._leeway = _LEEWAY * self._white
        self._headroom = 1 / _PEAK_TO_MEAN if may_saturate else 1.0

    @cached_property
    def _bright(self) -> float:
        sample = self._layer[::4, ::4].ravel()
        place = len(sample) * _TOP_SHARE // 100
        return float(np.partition(sample, place)[place])

    def place(
        self,
        rng: np.random.Generator,
        reach: float,
        area: Area,
        taken: Sequence[OccupiedRegion],
        signal: Signal,
        dim: bool | None,
        near: NDArray[np.float64] | None = None,
    ) -> Place | str:
        """A place for a target, or the reason why there is none (a key of `canvas.REASONS`, or ``no room``).

        Args:
            rng: the target's placement stream.
            reach: half side of the square that the target may touch, pixels.
            area: the places where all of the target must lie.
            taken: the other targets.
            signal: foretells the target's mean above the local clutter's.
            dim: look for a place where that mean lies below the image's 90th percentile (Fig. 6c), or above.
            near: (n, 2) places beside another target, x and y; they go before all others, bright or dim.
        """
        height, width = self._layer.shape
        low = self._border + reach
        room = (width - 1 - 2 * low, height - 1 - 2 * low)
        if min(room) < 0:
            return NO_ROOM
        depth, need = None, 0.0
        if area.places:
            depth = self._survey.depth(area.places)
            if depth is None and area.strict:
                return NO_PLACE.get(area.places, NO_ROOM)
            need = reach * max(self._crop.crop[2] / width, self._crop.crop[3] / height) + 1
        if depth is None:
            places = low + rng.random((_CANDIDATES, 2)) * room
        else:
            places = self._inside_area(rng, depth, need, low)
        if self._preferred is not None:
            x, y = self._preferred.x, self._preferred.y
            drawn = np.array([(x.draw(rng) * (width - 1), y.draw(rng) * (height - 1)) for _ in places])
            places = self._shifted(places, drawn, low)
        beside = np.zeros(len(places), bool)
        if near is not None:
            around = near[self._inside(near, low)]
            places, beside = np.concatenate([around, places]), np.repeat([True, False], [len(around), len(places)])
        for other in taken:
            gap = other.reach + reach
            apart = np.abs(places - (other.x, other.y)).max(axis=1) > gap
            places, beside = places[apart], beside[apart]
        if len(places) == 0:
            return NO_ROOM
        frame_places = self._to_frame(places)
        if depth is not None:
            columns, rows = np.rint(frame_places).astype(np.intp).T
            right = depth[rows, columns] >= need
            if not right.any():
                return NO_ROOM
            places, frame_places, beside = places[right], frame_places[right], beside[right]
        mean, deviation = self._clutter_at(frame_places)
        wanted = signal(deviation)
        expected = mean + wanted
        columns, rows = np.rint(places).astype(np.intp).T
        here = self._layer[rows, columns].astype(np.float32)
        own = (expected - here) * _PEAK_TO_MEAN
        visible = own * np.sign(wanted) >= self._min_contrast
        lit = here + own * self._headroom
        feasible = visible & (lit > 0) & (lit < self._white)
        if not feasible.any():
            return "saturated" if visible.any() else "invisible contrast"
        fits = feasible
        if dim is not None:
            fits = expected < self._bright - self._leeway if dim else expected > self._bright + self._leeway
        best = int((4 * (feasible & beside) + 2 * feasible + fits).argmax())  # the first of the best
        return Place(float(places[best, 0]), float(places[best, 1]), float(deviation[best]))

    def _inside_area(
        self, rng: np.random.Generator, depth: NDArray[np.float32], need: float, low: float
    ) -> NDArray[np.float64]:
        """(n, 2) random places, x and y in image pixels, that are at least `need` frame pixels inside an area."""
        height, width = self._layer.shape
        left, top, crop_width, crop_height = self._crop.crop
        rows, columns = np.nonzero(depth[top : top + crop_height : 2, left : left + crop_width : 2] >= need + 1)
        across = (2 * columns + 0.5) * (width / crop_width) - 0.5
        if self._crop.flip:
            across = width - 1 - across
        places = np.column_stack([across, (2 * rows + 0.5) * (height / crop_height) - 0.5])
        places = places[self._inside(places, low)]
        if len(places) == 0:
            return places
        jitter = (rng.random((_CANDIDATES, 2)) - 0.5) * (width / crop_width, height / crop_height)
        return np.asarray(places[rng.integers(len(places), size=_CANDIDATES)] + jitter)

    def _shifted(self, places: NDArray[np.float64], drawn: NDArray[np.float64], low: float) -> NDArray[np.float64]:
        """The places moved to where they are `drawn`; those with no room there stay where they are."""
        return np.where(self._inside(drawn, low)[:, np.newaxis], drawn, places)

    def _inside(self, places: NDArray[np.float64], low: float) -> NDArray[np.bool_]:
        """Which places keep `low` px from the image's edge."""
        height, width = self._layer.shape
        high = np.array([width - 1 - low, height - 1 - low])
        return np.asarray(((places >= low) & (places <= high)).all(axis=1))

    def _to_frame(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Image pixels to frame pixels."""
        height, width = self._layer.shape
        x, y, crop_width, crop_height = self._crop.crop
        across = places[:, 0]
        if self._crop.flip:
            across = width - 1 - across
        along = np.array([crop_width / width, crop_height / height])
        places = np.column_stack([across, places[:, 1]])
        return np.asarray((places + 0.5) * along - 0.5 + (x, y))

    def _clutter_at(self, frame_places: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        if self._region == "global":
            whole = np.float32(self._layer.mean()), np.float32(self._layer.std())
            return np.full(len(frame_places), whole[0]), np.full(len(frame_places), whole[1])
        mean, deviation = self._survey.clutter
        blocks = (frame_places / BLOCK).astype(np.intp)
        rows = np.clip(blocks[:, 1], 0, mean.shape[0] - 1)
        columns = np.clip(blocks[:, 0], 0, mean.shape[1] - 1)
        return mean[rows, columns], deviation[rows, columns]


def reach(
    target: TargetPlan,
    blur_sigma: float = 0.5,
    image_records: Mapping[str, Any] | None = None,
    templates: TemplateLibrary | None = None,
) -> float:
    """Return the half side of the square that a target touches, pixels; its position does not matter."""
    profile = target_profile(replace(target, position=(0.0, 0.0)), blur_sigma, image_records, templates)
    height, width = profile.values.shape
    return float(max(-profile.left, profile.left + width - 1, -profile.top, profile.top + height - 1) + 1)
