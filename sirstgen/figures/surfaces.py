"""An image and its target maps as surfaces over the picture plane (Fig. 9)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.bench.overlay import DetectorMap, top
from sirstgen.measure.components import find_components
from sirstgen.pages.figure import write_figure

_CELLS = 64
_COLUMNS = 4
_LABEL = "#109040"


def draw_surfaces(image: NDArray[np.float64], mask: NDArray[np.bool_], maps: Sequence[DetectorMap], path: Path) -> None:
    """Draw an image, the maps of it and its mask as surfaces of height 0 to 1; a wedge stands above each target.

    Args:
        image: (H, W), gray levels 0..255; drawn from its darkest to its brightest pixel.
        mask: (H, W) bool.
        maps: one panel each, as shares of what is drawn white.
        path: a PNG, PDF or SVG file to write; it appears whole or not at all.
    """
    from matplotlib.figure import Figure

    low = float(image.min())
    surfaces: list[tuple[str, NDArray[np.floating]]] = [("image", (image - low) / top(image - low))]
    surfaces += [(shown.title, shown.values / shown.white) for shown in maps]
    surfaces.append(("label", mask.astype(np.float64)))
    columns = min(_COLUMNS, len(surfaces))
    rows = -(-len(surfaces) // columns)
    figure = Figure(figsize=(columns * 3.2, rows * 3.0), layout="constrained")
    for number, (title, values) in enumerate(surfaces, start=1):
        axes: Any = figure.add_subplot(rows, columns, number, projection="3d")
        _draw(axes, values, mask)
        axes.set_title(title, fontsize=9)
    write_figure(figure, path)


def _draw(axes: Any, values: NDArray[np.floating], mask: NDArray[np.bool_]) -> None:
    from matplotlib import colormaps
    from scipy.ndimage import maximum_filter

    height, width = values.shape
    block = -(-max(height, width) // _CELLS)
    cells = _highest(values, block)
    y, x = np.mgrid[: cells.shape[0], : cells.shape[1]] * block + (block - 1) / 2
    # A facet is coloured by its highest corner; matplotlib's mean of the four would leave a point target blue.
    colours = colormaps["turbo"](maximum_filter(cells, size=2, origin=-1))
    axes.plot_surface(x, y, cells, facecolors=colours, shade=False, rcount=_CELLS, ccount=_CELLS, linewidth=0)
    for target_x, target_y in find_components(mask).centroids:
        axes.plot([target_x], [target_y], [1.12], "v", color=_LABEL, markersize=6)
    axes.set(xlim=(0, width), ylim=(height, 0), zlim=(0, 1.15), zticks=[0, 0.5, 1])
    axes.view_init(elev=28, azim=-60)
    axes.tick_params(labelsize=6, pad=-2)


def _highest(values: NDArray[np.floating], block: int) -> NDArray[np.floating]:
    """Return the highest value of every `block` x `block` pixels: a mean, or every n-th pixel, would lose point
    targets.
    """
    padding = [(0, -side % block) for side in values.shape]
    whole = np.pad(values, padding, mode="edge")
    shape = (whole.shape[0] // block, block, whole.shape[1] // block, block)
    highest: NDArray[np.floating] = whole.reshape(shape).max(axis=(1, 3))
    return highest
