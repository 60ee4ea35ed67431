"""Bushes, trees and bare branches as an infrared camera shows them, drawn into a scene of gray levels in place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.backgrounds.procedural.fields import Field, band, billowed, smoothstep

_STAMP = 64
_MAX_LIMBS = 500


@dataclass(frozen=True)
class Plant:
    """One drawn plant: how much of each pixel it covers, and how warm its leaves are there, (64, 64) each.

    Args:
        cover: 0 to 1; the foot of the plant is the middle of the bottom row.
        tone: about -1 to 1.
    """

    cover: Field
    tone: Field


def bush(rng: np.random.Generator) -> Plant:
    """A round crown down to the ground, with a ragged outline and warmer or colder clumps of leaves."""
    y, x = np.mgrid[0 : 1 : 1j * _STAMP, -1 : 1 : 1j * _STAMP]
    middle = rng.uniform(0.5, 0.7)
    reach = (x / rng.uniform(0.6, 0.85)) ** 2 + ((middle - y) / np.where(y < middle, middle - 0.08, 0.62)) ** 2
    # The foot sinks into the grass.
    return _plant(rng, np.minimum(1 - reach, 4 * (0.97 - y)), ragged=rng.uniform(0.12, 0.25), light=0.5 - y)


def broadleaf(rng: np.random.Generator) -> Plant:
    """A crown of two to four clumps on a trunk that stands in the grass."""
    y, x = np.mgrid[0 : 1 : 1j * _STAMP, -1 : 1 : 1j * _STAMP]
    bottom = rng.uniform(0.62, 0.78)
    crown = 1 - (x / rng.uniform(0.5, 0.75)) ** 2 - ((y - bottom / 2) / (bottom / 2)) ** 2
    for _ in range(int(rng.integers(1, 4))):
        across, down = rng.uniform(-0.45, 0.45), rng.uniform(0.25, bottom - 0.1)
        clump = 1 - ((x - across) / rng.uniform(0.3, 0.5)) ** 2 - ((y - down) / rng.uniform(0.15, 0.25)) ** 2
        crown = np.maximum(crown, clump)
    trunk = np.where(y > 0.45, 1.3 - np.abs(x) / (rng.uniform(0.05, 0.08) * (1 + np.clip(y - 0.9, 0, 0.1) * 6)), -1.0)
    ragged = rng.uniform(0.15, 0.3)
    return _plant(rng, crown, ragged=ragged, light=0.4 - y, trunk=trunk)


def conifer(rng: np.random.Generator) -> Plant:
    """A narrow cone with tiers of branches on a short trunk."""
    y, x = np.mgrid[0 : 1 : 1j * _STAMP, -1 : 1 : 1j * _STAMP]
    tiers = 0.08 * np.abs((y * rng.uniform(5, 9)) % 1.0)
    cone = 1.4 * (y * rng.uniform(0.45, 0.8) + tiers - np.abs(x))
    cone = np.minimum(np.minimum(cone * 2, y * 8 - 0.2), 6 * (0.92 - y))
    trunk = np.where(y > 0.8, 1.3 - np.abs(x) / 0.05, -1.0)
    return _plant(rng, cone, ragged=rng.uniform(0.08, 0.18), light=0.5 - y, trunk=trunk)


def _plant(
    rng: np.random.Generator, shape: np.ndarray, ragged: float, light: np.ndarray, trunk: np.ndarray | None = None
) -> Plant:
    edge = 0.7 * band(rng, _STAMP, _STAMP, 30.0) + 0.7 * band(rng, _STAMP, _STAMP, 9.0)
    cover = smoothstep((shape + ragged * edge).astype(np.float32), 0.0, 0.4)
    if trunk is not None:
        cover = np.maximum(cover, smoothstep(trunk.astype(np.float32), 0.0, 1.0))
    cover[0], cover[:, 0], cover[:, -1] = 0, 0, 0
    tone = 0.35 * billowed(rng, _STAMP, _STAMP, 20.0) + 0.9 * light.astype(np.float32)
    return Plant(cover, tone.astype(np.float32))


def plant(
    scene: Canvas, plants: list[Plant], spots: Iterable[tuple[float, float, float, float]], contrast: float
) -> None:
    """Draw plants into `scene`, in the order given (far ones first).

    Args:
        scene: what is drawn on.
        plants: to choose from; the spots take them in turn.
        spots: (x of the foot, y of the foot, height of the plant in pixels, gray level).
        contrast: gray levels between the coldest and the warmest leaves, halved.
    """
    sized: dict[tuple[int, int], Plant] = {}
    for number, (x, y, tall, level) in enumerate(spots):
        kind, size = number % len(plants), max(2, round(tall))
        if (kind, size) not in sized:
            how = cv2.INTER_AREA if size < _STAMP else cv2.INTER_LINEAR
            cover = cv2.resize(plants[kind].cover, (size, size), interpolation=how)
            tone = cv2.resize(plants[kind].tone, (size, size), interpolation=how)
            sized[kind, size] = Plant(np.asarray(cover, np.float32), np.asarray(tone, np.float32))
        _paste(scene, sized[kind, size], round(x) - size // 2, round(y) - size, np.float32(level), np.float32(contrast))


def _paste(scene: Canvas, drawn: Plant, left: int, top: int, level: np.float32, contrast: np.float32) -> None:
    size = len(drawn.cover)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + size, scene.shape[1]), min(top + size, scene.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    cut = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    scene.paint(drawn.cover[cut], level + contrast * drawn.tone[cut], np.s_[y0:y1, x0:x1])


def bare_tree(rng: np.random.Generator, height: int, width: int, foot: tuple[float, float], tall: float) -> Field:
    """Cover (0 to 1) of one leafless tree: a trunk that forks until its twigs are thinner than a pixel.

    Args:
        rng: where the draws come from.
        height: of the frame, pixels.
        width: of the frame, pixels.
        foot: x, y of the foot of the trunk, pixels.
        tall: height of the tree, pixels.
    """
    cover = np.zeros((height, width), dtype=np.uint8)
    limbs = [
        (
            foot[0],
            foot[1],
            -np.pi / 2 + rng.normal(0, 0.06),
            tall * rng.uniform(0.28, 0.42),
            tall * rng.uniform(0.018, 0.03),
        )
    ]
    drawn = 0
    while limbs and drawn < _MAX_LIMBS:
        x, y, angle, length, thick = limbs.pop(0)
        end_x, end_y = x + length * np.cos(angle), y + length * np.sin(angle)
        strength = int(255 * np.clip(thick / 0.9, 0.35, 1))
        start, end = (round(x * 16), round(y * 16)), (round(end_x * 16), round(end_y * 16))
        cv2.line(cover, start, end, strength, max(1, round(thick)), cv2.LINE_AA, shift=4)
        drawn += 1
        if length < max(2.5, tall * 0.03):
            continue
        for side in (-1, 1, *([0] if rng.random() < 0.5 else [])):
            turn = side * rng.uniform(0.15, 0.65) + rng.normal(0, 0.12)
            limbs.append((end_x, end_y, angle + turn, length * rng.uniform(0.62, 0.85), thick * 0.68))
    return cover.astype(np.float32) / np.float32(255)
