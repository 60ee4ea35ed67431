"""Make the pictures of the docs again: ``python docs/tools/pictures.py``. Everything in them is drawn by sirstgen."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from sirstgen import Dataset, Generator, write_dataset
from sirstgen.backgrounds.procedural.make import make
from sirstgen.pages.figure import write_figure
from sirstgen.pages.picture import Picture, coloured, labelled, tiled, write_picture
from sirstgen.preview.contact_sheet import image_sheet, spread
from sirstgen.preview.enlarged import enlarged_target

IMAGES = Path(__file__).parents[1] / "images"
SCENES = ("city", "cloud", "field", "highlight", "sea")


def main() -> None:
    """Write all pictures to docs/images."""
    generator = Generator(seed=0)
    with tempfile.TemporaryDirectory() as place:
        dataset = Dataset.open(write_dataset(generator, Path(place) / "set", 120))
        truth = dataset.truth()
        write_jpeg("contact-sheet.jpg", image_sheet(dataset, spread(dataset.ids, 24), 6, 200))
        ids = [key for scene in SCENES for key in of_scene(truth, scene)[:4]]
        write_jpeg("gallery-scenes.jpg", image_sheet(dataset, ids, 4, 256))
        write_picture(IMAGES / "gallery-targets.png", targets(dataset))
        frames = make(Path(place) / "frames", list(SCENES), 4, 256, 256, 3)
        tiles = [
            labelled(coloured(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)), path.parent.name) for path in sorted(frames)
        ]
        write_jpeg("gallery-procedural.jpg", tiled(tiles, 4))
    how_it_works(generator)


def of_scene(truth: dict[str, dict], scene: str) -> list[str]:
    """Return the ids of a scene's images."""
    return [key for key, row in truth.items() if row["scene"] == scene]


def targets(dataset: Dataset) -> Picture:
    """Return three enlarged targets of each kind, each kind a row."""
    rows: dict[str, list[Picture]] = {"point": [], "spot": [], "extended": []}
    for key, row in dataset.truth().items():
        for number, target in enumerate(row["targets"]):
            own = rows[target["kind"]]
            if len(own) < 3 and target["scr"] >= 4:
                own.append(enlarged_target(*dataset.sample(key), number, 160, key, row))
    return tiled([tile for own in rows.values() for tile in own], 3)


def how_it_works(generator: Generator) -> None:
    """Write the steps of one image: background, target's contribution, image, mask, whole and enlarged."""
    sample = next(
        sample
        for sample in map(generator.__getitem__, range(60))
        if len(sample.targets) == 1 and sample.targets[0].plan.kind == "extended" and sample.targets[0].area > 40
    )
    empty = generator.render(replace(sample.plan, targets=()))
    image, background = sample.image.astype(int), empty.image.astype(int)
    panels = [
        ("blurred background", background, (0, 255)),
        ("blurred target, scaled to the SCR", image - background, (0, max((image - background).max(), 1))),
        ("image: their sum", image, (0, 255)),
        ("mask: 0.3 of the peak", sample.mask, (0, 255)),
    ]
    x, y, w, h = sample.targets[0].bbox
    side = max(w, h) + 16
    left, top = (int(np.clip(c - side // 2, 0, 256 - side)) for c in (x + w // 2, y + h // 2))
    figure = Figure(figsize=(13, 6.8), layout="constrained")
    grid = figure.subplots(2, 4)
    for column, (title, pixels, (low, high)) in enumerate(panels):
        for row, shown in enumerate((pixels, pixels[top : top + side, left : left + side])):
            grid[row, column].imshow(shown, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            grid[row, column].set_axis_off()
        grid[0, column].set_title(title, fontsize=11)
        grid[0, column].plot(*zip(*corners(left, top, side), strict=True), color="#ffe650", linewidth=1)
    target = sample.targets[0]
    figure.suptitle(
        f"{sample.plan.scene}, {target.plan.template}, {target.area} pixels, SCR {target.scr:.2f}", fontsize=12
    )
    write_figure(figure, IMAGES / "how-it-works.png", dpi=90)


def corners(left: int, top: int, side: int) -> list[tuple[int, int]]:
    """Return the outline of a square."""
    right, bottom = left + side, top + side
    return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]


def write_jpeg(name: str, picture: Picture) -> None:
    """Write a picture of many frames, small enough for a repository."""
    (IMAGES / name).write_bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes())


if __name__ == "__main__":
    main()
