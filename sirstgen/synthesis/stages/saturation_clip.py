"""Stage ``saturation_clip``: a point or spot target with a flat top, as large bodies and saturated sensors show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from sirstgen.recipe.distributions import Distribution, Part, Within
from sirstgen.recipe.parts import drawn
from sirstgen.seeding import Draws
from sirstgen.stages import DrawContext, register_stage, require
from sirstgen.synthesis.profile import Profile

LOWEST = 0.05
"""Share of the peak; clipped lower, a mask would reach into the tails that profiles leave out."""

REFERENCE_AREA = 20.0
"""Mask area at which `level` is meant, pixels: the median of NUAA-SIRST."""


class SaturationClipEntry(Part):
    """Where targets are clipped: a mask of `area` px at ``level * (20 / area) ** exponent``, 0.05 to 1.

    A sum of Gaussians fades as slowly as it is wide. What the clip leaves of a large one is a flat body whose border is
    about as steep as that of a small target, as the optics of one camera make them.
    """

    level: Annotated[Distribution, Within(least=LOWEST, most=1000)] = Field(
        default=drawn({"between": [0.4, 1.6]}),
        description="share of the peak of a target of 20 px; 1 and more: not clipped",
    )
    exponent: float = Field(default=0.0, ge=0, le=2, description="of 20 / area")

    def draw(self, rng: Draws, context: DrawContext) -> SaturationClip | None:
        """Return the clip of one target; None for a template or where it is not clipped."""
        if context.area is None:
            return None
        level = round(self.level.draw(rng) * (REFERENCE_AREA / context.area) ** self.exponent, 6)
        return SaturationClip(max(level, LOWEST)) if level < 1 else None


@dataclass(frozen=True, slots=True)
class SaturationClip:
    """The clip of one target.

    Args:
        level: share of its peak, 0 < level <= 1.
    """

    level: float

    def __post_init__(self) -> None:
        require(0 < self.level <= 1, "saturation_clip.level", "must be in (0, 1]", self.level)

    def apply(self, profile: Profile) -> Profile:
        """Return the profile with all values above the level at the level."""
        return profile._replace(values=np.minimum(profile.values, self.level * profile.values.max()))


register_stage("saturation_clip", slot="radiance", entry=SaturationClipEntry, record=SaturationClip)
