"""Statistics of datasets as a text table, one column a dataset, the paper's Fig. 6 beside."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sirstgen.stats.dataset_statistics import MEASURES, PAPER, QUANTILES, SHARES, DatasetStatistics


def statistics_table(datasets: Sequence[DatasetStatistics]) -> str:
    """The figures of one or more datasets side by side.

    Args:
        datasets: at least one.
    """
    rows = [["", *(entry.name for entry in datasets), "paper, Fig. 6"]]
    rows.append(["images", *(str(entry.images) for entry in datasets)])
    rows.append(["targets", *(str(entry.targets) for entry in datasets)])
    for name, meaning in SHARES.items():
        rows.append([meaning, *(_percent(entry.shares()[name]) for entry in datasets), _percent(PAPER[name], 0)])
    rows += [[], ["targets in an image, % of images"]]
    for count in sorted({count for entry in datasets for count in entry.targets_per_image}):
        found = (_part(entry.targets_per_image.get(count, 0), entry.images) for entry in datasets)
        rows.append([f"  {count}", *(_percent(share) for share in found)])
    rows += [[], [f"percentiles {', '.join(map(str, QUANTILES))} over targets"]]
    quantiles = [entry.quantiles() for entry in datasets]
    for name, meaning in MEASURES.items():
        cells = (
            " / ".join(f"{value:.2g}" if value < 10 else f"{value:.0f}" for value in entry.get(name, {}).values())
            for entry in quantiles
        )
        rows.append([f"  {meaning}", *(cell or "-" for cell in cells)])
    scenes = [(entry.scenes, entry.images) for entry in datasets]
    kinds = [(entry.kinds, entry.targets) for entry in datasets]
    rows += _counted("scene, images", scenes) + _counted("kind, targets", kinds)
    notes = [f"{entry.name}: {warning}" for entry in datasets for warning in entry.warnings]
    return "\n".join([_aligned(rows), *([""] if notes else []), *notes])


def _counted(title: str, tables: Sequence[tuple[dict[str, int], int]]) -> list[list[str]]:
    names = sorted({name for table, _ in tables for name in table})
    rows = [
        [
            f"  {name}",
            *(
                f"{table[name]} ({_percent(_part(table[name], whole))})" if name in table else "-"
                for table, whole in tables
            ),
        ]
        for name in names
    ]
    return [[], [title], *rows] if rows else []


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    columns = max(map(len, rows))
    widths = [max(len(row[at]) for row in rows if len(row) > at and len(row) > 1) + 3 for at in range(columns)]
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows
    )


def _part(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _percent(share: float, digits: int = 1) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.{digits}f} %"
