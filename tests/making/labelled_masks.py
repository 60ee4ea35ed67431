"""Sets whose masks are the hard ones of every format: targets of few pixels, with holes, at corners and borders."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from making.clutter import clutter

WIDTH, HEIGHT = 56, 44

SHAPES = {
    "one pixel": ["#"],
    "two pixels": ["##"],
    "two across": ["#.", ".#"],
    "five": [".#.", "###", ".#."],
    "nine": ["###", "###", "###"],
    "hole": ["###", "#.#", "###"],
    "diamond": [".#.", "#.#", ".#."],
    "two holes": ["#######", "#.#..#.", "###.##.", "..###.."],
    "comb": ["#.#.#", "#####", "..#.."],
    "line": ["#", "#", "#", "#"],
}
"""Targets by what is special about them; each is one 8-connected component."""


def shape(name: str) -> np.ndarray:
    """One of `SHAPES` as (h, w) bool."""
    return np.array([[character == "#" for character in row] for row in SHAPES[name]])


def masks() -> dict[str, np.ndarray]:
    """A mask for each shape in the middle, one with a target in every corner, one of many, one without any; by id."""
    made = {}
    for number, name in enumerate(SHAPES):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        own = shape(name)
        mask[20 : 20 + own.shape[0], 30 : 30 + own.shape[1]] = own
        made[f"s{number}"] = mask
    corners = np.zeros((HEIGHT, WIDTH), bool)
    corners[0, 0] = corners[-1, -1] = corners[0, -2:] = corners[-3:, 0] = True
    many = np.zeros((HEIGHT, WIDTH), bool)
    many[::2, ::2] = True
    return {**made, "corners": corners, "empty": np.zeros((HEIGHT, WIDTH), bool), "many": many}


def write_masks(folder: Path, bits: int = 8, lists: bool = True) -> dict[str, np.ndarray]:
    """Write `masks` with frames of clutter as a dataset folder; every third image tests, and ``many`` is in no list."""
    for name in ("images", "masks", "50_50"):
        (folder / name).mkdir(parents=True)
    made = masks()
    parts: dict[str, list[str]] = {"train": [], "test": []}
    for number, (key, mask) in enumerate(made.items()):
        image = clutter(number, HEIGHT, WIDTH).astype(np.int64) + 60 * mask
        image = image.astype(np.uint8) if bits == 8 else (20000 + 4 * image).astype(np.uint16)
        cv2.imwrite(str(folder / "images" / f"{key}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"{key}.png"), mask.astype(np.uint8) * 255)
        if key != "many":
            parts["test" if number % 3 == 0 else "train"].append(key)
    for part, ids in parts.items():
        if lists:
            (folder / "50_50" / f"{part}.txt").write_text("".join(f"{key}\n" for key in ids))
    return made
