"""The generator that a dataset was made with, or its plans, from its manifest and the backgrounds it was made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sirstgen.datasets.manifest_file import read_manifest
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.plan import ImagePlan
from sirstgen.recipe.recipe import Recipe
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.planned import PlannedGenerator
from sirstgen.synthesis.sources import BUILTIN, PROCEDURAL, open_backgrounds
from sirstgen.synthesis.templates import TemplateLibrary


def reopen_generator(
    folder: str | Path,
    backgrounds: str | Path | None = None,
    *,
    labels: str | Path | None = None,
    scene: str | None = None,
    places: str | Path | None = None,
    templates: str | Path | None = None,
) -> Generator:
    """Return the generator that wrote a dataset, to render its images again or to draw others in their place.

    Args:
        folder: a dataset that `sirstgen.storage.writer.write_dataset` wrote.
        backgrounds: ``builtin``, ``procedural`` or a folder; if None, ``procedural`` where the manifest says so, else
            ``builtin``.
        labels, scene, places: as the dataset was made with, for a folder of backgrounds. Images are rendered again
            without `places`, which decides where targets are drawn.
        templates: folder of the templates it was made with; the built-in ones if None.

    Raises:
        InputError: not a dataset that sirstgen has synthesised.
        InvalidValueError: the backgrounds are not those that the dataset was made from.
    """
    manifest = read_manifest(Path(folder))
    if not {"recipe", "seed"} <= manifest.keys():
        raise InputError.of(folder, "states no recipe (a mix, or a set of other origin), so its images cannot be drawn")
    recipe = Recipe.from_dict(manifest["recipe"], "dataset.json")
    stated = manifest.get("backgrounds", {})
    if backgrounds is None:
        backgrounds = PROCEDURAL if stated.get("kind") == PROCEDURAL else BUILTIN
    source = open_backgrounds(backgrounds, recipe, labels=labels, scene=scene, seed=manifest["seed"], places=places)
    if _mark(source.describe()) != _mark(stated):
        raise InvalidValueError(
            f"backgrounds must be those that {folder} was made from ({stated.get('kind')} {stated.get('name', '')}), "
            f"{backgrounds} holds others; name them with --backgrounds, and their labels or scene where they had some"
        )
    library = _templates(templates, manifest.get("templates")) if templates is not None else None
    return Generator(recipe, source, library, manifest["seed"])


def _templates(folder: str | Path, digest: object) -> TemplateLibrary:
    """Return the templates in `folder` beside the built-in ones, or alone where the dataset was made so."""
    alone = TemplateLibrary.open(folder)
    return alone if alone.digest() == digest else TemplateLibrary.with_builtin(folder)


def reopen_plans(
    folder: str | Path,
    backgrounds: str | Path | None = None,
    *,
    labels: str | Path | None = None,
    scene: str | None = None,
    templates: str | Path | None = None,
    **changes: Any,
) -> PlannedGenerator:
    """Return a generator that renders the plans of a dataset again, on the same sides of the split.

    Args:
        folder, backgrounds, labels, scene, templates: as for `reopen_generator`.
        **changes: any of `scr`, `blur_sigma` and `bit_depth`, as in a recipe; everything else stays.

    Raises:
        InputError: not a dataset that sirstgen has synthesised, or lines of its ``targets.jsonl`` are missing.
        InvalidValueError: as `reopen_generator`; a change that is not allowed.
    """
    made = reopen_generator(folder, backgrounds, labels=labels, scene=scene, templates=templates)
    dataset = Dataset.open(folder)
    rows = dataset.truth()
    missing = [key for key in dataset.ids if key not in rows]
    if missing:
        raise InputError.of(
            Path(folder) / "targets.jsonl", f"has no line for {len(missing)} images, the first is {missing[0]}"
        )
    trained = set(dataset.split("train")) if dataset.has_splits else set()
    return PlannedGenerator(
        [ImagePlan.from_dict(rows[key]) for key in dataset.ids],
        made.backgrounds,
        made.templates,
        recipe=made.recipe,
        seed=made.seed,
        sides=["train" if key in trained else "test" for key in dataset.ids],
        **changes,
    )


def can_be_redrawn(folder: str | Path) -> bool:
    """Return whether a folder is a finished dataset of single files that states the recipe of its images."""
    try:
        manifest = read_manifest(Path(folder))
    except InputError:
        return False
    files = (Path(folder) / "images").is_dir()
    drawn = {"recipe", "seed"} <= manifest.keys()
    return files and drawn and manifest.get("plans") is None  # a given plan leaves nothing to draw again


def _mark(description: dict[str, Any]) -> str:
    """Return what identifies a source of backgrounds: its digest, which does not depend on file names, or all of it."""
    return json.dumps(description.get("digest", description), sort_keys=True)
