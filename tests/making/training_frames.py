"""Small frames that any net learns quickly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from sirstgen.datasets.readers import Dataset
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


def write_set(folder: Path, count: int, seed: int, *, train: int | None = None) -> Dataset:
    """Write such frames as a dataset; the first `train` of them are its training list, the others its test list."""
    frames = make_frames(count, seed)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for key, image, mask in zip(frames.ids, frames.images, frames.masks, strict=True):
        Image.fromarray(image).save(folder / "images" / f"{key}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{key}.png")
    if train is not None:
        (folder / "50_50").mkdir()
        for part, ids in (("train", frames.ids[:train]), ("test", frames.ids[train:])):
            (folder / "50_50" / f"{part}.txt").write_text("".join(f"{key}\n" for key in ids))
    return Dataset.open(folder)
