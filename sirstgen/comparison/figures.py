"""Pictures of a comparison: distributions of the most discriminative statistics, and example patches of both sets."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.levels import to_bit_depth
from sirstgen.comparison.comparison import Distances, Example, Examples, StatisticGap
from sirstgen.comparison.tables import Table, compared_frame
from sirstgen.datasets.readers import Dataset
from sirstgen.pages.figure import figure_bytes
from sirstgen.pages.fonts import shortened
from sirstgen.pages.picture import GROUND, Picture, coloured, labelled, stretched, tiled

_CANDIDATE, _REFERENCE = "#c2571a", "#1f5fa8"
_PANELS, _COLUMNS, _BINS = 16, 4, 24
_WINDOW, _SCALE = 32, 4  # pixels around an example, and how often each is repeated
_LEAST_RANGE = 16  # gray levels that an example is stretched over at least, so that noise does not fill it


def draw_distances(
    distances: Distances, candidate: Table, reference: Table, names: tuple[str, str], title: str
) -> bytes:
    """Return the distributions of up to 16 statistics in both sets, the most discriminative first, as PNG.

    Args:
        distances: of targets or of backgrounds.
        candidate, reference: the tables they were taken from.
        names: of candidate and reference.
        title: of the figure.
    """
    from matplotlib.figure import Figure

    gaps = [gap for gap in distances.gaps if gap.ks == gap.ks][:_PANELS]
    rows = max(1, -(-len(gaps) // _COLUMNS))
    figure = Figure(figsize=(13, 0.9 + 2.35 * rows), layout="constrained")
    panels = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axes in panels.flat:
        axes.set_visible(False)
    for axes, gap in zip(panels.flat, gaps, strict=False):
        at = candidate.names.index(gap.measure.name)
        _panel(axes, gap, candidate.values[:, at], reference.values[:, at])
    labels = [f"candidate: {shortened(names[0])}", f"reference: {shortened(names[1])}"]
    figure.suptitle(title, fontsize=12)
    if gaps:
        figure.legend(panels[0, 0].patches[:2], labels, frameon=False, fontsize=9, loc="outside lower center", ncols=2)
    return figure_bytes(figure, dpi=100)


def _panel(axes: Any, gap: StatisticGap, candidate: NDArray[np.float64], reference: NDArray[np.float64]) -> None:
    axes.set_visible(True)
    one, two = (gap.measure.scaled(values[np.isfinite(values)]) for values in (candidate, reference))
    low, high = np.percentile(np.concatenate([one, two]), [0.5, 99.5])
    if high <= low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    shares = [100 * np.histogram(np.clip(values, low, high), edges)[0] / values.size for values in (one, two)]
    for values, colour in zip(shares, (_CANDIDATE, _REFERENCE), strict=True):
        axes.stairs(values, edges, color=colour, linewidth=1.5, fill=False)
    axes.stairs(shares[1], edges, color=_REFERENCE, alpha=0.18, fill=True)
    floor = "" if gap.floor is None else f" (floor {gap.floor.mean:.2f})"
    axes.set_title(f"{gap.measure.meaning}\nKS {gap.ks:.2f}{floor}, EMD {gap.emd:.2f}", fontsize=8.5)
    axes.tick_params(labelsize=7.5)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    if gap.measure.floor is not None:
        ticks = _logarithmic_ticks(low, high)
        axes.set_xticks(np.log10(ticks), [f"{tick:g}" for tick in ticks])
    axes.set_ylabel("%", fontsize=7.5)


def _logarithmic_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2, 5, 10, ... or only some of them where there would be many.

    `low`, `high` and the axis are logarithms.
    """
    found: list[float] = []
    for digits in ((1, 2, 5), (1, 3), (1,)):
        decades = range(int(np.floor(low)), int(np.ceil(high)) + 1)
        found = [digit * 10.0**decade for decade in decades for digit in digits]
        found = [tick for tick in found if low <= np.log10(tick) <= high]
        if len(found) <= 7:
            break
    return found


def draw_examples(examples: Examples, candidate: Dataset, reference: Dataset, size: int) -> Picture:
    """Return patches of both sets in four rows: those the forest is most certain of, and typical ones.

    Args:
        examples: of one test.
        candidate, reference: the datasets that were compared.
        size: to which frames were resized, 0 for their own size.
    """
    rows = []
    for title, pairs in (("most certain", examples.most_certain), ("typical", examples.typical)):
        sides = (("candidate", candidate), ("reference", reference))
        for (side, dataset), row in zip(sides, zip(*pairs, strict=True), strict=True):
            sheet = tiled([_tile(example, dataset, size) for example in row], len(row))
            rows.append(_titled(sheet, f"{side} ({dataset.name}), {title}"))
    width = max(row.shape[1] for row in rows)
    return np.vstack([_padded(row, width) for row in rows])


def _tile(example: Example, dataset: Dataset, size: int) -> Picture:
    image, _ = compared_frame(dataset, example.id, size)
    levels = np.asarray(to_bit_depth(image, 8), np.uint8)
    half = _WINDOW // 2
    padded = cv2.copyMakeBorder(levels, half, half, half, half, cv2.BORDER_CONSTANT, value=GROUND)
    window = np.asarray(padded[example.y : example.y + _WINDOW, example.x : example.x + _WINDOW], np.uint8)
    inside = levels[max(example.y - half, 0) : example.y + half, max(example.x - half, 0) : example.x + half]
    low, high = float(inside.min()), float(inside.max())
    missing = max(_LEAST_RANGE - (high - low), 0) / 2
    low, high = low - missing, high + missing
    large = np.repeat(np.repeat(stretched(window, low, high), _SCALE, axis=0), _SCALE, axis=1)
    picture = labelled(coloured(large), example.id)
    return labelled(picture, f"{example.score:.2f}  {low:.0f}-{high:.0f}")


def _titled(sheet: Picture, title: str) -> Picture:
    strip = labelled(np.full((1, sheet.shape[1], 3), GROUND, np.uint8), title)
    return np.vstack([strip, sheet])


def _padded(sheet: Picture, width: int) -> Picture:
    missing = np.full((sheet.shape[0], width - sheet.shape[1], 3), GROUND, np.uint8)
    return np.hstack([sheet, missing])
