"""Stage ``mask_jitter``: every target has a mask level of its own, since annotators do not all draw the same mask."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from sirstgen.recipe.distributions import Part
from sirstgen.seeding import Draws
from sirstgen.stages import DrawContext, register_stage, require

_LOWEST, _HIGHEST = 0.1, 0.7


class MaskJitterEntry(Part):
    """How much annotators differ."""

    deviation: float = Field(default=0.1, ge=0, le=1, description="standard deviation of a target's mask level")

    def draw(self, rng: Draws, context: DrawContext) -> MaskJitter | None:
        """Return the mask level of one target: that of the recipe plus a normal number, from 0.1 to 0.7."""
        if self.deviation == 0:
            return None
        level = context.mask_level + self.deviation * rng.standard_normal()
        return MaskJitter(round(min(max(level, _LOWEST), _HIGHEST), 6))


@dataclass(frozen=True, slots=True)
class MaskJitter:
    """The mask level of one target.

    Args:
        level: share of the target's peak from which a pixel belongs to its mask, 0 < level <= 1.
    """

    level: float

    def __post_init__(self) -> None:
        require(0 < self.level <= 1, "mask_jitter.level", "must be in (0, 1]", self.level)

    def apply(self, level: float) -> float:
        """Return this target's level in place of the image's."""
        return self.level


register_stage("mask_jitter", slot="mask", entry=MaskJitterEntry, record=MaskJitter)
