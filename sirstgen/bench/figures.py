"""The figures of a bench: ROC of every detector, and Pd against SCR."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sirstgen.bench.results import BenchResult
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InvalidValueError
from sirstgen.pages.figure import write_figure
from sirstgen.pages.fonts import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^v<>PX*"


def write_bench_figures(result: BenchResult, dataset: Dataset, folder: Path, overlays: int = 0) -> list[Path]:
    """Draw what a bench has figures for: ``roc.png``, ``scr.png`` where there are targets of known SCR, and overlays.

    Args:
        result: the bench.
        dataset: what it ran on.
        folder: where the pictures go.
        overlays: images drawn beside all maps as ``overlays/<id>.png``, from all parts of the dataset.

    Returns:
        The pictures.
    """
    from sirstgen.bench.overlay import draw_overlays
    from sirstgen.preview.contact_sheet import spread

    paths = [folder / "roc.png"]
    draw_roc(result, paths[0])
    if any(part.axis == "scr" for part in result.parts):
        paths.append(folder / "scr.png")
        draw_scr(result, paths[1])
    if overlays:
        paths += draw_overlays(dataset, spread(result.images, overlays), result.detectors, folder / "overlays")
    return paths


def draw_roc(result: BenchResult, path: Path) -> None:
    """Draw Pd over Fa (logarithmic) of every detector, the point of its own threshold filled.

    Args:
        result: with targets in it.
        path: a PNG, PDF or SVG file to write; it appears whole or not at all.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 5.2), layout="constrained")
    axes = figure.subplots()
    floor = 1e6 / max(1, result.whole(result.detectors[0].name).exact.pixels)
    for number, detector in enumerate(result.detectors):
        total = result.whole(detector.name)
        style: dict[str, Any] = {"color": f"C{number % 10}", "marker": _MARKERS[number % 10]}
        # Less than one false pixel has no place on a logarithmic axis: such points are drawn at the left border.
        fa, pd = np.maximum(total.roc.figure("fa") * 1e6, floor), total.roc.figure("pd") * 100
        axes.plot(fa, pd, label=detector.title, markersize=4, markerfacecolor="none", linewidth=1.2, **style)
        axes.plot(max(total.exact.fa * 1e6, floor), total.exact.pd * 100, markersize=9, markeredgecolor="k", **style)
    axes.set_xscale("log")
    axes.set_ylim(0, 102)
    axes.set_xlabel("Fa, 1e-6")
    axes.set_ylabel("Pd, %")
    title = f"{shortened(result.dataset, 48)}: {len(result.images)} images (filled: at the detector's own threshold)"
    axes.set_title(title, fontsize=10)
    _finish(figure, axes, path)


def draw_scr(result: BenchResult, path: Path) -> None:
    """Draw Pd of every detector against the SCR of the targets, and how many targets each bin holds.

    Args:
        result: of a dataset with targets whose SCR is stated or measured.
        path: a PNG, PDF or SVG file to write; it appears whole or not at all.

    Raises:
        InvalidValueError: there is no such target.
    """
    from matplotlib.figure import Figure

    parts = [part for part in result.parts if part.axis == "scr"]
    if not parts:
        raise InvalidValueError(
            f"score against SCR needs targets of known SCR; {result.dataset} has none (flat clutter, or no targets)"
        )
    places = range(len(parts))  # evenly spaced: the bins' limits are not, and their labels would overlap
    figure = Figure(figsize=(8.5, 5.2), layout="constrained")
    axes = figure.subplots()
    counts = [sum(map(sum, part.members.values())) for part in parts]
    behind = axes.twinx()
    behind.bar(places, counts, width=0.7, color="0.9", zorder=0)
    behind.set_ylabel("targets in the bin (bars)", color="0.45")
    behind.set_ylim(0, max(counts) * 2.5)
    axes.set_zorder(behind.get_zorder() + 1)
    axes.patch.set_visible(False)
    for number, detector in enumerate(result.detectors):
        pd = [100 * result.part_figures(detector.name, part)["pd"] for part in parts]
        axes.plot(places, pd, label=detector.title, color=f"C{number % 10}", marker=_MARKERS[number % 10], markersize=5)
    axes.set_xticks(places, [part.name for part in parts], fontsize=10 if len(parts) < 8 else 8)
    axes.set_ylim(0, 102)
    axes.set_xlabel("SCR of the target, measured outside the masks" if result.measured else "SCR of the target")
    axes.set_ylabel("Pd, %")
    axes.set_title(f"{shortened(result.dataset, 48)}: {len(result.images)} images", fontsize=10)
    _finish(figure, axes, path)


def _finish(figure: Figure, axes: Axes, path: Path) -> None:
    axes.grid(alpha=0.25)
    axes.spines["top"].set_visible(False)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    write_figure(figure, path)
