"""The paper's dataset, from the built-in backgrounds: SCR 3 to 6, blur 0.2 to 1, five scenes.

python examples/paper_set.py [FOLDER [IMAGES]]
"""

import sys

from sirstgen import Generator, Recipe, verify, write_dataset


def main(folder: str = "paper-set", images: int = 40) -> None:
    """Write the set and check every figure that it states against its files."""
    generator = Generator(Recipe(scr=[3, 4, 5, 6]), seed=0)
    write_dataset(generator, folder, images)
    faults = verify(folder)
    print(f"{images} images in {folder}, {len(faults)} faults")


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
