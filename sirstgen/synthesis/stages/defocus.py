"""Stage ``defocus``: a template seen through the blur of a camera, without which small silhouettes are ragged."""

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


class DefocusEntry(Part):
    """How blurred a template is. With 0.8 px, borders are as steep as those of real targets of the same area."""

    sigma: Annotated[Distribution, Within(least=0, most=20)] = Field(
        default=drawn(0.8), description="of the Gaussian blur of a template, pixels; 0: none"
    )

    def draw(self, rng: Draws, context: DrawContext) -> Defocus | None:
        """Return the blur of one template; None for a point or spot, which is a Gaussian."""
        if context.kind != "extended":
            return None
        sigma = self.sigma.draw(rng)
        return Defocus(sigma) if sigma > 0 else None


@dataclass(frozen=True, slots=True)
class Defocus:
    """The blur of one template.

    Args:
        sigma: pixels.
    """

    sigma: float

    def __post_init__(self) -> None:
        require(
            finite(self.sigma) and 0 < self.sigma <= 100,
            "defocus.sigma",
            "must be positive and at most 100",
            self.sigma,
        )

    def apply(self, profile: Profile) -> Profile:
        """Return the profile blurred, up to two and a half sigmas."""
        return profile.blurred(self.sigma, math.ceil(2.5 * self.sigma))


register_stage("defocus", slot="radiance", entry=DefocusEntry, record=Defocus)
