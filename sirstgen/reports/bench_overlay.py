"""One image beside the target maps of the detectors, with what is labelled and what was found ringed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sirstgen.bench.results import MapSource
from sirstgen.bench.run import gray_levels
from sirstgen.datasets.readers import Dataset
from sirstgen.evaluation.components import find_components
from sirstgen.evaluation.metrics import adaptive_threshold
from sirstgen.reports.bench import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LABEL, _FOUND = "#30d060", "#ff4040"
_COLUMNS = 4


def draw_overlays(dataset: Dataset, images: Iterable[str], detectors: Sequence[MapSource], folder: Path) -> list[Path]:
    """Draw a picture ``<id>.png`` into `folder` for each image: see `draw_overlay`.

    Raises:
        InputFault: there is no such image, or it cannot be read.
    """
    paths = []
    for image in images:
        pixels, mask = dataset.sample(image)
        path = folder / f"{image}.png"
        draw_overlay(gray_levels(pixels), mask, detectors, path)
        paths.append(path)
    return paths


def draw_overlay(
    image: NDArray[np.float64], mask: NDArray[np.bool_], detectors: Sequence[MapSource], path: Path
) -> None:
    """Draw an image and each detector's map of it; labelled targets ringed green, what lies above the threshold red.

    Args:
        image: (H, W), gray levels 0..255.
        mask: (H, W) bool.
        detectors: one panel each.
        path: a PNG, PDF or SVG file to write; it appears whole or not at all.
    """
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(detectors) + 1)
    rows = -(-(len(detectors) + 1) // columns)
    side = 3.2
    figure = Figure(figsize=(columns * side, rows * side * image.shape[0] / image.shape[1] + rows * 0.3))
    figure.set_layout_engine("constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    panels[0].imshow(image, cmap="gray", interpolation="nearest")
    panels[0].set_title("labelled: green; found: red", fontsize=9)
    _ring(panels[0], mask, _LABEL, 12)
    for panel, detector in zip(panels[1:], detectors, strict=False):
        target_map = detector(image)
        level = adaptive_threshold(target_map) if detector.threshold is None else detector.threshold
        # The square root shows what a linear scale hides: these maps are nearly black but for their highest pixels.
        panel.imshow(np.sqrt(target_map), cmap="gray", interpolation="nearest", vmin=0, vmax=_top(target_map))
        panel.set_title(detector.title, fontsize=9)
        _ring(panel, mask, _LABEL, 12)
        _ring(panel, target_map > level, _FOUND, 7)
    save_figure(figure, path)


def _ring(panel: Axes, mask: NDArray[np.bool_], colour: str, size: float) -> None:
    """A ring of `size` points around every component of `mask`."""
    x, y = find_components(mask).centroids.T
    panel.plot(x, y, "o", fillstyle="none", color=colour, markersize=size, markeredgewidth=1)


def _top(target_map: NDArray[np.float32]) -> float:
    highest = float(np.sqrt(target_map.max()))
    return highest if highest > 0 else 1.0
