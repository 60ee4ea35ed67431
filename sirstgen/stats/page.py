"""Statistics of datasets as one self-contained page: Fig. 6, SCR, scenes, sheets of images, provenance."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sirstgen.datasets.readers import Dataset
from sirstgen.files.atomic import MANIFEST
from sirstgen.files.input_files import parse_json
from sirstgen.pages.figure import figure_bytes
from sirstgen.pages.page import Block, Facts, Note, Page, Picture, Section
from sirstgen.pages.picture import picture_bytes
from sirstgen.preview.contact_sheet import image_sheet, spread, target_sheet
from sirstgen.stats.dataset_statistics import DatasetStatistics
from sirstgen.stats.figures import draw_statistics
from sirstgen.stats.table import statistics_grids

_IMAGES, _TARGETS = 12, 8  # images whose overview is shown, and images whose targets are enlarged
_COLUMNS = 4

_STATED = {
    "name": "name",
    "sirstgen": "sirstgen version",
    "seed": "seed",
    "count": "images",
    "split": "images in each part",
    "rejections": "rejected draws",
    "redrawn": "images drawn anew",
}


def statistics_page(
    datasets: Sequence[tuple[Dataset, DatasetStatistics]], progress: Callable[[int, int], None] | None = None
) -> Page:
    """Return the page of one to five datasets.

    Args:
        datasets: each with its statistics.
        progress: called with datasets shown and datasets in all.

    Raises:
        InvalidValueError: more than five datasets.
        InputError: a file cannot be read.
    """
    measured = [statistics for _, statistics in datasets]
    grids = statistics_grids(measured)
    figure = Picture(
        figure_bytes(draw_statistics(measured), dpi=110),
        "Histograms of targets per image, sizes, brightness, SCR, contrast and scenes",
        "After Fig. 6 of the DNA-Net paper (B. Li et al., IEEE TIP 2023), and SCR by its Eq. 10.",
        wide=True,
    )
    sections = [Section("Fig. 6 of the paper", [grids[0], figure]), Section("All figures", grids[1:])]
    for done, (dataset, statistics) in enumerate(datasets, start=1):
        sections.append(Section(f"{dataset.name}: images", _sheets(dataset, statistics)))
        sections.append(Section(f"{dataset.name}: provenance", _provenance(dataset)))
        if progress is not None:
            progress(done, len(datasets))
    names = ", ".join(dataset.name for dataset, _ in datasets)
    warnings = [Note(f"{entry.name}: {text}", "warning") for entry in measured for text in entry.warnings[:5]]
    return Page(f"Statistics of {names}", sections, warnings, "Made by sirstgen stats.")


def _sheets(dataset: Dataset, statistics: DatasetStatistics) -> list[Block]:
    sheet = image_sheet(dataset, spread(dataset.ids, _IMAGES), _COLUMNS)
    caption = "Images from all parts of the dataset."
    blocks: list[Block] = [Picture(picture_bytes(sheet), f"Images of {dataset.name}", caption, wide=True)]
    tried = spread(dataset.ids, 8 * _TARGETS) if statistics.targets else []
    with_targets = [key for key in tried if dataset.mask(key).any()]
    if with_targets:
        chosen = spread(with_targets, _TARGETS)
        caption = "Targets as they are, and stretched with the outline of the mask."
        blocks.append(
            Picture(picture_bytes(target_sheet(dataset, chosen, 2)), f"Targets of {dataset.name}", caption, wide=True)
        )
    return blocks


def _provenance(dataset: Dataset) -> list[Block]:
    try:
        manifest = parse_json((dataset.folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return [Note(f"The folder has no {MANIFEST}: it states nothing about its origin.")]
    except (OSError, ValueError, RecursionError) as error:
        return [Note(f"{MANIFEST} cannot be read: {error}", "warning")]
    if not isinstance(manifest, dict):
        return [Note(f"{MANIFEST} is not a JSON object.", "warning")]
    facts = [(label, _text(manifest[name])) for name, label in _STATED.items() if manifest.get(name) not in (None, {})]
    source = manifest.get("backgrounds")
    if isinstance(source, dict):
        facts.append(("backgrounds", " ".join(str(source[key]) for key in ("kind", "name", "count") if key in source)))
    recipe = manifest.get("recipe")
    if isinstance(recipe, dict):
        facts += [(f"recipe: {key}", _text(value)) for key, value in recipe.items()]
    return [Facts(facts)]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and not any(isinstance(part, dict | list) for part in value.values()):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return json.dumps(value, ensure_ascii=False)
