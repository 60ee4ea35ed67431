"""Labelled sets of known contrast, size and number of targets."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from making.clutter import clutter
from sirstgen.seeding import stream

_PLACES = ((34.0, 30.0), (84.0, 62.0))


def known_set(folder: Path, frames: int, median: float = 60.0, exponent: float = 0.3) -> Path:
    """A folder of 120x96 frames with Gaussian targets on clutter, labelled at 0.3 of the peak.

    Every third frame holds two targets, the others one; the mean contrast over the mask is
    ``median (sigma_b / 5)^exponent`` with a spread of 0.1.
    """
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(frames):
        rng = stream(number, "labelled set")
        deviation = float(np.exp(rng.uniform(np.log(2), np.log(10))))
        image = clutter(number, 96, 120, deviation, mean=80).astype(np.float64)
        mask = np.zeros(image.shape, bool)
        y, x = np.mgrid[:96, :120]
        background = image.copy()
        for place in _PLACES[: 2 if number % 3 == 0 else 1]:
            center = np.array(place) + rng.uniform(-4, 4, 2)
            near = background[int(center[1]) - 22 : int(center[1]) + 23, int(center[0]) - 22 : int(center[0]) + 23]
            sigma = rng.uniform(1.3, 2.2, 2)
            bump = np.exp(-((x - center[0]) ** 2) / (2 * sigma[0] ** 2) - (y - center[1]) ** 2 / (2 * sigma[1] ** 2))
            own = bump >= 0.3
            contrast = median * (near.std() / 5) ** exponent * np.exp(0.1 * rng.standard_normal())
            image += bump * (contrast + near.mean() - background[own].mean()) / bump[own].mean()
            mask |= own
        cv2.imwrite(str(folder / "images" / f"{number:03d}.png"), np.clip(np.rint(image), 0, 255).astype(np.uint8))
        cv2.imwrite(str(folder / "masks" / f"{number:03d}.png"), mask.astype(np.uint8) * 255)
    return folder
