"""Walls of buildings in gray levels: window grids, balconies, slabs, panel seams, and what stands on the roofs.

Everything is drawn relative to the level of the bare wall, on a grid of storeys and bays. Each window has its own
temperature.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural.camera import spread
from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.backgrounds.procedural.fields import Field, fractal, transformed

Edge = float | NDArray[np.float64]
_WINDOWS, _BLANK, _BALCONY, _STRIP, _SHAFT = range(5)


def facade(
    rng: np.random.Generator, height: int, width: int, storey: float, strength: float = 1.0, *, across: float = 0.0
) -> Field:
    """Return one wall seen from the front, (height, width), gray levels around that of the bare wall.

    Args:
        storey: height of a storey, pixels.
        strength: factor on all contrasts; haze lowers it.
        across: length of a wall as wide as a storey is high, pixels, where the wall is foreshortened.
    """
    bay = max((across or storey) * rng.uniform(0.5, 1.5), 1.6)
    up, row = _grid(height, storey, rng.uniform(0, 1))
    along, column = _grid(width, bay, rng.uniform(0, 1))
    rows, columns = int(row.max()) + 1, int(column.max()) + 1
    pattern = _pattern(rng, columns)
    kinds = pattern[0].astype(np.intp)[column][None, :]

    def each(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(values[row][:, column])

    def box(top: Edge, bottom: float, left: Edge, right: Edge) -> NDArray[np.float64]:
        return _inside(up[:, None], top, bottom, storey) * _inside(along, left, right, bay)[None, :]

    wall = rng.uniform(0.5, 3.0) * fractal(rng, height, width, 3.0, outer=max(height, width) / 2.0)
    # Walls warm towards the roof, the ground or a side, and rain leaves streaks on them.
    wall = wall + rng.normal(0, 9) * np.linspace(-1, 1, height)[:, None]
    wall = wall + rng.normal(0, 8) * np.linspace(-1, 1, width)[None, :]
    wall = wall + rng.uniform(0.1, 1.2) * fractal(rng, height, width, 2.2, outer=height / 2.0, stretch=(0.3, 2.5))
    wall = wall + each(rng.normal(0, rng.uniform(0.1, 2.0), (rows, columns)))
    # Bays project and recede; the ground floor and the top floor are built differently.
    wall = wall + rng.uniform(1, 10) * pattern[3][column][None, :]
    storeys = np.zeros(rows)
    storeys[[0, -1]] = rng.normal(0, 9, 2) * (rng.random(2) < 0.5)
    wall = wall + storeys[row][:, None]

    trim = rng.choice([-1, 1], p=[0.35, 0.65]) * rng.uniform(4, 26)
    if rng.random() < 0.75:
        wall = wall + trim * _inside(up, 1 - rng.uniform(0.05, 0.22), 1.0, storey)[:, None]
    if rng.random() < 0.5:
        wall = wall - rng.uniform(3, 14) * np.clip(1.2 - along * bay, 0, 1)[None, :]

    glass = rng.choice([-1, 1], p=[0.75, 0.25]) * spread(rng, 26, 0.45)
    temperature = glass + rng.normal(0, rng.uniform(2, 12), (rows, columns))
    odd = rng.random((rows, columns)) < rng.uniform(0, 0.15)
    temperature = np.where(odd, -0.6 * glass + rng.normal(0, 14, (rows, columns)), temperature)
    temperature = np.where(rng.random((rows, columns)) < rng.uniform(0, 0.12), 0.0, temperature)  # bricked up

    # In some windows a blind is half down; the windows of a bay have their own width.
    low_top, bottom = rng.uniform(0.12, 0.34), rng.uniform(0.6, 0.85)
    blind = each(rng.uniform(0, 0.5, (rows, columns)) * (rng.random((rows, columns)) < rng.uniform(0, 0.5)))
    top = low_top + blind * (bottom - low_top)
    left, right = pattern[1][column], pattern[2][column]
    rim = min(1.2 / storey, 0.08)
    opening = box(top, bottom, left, right)
    pane = opening
    if storey > 14:
        cross = _inside(along, 0.5 - 0.6 * rim, 0.5 + 0.6 * rim, bay)[None, :]
        if rng.random() < 0.5:
            cross = np.maximum(cross, _inside(up, 0.4 - 0.6 * rim, 0.4 + 0.6 * rim, storey)[:, None])
        pane = opening * (1 - 0.7 * cross)
    windows = kinds == _WINDOWS
    frame = box(low_top - rim, bottom + rim, left - rim, right + rim) - opening
    wall = np.where(windows, wall + frame * rng.normal(0.2, 0.4) * trim, wall)
    wall = np.where(windows, wall + each(temperature) * pane, wall)

    shade = -abs(glass) * rng.uniform(0.5, 1.1)
    recess, parapet = box(0.05, 0.55, 0.06, 0.94), box(0.55, 0.98, 0.0, 1.0)
    wall = np.where(kinds == _BALCONY, wall + recess * (shade + 0.4 * each(temperature - glass)) + parapet * trim, wall)
    wall = np.where(
        kinds == _STRIP, wall + 0.8 * temperature[:, :1][row] * _inside(up, 0.15, 0.8, storey)[:, None], wall
    )
    # A recess or a stairwell that runs from the ground to the roof.
    depth = shade * _inside(along, left, np.minimum(left + 0.35, right), bay)
    wall = np.where(kinds == _SHAFT, wall + depth[None, :], wall)

    if storey > 6:
        units = each((rng.random((rows, columns)) < rng.uniform(0, 0.4)).astype(np.float64)) * windows
        low = bottom + 0.02
        wall = wall + rng.uniform(10, 40) * units * box(low, min(low + 0.17, 0.99), right - 0.22, right)
    return np.asarray(np.float32(1.25 * strength) * wall, dtype=np.float32)


def hang(scene: Canvas, wall: Field, corners: NDArray[np.float32]) -> None:
    """Put a wall into `scene` in place, seen in perspective.

    Args:
        wall: what `facade` drew, with its level added.
        corners: (4, 2) x, y in the scene of its top left, top right, bottom right and bottom left corner, pixels.
    """
    size_of_scene = scene.shape[::-1]
    left, top = np.clip(np.floor(corners.min(axis=0)) - 1, 0, size_of_scene).astype(int).tolist()
    right, bottom = np.clip(np.ceil(corners.max(axis=0)) + 2, 0, size_of_scene).astype(int).tolist()
    if left >= right or top >= bottom:
        return
    height, width = wall.shape
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32) - np.float32(0.5)
    lens = cv2.getPerspectiveTransform(flat, corners.astype(np.float32) - np.array([left, top], dtype=np.float32))
    size = (right - left, bottom - top)
    seen = transformed(wall, lens, size, cv2.BORDER_REPLICATE)
    cover = transformed(np.ones_like(wall), lens, size, cv2.BORDER_CONSTANT)
    scene.paint(cover, seen, np.s_[top:bottom, left:right])


def roof_gear(
    rng: np.random.Generator, scene: Canvas, left: float, right: float, top: float, size: float, level: float
) -> None:
    """Draw lift houses, tanks, vents and masts on a flat roof, in place.

    Args:
        left: of the roof, pixels.
        right: of the roof, pixels.
        top: row of the roof, pixels.
        size: height of a lift house, pixels.
        level: gray level of the wall below.
    """
    for _ in range(int(rng.integers(0, 4))):
        wide, tall = size * rng.uniform(0.4, 2.0), size * rng.uniform(0.3, 1.1)
        start = rng.uniform(left, max(right - wide, left + 1))
        rectangle(scene, start, top - tall, min(start + wide, right), top + 1, level + rng.normal(0, 14))
        rectangle(
            scene, start - 1, top - tall, min(start + wide + 1, right), top - tall * 0.85, level + rng.uniform(-5, 22)
        )
    for _ in range(int(rng.integers(0, 3))):
        x = rng.uniform(left, right)
        mast(scene, x, top, top - size * rng.uniform(0.6, 2.2), max(0.7, size * 0.035), level + rng.normal(0, 15))


def rectangle(scene: Canvas, left: float, top: float, right: float, bottom: float, level: float) -> None:
    """Fill an upright rectangle of `scene` with one gray level in place; its edges may lie between pixels."""
    height, width = scene.shape
    y, x = np.arange(height), np.arange(width)
    rows = np.clip(np.minimum(y - top, bottom - y) + 0.5, 0, 1).astype(np.float32)
    columns = np.clip(np.minimum(x - left, right - x) + 0.5, 0, 1).astype(np.float32)
    inside = np.s_[slice(*_span(rows)), slice(*_span(columns))]
    scene.paint(rows[inside[0], None] * columns[None, inside[1]], level, inside)


def mast(scene: Canvas, x: float, foot: float, head: float, thick: float, level: float) -> None:
    """Draw an upright pole from row `foot` up to row `head`, `thick` pixels wide; below 1 it is fainter."""
    pale = min(thick, 1.0)
    y0, y1 = max(round(head), 0), min(round(foot), scene.shape[0])
    columns = np.arange(scene.shape[1])
    cover = (pale * np.clip(max(thick, 1.0) / 2 + 0.5 - np.abs(columns - x), 0, 1)).astype(np.float32)
    scene.paint(np.broadcast_to(cover, (max(y1 - y0, 0), len(cover))), level, np.s_[y0 : max(y1, y0), :])


def _span(cover: Field) -> tuple[int, int]:
    touched = np.flatnonzero(cover > 0)
    return (int(touched[0]), int(touched[-1]) + 1) if len(touched) else (0, 0)


def _grid(length: int, pitch: float, offset: float) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the position within its cell (0 to 1) and number of the cell, for each of `length` pixels."""
    position = np.arange(length) / pitch + offset
    return position % 1.0, position.astype(np.intp)


def _inside(position: NDArray[np.float64], start: Edge, end: Edge, pitch: float) -> NDArray[np.float64]:
    """Return 1 where `position` lies between `start` and `end`, with edges a pixel wide."""
    return np.asarray(np.clip(np.minimum(position - start, end - position) * pitch + 0.5, 0, 1))


def _pattern(rng: np.random.Generator, columns: int) -> NDArray[np.float64]:
    """Return kind, left and right side of the opening (0 to 1) and relief (about -1 to 1) of each bay, (4, columns).

    A few bays are repeated, as buildings have them; in some walls a part is blank.
    """
    count = int(rng.integers(1, 7))
    kinds = rng.choice(5, size=count, p=[0.5, 0.17, 0.16, 0.09, 0.08])
    if rng.random() < 0.25:
        kinds = np.where(kinds == _SHAFT, _SHAFT, _BLANK)
    left = rng.uniform(0.1, 0.42, count)
    right = np.minimum(left + rng.uniform(0.22, 0.75, count), 0.95)
    whole = np.tile(np.stack([kinds, left, right, rng.normal(0, 1, count)]), columns // count + 1)[:, :columns]
    if rng.random() < 0.3:
        start = int(rng.integers(columns))
        whole[0, start : start + int(rng.integers(1, 2 + columns // 2))] = _BLANK
    return np.asarray(whole)
