"""Opening the backgrounds that a run names: the built-in ones, an endless procedural source, or a folder."""

from __future__ import annotations

import math
from pathlib import Path

from sirstgen.assets import asset_folder
from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.backgrounds.procedural.source import ProceduralBackgrounds
from sirstgen.backgrounds.source import BackgroundSource
from sirstgen.errors import InvalidValueError
from sirstgen.places.classes import BUILTIN_PLACES
from sirstgen.recipe.recipe import Recipe

BUILTIN = "builtin"
PROCEDURAL = "procedural"


def open_backgrounds(
    where: str | Path = BUILTIN,
    recipe: Recipe | None = None,
    *,
    labels: str | Path | None = None,
    scene: str | None = None,
    seed: int = 0,
    places: str | Path | None = None,
) -> BackgroundSource:
    """Return the backgrounds for a recipe's images.

    Args:
        where: ``builtin``, ``procedural`` (made on demand from `seed`, all different), or a folder of frames.
        recipe: gives image size, largest enlargement and least confidence; the default one if None.
        labels: a file that says which scene each frame of the folder shows.
        scene: the one scene that all frames of the folder show.
        seed: of procedural frames.
        places: a folder of place maps for the frames of the folder (`sirstgen.places.classes`).

    Raises:
        InputError: the folder holds no usable background; says why.
        InvalidValueError: labels, scene or places for backgrounds that know their scenes.
    """
    recipe = recipe if recipe is not None else Recipe()
    rules = recipe.backgrounds
    if str(where) in (BUILTIN, PROCEDURAL) and (labels, scene, places) != (None, None, None):
        raise InvalidValueError(
            f"labels, scene and places go with a folder of backgrounds, {where} ones know their scenes and places"
        )
    if str(where) == PROCEDURAL:
        return procedural_backgrounds(recipe, seed)
    least = (32, 32) if rules.native_size else (recipe.height, recipe.width)
    enlarged = 1.0 if rules.native_size else rules.max_enlargement
    builtin = str(where) == BUILTIN
    library = BackgroundLibrary.open(
        asset_folder("backgrounds") if builtin else where,
        places=BUILTIN_PLACES if builtin else places,
        labels=labels,
        scene=scene,
        min_size=(math.ceil(least[0] / enlarged), math.ceil(least[1] / enlarged)),
        min_confidence=rules.min_confidence,
    )
    if not builtin and (places is not None or asks_for_places(recipe)):
        library.prepare_places()
    return library


def asks_for_places(recipe: Recipe) -> bool:
    """Return whether any target of the recipe belongs to some places and not to others."""
    rows = recipe.scenes.values()
    kernels = [recipe.point, recipe.spot, *(row.point for row in rows), *(row.spot for row in rows)]
    return (
        any(rule.where != "any" for rule in recipe.classes.values())
        or any(kernel is not None and kernel.where != "any" for kernel in kernels)
        or any(row.above_horizon is not None for row in rows)
    )


def procedural_backgrounds(recipe: Recipe, seed: int) -> ProceduralBackgrounds:
    """Return procedural frames large enough for the recipe's images.

    Args:
        recipe: gives image size and largest crop.
        seed: of the frames.
    """
    rules = recipe.backgrounds
    side = 1.0 if rules.native_size else max(1.0, rules.crop_scale.support[1])
    return ProceduralBackgrounds(seed, math.ceil(recipe.height * side), math.ceil(recipe.width * side))
