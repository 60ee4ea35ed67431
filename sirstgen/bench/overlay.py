"""One image beside the target maps of the detectors, the target enlarged (Fig. 8), with what was found ringed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sirstgen.bench.results import MapSource
from sirstgen.bench.run import gray_levels
from sirstgen.datasets.readers import Dataset
from sirstgen.evaluation.metrics import adaptive_threshold
from sirstgen.measure.components import find_components
from sirstgen.pages.figure import write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LABEL, _FOUND, _FRAME = "#30d060", "#ff4040", "#ffd040"
_COLUMNS = 4
_INSET = 0.36  # side of the enlarged part / side of the panel
_LEAST_WINDOW = 17  # pixels of the image in the enlarged part
_SURROUNDINGS = 2.0  # side of the enlarged part / side of the target


@dataclass(frozen=True)
class DetectorMap:
    """What a detector makes of an image.

    Attributes:
        title: of the detector, for tables and figures.
        values: (H, W) float32, zero or above.
        level: pixels above it are target.
        white: what is drawn at full height: the highest value, or 1 for probabilities.
    """

    title: str
    values: NDArray[np.float32]
    level: float
    white: float

    @classmethod
    def of(cls, detector: MapSource, image: NDArray[np.float64]) -> DetectorMap:
        """Return the map of an image (H, W), gray levels 0..255, with the detector's own or the adaptive threshold."""
        values = detector(image)
        if detector.threshold is None:
            return cls(detector.title, values, adaptive_threshold(values), top(values))
        return cls(detector.title, values, detector.threshold, 1.0)


def draw_overlays(dataset: Dataset, images: Iterable[str], detectors: Sequence[MapSource], folder: Path) -> list[Path]:
    """Draw a picture ``<id>.png`` into `folder` for each image: see `draw_overlay`.

    Raises:
        InputError: there is no such image, or it cannot be read.
    """
    paths = []
    for key in images:
        pixels, mask = dataset.sample(key)
        image = gray_levels(pixels)
        path = folder / f"{key}.png"
        draw_overlay(image, mask, [DetectorMap.of(detector, image) for detector in detectors], path)
        paths.append(path)
    return paths


def draw_overlay(image: NDArray[np.float64], mask: NDArray[np.bool_], maps: Sequence[DetectorMap], path: Path) -> None:
    """Draw an image and the maps of it; labelled targets ringed green, what is above the threshold red.

    The largest labelled target is enlarged in a corner of every panel.

    Args:
        image: (H, W), gray levels 0..255.
        mask: (H, W) bool.
        maps: one panel each.
        path: a PNG, PDF or SVG file to write; it appears whole or not at all.
    """
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(maps) + 1)
    rows = -(-(len(maps) + 1) // columns)
    side = 3.2
    figure = Figure(figsize=(columns * side, rows * side * image.shape[0] / image.shape[1] + rows * 0.3))
    figure.set_layout_engine("constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    window = _window(mask)
    _show(panels[0], image, float(image.min()), float(image.max()), window)
    panels[0].set_title("labelled: green; found: red", fontsize=9)
    _ring(panels[0], mask, _LABEL, 12)
    for panel, shown in zip(panels[1:], maps, strict=False):
        # The square root shows what a linear scale hides: these maps are nearly black but for their highest pixels.
        _show(panel, np.sqrt(shown.values), 0, shown.white**0.5, window)
        panel.set_title(shown.title, fontsize=9)
        _ring(panel, mask, _LABEL, 12)
        _ring(panel, shown.values > shown.level, _FOUND, 7)
    write_figure(figure, path)


def _show(
    panel: Axes,
    values: NDArray[np.floating],
    low: float,
    high: float,
    window: tuple[int, int, int] | None,
) -> None:
    """Show `values` in gray, with the window (x, y, side) enlarged in the corner that is farthest from it."""
    panel.imshow(values, cmap="gray", interpolation="nearest", vmin=low, vmax=high)
    if window is None:
        return
    height, width = values.shape
    x, y, side = window
    left, lower = x + side / 2 > width / 2, y + side / 2 < height / 2
    extents = (_INSET * min(1.0, height / width), _INSET * min(1.0, width / height))
    corner = (0.0 if left else 1 - extents[0], 0.0 if lower else 1 - extents[1])
    inset = panel.inset_axes((*corner, *extents))
    inset.imshow(
        values[y : y + side, x : x + side],
        cmap="gray",
        interpolation="nearest",
        vmin=low,
        vmax=high,
        aspect="auto",
    )
    inset.set(xticks=[], yticks=[])
    inset.spines[:].set_color(_FRAME)


def _window(mask: NDArray[np.bool_]) -> tuple[int, int, int] | None:
    """Return left, top and side of a square around the largest target, inside the image; None without a target."""
    components = find_components(mask)
    if not len(components):
        return None
    rows, columns = np.nonzero(components.labels == int(np.argmax(components.areas)) + 1)
    extent = max(int(np.ptp(rows)), int(np.ptp(columns))) + 1
    side = min(max(_LEAST_WINDOW, round(_SURROUNDINGS * extent)), *mask.shape)
    left = min(max(round(float(columns.mean()) - side / 2), 0), mask.shape[1] - side)
    upper = min(max(round(float(rows.mean()) - side / 2), 0), mask.shape[0] - side)
    return left, upper, side


def _ring(panel: Axes, mask: NDArray[np.bool_], colour: str, size: float) -> None:
    """Draw a ring of `size` points around every component of `mask`."""
    x, y = find_components(mask).centroids.T
    panel.plot(x, y, "o", fillstyle="none", color=colour, markersize=size, markeredgewidth=1)


def top(values: NDArray[np.floating]) -> float:
    """Return the highest value, or 1 where there is none above zero: what becomes white."""
    highest = float(values.max())
    return highest if highest > 0 else 1.0
