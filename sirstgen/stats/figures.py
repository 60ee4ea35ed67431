"""Figures of a dataset's statistics: Fig. 6 (a) to (c) of the paper, contrast, SCR and scenes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.pages.figure import COLOURS
from sirstgen.pages.fonts import drawable, shortened
from sirstgen.stats.dataset_statistics import PAPER, SMALL, TINY, DatasetStatistics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_TICKS = 24  # counts of targets that are all labelled


def check_count(datasets: int) -> None:
    """Raise InvalidValueError unless a figure has colours for that many datasets."""
    if not 1 <= datasets <= len(COLOURS):
        raise InvalidValueError(f"a figure takes 1 to {len(COLOURS)} datasets, got {datasets}")


def draw_statistics(datasets: Sequence[DatasetStatistics]) -> Figure:
    """Draw targets per image, sizes, brightness, SCR, contrast and scenes of one to five datasets into one figure.

    Raises:
        InvalidValueError: too many datasets.
    """
    check_count(len(datasets))
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7.2), layout="constrained")
    panels = figure.subplots(2, 3)
    _targets_per_image(panels[0, 0], datasets)
    _sizes(panels[0, 1], datasets)
    _brightness(panels[0, 2], datasets)
    _steps(panels[1, 0], datasets, "scr", np.geomspace(0.3, 60, 33))
    panels[1, 0].set(xscale="log", xlabel="SCR, Eq. 10", ylabel="% of targets")
    _ticks(panels[1, 0], (0.5, 1, 2, 3, 4, 6, 10, 20, 50))
    _steps(panels[1, 1], datasets, "contrast", np.linspace(-100, 200, 31))
    panels[1, 1].set(xlabel="mu_t - mu_b, levels of 256", ylabel="% of targets")
    panels[1, 0].set_title("signal-to-clutter ratio", fontsize=10)
    panels[1, 1].set_title("contrast", fontsize=10)
    _scenes(panels[1, 2], datasets)
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=9
    )
    return figure


def _targets_per_image(axes: Any, datasets: Sequence[DatasetStatistics]) -> None:
    most = max(max(entry.targets_per_image, default=0) for entry in datasets)
    counts = range(0 if any(0 in entry.targets_per_image for entry in datasets) else 1, max(most, 1) + 1)
    width = 0.8 / len(datasets)
    for number, (entry, colour) in enumerate(zip(datasets, COLOURS, strict=False)):
        shares = [100 * entry.targets_per_image.get(count, 0) / entry.images for count in counts]
        label = f" {shortened(entry.name)}: {100 * entry.shares()['multiple']:.0f} % have 2 or more"
        places = [count + (number - (len(datasets) - 1) / 2) * width for count in counts]
        axes.bar(places, shares, width, color=colour, label=label)
    axes.set(xlabel="targets in the image", ylabel="% of images")
    if len(counts) > _MOST_TICKS:
        axes.locator_params(axis="x", integer=True)
    else:
        axes.set_xticks(list(counts))
    axes.set_title(f"(a) targets per image (paper: {100 * PAPER['multiple']:.0f} % have 2 or more)", fontsize=10)


def _sizes(axes: Any, datasets: Sequence[DatasetStatistics]) -> None:
    _steps(axes, datasets, "area_share", np.geomspace(0.001, 1, 31))
    axes.set(xscale="log", xlabel="% of the image area", ylabel="% of targets")
    _ticks(axes, (0.001, 0.01, 0.1, 1))
    for share in (TINY, SMALL):
        axes.axvline(100 * share, color="0.5", linewidth=0.8, linestyle="--")
        axes.annotate(f" {100 * share:g} %", (100 * share, 0.97), xycoords=("data", "axes fraction"), fontsize=8)
    paper = f"paper: {100 * PAPER['tiny']:.0f} % up to 0.01 %, {100 * PAPER['small']:.0f} % up to 0.15 %"
    axes.set_title(f"(b) sizes ({paper})", fontsize=10)


def _brightness(axes: Any, datasets: Sequence[DatasetStatistics]) -> None:
    _steps(axes, datasets, "level", np.linspace(0, 100, 21))
    axes.axvline(90, color="0.5", linewidth=0.8, linestyle="--")
    axes.set(xlabel="% of the image darker than the target's mean", ylabel="% of targets")
    axes.set_title(f"(c) brightness (paper: {100 * PAPER['dim']:.0f} % outside the brightest 10 %)", fontsize=10)


def _scenes(axes: Any, datasets: Sequence[DatasetStatistics]) -> None:
    axes.set_title("scenes", fontsize=10)
    known = [(entry, colour) for entry, colour in zip(datasets, COLOURS, strict=False) if entry.scenes]
    if not known:
        axes.text(0.5, 0.5, "no scenes stated", ha="center", color="0.4", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        return
    names = sorted({name for entry, _ in known for name in entry.scenes})
    width = 0.8 / len(known)
    for number, (entry, colour) in enumerate(known):
        shares = [100 * entry.scenes.get(name, 0) / entry.images for name in names]
        places = [place + (number - (len(known) - 1) / 2) * width for place in range(len(names))]
        axes.bar(places, shares, width, color=colour)
    labels = [drawable(shortened(name, 14))[0] for name in names]
    crowded = sum(map(len, labels)) > 44
    axes.set_xticks(range(len(names)), labels, rotation=30 if crowded else 0, ha="right" if crowded else "center")
    axes.set_ylabel("% of images")


def _steps(axes: Any, datasets: Sequence[DatasetStatistics], measure: str, edges: NDArray[np.float64]) -> None:
    """Draw one outline a dataset; values outside the edges are counted in the first or last bin."""
    for number, (entry, colour) in enumerate(zip(datasets, COLOURS, strict=False)):
        values = entry.values[measure]
        values = np.clip(values[np.isfinite(values)], edges[0], edges[-1])
        shares = 100 * np.histogram(values, edges)[0] / max(values.size, 1)
        axes.stairs(shares, edges, color=colour, linewidth=1.6, fill=False)
        if number == 0:
            axes.stairs(shares, edges, color=colour, alpha=0.15, fill=True)
    axes.set_ylim(bottom=0)


def _ticks(axes: Any, places: Sequence[float]) -> None:
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.minorticks_off()
