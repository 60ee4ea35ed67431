"""A scene being drawn: its gray levels, and how much of each pixel things hide the sky or the water."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural.fields import Field
from sirstgen.places.classes import GROUND, SKY, UNKNOWN, WATER, PlaceMap

_HIDDEN = 0.04  # share of a pixel that may be hidden where the map still says sky or water
Part = tuple[slice, slice]
WHOLE: Part = np.s_[:, :]


class Drawn(NamedTuple):
    """A finished frame, (height, width) uint8, and its place map of the same size."""

    frame: NDArray[np.uint8]
    places: PlaceMap


class Canvas:
    """Gray levels under construction. Everything that is painted over the sky is recorded with its cover.

    Args:
        gray: (height, width) gray levels of the sky, changed in place by what is painted.

    Attributes:
        gray: the gray levels.
        solid: share of each pixel that is not sky, 0 to 1.
        wet: share of each pixel that is water, 0 to 1.
    """

    def __init__(self, gray: Field) -> None:
        self.gray = gray
        self.solid = np.zeros_like(gray)
        self.wet = np.zeros_like(gray)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        height, width = self.gray.shape
        return height, width

    def paint(self, cover: NDArray[Any], level: NDArray[Any] | float, part: Part = WHOLE, water: bool = False) -> None:
        """Cover a part of the scene with something at a gray level.

        Args:
            cover: 0 to 1, of the part's size or one that broadcasts to it.
            level: gray levels, one or of the part's size.
            part: the rows and columns.
            water: it is water, not land.
        """
        gray, solid, wet = self.gray[part], self.solid[part], self.wet[part]
        cover = np.asarray(cover, dtype=np.float32)
        gray += cover * (np.asarray(level, dtype=np.float32) - gray)
        solid += cover * (1 - solid)
        wet += cover * (np.float32(water) - wet)

    def moved(self, move: Callable[[Field], Field]) -> None:
        """Warp the scene and what is known of it alike."""
        self.gray, self.solid, self.wet = move(self.gray), move(self.solid), move(self.wet)

    def places(self) -> PlaceMap:
        """Return the place map: a pixel that land covers in part is ground, a soft waterline is unknown."""
        found = np.full(self.shape, UNKNOWN, dtype=np.uint8)
        found[self.solid <= _HIDDEN] = SKY
        found[self.wet >= 1 - _HIDDEN] = WATER
        found[self.solid - self.wet > _HIDDEN] = GROUND
        return found


def all_sky(frame: NDArray[np.uint8]) -> Drawn:
    """Return a frame that shows nothing but sky."""
    return Drawn(frame, np.full(frame.shape, SKY, dtype=np.uint8))
