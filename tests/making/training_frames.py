"""Small frames that any net learns quickly."""

from __future__ import annotations

import numpy as np

from sirstgen.training.frames import Frames


def make_frames(count: int, seed: int = 0, shape: tuple[int, int] = (40, 52)) -> Frames:
    """Noise with one bright square of 4x4 pixels per frame, which any net learns to find."""
    rng = np.random.default_rng(seed)
    images, masks = [], []
    for _ in range(count):
        image = rng.normal(90, 6, shape)
        mask = np.zeros(shape, bool)
        y, x = rng.integers(4, shape[0] - 8), rng.integers(4, shape[1] - 8)
        mask[y : y + 4, x : x + 4] = True
        image[mask] += 90
        images.append(np.rint(image).clip(0, 255).astype(np.uint8))
        masks.append(mask)
    return Frames(tuple(f"{i:03d}" for i in range(count)), tuple(images), tuple(masks))
