"""Dataset folders of frames made alike, small and quickly drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sirstgen.datasets.readers import Dataset

SIDE = 96


def write_set(
    folder: Path,
    seed: int,
    frames: int = 24,
    change: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None,
    targets: int = 2,
) -> Dataset:
    """Smooth clutter with Gaussian targets; the mask is what lies above 0.3 of a target's peak."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    for number in range(frames):
        image = 90 + 60 * cv2.GaussianBlur(draw.normal(size=(SIDE, SIDE)), (0, 0), 4) + draw.normal(0, 1, (SIDE, SIDE))
        mask = np.zeros((SIDE, SIDE), bool)
        for _ in range(targets):
            center = draw.uniform(12, SIDE - 12, 2)
            sigma, peak = draw.uniform(1.2, 2.2), draw.uniform(50, 110)
            rise = np.exp(-((x - center[0]) ** 2 + (y - center[1]) ** 2) / (2 * sigma**2))
            image += peak * rise
            mask |= rise > 0.3
        image = change(image) if change is not None else image
        Image.fromarray(np.clip(np.rint(image), 0, 255).astype(np.uint8)).save(folder / "images" / f"{number:03d}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{number:03d}.png")
    return Dataset.open(folder)
