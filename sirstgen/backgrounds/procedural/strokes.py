"""Thin and solid shapes of a scene: tapered lines, polygons, leafless trees, lamps, wires, fences."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural.canvas import Canvas

_SHIFT = 4  # OpenCV draws at 1/16 pixel
_LINE = 1.35  # pixels that OpenCV's smoothed line of thickness 1 covers; its smoothed polygons grow by 1 pixel
_FAR = 8192.0  # pixels; coordinates are clipped there


class Stroke(NamedTuple):
    """A line through `points`, (n, 2) pixels, whose thickness goes from `start` to `end` pixels; 0 fills a polygon."""

    points: NDArray[Any]
    start: float
    end: float


def stroke(points: Sequence[Any] | NDArray[Any], start: float, end: float | None = None) -> Stroke:
    """Return a stroke of one thickness, or of two at its ends."""
    return Stroke(np.asarray(points, dtype=np.float64), start, start if end is None else end)


def polygon(points: Sequence[Any] | NDArray[Any]) -> Stroke:
    """Return a filled polygon."""
    return Stroke(np.asarray(points, dtype=np.float64), 0.0, 0.0)


def draw(scene: Canvas, strokes: Sequence[Stroke], level: float) -> None:
    """Draw strokes of one gray level into `scene` in place; a line thinner than a pixel is fainter."""
    height, width = scene.shape
    if not strokes:
        return
    corners = np.concatenate([one.points for one in strokes])
    margin = max(max(one.start, one.end) for one in strokes) / 2 + 2
    left, top = np.clip(np.floor(corners.min(axis=0) - margin), 0, [width, height]).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0) + margin), 0, [width, height]).astype(int)
    if left >= right or top >= bottom:
        return
    cover = np.zeros((bottom - top, right - left), dtype=np.uint8)
    for points, start, end in strokes:
        placed = np.clip(points, -_FAR, _FAR) - [left, top]
        if start == 0:
            cv2.fillPoly(cover, [_fixed(placed)], 255, cv2.LINE_AA, shift=_SHIFT)
            continue
        steps = len(placed) - 1
        for number, (first, last) in enumerate(pairwise(placed)):
            thick = start + (end - start) * (number + 0.5) / steps
            if thick < 1.5:
                strength = int(255 * np.clip(thick / _LINE, 0.15, 1.0))
                ends = _fixed(np.array([first, last]))
                cv2.polylines(cover, [ends], False, strength, 1, cv2.LINE_AA, shift=_SHIFT)
            else:
                aside = (last - first)[::-1] * [-1, 1] / max(float(np.hypot(*(last - first))), 1e-6) * (thick - 1) / 2
                sides = _fixed(np.array([first - aside, last - aside, last + aside, first + aside]))
                cv2.fillPoly(cover, [sides], 255, cv2.LINE_AA, shift=_SHIFT)
    scene.paint(cover.astype(np.float32) / np.float32(255), level, np.s_[top:bottom, left:right])


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.asarray(np.rint(points * 2**_SHIFT), dtype=np.int32)


def winter_tree(rng: np.random.Generator, foot: tuple[float, float], tall: float, wide: float) -> list[Stroke]:
    """Return a leafless tree whose branches point up: a poplar or a young street tree.

    Args:
        foot: x, y of the foot of the trunk, pixels.
        tall: height, pixels.
        wide: angle of its lower branches against the trunk, radians.
    """
    x, y = foot
    girth = max(tall * rng.uniform(0.010, 0.022), 0.7)
    sway = tall * rng.normal(0, 0.012, 5).cumsum()
    trunk = np.column_stack([x + sway, y - tall * np.linspace(0, 1, 5)])
    found = [stroke(trunk, girth, 0.3 * girth)]
    count = int(np.clip(tall / 1.6, 5, 48))
    for rise in np.sort(rng.uniform(rng.uniform(0.12, 0.35), 0.95, count)):
        turn = rng.choice([-1, 1]) * wide * rng.uniform(0.4, 1.3) * (1.1 - 0.5 * rise)
        length = tall * (1.05 - rise) * rng.uniform(0.25, 0.6)
        root = np.array([x + np.interp(4 * rise, np.arange(5), sway), y - tall * rise])
        tip = root + length * np.array([np.sin(turn), -np.cos(turn)])
        bend = (root + tip) / 2 + length * rng.normal(0, 0.05, 2)
        thick = max(girth * (1.1 - rise) * 0.4, 0.3)
        found.append(stroke([root, bend, tip], thick, 0.3 * thick))
        for number in range(int(np.clip(length / 8, 0, 7))):
            start = root + (tip - root) * rng.uniform(0.25, 0.9)
            fork = turn + (-1) ** number * rng.uniform(0.15, 0.6)
            twig = start + length * rng.uniform(0.15, 0.45) * np.array([np.sin(fork), -np.cos(fork)])
            found.append(stroke([start, twig], max(0.4 * thick, 0.25)))
    return found


def lamp(foot: NDArray[Any], head: NDArray[Any], tip: NDArray[Any], thick: float) -> list[Stroke]:
    """Return a lamp post from `foot` to `head` with an arm to `tip`, (2,) pixels each."""
    bow = head + (tip - head) * [0.4, 0.75]
    return [
        stroke([foot, head], thick, 0.55 * thick),
        stroke([head, bow, tip], 0.5 * thick),
        stroke([tip, tip + (tip - bow) * 0.5], 1.3 * thick),
    ]


def wire(start: NDArray[Any], end: NDArray[Any], sag: float, thick: float) -> Stroke:
    """Return a line that hangs between two points; `sag` over their distance."""
    along = np.linspace(0, 1, 9)[:, None]
    drop = 4 * along * (1 - along) * sag * np.hypot(*(end - start))
    return stroke(start + along * (end - start) + drop * [[0, 1]], thick)
