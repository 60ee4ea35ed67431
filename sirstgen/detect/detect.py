"""Detection on one image: the probability of each pixel to be target, and the targets in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sirstgen.detectors.detector import Detector
from sirstgen.files.gray_scale import Gray
from sirstgen.measure.components import find_components
from sirstgen.training.augmentation import gray_tensor, unit_range
from sirstgen.training.runtime import Runtime

TILED_ABOVE = 1 << 20
"""Larger frames go through the net in tiles, pixels: the memory of one pass grows with its pixels."""

TILE, MARGIN = 512, 64
"""Side of what a tile decides, and what the net sees around it on every side; multiples of 16 pixels."""


@dataclass(frozen=True)
class Detection:
    """One detected target.

    Attributes:
        image: name of the image file.
        x: centroid of its pixels, from the left, pixels.
        y: from the top.
        left, top, width, height: its box, pixels.
        area: its pixels.
        score: the highest probability among them.
        mean_score: their mean probability.
    """

    image: str
    x: float
    y: float
    left: int
    top: int
    width: int
    height: int
    area: int
    score: float
    mean_score: float


def probabilities(net: Detector, image: Gray, hardware: Runtime, size: int | None = None) -> NDArray[np.float32]:
    """Return the probability of each pixel of `image` to be target, at the image's own size: (H, W) float32.

    Args:
        net: on the device, in evaluation mode.
        image: (H, W) uint8 or uint16, on its set's gray scale.
        hardware: where and how to compute.
        size: the net sees the image resized to this square, as in the published test protocol, and its logits are
            brought back bilinearly; None shows it the image as it is, in overlapping tiles above `TILED_ABOVE`.
    """
    height, width = image.shape
    if size is None and height * width > TILED_ABOVE:
        scores = np.empty((height, width), np.float32)
        for inner, outer, own in _tiles(height, width):
            scores[inner] = probabilities(net, image[outer], hardware)[own]
        return scores
    images = unit_range(gray_tensor(image))[None, None]
    if size is not None:
        images = torch.nn.functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    with hardware.autocast():
        logits = net.predict(hardware.inputs(images, net.in_channels))
    if size is not None:
        logits = torch.nn.functional.interpolate(logits, (height, width), mode="bilinear")
    return torch.sigmoid(logits)[0, 0].cpu().numpy()


_Slices = tuple[slice, slice]


def _tiles(height: int, width: int) -> Iterator[tuple[_Slices, _Slices, _Slices]]:
    """Yield, for each tile, the pixels that it decides, those that the net sees, and the first within the second."""
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            inner, outer, own = [], [], []
            for start, length in ((top, height), (left, width)):
                stop = min(start + TILE, length)
                low, high = max(start - MARGIN, 0), min(stop + MARGIN, length)
                inner.append(slice(start, stop))
                outer.append(slice(low, high))
                own.append(slice(start - low, stop - low))
            yield (inner[0], inner[1]), (outer[0], outer[1]), (own[0], own[1])


def detections(name: str, scores: NDArray[np.float32], threshold: float = 0.5) -> list[Detection]:
    """Return the eight-connected groups of pixels above `threshold` in a map of probabilities (section III-D)."""
    found = find_components(scores > threshold)
    rows, columns = np.nonzero(found.labels)
    order = np.argsort(found.labels[rows, columns], kind="stable")
    ends = np.cumsum(found.areas)
    result = []
    for index, own in enumerate(np.split(order, ends[:-1]) if len(found) else ()):
        y, x = rows[own], columns[own]
        values = scores[y, x]
        result.append(
            Detection(
                image=name,
                x=round(float(found.centroids[index, 0]), 3),
                y=round(float(found.centroids[index, 1]), 3),
                left=int(x.min()),
                top=int(y.min()),
                width=int(x.max() - x.min() + 1),
                height=int(y.max() - y.min() + 1),
                area=int(found.areas[index]),
                score=round(float(values.max()), 4),
                mean_score=round(float(values.mean()), 4),
            )
        )
    return result
