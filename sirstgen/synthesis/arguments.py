"""What `Generator` takes: a recipe, backgrounds, templates and a seed, or the plain values that are read as such."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sirstgen.backgrounds.source import BackgroundSource
from sirstgen.errors import InvalidValueError
from sirstgen.recipe.recipe import Recipe
from sirstgen.seeding import draw_seed
from sirstgen.synthesis.rasterise import builtin_templates
from sirstgen.synthesis.sources import open_backgrounds
from sirstgen.synthesis.templates import TemplateLibrary

_SOURCE = ("scenes", "count", "background", "find", "pixels", "places", "describe")


def as_recipe(value: Recipe | Mapping[str, Any] | str | Path | None) -> Recipe:
    """Return a recipe: as given, of entries, of a file, or the default one for None.

    Raises:
        InvalidValueError: anything else, or entries that are wrong.
        InputError: the file cannot be read.
    """
    if value is None:
        return Recipe()
    if isinstance(value, Recipe):
        return value
    if isinstance(value, str | Path):
        return Recipe.load(value)
    if isinstance(value, Mapping):
        return Recipe.from_dict(value)
    raise _wrong("recipe", "a Recipe, a table of entries or the path of a recipe file", value)


def as_backgrounds(value: BackgroundSource | str | Path | None, recipe: Recipe, seed: int) -> BackgroundSource:
    """Return a source of backgrounds: as given, or what `open_backgrounds` opens; the built-in ones for None.

    Raises:
        InvalidValueError: an object without the methods of `BackgroundSource`.
        InputError: the folder holds no usable background.
    """
    if value is None:
        return open_backgrounds(recipe=recipe)
    if isinstance(value, str | Path):
        return open_backgrounds(value, recipe, seed=seed)
    lacking = [name for name in _SOURCE if not callable(getattr(value, name, None))]
    if lacking:
        raise _wrong("backgrounds", "builtin, procedural, a folder or a BackgroundSource", value)
    return value


def as_templates(value: TemplateLibrary | str | Path | None) -> TemplateLibrary:
    """Return a library of templates: as given, of a folder, or the built-in one for None.

    Raises:
        InvalidValueError: anything else.
        InputError: the folder holds no usable template.
    """
    if value is None:
        return builtin_templates()
    if isinstance(value, TemplateLibrary):  # an empty one too
        return value
    if isinstance(value, str | Path):
        return TemplateLibrary.open(value)
    raise _wrong("templates", "a folder or a TemplateLibrary", value)


def as_seed(value: int | None) -> int:
    """Return a seed: as given, or one drawn from the operating system for None.

    Raises:
        InvalidValueError: not a whole number of at least 0.
    """
    if value is None:
        return draw_seed()
    try:
        seed = operator.index(value)
    except TypeError:
        raise _wrong("seed", "a whole number", value) from None
    if seed < 0:
        raise InvalidValueError(f"seed must not be negative, got {seed}", name="seed", value=seed)
    return seed


def _wrong(name: str, allowed: str, value: object) -> InvalidValueError:
    return InvalidValueError(f"{name} must be {allowed}, got {type(value).__name__}", name=name, value=value)
