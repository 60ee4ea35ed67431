"""The place map of a recorded frame, by the place network."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.places.checkpoint import load_places
from sirstgen.places.classes import GROUND, SKY, WATER, WEIGHTS, PlaceMap
from sirstgen.places.network import PlaceNetwork
from sirstgen.scenes.preparation import square, stretched

SKY_FROM = 0.994
"""Probability from which a pixel is sky: 0.2 % of the ground is above it in frames of unseen groups."""

SKY_TO = 0.5
"""Probability up to which a pixel is water or ground; between the two it is unknown."""

SMALLEST_SKY = 0.002
"""Smallest region of sky, as a share of the frame."""

_TOP = 0.05  # of the rows: a region of sky begins there; right at the border the network is less sure


def segment(frame: NDArray[np.uint8], network: PlaceNetwork | None = None) -> PlaceMap:
    """Return the place map of a frame.

    A region of sky comes near the upper border of the frame and covers `SMALLEST_SKY` of it; others are unknown.

    Args:
        frame: (H, W) uint8.
        network: default `load_shipped()`.

    Raises:
        InvalidValueError: another shape or type.
        InputError: the shipped weights are missing or damaged.
    """
    return place_map(chances(frame, network or load_shipped()), frame.shape)


def place_map(chances: NDArray[np.float32], shape: tuple[int, ...], sky_from: float = SKY_FROM) -> PlaceMap:
    """Return the place map of a frame by its probabilities.

    Args:
        chances: (3, INPUT_SIDE, INPUT_SIDE) of sky, water and ground.
        shape: (H, W) of the frame.
        sky_from: probability from which a pixel is sky.
    """
    size = shape[1], shape[0]
    sky, below = chances[0].copy(), np.where(chances[1] > chances[2], np.uint8(WATER), np.uint8(GROUND))
    sure = sky >= sky_from
    sky[sure & ~_plausible(sure)] = (sky_from + SKY_TO) / 2
    sky = cv2.resize(sky, size, interpolation=cv2.INTER_LINEAR)
    below = cv2.resize(below, size, interpolation=cv2.INTER_NEAREST)
    return np.asarray((sky >= sky_from) * np.uint8(SKY) + (sky <= SKY_TO) * below)  # elsewhere 0: unknown


def _plausible(sky: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the regions of (H, W) that can be sky by place and size."""
    _, regions, stats, _ = cv2.connectedComponentsWithStats(sky.view(np.uint8), connectivity=4)
    kept = stats[:, cv2.CC_STAT_AREA] >= SMALLEST_SKY * sky.size
    kept &= stats[:, cv2.CC_STAT_TOP] <= _TOP * len(sky)
    return np.asarray(kept[regions] & sky)


@functools.cache
def load_shipped() -> PlaceNetwork:
    """Return the network that ships with sirstgen, read once a process."""
    return load_places(WEIGHTS)


def as_input(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return gray levels of 256, a square of INPUT_SIDE, as the network takes them, (1, h, w)."""
    return stretched(levels, least_range=24.0, beyond=1.5)[None]


def chances(frame: NDArray[np.uint8], network: PlaceNetwork) -> NDArray[np.float32]:
    """Return the probabilities of sky, water and ground, (3, INPUT_SIDE, INPUT_SIDE); arguments as `segment`."""
    if frame.ndim != 2 or frame.size == 0 or frame.dtype != np.uint8:
        raise InvalidValueError(f"a frame to segment must be (H, W) uint8, got {frame.shape} {frame.dtype}")
    with torch.inference_mode():
        tensor = torch.from_numpy(as_input(square(frame))[None]).contiguous(memory_format=torch.channels_last)
        return np.ascontiguousarray(torch.softmax(network(tensor), dim=1)[0].numpy())
