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

SKY_FROM = 0.9
"""Probability from which a pixel is sky: ground that is called sky does more harm than sky called unknown."""

SKY_TO = 0.35
"""Probability up to which a pixel is water or ground; between the two it is unknown."""


def segment(frame: NDArray[np.uint8], network: PlaceNetwork | None = None) -> PlaceMap:
    """The place map of a frame.

    Args:
        frame: (H, W) uint8.
        network: default `load_shipped()`.

    Raises:
        InvalidValueError: another shape or type.
        InputError: the shipped weights are missing or damaged.
    """
    chances = probabilities(frame, network or load_shipped())
    places = np.full(frame.shape, UNKNOWN, dtype=np.uint8)
    land = chances[0] <= SKY_TO
    places[chances[0] >= SKY_FROM] = SKY
    places[land] = np.where(chances[1] > chances[2], WATER, GROUND)[land]
    return places


@functools.cache
def load_shipped() -> PlaceNetwork:
    """The network that ships with sirstgen, read once a process."""
    return load_places(WEIGHTS)


def probabilities(frame: NDArray[np.uint8], network: PlaceNetwork) -> NDArray[np.float32]:
    """(3, H, W) probabilities of sky, water and ground; arguments as `segment`."""
    if frame.ndim != 2 or frame.size == 0 or frame.dtype != np.uint8:
        raise InvalidValueError(f"a frame to segment must be (H, W) uint8, got {frame.shape} {frame.dtype}")
    height, width = frame.shape
    small = as_input(square(frame))
    with torch.inference_mode():
        tensor = torch.from_numpy(small[None]).contiguous(memory_format=torch.channels_last)
        coarse = torch.softmax(network(tensor), dim=1)[0].numpy()
    return np.stack([cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) for part in coarse])
