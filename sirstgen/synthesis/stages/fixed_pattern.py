"""Stage ``fixed_pattern``: offsets of the sensor's columns and rows, as uncorrected detectors show them.

Measured with second differences between neighbouring columns, clipped at three deviations (gray levels of 256,
5/50/95 %). 213 training frames of NUAA-SIRST: 0.03 / 0.07 / 0.21 between columns and 0.03 / 0.08 / 0.44 between rows.
510 backgrounds of SIRST-v2: 0.05 / 0.20 / 0.72 and 0.07 / 0.22 / 0.56. Edges of buildings count as offsets, so these
are upper bounds. On frames with drawn offsets of 0, 0.2, 0.5 and 1 the measure finds 0.03, 0.20, 0.48 and 0.90.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from sirstgen.files.images import Gray
from sirstgen.recipe.distributions import Distribution, Part, Within
from sirstgen.recipe.parts import drawn
from sirstgen.seeding import Draws, stream
from sirstgen.stages import DrawContext, ImageContext, finite, register_stage, require


class FixedPatternEntry(Part):
    """How much the sensor's columns and rows differ."""

    columns: Annotated[Distribution, Within(least=0, most=50)] = Field(
        default=drawn({"quantiles": [0.05, 0.08, 0.2, 0.36, 0.72]}),
        description="standard deviation of the columns' offsets, gray levels of 256, one value an image",
    )
    rows: Annotated[Distribution, Within(least=0, most=50)] = Field(
        default=drawn({"quantiles": [0.07, 0.11, 0.22, 0.33, 0.56]}),
        description="standard deviation of the rows' offsets, gray levels of 256, one value an image",
    )

    def draw(self, rng: Draws, context: DrawContext) -> FixedPattern | None:
        """Return the pattern of one image; None where both deviations are 0."""
        columns = round(self.columns.draw(rng) * context.levels, 6)
        rows = round(self.rows.draw(rng) * context.levels, 6)
        return FixedPattern(columns, rows, rng.integers(1 << 31)) if columns or rows else None


@dataclass(frozen=True, slots=True)
class FixedPattern:
    """The pattern of one image.

    Args:
        columns: standard deviation of the columns' offsets, gray levels of the image.
        rows: of the rows' offsets.
        seed: of the offsets.
    """

    columns: float
    rows: float
    seed: int

    def __post_init__(self) -> None:
        right = finite(self.columns, self.rows) and min(self.columns, self.rows) >= 0
        require(right, "fixed_pattern", "must have columns and rows of at least 0", (self.columns, self.rows))
        require(self.seed >= 0, "fixed_pattern.seed", "must not be negative", self.seed)

    def apply(self, image: Gray, context: ImageContext | None = None) -> Gray:
        """Return the image with the offsets, rounded up or down at random.

        A pixel is rounded up with the probability of its fraction, as the noise of a sensor does before its converter:
        offsets below one gray level would vanish otherwise.
        """
        height, width = image.shape
        rng = stream(self.seed, "fixed pattern")
        offsets = self.columns * rng.standard_normal(width) + self.rows * rng.standard_normal((height, 1))
        shown = np.floor(image + np.round(offsets, 6) + rng.random(image.shape, dtype=np.float32))
        return np.asarray(np.clip(shown, 0, np.iinfo(image.dtype).max).astype(image.dtype))


register_stage("fixed_pattern", slot="image", entry=FixedPatternEntry, record=FixedPattern)
