"""What placing targets needs to know of a background frame, and the frames of a run for which it is kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.source import Background, BackgroundSource
from sirstgen.files.images import Gray
from sirstgen.places.classes import UNKNOWN, PlaceMap
from sirstgen.plan import BackgroundCrop
from sirstgen.synthesis.areas import NO_PLACE, NO_ROOM, Area

_KEPT_BYTES = 64 << 20  # of analysed frames
_LEAST_DEPTH = 4  # pixels from the edge of its place that the smallest targets need
_BLOCK = 8  # pixels


class FrameAnalysis:
    """What placing targets needs to know of a background frame; made once a frame, asked for every crop of it.

    Args:
        frame: (h, w) uint8 or uint16.
        places: gives its place map when it is first needed; without it every place is unknown.
    """

    def __init__(self, frame: Gray, places: Callable[[], PlaceMap] | None = None) -> None:
        self.frame = frame
        self._source = places
        self._depths: dict[tuple[int, ...], NDArray[np.uint8] | None] = {}
        self._deepest: dict[tuple[int, ...], NDArray[np.uint8]] = {}  # of each block of these

    @cached_property
    def places(self) -> PlaceMap:
        """The place map, (h, w) uint8."""
        return np.full(self.frame.shape, UNKNOWN, dtype=np.uint8) if self._source is None else self._source()

    def depth(self, places: tuple[int, ...]) -> NDArray[np.uint8] | None:
        """Return the chessboard distance of each pixel to the nearest pixel of another place; None if all are others.

        Returns:
            (h, w) uint8, pixels, at most 255; 0 at the other places.
        """
        if places not in self._depths:
            table, depth = np.zeros(256, np.uint8), None
            table[list(places)] = 1
            inside = cv2.LUT(self.places, table)
            if cv2.countNonZero(inside):
                depth = np.minimum(cv2.distanceTransform(inside, cv2.DIST_C, 3), 255).astype(np.uint8)
            self._depths[places] = depth
        return self._depths[places]

    def lacks(self, area: Area, crop: BackgroundCrop) -> str | None:
        """Return why a crop takes no target of an area; None where it may take one."""
        if not area.places or not area.strict:
            return None
        depth = self.depth(area.places)
        if depth is None:
            return NO_PLACE.get(area.places, NO_ROOM)
        if area.places not in self._deepest:
            largest = cv2.dilate(depth, np.ones((_BLOCK, _BLOCK), np.uint8), anchor=(0, 0))  # of the block from here on
            self._deepest[area.places] = np.asarray(largest[::_BLOCK, ::_BLOCK], np.uint8)
        x, y, width, height = (part // _BLOCK for part in crop.crop)
        shown = self._deepest[area.places][y : y + height + 1, x : x + width + 1]
        return None if np.maximum.reduce(shown, axis=None) >= _LEAST_DEPTH else NO_ROOM


class FrameAnalyses:
    """The analysed frames of a source, the last ones up to a bound in bytes.

    Args:
        source: the backgrounds.
        bit_depth: of the frames, 8 or 16.
    """

    def __init__(self, source: BackgroundSource, bit_depth: int) -> None:
        self._source, self._bit_depth = source, bit_depth
        self._kept: OrderedDict[str, FrameAnalysis] = OrderedDict()
        self._bytes = 0

    def get(self, background: Background) -> FrameAnalysis:
        """Return a background decoded and analysed."""
        analysis = self._kept.pop(background.id, None)
        if analysis is None:
            pixels = self._source.pixels(background, self._bit_depth)
            analysis = FrameAnalysis(pixels, lambda: self._source.places(background))
            self._bytes += pixels.nbytes
            while self._kept and self._bytes > _KEPT_BYTES:
                self._bytes -= self._kept.popitem(last=False)[1].frame.nbytes
        self._kept[background.id] = analysis
        return analysis
