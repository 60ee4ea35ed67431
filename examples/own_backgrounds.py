"""A dataset over a folder of your own frames, with a scene of your own as a recipe entry.

python examples/own_backgrounds.py FRAMES [FOLDER]
"""

import sys

from sirstgen import BackgroundLibrary, Generator, Recipe, write_dataset


def main(frames: str, folder: str = "own-backgrounds") -> None:
    """Write 20 images on frames that all show a desert: drones and points, no ships."""
    recipe = Recipe.from_dict(
        {
            "width": 128,
            "height": 128,
            "scenes": {"desert": {"kinds": {"point": 0.5, "extended": 0.5}, "classes": {"uav": 1.0}}},
        }
    )
    library = BackgroundLibrary.open(frames, scene="desert")
    for fault in library.faults:
        print(f"not used: {fault.file}: {fault.reason}")
    write_dataset(Generator(recipe, library, seed=1), folder, 20)
    print(f"20 images in {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
