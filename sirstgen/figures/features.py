"""What the nodes of a DNA-Net show of an image, from the deepest to the output (Fig. 10 and 13)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.bench.learned import LearnedDetector
from sirstgen.errors import InvalidValueError
from sirstgen.measure.components import find_components
from sirstgen.pages.figure import write_figure

FeatureMaps = dict[tuple[int, int], NDArray[np.float32]]
"""By node (level, column): the mean over its channels, (ceil(H / 2^level), ceil(W / 2^level))."""


def feature_maps(detector: LearnedDetector, image: NDArray[np.float64]) -> tuple[FeatureMaps, NDArray[np.float32]]:
    """Return the mean feature of the nodes L(i, I-i) that the pyramid fuses, deepest first, and the output.

    Args:
        detector: a DNA-Net.
        image: (H, W), gray levels 0..255.

    Returns:
        The maps, and the probabilities (H, W).

    Raises:
        InvalidValueError: another net.
    """
    from sirstgen.detectors.dnanet import DNANet

    net = detector.net
    if not isinstance(net, DNANet):
        raise InvalidValueError(
            f"feature maps are drawn of a DNA-Net, {detector.title} is another net", value=detector.name
        )
    maps: FeatureMaps = {}
    handles = []
    depth = net.grid.depth
    for level in range(depth, -1, -1):
        node = (level, depth - level)
        hook = _keeper(maps, node, image.shape)
        handles.append(net.nodes[f"x{node[0]}{node[1]}"].register_forward_hook(hook))
    try:
        output = detector(image)
    finally:
        for handle in handles:
            handle.remove()
    return {node: maps[node] for node in sorted(maps, reverse=True)}, output


def draw_features(
    image: NDArray[np.float64], mask: NDArray[np.bool_], detectors: Sequence[LearnedDetector], path: Path
) -> None:
    """Draw the feature maps of one or more DNA-Nets, a row each; every map from its lowest value to its highest.

    Args:
        image: (H, W), gray levels 0..255.
        mask: (H, W) bool; its targets are ringed.
        detectors: one row each, all of one depth.
        path: a PNG, PDF or SVG file to write; it appears whole or not at all.

    Raises:
        InvalidValueError: a net that is no DNA-Net.
    """
    from matplotlib.figure import Figure

    rows = [feature_maps(detector, image) for detector in detectors]
    height, width = image.shape
    columns = 2 + max(len(maps) for maps, _ in rows)
    side = 2.2
    figure = Figure(figsize=(columns * side, len(rows) * (side * height / width + 0.35)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for panels, (maps, output), detector in zip(grid, rows, detectors, strict=True):
        for panel in panels:
            panel.set_axis_off()
        panels[0].imshow(image, cmap="gray", interpolation="nearest")
        panels[0].set_title(detector.title, fontsize=8)
        for panel, ((level, column), values) in zip(panels[1:-1], maps.items(), strict=False):
            scale = 2**level
            extent = (-0.5, values.shape[1] * scale - 0.5, values.shape[0] * scale - 0.5, -0.5)
            panel.imshow(values, cmap="turbo", interpolation="nearest", extent=extent)
            panel.set_title(f"L({level},{column})", fontsize=8)
        panels[-1].imshow(output, cmap="gray", interpolation="nearest", vmin=0, vmax=1)
        panels[-1].set_title("output", fontsize=8)
        x, y = find_components(mask).centroids.T
        for panel in panels:
            panel.plot(x, y, "o", fillstyle="none", color="#30d060", markersize=10, markeredgewidth=0.8)
            panel.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    write_figure(figure, path)


def _keeper(maps: FeatureMaps, node: tuple[int, int], shape: tuple[int, ...]) -> Any:
    """Return a forward hook that keeps the mean feature of a node, without what the image was padded by."""
    height, width = (-(-side // 2 ** node[0]) for side in shape)

    def keep(_module: Any, _inputs: Any, features: Any) -> None:
        maps[node] = features[0].mean(0)[:height, :width].float().cpu().numpy()

    return keep
