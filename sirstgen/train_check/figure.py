"""The figure of Table VIII: score against the share of real images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sirstgen.pages.figure import COLOURS, write_figure
from sirstgen.train_check.table import Measure, Row, Table, TrainingSet

_PANELS: tuple[tuple[Measure, str], ...] = (("iou", "IoU, %"), ("pd", "Pd, %"), ("fa", "Fa, 1e-6"))


def draw_table_viii(table: Table, path: Path) -> None:
    """Draw IoU, Pd and Fa against the share of real training images, every run as a dot, the paper's rows hollow.

    Mixes are joined by a line; real images alone, which are fewer in all, are drawn as a diamond. Rows of
    other training sets than mixes are left to the table.

    Args:
        table: with at least one row.
        path: a PNG, PDF or SVG file to write; it appears whole or not at all.
    """
    from matplotlib.figure import Figure

    rows = [row for row in table.rows if not row.training_set.name]
    places = sorted({row.training_set for row in rows}, key=lambda entry: (entry.real_share, entry))
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    for axes, (measure, label) in zip(figure.subplots(1, 3), _PANELS, strict=True):
        for detector, colour in zip(dict.fromkeys(row.detector for row in rows), COLOURS * len(rows), strict=False):
            own = [row for row in rows if row.detector == detector]
            _draw_means(axes, own, places, measure, colour, detector)
            _draw_paper(axes, own, places, measure, colour)
        axes.set_xticks(range(len(places)), [_tick(entry) for entry in places], fontsize=8)
        axes.set_xmargin(0.08)
        kind = "surrogate" if table.surrogate else "real"
        axes.set_xlabel(f"share of {kind} training images, {kind} + synthetic\n(diamond: {kind} images alone)")
        axes.set_ylabel(label)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        if measure == "fa":
            axes.set_ylim(bottom=0)
    handles = dict(zip(*reversed(figure.axes[0].get_legend_handles_labels()), strict=True))
    if handles:
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    figure.suptitle(table.title, fontsize=11, color="#b00020" if table.surrogate else "black")
    write_figure(figure, path)


def _draw_means(
    axes: Any, rows: Sequence[Row], places: list[TrainingSet], measure: Measure, colour: str, name: str
) -> None:
    rows = [row for row in rows if not math.isnan(row.mean(measure))]
    for row in rows:
        values = row.values(measure)
        axes.plot([places.index(row.training_set)] * len(values), values, ".", color=colour, alpha=0.45)
    for part, style in _styles(rows):
        x = [places.index(row.training_set) for row in part]
        axes.plot(x, [row.mean(measure) for row in part], style, color=colour, label=name)


def _draw_paper(axes: Any, rows: Sequence[Row], places: list[TrainingSet], measure: Measure, colour: str) -> None:
    """Draw the paper's figures of the same rows; their net need not be the same."""
    for part, style in _styles([row for row in rows if row.paper]):
        x = [places.index(row.training_set) for row in part]
        y = [getattr(row.paper, measure) for row in part]
        label = f"{part[0].runs[0].family} in the paper"
        axes.plot(x, y, style.replace("-", "--"), color=colour, alpha=0.6, fillstyle="none", label=label)


def _styles(rows: Sequence[Row]) -> list[tuple[list[Row], str]]:
    mixed = [row for row in rows if row.training_set.synthetic]
    alone = [row for row in rows if not row.training_set.synthetic]
    return [(part, style) for part, style in ((alone, "D"), (mixed, "-o")) if part]


def _tick(entry: TrainingSet) -> str:
    return f"{100 * entry.real_share:.3g} %\n{entry.real}+{entry.synthetic}"
