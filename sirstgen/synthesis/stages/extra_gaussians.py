"""Stage ``extra_gaussians``: point and spot targets as sums of Gaussians, since real targets are irregular."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from sirstgen.recipe.distributions import Distribution, Part, Within
from sirstgen.recipe.parts import drawn
from sirstgen.seeding import Draws
from sirstgen.stages import DrawContext, finite, register_stage, require
from sirstgen.synthesis.profile import GaussianComponent


class ExtraGaussiansEntry(Part):
    """How many Gaussians a point or spot target has beside its main one, and what they are like."""

    count: Annotated[Distribution, Within(least=0, most=11)] = Field(
        default=drawn([0, 1, 2]), description="Gaussians beside the main one"
    )
    offset: Annotated[Distribution, Within(least=0, most=20)] = Field(
        default=drawn({"between": [0.5, 1.5]}), description="distance from the main one, in its sigmas"
    )
    size: Annotated[Distribution, Within(above=0, most=10)] = Field(
        default=drawn({"between": [0.4, 1]}), description="sigma relative to the main one's"
    )
    weight: Annotated[Distribution, Within(above=0, most=10)] = Field(
        default=drawn({"between": [0.3, 1]}), description="peak relative to the main one's"
    )

    def draw(self, rng: Draws, context: DrawContext) -> ExtraGaussians | None:
        """Return the Gaussians of one target; None for a template or where none is drawn."""
        count = 0 if context.kind == "extended" else round(self.count.draw(rng))
        if count == 0:
            return None
        # What is clipped lower reaches farther, in sigmas of the main Gaussian; the others keep to its border.
        clip, jitter = context.drawn("saturation_clip"), context.drawn("mask_jitter")
        level = context.mask_level if jitter is None else jitter.level
        border = 1.0 if clip is None else math.sqrt(1 + math.log(clip.level) / math.log(min(level, 0.99)))
        drawn = []
        for _ in range(count):
            bearing, distance = 2 * math.pi * rng.random(), self.offset.draw(rng) * border
            place = distance * math.cos(bearing), distance * math.sin(bearing)
            size, weight = self.size.draw(rng), self.weight.draw(rng)
            drawn.append((round(place[0], 6), round(place[1], 6), size, weight))
        return ExtraGaussians(tuple(drawn))


@dataclass(frozen=True, slots=True)
class ExtraGaussians:
    """The Gaussians of one target beside its main one.

    Args:
        gaussians: (u, v, size, weight) of each: offset along and across the target's axis in the main Gaussian's
            sigmas, sigma and peak relative to the main one's.
    """

    gaussians: tuple[tuple[float, float, float, float], ...]

    def __post_init__(self) -> None:
        right = all(len(part) == 4 and finite(*part) and min(part[2:]) > 0 for part in self.gaussians)
        text = "must be (u, v, size, weight) each, size and weight positive"
        require(right, "extra_gaussians.gaussians", text, self.gaussians)

    def apply(self, main: GaussianComponent) -> list[GaussianComponent]:
        """Return the further Gaussians, in pixels."""
        turn = math.radians(main.angle)
        cos, sin = math.cos(turn), math.sin(turn)
        found = []
        for u, v, size, weight in self.gaussians:
            x, y = u * main.along, v * main.across
            place = x * cos - y * sin, x * sin + y * cos
            found.append(GaussianComponent(*place, size * main.along, size * main.across, main.angle, weight))
        return found


register_stage("extra_gaussians", slot="components", entry=ExtraGaussiansEntry, record=ExtraGaussians)
