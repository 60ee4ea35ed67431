"""The place map of a recorded frame, by the place network."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.places.checkpoint import load_places
from sirstgen.places.classes import GROUND, SKY, UNKNOWN, WATER, WEIGHTS, PlaceMap
from sirstgen.places.network import PlaceNetwork
from sirstgen.places.preparation import as_input, square

SKY_FROM = 0.992
"""Probability from which a pixel is sky: at most 0.5 % of the ground is above it in frames of unseen groups."""

SKY_TO = 0.35
"""Probability up to which a pixel is water or ground; between the two it is unknown."""

SMALLEST_SKY = 0.002
"""Smallest region of sky, as a share of the frame."""

_TOP = 0.05  # of the rows: a region of sky begins there; right at the border the network is less sure


def segment(frame: NDArray[np.uint8], network: PlaceNetwork | None = None) -> PlaceMap:
    """The place map of a frame.

    A region of sky comes near the upper border of the frame and covers `SMALLEST_SKY` of it; others are unknown.

    Args:
        frame: (H, W) uint8.
        network: default `load_shipped()`.

    Raises:
        InvalidValueError: another shape or type.
        InputError: the shipped weights are missing or damaged.
    """
    small = _chances(frame, network or load_shipped())
    size = frame.shape[::-1]
    sky, water = small[0], (small[1] > small[2]).astype(np.uint8)
    sky[(sky >= SKY_FROM) & ~_plausible(sky >= SKY_FROM)] = (SKY_FROM + SKY_TO) / 2
    sky = cv2.resize(sky, size, interpolation=cv2.INTER_LINEAR)
    below = np.where(cv2.resize(water, size, interpolation=cv2.INTER_NEAREST), np.uint8(WATER), np.uint8(GROUND))
    return np.where(sky >= SKY_FROM, np.uint8(SKY), np.where(sky <= SKY_TO, below, np.uint8(UNKNOWN)))


def _plausible(sky: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The regions of (H, W) that can be sky by place and size."""
    _, regions, stats, _ = cv2.connectedComponentsWithStats(sky.view(np.uint8), connectivity=4)
    kept = stats[:, cv2.CC_STAT_AREA] >= SMALLEST_SKY * sky.size
    kept &= stats[:, cv2.CC_STAT_TOP] <= _TOP * len(sky)
    return np.asarray(kept[regions] & sky)


@functools.cache
def load_shipped() -> PlaceNetwork:
    """The network that ships with sirstgen, read once a process."""
    return load_places(WEIGHTS)


def probabilities(frame: NDArray[np.uint8], network: PlaceNetwork) -> NDArray[np.float32]:
    """(3, H, W) probabilities of sky, water and ground; arguments as `segment`."""
    size = frame.shape[::-1]
    return np.stack([cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in _chances(frame, network)])


def _chances(frame: NDArray[np.uint8], network: PlaceNetwork) -> NDArray[np.float32]:
    """The probabilities on the network's own grid, (3, SIDE, SIDE)."""
    if frame.ndim != 2 or frame.size == 0 or frame.dtype != np.uint8:
        raise InvalidValueError(f"a frame to segment must be (H, W) uint8, got {frame.shape} {frame.dtype}")
    with torch.inference_mode():
        tensor = torch.from_numpy(as_input(square(frame))[None]).contiguous(memory_format=torch.channels_last)
        return np.ascontiguousarray(torch.softmax(network(tensor), dim=1)[0].numpy())
