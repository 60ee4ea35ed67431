"""Random fields that look like clutter."""

from __future__ import annotations

import cv2
import numpy as np

from sirstgen.seeding import stream


def clutter(seed: int, height: int, width: int, deviation: float = 12.0, mean: float = 110.0) -> np.ndarray:
    """A smooth random field, (height, width) uint8, of a given mean and deviation in gray levels."""
    noise = stream(seed, "clutter").normal(size=(height, width)).astype(np.float32)
    field = cv2.GaussianBlur(noise, (0, 0), 2.0)
    return np.clip(np.rint(mean + deviation * field / field.std()), 0, 255).astype(np.uint8)
