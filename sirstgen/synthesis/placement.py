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
from sirstgen.measure.horizon import Horizon, find_horizon
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
        where: Where,
        taken: Sequence[OccupiedRegion],
        signal: Signal,
        dim: bool | None,
        near: NDArray[np.float64] | None = None,
    ) -> Place | str:
        """A place for a target, or the reason why there is none (a key of `canvas.REASONS`, or ``no room``).

        Args:
            rng: the target's placement stream.
            reach: half side of the square that the target may touch, pixels.
            where: side of the horizon; without a visible horizon every place will do.
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
        places = low + rng.random((_CANDIDATES, 2)) * room
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
        horizon = self._survey.horizon if where != "any" else None
        if horizon is not None:
            scale = self._crop.crop[2] / width
            below = horizon.signed_distance(frame_places[:, 0], frame_places[:, 1])
            right = below < -reach * scale if where == "sky" else below > reach * scale
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
