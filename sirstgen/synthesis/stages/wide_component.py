"""Stage ``wide_component``: a wide, faint Gaussian around a point or spot target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pydantic import Field, model_validator

from sirstgen.recipe.distributions import Distribution, Drawn, Part, check_not_negative, check_positive
from sirstgen.seeding import Draws
from sirstgen.stages import DrawContext, register_stage, require
from sirstgen.synthesis.profile import GaussianComponent


class WideComponentEntry(Part):
    """How strong and how wide the Gaussian is."""

    peak: Drawn = Field(Distribution(between=(0.0, 0.15)), description="share of the (clipped) target's peak; 0: none")
    size: Drawn = Field(Distribution(between=(2.0, 3.0)), description="sigma relative to the main Gaussian's")

    @model_validator(mode="after")
    def _drawable(self) -> Self:
        check_not_negative("peak", self.peak)
        check_positive("size", self.size)
        return self

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
        require(min(self.weight, self.size) > 0, "wide_component", "must have a positive weight and size", self)

    def apply(self, main: GaussianComponent) -> list[GaussianComponent]:
        """Return the wide Gaussian, in pixels."""
        along, across = self.size * main.along, self.size * main.across
        return [GaussianComponent(0.0, 0.0, along, across, main.angle, self.weight)]


register_stage("wide_component", slot="components", entry=WideComponentEntry, record=WideComponent)
