"""Stage ``uneven_radiance``: changes the contrast of a template's hot parts and warms one side of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from sirstgen.recipe.distributions import Distribution, Part, Within
from sirstgen.recipe.parts import Degrees, drawn
from sirstgen.seeding import Draws
from sirstgen.stages import DrawContext, finite, register_stage, require
from sirstgen.synthesis.profile import Profile


class UnevenRadianceEntry(Part):
    """How the radiance of a template differs from its drawing."""

    exponent: Annotated[Distribution, Within(above=0, most=10)] = Field(
        default=drawn({"between": [0.6, 1.6]}),
        description="of the relative radiance; above 1 raises the contrast of engines and exhaust, below 1 lowers it",
    )
    slope: Annotated[Distribution, Within(least=0, most=0.9)] = Field(
        default=drawn({"between": [0, 0.3]}), description="relative change from the centre to the warm side (sun)"
    )
    direction: Degrees = Field(
        default=drawn({"between": [0, 360]}), description="of the warm side, degrees from x to y"
    )

    def draw(self, rng: Draws, context: DrawContext) -> UnevenRadiance | None:
        """Return the change of one template; None for a point or spot."""
        if context.kind != "extended":
            return None
        return UnevenRadiance(self.exponent.draw(rng), self.slope.draw(rng), self.direction.draw(rng))


@dataclass(frozen=True, slots=True)
class UnevenRadiance:
    """The change of one template.

    Args:
        exponent: of the relative radiance, positive.
        slope: relative change from the centre of the window to its edge, 0 to 0.9.
        direction: of the warm side, degrees from x to y.
    """

    exponent: float
    slope: float
    direction: float

    def __post_init__(self) -> None:
        require(
            finite(self.exponent) and self.exponent > 0, "uneven_radiance.exponent", "must be positive", self.exponent
        )
        require(0 <= self.slope <= 0.9, "uneven_radiance.slope", "must be from 0 to 0.9", self.slope)
        require(finite(self.direction), "uneven_radiance.direction", "must be a finite number", self.direction)

    def apply(self, profile: Profile) -> Profile:
        """Return the changed profile."""
        height, width = profile.values.shape
        turn = math.radians(self.direction)
        columns, rows = np.linspace(-1, 1, width), np.linspace(-1, 1, height)
        along = (math.cos(turn) * columns + math.sin(turn) * rows[:, None]) / math.sqrt(2)
        values = profile.values / profile.values.max()
        return Profile(values**self.exponent * (1 + self.slope * along), profile.left, profile.top)


register_stage("uneven_radiance", slot="radiance", entry=UnevenRadianceEntry, record=UnevenRadiance)
