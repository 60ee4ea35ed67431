"""Bushes, trees and bare branches as an infrared camera shows them, drawn into a scene of gray levels in place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.backgrounds.procedural.fields import Field, blurred, fractal, rounded, smoothstep, unit

_STAMP = 80
_MAX_PIECES = 900


@dataclass(frozen=True)
class Plant:
    """One drawn plant: how much of each pixel it covers, and how warm its leaves are there, (80, 80) each.

    Args:
        cover: 0 to 1; the foot of the plant is the middle of the bottom row.
        tone: about -1 to 1.
    """

    cover: Field
    tone: Field


def bush(rng: np.random.Generator) -> Plant:
    """Return low mounds of leaves that grow into each other, wider than high, down to the ground."""
    count = int(rng.integers(14, 28))
    wide, low = rng.uniform(0.45, 0.75), rng.uniform(0.35, 0.6)
    x = rng.uniform(-wide, wide, count)
    y = 0.95 - rng.uniform(0, 1 - low, count) * (1 - (x / 0.95) ** 2)
    return _leaves(rng, x, y, rng.uniform(0.15, 0.3, count))


def broadleaf(rng: np.random.Generator) -> Plant:
    """Return a crown of many clumps with gaps between them on a trunk that stands in the grass."""
    count = int(rng.integers(22, 46))
    bottom, lean = rng.uniform(0.68, 0.85), rng.normal(0, 0.08)
    t = rng.uniform(0, 1, count)
    y = 0.17 + (bottom - 0.17) * t
    reach = rng.uniform(0.35, 0.7) * np.sqrt(np.maximum(1 - (1.5 * t - 0.85) ** 2, 0.05))
    x = lean + reach * rng.uniform(-1, 1, count) + rng.normal(0, 0.06, count)
    return _leaves(rng, np.clip(x, -0.85, 0.85), y, rng.uniform(0.09, 0.2, count), trunk=rng.uniform(0.02, 0.05))


def conifer(rng: np.random.Generator) -> Plant:
    """Return a narrow cone of drooping boughs, thin at the tip, on a short trunk."""
    count = int(rng.integers(30, 55))
    y = 0.05 + 0.87 * np.sqrt(rng.uniform(0, 1, count))
    reach = rng.uniform(0.25, 0.5) * y
    x = reach * rng.uniform(-1, 1, count)
    size = rng.uniform(0.5, 1.0, count) * (0.04 + 0.12 * y)
    return _leaves(rng, x, y + 0.15 * np.abs(x), size, trunk=0.025, droop=1.6)


def _leaves(
    rng: np.random.Generator,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    radius: NDArray[np.float64],
    trunk: float = 0.0,
    droop: float = 1.3,
) -> Plant:
    """Return a plant of overlapping masses around `x` (-1 to 1) and `y` (0 top, 1 foot), with ragged rims.

    Masses are `droop` times as wide as high; `trunk` is the half width of the trunk at its foot.
    """
    down, across = np.mgrid[0 : 1 : 1j * _STAMP, -1 : 1 : 1j * _STAMP].astype(np.float32)
    rims = fractal(rng, _STAMP, _STAMP, 2.4, outer=_STAMP / 2.5)
    leaves = fractal(rng, _STAMP, _STAMP, 1.4, outer=_STAMP / 8)
    mass = np.zeros_like(rims)
    for cx, cy, r in zip(x, y, 1.2 * radius, strict=True):
        u, v = (across - np.float32(cx)) / np.float32(r * droop), (down - np.float32(cy)) / np.float32(r)
        mass += rounded(np.exp, -np.float32(1.5) * (u * u + v * v))
    mass = np.float32(1.6) * mass / (1 + np.float32(0.6) * mass) + np.float32(rng.uniform(0.22, 0.4)) * rims
    mass = mass + np.float32(0.1) * leaves
    cover = smoothstep(mass, 0.45, rng.uniform(0.7, 1.1))
    # Lit from above and one side; gaps between the masses are cooler and darker than their tops.
    relief = blurred(np.minimum(mass, 2), _STAMP / 20)
    light = np.gradient(relief, axis=0) + np.float32(rng.uniform(-0.6, 0.6)) * np.gradient(relief, axis=1)
    tone = np.float32(0.35) * unit(light) + np.float32(0.45) * leaves + np.float32(0.3) * rims
    tone = tone + np.float32(rng.uniform(-0.2, 1.0)) * (np.float32(0.55) - down)
    if trunk:
        width = np.float32(trunk) * (
            np.float32(0.3) + np.float32(0.7) * down + 3 * np.clip(down - np.float32(0.93), 0, 1)
        )
        lean = np.float32(x.mean()) * (1 - down)
        stem = smoothstep(-np.abs(across - lean) / np.maximum(width, np.float32(0.012)), -1.6, -0.6) * (down > 0.25)
        tone = tone + (1 - cover) * (np.float32(rng.uniform(-0.8, 0.4)) - tone)
        cover = np.maximum(cover, stem)
    # The foot sinks into the grass.
    cover = np.float32(0.97) * cover * smoothstep(np.float32(1) - down + np.float32(0.03) * rims, 0.0, 0.1)
    cover[0], cover[:, 0], cover[:, -1] = 0, 0, 0
    cover = cover * smoothstep(1 - np.abs(across), 0.0, 0.15)
    return Plant(cover.astype(np.float32), np.clip(tone, -1.5, 1.5).astype(np.float32))


def plant(
    scene: Canvas, plants: list[Plant], spots: Iterable[tuple[float, float, float, float]], contrast: float
) -> None:
    """Draw plants into `scene`, in the order given (far ones first).

    Args:
        plants: to choose from; the spots take them in turn.
        spots: (x of the foot, y of the foot, height of the plant in pixels, gray level).
        contrast: gray levels between the coldest and the warmest leaves, halved.
    """
    sized: dict[tuple[int, int], Plant] = {}
    for number, (x, y, tall, level) in enumerate(spots):
        kind, size = number % len(plants), max(2, round(tall))
        turned = (number // len(plants)) % 2 == 1
        if (kind, size) not in sized:
            how = cv2.INTER_AREA if size < _STAMP else cv2.INTER_LINEAR
            cover = cv2.resize(plants[kind].cover, (size, size), interpolation=how)
            tone = cv2.resize(plants[kind].tone, (size, size), interpolation=how)
            sized[kind, size] = Plant(np.asarray(cover, np.float32), np.asarray(tone, np.float32))
        drawn = sized[kind, size]
        if turned:  # mirrored, so that fewer plants of a frame look alike
            drawn = Plant(drawn.cover[:, ::-1], drawn.tone[:, ::-1])
        _paste(scene, drawn, round(x) - size // 2, round(y) - size, np.float32(level), np.float32(contrast))


def _paste(scene: Canvas, drawn: Plant, left: int, top: int, level: np.float32, contrast: np.float32) -> None:
    size = len(drawn.cover)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + size, scene.shape[1]), min(top + size, scene.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    cut = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    scene.paint(drawn.cover[cut], level + contrast * drawn.tone[cut], np.s_[y0:y1, x0:x1])


def bare_tree(rng: np.random.Generator, height: int, width: int, foot: tuple[float, float], tall: float) -> Field:
    """Return the cover (0 to 1) of one leafless tree: a trunk that forks until its twigs are thinner than a pixel.

    Args:
        foot: x, y of the foot of the trunk, pixels.
        tall: height of the tree, pixels.
    """
    cover = np.zeros((height, width), dtype=np.uint8)
    lean = rng.normal(0, 0.06)
    limbs = [(foot[0], foot[1], lean - np.pi / 2, tall * rng.uniform(0.75, 0.95), tall * rng.uniform(0.010, 0.022))]
    pieces: list[tuple[float, float, float, float, float]] = []
    spread, hand = rng.uniform(0.35, 0.75), 1
    while limbs and len(pieces) < _MAX_PIECES:
        x, y, angle, length, thick = limbs.pop(0)
        steps = int(np.clip(length / (0.05 * tall), 2, 14))
        fork = rng.uniform(0.2, 0.4) if len(pieces) == 0 else 0.15
        for step in range(steps):
            # The limb bends, tapers and sends branches to alternating sides; shorter ones towards its tip.
            t = (step + 1) / steps
            angle += rng.normal(0, 0.10) - 0.03 * np.sin(angle + np.pi / 2)
            end = x + length / steps * np.cos(angle), y + length / steps * np.sin(angle)
            pieces.append((x, y, *end, thick * (1 - 0.75 * t)))
            x, y = end
            if t > fork and length > 0.06 * tall and rng.random() < 0.85:
                hand = -hand
                turn = hand * spread * rng.uniform(0.6, 1.4)
                branch = length * rng.uniform(0.35, 0.65) * (1.15 - t * 0.8)
                limbs.append((x, y, angle + turn, branch, thick * (1 - 0.75 * t) * rng.uniform(0.45, 0.75)))
    for x, y, end_x, end_y, thick in sorted(pieces, key=lambda piece: piece[4]):  # thick ones over thin ones
        strength = int(255 * np.clip(thick / 1.1, 0.16, 1))
        start, end_16 = (round(x * 16), round(y * 16)), (round(end_x * 16), round(end_y * 16))
        cv2.line(cover, start, end_16, strength, max(1, round(thick)), cv2.LINE_AA, shift=4)
    return cover.astype(np.float32) / np.float32(255)
