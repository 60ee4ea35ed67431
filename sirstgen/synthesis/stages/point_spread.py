"""Stage ``point_spread``: the targets of an image seen through a Gaussian point spread; backgrounds have their own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from sirstgen.recipe.distributions import Distribution, Part, Within
from sirstgen.recipe.parts import drawn
from sirstgen.seeding import Draws
from sirstgen.stages import DrawContext, finite, register_stage, require
from sirstgen.synthesis.profile import Profile


class PointSpreadEntry(Part):
    """How wide the point spread is."""

    sigma: Annotated[Distribution, Within(least=0, most=20)] = Field(
        default=drawn({"between": [0.4, 1]}), description="pixels, one value an image; 0: none"
    )

    def draw(self, rng: Draws, context: DrawContext) -> PointSpread | None:
        """Return the point spread of one image."""
        sigma = self.sigma.draw(rng)
        return PointSpread(sigma) if sigma > 0 else None


@dataclass(frozen=True, slots=True)
class PointSpread:
    """The point spread of the targets of one image.

    Args:
        sigma: pixels.
    """

    sigma: float

    def __post_init__(self) -> None:
        right = finite(self.sigma) and 0 < self.sigma <= 100
        require(right, "point_spread.sigma", "must be positive and at most 100", self.sigma)

    def apply(self, profile: Profile) -> Profile:
        """Return the profile blurred, up to three sigmas."""
        return profile.blurred(self.sigma, math.ceil(3 * self.sigma))


register_stage("point_spread", slot="radiance", per="image", entry=PointSpreadEntry, record=PointSpread)
