"""Stage ``undershoot``: a dark ring around a target, as a sharpened frame shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from sirstgen.recipe.distributions import Distribution, Part, Within
from sirstgen.recipe.parts import drawn
from sirstgen.seeding import Draws
from sirstgen.stages import DrawContext, register_stage, require
from sirstgen.synthesis.profile import FAINT, Profile

SIGMA = 2.5
"""Width of the ring, pixels: undershoot is deepest 2 to 6 px from a small target."""

REACH = 8
"""Pixels by which the ring makes a target larger on every side."""

DEEPEST = 0.9


class UndershootEntry(Part):
    """How deep the ring is."""

    depth: Annotated[Distribution, Within(least=0, most=DEEPEST)] = Field(
        default=drawn([0, 0.1, 0.2]), description="share of the target's peak"
    )

    def draw(self, rng: Draws, context: DrawContext) -> Undershoot | None:
        """Return the ring of one target."""
        depth = self.depth.draw(rng)
        return Undershoot(depth) if depth > 0 else None


@dataclass(frozen=True, slots=True)
class Undershoot:
    """The dark ring of one target.

    Args:
        depth: share of the target's peak, 0 < depth <= 0.9.
    """

    depth: float

    def __post_init__(self) -> None:
        require(0 < self.depth <= DEEPEST, "undershoot.depth", f"must be in (0, {DEEPEST}]", self.depth)

    def apply(self, profile: Profile) -> Profile:
        """Return the profile minus `depth` times its own wide blur, as unsharp masking leaves it."""
        wide, sharp = profile.blurred(SIGMA, REACH), profile.grown(REACH)
        values = sharp.values / sharp.values.max() - self.depth / wide.values.max() * wide.values
        values[np.abs(values) < FAINT] = 0
        return Profile(values, sharp.left, sharp.top)


register_stage("undershoot", slot="profile", entry=UndershootEntry, record=Undershoot)
