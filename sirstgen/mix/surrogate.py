"""The surrogate domain: a synthetic set in the place of a real one, so that commands run where no real frames are.

It differs from what `synth` makes by default in backgrounds (formulas of another seed), sizes, contrast and blur, and
shares the code. Figures on it show that the tool works; they say nothing about real frames.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InvalidValueError
from sirstgen.recipe.recipe import Recipe
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.sources import PROCEDURAL, open_backgrounds

NOTE = "Surrogate domain: the images in the place of real ones are synthetic. The mix says nothing about real frames."
"""Stands in the first line, the title and the JSON of everything that is made on the surrogate domain."""

# NUAA-SIRST has this many frames, half of them for testing.
COUNT = 427
_SEED = 427

_RECIPE = {
    "scr": {"lognormal": {"median": 5.5, "spread": 0.45}, "limits": [1.5, 20]},
    "blur_sigma": {"between": [0.5, 1.1]},
    "targets_per_image": {1: 0.84, 2: 0.1, 3: 0.06},
    "spot": {"area": {"lognormal": {"median": 27, "spread": 0.5}, "limits": [10, 90]}},
}


def surrogate_dataset(folder: Path, count: int = COUNT, progress: Callable[[int, int], None] | None = None) -> Dataset:
    """Return the surrogate domain, written to `folder` unless it is there already.

    Args:
        folder: absent, or holding the surrogate domain, finished or not.
        count: images, half of them for testing; no background is on both sides.
        progress: called with images made and images in all.

    Raises:
        InvalidValueError: `folder` holds what another version of sirstgen made.
    """
    return _written(_generator(), folder, count, progress)


def surrogate_count(training: int) -> int:
    """Return how many images of the surrogate domain hold `training` training images; `COUNT` where it holds fewer."""
    generator = _generator()
    for index in range(COUNT):
        training -= generator.side(index) == "train"
        if training <= 0:
            return index + 1
    return COUNT


def _generator() -> Generator:
    recipe = Recipe.from_dict(_RECIPE, "surrogate domain")
    return Generator(recipe, seed=_SEED, backgrounds=open_backgrounds(PROCEDURAL, recipe, seed=_SEED))


def default_synthetic(
    folder: Path, count: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> Dataset:
    """Return images of the default recipe, written to `folder` unless they are there already.

    Raises:
        InvalidValueError: `folder` holds what another version of sirstgen made.
    """
    return _written(Generator(seed=seed), folder, count, progress)


def _written(generator: Generator, folder: Path, count: int, progress: Callable[[int, int], None] | None) -> Dataset:
    try:
        write_dataset(generator, folder, count, resume=True, progress=progress)
    except InvalidValueError as error:
        raise InvalidValueError(
            f"{folder}: holds a set that this version of sirstgen would make in another way; delete this folder and "
            f"repeat the command ({error})",
            path=str(folder),
        ) from None
    return Dataset.open(folder)
