"""Stage ``wide_component``: a wide, faint Gaussian around a point or spot target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from sirstgen.recipe.distributions import Distribution, Part, Within
from sirstgen.recipe.parts import drawn
from sirstgen.seeding import Draws
from sirstgen.stages import DrawContext, finite, register_stage, require
from sirstgen.synthesis.profile import GaussianComponent


class WideComponentEntry(Part):
    """How strong and how wide the Gaussian is."""

    peak: Annotated[Distribution, Within(least=0, most=10)] = Field(
        default=drawn({"between": [0, 0.15]}), description="share of the (clipped) target's peak; 0: none"
    )
    size: Annotated[Distribution, Within(above=0, most=20)] = Field(
        default=drawn({"between": [2, 3]}), description="sigma relative to the main Gaussian's"
    )

    def draw(self, rng: Draws, context: DrawContext) -> WideComponent | None:
        """Return the wide Gaussian of one target; None for a template or where the drawn peak is 0."""
        if context.kind == "extended":
            return None
        peak, size = self.peak.draw(rng), self.size.draw(rng)
        clip = context.drawn("saturation_clip")
        weight = round(peak * (1.0 if clip is None else clip.level), 6)  # a share of what the clip leaves
        return WideComponent(weight, size) if weight > 0 else None


@dataclass(frozen=True, slots=True)
class WideComponent:
    """The wide Gaussian of one target.

    Args:
        weight: its peak relative to the main Gaussian's, before a saturation clip.
        size: its sigma relative to the main Gaussian's.
    """

    weight: float
    size: float

    def __post_init__(self) -> None:
        right = finite(self.weight, self.size) and min(self.weight, self.size) > 0
        require(right, "wide_component", "must have a positive weight and size", self)

    def apply(self, main: GaussianComponent) -> list[GaussianComponent]:
        """Return the wide Gaussian, in pixels."""
        along, across = self.size * main.along, self.size * main.across
        return [GaussianComponent(0.0, 0.0, along, across, main.angle, self.weight)]


register_stage("wide_component", slot="components", entry=WideComponentEntry, record=WideComponent)
