"""The outline of a target as one polygon, for formats that hold no masks.

The polygon runs along pixel edges, so that its box is the target's box and one pixel keeps an area. Each of its points
is `INSET` px inside the pixel it bounds. Rasterising by any usual rule then gives the mask back exactly: by pixel
centres, by truncation to whole pixels (ultralytics), or on a finer grid (pycocotools).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

INSET = 0.002
"""Pixels. More than 32-bit floats lose in an image 16,000 px wide, and 1 % of a one-pixel target's area."""

Point = tuple[float, float]
_Corner = tuple[int, int]
_Pixel = tuple[int, int]


class _Edge:
    """One side of a mask pixel with no mask pixel beyond it; the mask is to its right."""

    __slots__ = ("end", "pixel", "start")

    def __init__(self, pixel: _Pixel, start: _Corner, end: _Corner) -> None:
        self.pixel, self.start, self.end = pixel, start, end

    def points(self) -> tuple[Point, Point]:
        return _inside(self.start, self.pixel), _inside(self.end, self.pixel)


def outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the outline of a target.

    Holes are part of it: the polygon enters each hole and leaves it along one line.

    Args:
        mask: (H, W) bool, one 8-connected component.

    Returns:
        (n, 2) float64, x and y from the upper left corner of pixel (0, 0), n at least 4; clockwise as displayed.
    """
    first, *holes = _loops(mask)
    steps = [_Step(edge, *edge.points()) for edge in first]
    for hole in holes:
        steps = _joined(steps, hole, mask)
    return np.array(_without_straight(list(_path(steps, mask))))


class _Step(NamedTuple):
    """A straight part of the path, along `edge` unless it leads back from a hole."""

    edge: _Edge
    start: Point
    end: Point


def _path(steps: list[_Step], mask: NDArray[np.bool_]) -> Iterator[Point]:
    """Yield the points of the closed path, which turns at right angles within the mask wherever it can."""
    padded = np.pad(mask, 1)
    for place, step in enumerate(steps):
        before = steps[place - 1].end
        if before[0] != step.start[0] and before[1] != step.start[1]:
            for turn in ((before[0], step.start[1]), (step.start[0], before[1])):
                if padded[math.floor(turn[1]) + 1, math.floor(turn[0]) + 1]:
                    yield turn
                    break
        yield step.start
        yield step.end


def _loops(mask: NDArray[np.bool_]) -> list[list[_Edge]]:
    """Return the closed loops of edges, the outer one first, holes in raster order of their first pixels."""
    padded = np.pad(mask, 1)
    leaving: dict[_Corner, list[_Edge]] = {}
    for y, x in np.argwhere(mask).tolist():
        corners = (x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)
        beyond = padded[y, x + 1], padded[y + 1, x + 2], padded[y + 2, x + 1], padded[y + 1, x]
        for side, inside in enumerate(beyond):
            if not inside:
                edge = _Edge((x, y), corners[side], corners[(side + 1) % 4])
                leaving.setdefault(edge.start, []).append(edge)
    loops = []
    while leaving:
        # The first edge in raster order is the top of a component, or the ceiling of a hole.
        start = min(leaving, key=lambda corner: (corner[1], corner[0]))
        loop, edge = [], leaving[start][0]
        while True:
            candidates = leaving[edge.start]
            candidates.remove(edge)
            if not candidates:
                del leaving[edge.start]
            loop.append(edge)
            following = leaving.get(edge.end)
            if following is None:
                break
            # Where two pixels touch by a corner, follow the other one: targets are 8-connected.
            edge = next((other for other in following if other.pixel != edge.pixel), following[0])
        loops.append(loop)
    return loops


def _joined(host: list[_Step], hole: list[_Edge], mask: NDArray[np.bool_]) -> list[_Step]:
    """Return the path `host` with a way along one pixel row to `hole`, around it, and back."""
    y, x = min((edge.start[1], edge.start[0]) for edge in hole if edge.start[1] < edge.end[1])
    entry = next(place for place, edge in enumerate(hole) if edge.start == (x, y) and edge.end == (x, y + 1))
    left = x - 1  # the mask pixel left of the hole's first pixel; from here to the left until the mask ends
    while left > 0 and mask[y, left - 1]:
        left -= 1
    around = [_Step(edge, *edge.points()) for edge in hole[entry:] + hole[:entry]]
    for place, step in enumerate(host):
        if step.edge.start == (left, y + 1) and step.edge.end == (left, y):
            back = _Step(step.edge, around[0].start, step.end)
            return [*host[: place + 1], *around, back, *host[place + 1 :]]
    raise AssertionError("a hole is to the right of an outline that was found before it")


def _inside(corner: _Corner, pixel: _Pixel) -> Point:
    x, y = (min(max(place, low + INSET), low + 1 - INSET) for place, low in zip(corner, pixel, strict=True))
    return x, y


def _without_straight(path: list[Point]) -> list[Point]:
    """Return the closed path without repeated points and points on a straight line between their neighbours."""
    kept = [point for place, point in enumerate(path) if point != path[place - 1]]
    return [point for place, point in enumerate(kept) if _turns(kept[place - 1], point, kept[(place + 1) % len(kept)])]


def _turns(before: Point, point: Point, after: Point) -> bool:
    first = point[0] - before[0], point[1] - before[1]
    second = after[0] - point[0], after[1] - point[1]
    cross = first[0] * second[1] - first[1] * second[0]
    return abs(cross) > 1e-12 or first[0] * second[0] + first[1] * second[1] < 0
