"""The areas in which a target is placed, in terms of the place map of its background."""

from __future__ import annotations

from typing import NamedTuple

from sirstgen.places.classes import GROUND, SKY, WATER
from sirstgen.recipe.parts import Where


class Area(NamedTuple):
    """The places where all pixels of a target must be.

    Attributes:
        places: numbers of `sirstgen.places.classes`; none: anywhere, unknown places included.
        strict: a frame that shows none of them does not take the target; otherwise the target is placed anywhere.
    """

    places: tuple[int, ...] = ()
    strict: bool = True


ANYWHERE = Area()
AREAS: dict[Where, Area] = {
    "sky": Area((SKY,)),
    "water": Area((WATER,)),
    "ground": Area((GROUND,)),
    "any": ANYWHERE,
}
MAYBE_SKY, MAYBE_BELOW = Area((SKY,), strict=False), Area((WATER, GROUND), strict=False)

NO_PLACE: dict[tuple[int, ...], str] = {(SKY,): "no sky", (WATER,): "no water", (GROUND,): "no ground"}
"""Why a frame takes no target of an area at all, by its places."""

NO_ROOM = "no room"
"""Why nothing takes a target where its area is there, but too small or occupied."""
