"""Targets of your own: a folder of PNGs, black where nothing is, one sub-folder a class.

python examples/own_templates.py [FOLDER]
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from sirstgen import Generator, Recipe, TemplateLibrary, open_backgrounds, write_dataset


def main(folder: str = "own-templates") -> None:
    """Draw a balloon, save it as a template, and write ten images that show it in the sky of every scene."""
    drawing = np.zeros((128, 96), np.uint8)
    cv2.ellipse(drawing, (48, 48), (38, 46), 0, 0, 360, 180, -1, cv2.LINE_AA)
    cv2.rectangle(drawing, (40, 92), (56, 122), 255, -1)
    templates = Path(folder) / "templates" / "balloon"
    templates.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(templates / "round.png"), drawing)

    row = {"kinds": {"extended": 1.0}, "classes": {"balloon": 1.0}}
    recipe = Recipe.from_dict(
        {
            "classes": {"balloon": {"where": "sky", "length": {"between": [8, 20]}}},
            "scenes": dict.fromkeys(("cloud", "sky-clear", "sea", "city", "field", "highlight"), row),
        }
    )
    backgrounds = open_backgrounds("procedural", recipe, seed=2)
    generator = Generator(recipe, backgrounds, TemplateLibrary.open(templates.parent), seed=2)
    write_dataset(generator, Path(folder) / "dataset", 10)
    print(f"10 images in {folder}/dataset")


if __name__ == "__main__":
    main(*sys.argv[1:2])
