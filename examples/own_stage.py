"""A stage of your own: vignetting, the darker corners of a lens. Nothing in sirstgen needs to change for it.

python examples/own_stage.py [FOLDER]

On the command line, where this file lies in the working folder or on the Python path:

sirstgen --import own_stage synth --recipe with-vignetting.yaml        # stages: {vignetting: {strength: 0.2}}
sirstgen --import own_stage verify sirst-synth --rebuild
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from sirstgen import Distribution, Generator, Recipe, open_backgrounds, register_stage, verify, write_dataset
from sirstgen.recipe.distributions import Part, Within
from sirstgen.seeding import Draws
from sirstgen.stages import DrawContext, ImageContext, require


class VignettingEntry(Part):
    """What a recipe says: how much darker the corners are."""

    strength: Annotated[Distribution, Within(least=0, most=0.9)] = Field(
        default=Distribution(between=(0.1, 0.3)), description="share of the intensity that the corners lose"
    )

    def draw(self, rng: Draws, context: DrawContext) -> "Vignetting | None":
        """Return the vignetting of one image; None where there is none."""
        strength = self.strength.draw(rng)
        return Vignetting(strength) if strength > 0 else None


@dataclass(frozen=True)
class Vignetting:
    """What was drawn for one image; it stands in its plan and in its line of targets.jsonl.

    Args:
        strength: share of the intensity that the corners lose.
    """

    strength: float

    def __post_init__(self) -> None:
        require(0 < self.strength <= 0.9, "vignetting.strength", "must be in (0, 0.9]", self.strength)

    def apply(self, image: np.ndarray, context: ImageContext) -> np.ndarray:
        """Return the image with darker corners: the loss grows with the square of the distance from the centre."""
        height, width = image.shape
        x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)[:, None]
        return np.rint(image * (1 - self.strength * (x * x + y * y) / 2)).astype(image.dtype)


register_stage("vignetting", slot="image", entry=VignettingEntry, record=Vignetting, before="sensor_noise")


def main(folder: str = "own-stage") -> None:
    """Write twelve images with vignetting, and render each again from its line."""
    recipe = Recipe(stages={"vignetting": {"strength": [0.2, 0.4]}, "sensor_noise": {"sigma": 0.5}})
    generator = Generator(recipe, open_backgrounds(recipe=recipe), seed=3)
    write_dataset(generator, Path(folder), 12)
    print(f"12 images in {folder}, {len(verify(folder, rebuild=generator))} faults")


if __name__ == "__main__":
    main(*sys.argv[1:2])
