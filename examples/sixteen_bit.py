"""16-bit images made in memory, as for a training loop; nothing is written.

python examples/sixteen_bit.py [IMAGES]
"""

import sys

from sirstgen import Generator, Recipe, open_backgrounds


def main(images: int = 8) -> None:
    """Print scene, gray levels and SCR of images on procedural backgrounds, each of which is new."""
    recipe = Recipe(bit_depth=16, width=160, height=160)
    generator = Generator(recipe, open_backgrounds("procedural", recipe, seed=5), seed=5)
    for sample in generator.samples(images):
        image = sample.image
        scr = ", ".join(f"{target.scr:.4f}" for target in sample.targets)
        print(f"{sample.plan.scene}: {image.dtype}, levels {image.min()}..{image.max()}, SCR {scr}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
