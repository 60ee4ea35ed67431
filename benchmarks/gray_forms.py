"""One data set in four forms of storage: what the commands measure must be the same in each.

    python benchmarks/gray_forms.py [--images 120] [--weights best.pt]

Draws a set with the default recipe, writes it as 8 bits, as raw 16-bit counts (offset 20000, range 800), as 14 bits in
16 and as float32 with missing pixels, and prints the table of docs/dataset-format.md.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from sirstgen import Generator, Recipe, write_dataset
from sirstgen.bench.choice import choose_detectors
from sirstgen.bench.run import run_bench
from sirstgen.datasets.readers import Dataset
from sirstgen.detect.folder import DetectOptions, detect_folder
from sirstgen.detectors.detector import Detector
from sirstgen.fit.fit import fit_recipe
from sirstgen.stats.dataset_statistics import dataset_statistics
from sirstgen.training.checkpoint import Checkpoint
from sirstgen.training.runtime import Runtime
from sirstgen.training.trained_scale import TrainedScale

FORMS = ("8 bits", "16-bit counts, 20000 + 800", "14 bits in 16", "float32, no data -9999")
DETECTORS = "top-hat,tllcm"


class LocalContrast(Detector):
    """A net of fixed weights: the gray level less that of its neighbourhood, against a threshold."""

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the logits of (B, 1, H, W) images."""
        around = torch.nn.functional.avg_pool2d(images, 15, 1, 7)
        return (20 * (images - around) - 8,)


@dataclass(frozen=True)
class Measured:
    """What the commands find in one form.

    Attributes:
        scale: black and white.
        scr: of every target.
        recipe: of fit, without bit depth and codec.
        scores: of bench, by detector and figure.
        boxes: of detect: image, left, top, width, height of every target.
    """

    scale: str
    scr: NDArray[np.float64]
    recipe: dict[str, Any]
    scores: dict[tuple[str, str], float]
    boxes: list[tuple[Any, ...]]


def draw_base(folder: Path, images: int) -> Path:
    """Draw an 8-bit set whose frames reach from black to white."""
    write_dataset(Generator(Recipe(width=160, height=128), seed=5), folder, images)
    for number, path in enumerate(sorted((folder / "images").iterdir())):
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if number < 2:  # a patch of black and one of white, so that the set uses all levels
            image[:3, :3], image[:3, -3:] = 0, 255
            cv2.imwrite(str(path), image)
    return folder


def write_form(base: Path, form: str, folder: Path) -> Path:
    """Write the images of the 8-bit set `base` in another form, with the same masks and lists."""
    shutil.copytree(base, folder, ignore=shutil.ignore_patterns("dataset.json", "SHA256SUMS", "targets.jsonl"))
    for number, path in enumerate(sorted((folder / "images").iterdir())):
        levels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if form == FORMS[0]:
            continue
        if form == FORMS[1]:
            image = np.rint(20000 + levels * (800 / 255)).astype(np.uint16)
        elif form == FORMS[2]:
            image = np.rint(levels * (16383 / 255)).astype(np.uint16)
        else:
            image = (levels / 255 * 42.5 - 10).astype(np.float32)
            image[-1, number % image.shape[1]] = -9999
        path.unlink()
        cv2.imwrite(str(path.with_suffix(".tiff")), image)
    return folder


def measure(folder: Path, work: Path, detector: Detector, trained: TrainedScale, fitted: bool = True) -> Measured:
    """Run stats, fit, bench and detect on one form."""
    dataset = Dataset.open(folder)
    recipe = fit_recipe(dataset, part="all", match=False).entries if fitted else {}
    stages = {name: value for name, value in recipe.get("stages", {}).items() if name != "codec"}
    result = run_bench(dataset, choose_detectors(DETECTORS), work / "bench")
    figures = {name: result.figures(name) for name in (one.name for one in result.detectors)}
    runtime = Runtime(torch.device("cpu"))
    found = detect_folder(
        detector, folder / "images", work / "detect", runtime, DetectOptions(overlays=False), trained=trained
    )
    return Measured(
        str(dataset.gray_scale),
        dataset_statistics(dataset).values["scr_masks_only"],
        {name: value for name, value in recipe.items() if name != "bit_depth"} | {"stages": stages},
        {(name, what): row[what] for name, row in figures.items() for what in ("iou", "pd", "auc")},
        [(one.image.partition(".")[0], one.left, one.top, one.width, one.height) for one in found.found],
    )


def largest_difference(first: Any, second: Any) -> float:
    """Return the largest relative difference of two recipes' numbers; infinite where they differ otherwise."""
    if isinstance(first, dict) and isinstance(second, dict) and first.keys() == second.keys():
        return max((largest_difference(first[key], second[key]) for key in first), default=0.0)
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        return max((largest_difference(one, other) for one, other in zip(first, second, strict=True)), default=0.0)
    if isinstance(first, int | float) and isinstance(second, int | float):
        return abs(first - second) / max(abs(first), abs(second), 1e-9) if first != second else 0.0
    return 0.0 if first == second else float("inf")


def _near(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    """Whether two detections have their centre within 2 pixels, in one image."""
    image, left, top, width, height = first
    dx, dy = (2 * (left - second[1]) + width - second[3]) / 2, (2 * (top - second[2]) + height - second[4]) / 2
    return image == second[0] and dx * dx + dy * dy <= 4


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=120)
    parser.add_argument("--weights", type=Path, help="checkpoint; a fixed local-contrast net by default")
    options = parser.parse_args()
    detector, trained = LocalContrast(), TrainedScale()
    if options.weights is not None:
        checkpoint = Checkpoint.load(options.weights)
        detector, trained = checkpoint.detector(), checkpoint.gray_scale
    print("Largest changes against 8 bits:")
    print()
    print("| form | black:white | SCR percentiles | fit | bench | detect |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        base = draw_base(Path(place) / "base", options.images)
        first = None
        for number, form in enumerate(FORMS):
            work = Path(place) / str(number)
            found = measure(write_form(base, form, work / "set"), work, detector, trained)
            first = first or found
            quantiles = [np.nanpercentile(entry.scr, (5, 25, 50, 75, 95)) for entry in (first, found)]
            scr = np.abs(quantiles[1] / quantiles[0] - 1).max()
            scores = max(abs(found.scores[key] - first.scores[key]) for key in first.scores)
            same = sum(any(_near(box, other) for other in found.boxes) for box in first.boxes)
            others = sum(not any(_near(box, other) for other in first.boxes) for box in found.boxes)
            recipe = largest_difference(first.recipe, found.recipe)
            print(
                f"| {form} | {found.scale} | {scr:.2%} | {recipe:.2%} | {scores:.4f} | "
                f"{same} of {len(first.boxes)} the same, {others} others |",
                flush=True,
            )


if __name__ == "__main__":
    main()
