"""Statistics of datasets as tables, one column a dataset, beside the paper's Fig. 6."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sirstgen.pages.fonts import shortened
from sirstgen.pages.table import Grid
from sirstgen.stats.dataset_statistics import MEASURES, PAPER, QUANTILES, SHARES, DatasetStatistics


def statistics_text(datasets: Sequence[DatasetStatistics]) -> str:
    """Return the tables of one or more datasets as text, 80 columns wide at most, and the warnings below."""
    notes = [f"{entry.name}: {warning}" for entry in datasets for warning in entry.warnings]
    return "\n".join(
        ["\n\n".join(grid.text() for grid in statistics_grids(datasets)), *([""] if notes else []), *notes]
    )


def statistics_grids(datasets: Sequence[DatasetStatistics]) -> list[Grid]:
    """Return the tables: counts and Fig. 6, targets per image, percentiles, scenes, kinds.

    Args:
        datasets: at least one.
    """
    names = [shortened(entry.name, 24) for entry in datasets]
    rows = [
        ["images", *(str(entry.images) for entry in datasets), ""],
        ["targets", *(str(entry.targets) for entry in datasets), ""],
    ]
    for name, meaning in SHARES.items():
        rows.append([meaning, *(_percent(entry.shares()[name]) for entry in datasets), _percent(PAPER[name], 0)])
    grids = [Grid(["", *names, "paper, Fig. 6"], rows)]
    counts = sorted({count for entry in datasets for count in entry.targets_per_image})
    rows = [
        [str(count), *(_percent(_share(entry.targets_per_image.get(count, 0), entry.images)) for entry in datasets)]
        for count in counts
    ]
    grids.append(Grid(["targets in an image", *names], rows, "% of images by number of targets"))
    if any(entry.counts_per_level for entry in datasets):
        grids.append(Grid(["frames of more than 8 bits", *names], _counts(datasets)))
    quantiles = [entry.quantiles() for entry in datasets]
    rows = [[meaning, *(_quantiles(entry.get(name, {})) for entry in quantiles)] for name, meaning in MEASURES.items()]
    grids.append(Grid(["", *names], rows, f"percentiles {', '.join(map(str, QUANTILES))} over targets"))
    scenes = [(entry.scenes, entry.images) for entry in datasets]
    kinds = [(entry.kinds, entry.targets) for entry in datasets]
    grids += _counted("scene", "images of each scene", names, scenes)
    return grids + _counted("kind", "targets of each kind", names, kinds)


def _counts(datasets: Sequence[DatasetStatistics]) -> list[list[str]]:
    """Return rows of the gray scale and of the contrast in counts of the files and as share of the used range."""
    scales, counts, shares = [], [], []
    for entry in datasets:
        contrast, step = entry.quantiles().get("contrast", {}), entry.counts_per_level
        scales.append(f"{entry.gray_scale.black:g} to {entry.gray_scale.white:g}" if step else "8 bits")
        counts.append(_quantiles({at: level * step for at, level in contrast.items()}) if step else "-")
        shares.append(_quantiles({at: 100 * level / 255 for at, level in contrast.items()}))
    return [["black to white, counts", *scales], ["contrast, counts", *counts], ["contrast, % of the range", *shares]]


def _counted(head: str, caption: str, names: list[str], tables: Sequence[tuple[dict[str, int], int]]) -> list[Grid]:
    entries = sorted({name for table, _ in tables for name in table})
    rows = [
        [
            entry,
            *(
                f"{table[entry]} ({_percent(_share(table[entry], whole))})" if entry in table else "-"
                for table, whole in tables
            ),
        ]
        for entry in entries
    ]
    return [Grid([head, *names], rows, caption)] if rows else []


def _quantiles(values: dict[str, float]) -> str:
    return " / ".join(f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}" for value in values.values()) or "-"


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _percent(share: float, digits: int = 1) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.{digits}f} %"
