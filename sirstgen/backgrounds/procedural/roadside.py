"""What stands along a road: houses, trees, lamps, fences, cars.

Each function returns items: the distance of a thing, and what draws it into the scene in place.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.backgrounds.procedural.facades import facade, hang
from sirstgen.backgrounds.procedural.fields import blurred
from sirstgen.backgrounds.procedural.perspective import Road
from sirstgen.backgrounds.procedural.strokes import Stroke, draw, lamp, polygon, stroke, winter_tree, wire
from sirstgen.backgrounds.procedural.vegetation import broadleaf, bush, conifer, plant

_WALL = 256  # pixels; a wall is drawn no larger than this and enlarged, for most of a near one lies outside the frame
_NEAR = 0.8  # heights of the camera; walls are cut there
Item = tuple[float, Callable[[], None]]


def houses(rng: np.random.Generator, scene: Canvas, road: Road, edge: float, warmth: float) -> list[Item]:
    """Return houses of one side, turned a little against the road, with gaps between."""
    found: list[Item] = []
    side = float(np.sign(edge))
    sun = rng.uniform(-0.4, 0.5, 2)
    storey = rng.uniform(1.7, 2.4)
    place = rng.uniform(4, 26)
    for _ in range(int(rng.integers(1, 8))):
        length, deep, tall = rng.uniform(4, 22), rng.uniform(4, 12), storey * rng.choice([1.2, 1.6, 2, 3, 4, 5, 6, 12])
        near = edge + side * (rng.uniform(0.8, 9.0) + 0.15 * tall)
        turn = side * rng.normal(0, 0.09) + rng.choice([0, 0, 0.4, -0.4])
        cos, sin = np.cos(turn), np.sin(turn)
        flat = np.array([[0, 0], [length, 0], [length, side * deep], [0, side * deep]])
        footprint = flat @ np.array([[cos, sin], [-sin, cos]]) + [place, near]
        level = warmth * rng.uniform(0.65, 1.6)
        distance = float(road.away(*footprint.mean(axis=0)))
        if distance > 2:
            found.append((distance, _house(rng, scene, road, footprint, tall, storey, level, sun)))
        place += length * rng.uniform(0.9, 1.2) + rng.exponential(4)
    return found


def _house(
    rng: np.random.Generator,
    scene: Canvas,
    road: Road,
    footprint: NDArray[np.float64],
    tall: float,
    storey: float,
    level: float,
    sun: NDArray[np.float64],
) -> Callable[[], None]:
    """Return the walls of a house that face the camera; the sun warms one more than the other."""

    def show() -> None:
        middle = footprint.mean(axis=0)
        for first, last in zip(footprint, np.roll(footprint, -1, axis=0), strict=True):
            outward = (first + last) / 2 - middle
            if outward @ (first + last) > 0:
                continue  # the back
            ends = np.array([first, last])
            depth = road.away(*ends.T)
            if depth.max() < 2 * _NEAR:
                continue
            if depth.min() < _NEAR:
                cut = (_NEAR - depth[0]) / (depth[1] - depth[0])
                ends[int(depth.argmin())] = first + cut * (last - first)
            feet, tops = road.seen(*ends.T), road.seen(ends[:, 0], ends[:, 1], tall)
            if feet[0, 0] > feet[1, 0]:
                feet, tops = feet[::-1], tops[::-1]
            size = float((feet - tops)[:, 1].max())
            rows = int(np.clip(size, 3, _WALL))
            columns = int(np.clip(1.2 * (feet[1, 0] - feet[0, 0]), 3, _WALL))
            wide = columns / float(np.hypot(*(ends[1] - ends[0])))
            strength = 0.65 + 0.35 / (1 + 0.02 * depth.max())
            wall = facade(rng, rows, columns, max(rows / tall * storey, 2.0), strength, across=wide * storey)
            wall += np.float32(level * (1 + sun @ outward / np.hypot(*outward)))
            hang(scene, wall, np.array([tops[0], tops[1], feet[1], feet[0]], dtype=np.float32))
            rim = max(0.12 * rows / tall, 0.4)
            draw(scene, [stroke(tops, rim)], level + rng.normal(10, 18))

    return show


def trees(rng: np.random.Generator, scene: Canvas, road: Road, edge: float, warmth: float) -> list[Item]:
    """Return leafless or leafy trees and bushes along one side: rows with gaps, of uneven size, and groups."""
    side = float(np.sign(edge))
    level, contrast, wide = warmth * rng.uniform(0.5, 1.5), rng.uniform(6, 20), rng.uniform(0.15, 0.8)
    bare, tall = rng.random() < 0.78, rng.uniform(2.5, 8.0)
    kinds = [(broadleaf, bush, conifer)[rng.choice(3, p=[0.5, 0.4, 0.1])](rng) for _ in range(4)]
    offset, step = rng.uniform(0.5, 4.0), rng.uniform(1.0, 5.0)
    found: list[Item] = []

    def tree(along: float, across: float, size: float, tone: float) -> Callable[[], None]:
        def show() -> None:
            (x, foot), (_, head) = road.seen(along, across), road.seen(along, across, size)
            if bare or foot - head > 0.3 * scene.shape[0]:  # a leafy one would be drawn too coarse
                draw(scene, winter_tree(rng, (x, foot), foot - head, wide), tone)
            else:
                plant(scene, kinds[int(4 * along) % 4 :], [(x, foot, foot - head, tone)], contrast)

        return show

    place = rng.uniform(4, 14)
    while place < 90 and len(found) < 32:
        across = edge + side * offset * rng.uniform(0.8, 1.3)
        distance = float(road.away(place, across))
        if rng.random() < 0.75 and distance > 2.5:
            size = tall * rng.uniform(0.5, 1.2) * (0.4 if not bare and rng.random() < 0.3 else 1.0)
            found.append(
                (distance, tree(place, across, size, level * (0.7 + 0.3 / (1 + place / 20)) + rng.normal(0, 6)))
            )
        place += step * rng.uniform(0.4, 1.6) if rng.random() < 0.88 else step * rng.uniform(3, 7)
    return found


def lamps(rng: np.random.Generator, scene: Canvas, road: Road, edge: float, warmth: float) -> list[Item]:
    """Return lamp posts, or poles with wires, along one side; boards and signals on some."""
    side = float(np.sign(edge))
    level, tall, thick = warmth * rng.uniform(0.7, 1.5), rng.uniform(3.5, 6.5), rng.uniform(0.06, 0.14)
    arm, wired = rng.uniform(0.5, 1.8), int(rng.integers(1, 5)) if rng.random() < 0.3 else 0
    places = np.cumsum(rng.uniform(9, 14) * rng.uniform(0.8, 1.25, 7)) - rng.uniform(0, 8)
    places = places[rng.random(7) < 0.85]
    found: list[Item] = []
    heads = []
    for place in places:
        across = edge + side * rng.uniform(0.2, 0.6)
        distance = float(road.away(place, across))
        if distance < 2.5:
            continue
        feet, head = road.seen(place, across), road.seen(place, across, tall)
        tip = road.seen(place, across - side * arm, tall * 1.06)
        width = max(thick * road.focal / distance, 0.35)
        strokes: list[Stroke] = [stroke([feet, head], width, 0.6 * width)] if wired else lamp(feet, head, tip, width)
        if rng.random() < 0.2:
            low, high = sorted(rng.uniform(0.45, 0.9, 2) * tall)
            beside = across + rng.choice([-1, 1]) * rng.uniform(0.4, 1.6)
            board = [
                road.seen(place, a, up) for a, up in ((across, low), (beside, low), (beside, high), (across, high))
            ]
            strokes.append(polygon(board))
        heads.append(head)
        found.append((distance, lambda strokes=strokes: draw(scene, strokes, level)))  # type: ignore[misc]
    if wired and len(heads) > 1:
        lines = [
            wire(a + np.array([0, drop * road.focal / 10]), b + np.array([0, drop * road.focal / 10]), 0.05, 0.5)
            for a, b in pairwise(heads)
            for drop in 0.25 * np.arange(wired)
        ]
        found.append((0.0, lambda: draw(scene, lines, level)))
    return found


def fence(rng: np.random.Generator, scene: Canvas, road: Road, edge: float, warmth: float) -> list[Item]:
    """Return a guard rail, a fence or a low wall along a part of one side."""
    across = edge + np.sign(edge) * rng.uniform(0.1, 0.5)
    first, last = np.sort(rng.uniform(2.5, 60, 2))
    tall, level, posts = rng.uniform(0.4, 1.0), warmth * rng.uniform(0.6, 1.5), rng.uniform(0.5, 2.5)
    along = np.linspace(first, last, 12)
    along = along[road.away(along, across) > 1.5]
    if len(along) < 2:
        return []

    def course(low: float, high: float) -> Stroke:
        lower, upper = road.seen(along, across, low), road.seen(along, across, high)
        return polygon(np.concatenate([lower, upper[::-1]]))

    plinth = tall * rng.uniform(0.2, 0.9) if rng.random() < 0.5 else 0.03
    rails = tall * rng.uniform(0.4, 1.0, int(rng.integers(1, 4)))
    strokes = [course(up, up + rng.uniform(0.03, 0.2)) for up in rails]
    foot, tone = [course(0.0, plinth)], level * rng.uniform(0.5, 1.5)
    for place in np.arange(along[0], min(along[-1], along[0] + 60 * posts), posts):
        post = road.seen(place, across, np.array([0, tall]))
        strokes.append(stroke(post, max(0.07 * road.focal / float(road.away(place, across)), 0.2)))

    def show() -> None:
        draw(scene, foot, tone)
        draw(scene, strokes, level)

    return [(float(road.away(along, across).mean()), show)]


def cars(rng: np.random.Generator, scene: Canvas, road: Road, edges: tuple[float, float], warmth: float) -> list[Item]:
    """Return cars on the lanes and parked along the road."""
    found: list[Item] = []
    for _ in range(rng.poisson(3.5)):
        along, across = float(np.exp(rng.uniform(np.log(9), np.log(80)))), rng.uniform(*edges)
        distance = float(road.away(along, across))
        if distance > 3:
            x, foot = road.seen(along, across)
            size = 0.62 * road.focal / distance
            found.append((distance, lambda x=x, foot=foot, size=size: _car(rng, scene, x, foot, size, warmth)))  # type: ignore[misc]
    return found


def _car(rng: np.random.Generator, scene: Canvas, x: float, foot: float, size: float, warmth: float) -> None:
    """Draw a car from behind or from the side, `size` pixels half wide, in place.

    Cold windows, warm tyres and engine, a warm road below; far cars are a body and a windscreen.
    """
    paint = warmth * rng.uniform(0.75, 1.35)
    sideways = rng.random() < 0.25
    tall = rng.uniform(1.35, 1.7) if rng.random() < 0.75 else rng.uniform(1.9, 2.6)  # cars; vans and lorries
    slope = rng.uniform(0.6, 0.72) if tall < 1.8 else rng.uniform(0.85, 0.95)
    long = 2.1 if sideways else 1.0
    bow = np.sin(np.linspace(0.25, np.pi - 0.25, 9))
    along = np.linspace(-1, 1, 9)

    def outline(bottom: float, top: float, foot: float, head: float, round_off: float) -> NDArray[np.float64]:
        """Return a body from `bottom` to `top`, `foot` and `head` half wide there, its roof rounded."""
        roof = np.column_stack([head * along, -top + round_off * (1 - bow)])
        return np.concatenate([[[-foot, -bottom]], roof, [[foot, -bottom]]])

    glow, glass = rng.uniform(1.15, 1.9), paint * rng.uniform(0.55, 1.0)
    parts = [
        (
            outline(-0.05, 0.2, 1.0, 0.95, 0.0),
            warmth * rng.uniform(0.95, 1.5),
        ),  # the road below it, warmed or in shadow
        (outline(0.12, 0.85, 0.96, 0.94, 0.12), paint),
        (outline(0.8, tall, 0.9, slope, 0.1), paint * rng.uniform(0.95, 1.2)),
    ]
    if size > 2:
        parts.append((outline(0.88, tall - 0.12, 0.78, slope - 0.06, 0.08), glass))
        parts.append((outline(0.12, 0.38, 0.92, 0.95, 0.0), paint * rng.uniform(0.8, glow)))  # the warm lower part
    if size > 5:
        parts.append((outline(0.5, 0.62, 0.9, 0.9, 0.02), paint * rng.uniform(0.8, 1.3)))
        angle = np.linspace(0, 2 * np.pi, 13)
        wheel = np.column_stack([(0.1 if sideways else 0.12) * np.cos(angle), 0.2 * np.sin(angle) - 0.18])
        parts += [(wheel + np.array([side * 0.66, 0]), warmth * glow) for side in (-1, 1)]
    for shape, level in parts:
        draw(scene, [polygon(shape * [size * long, size] + [x, foot])], level)
    top, bottom = (int(np.clip(edge, 0, scene.shape[0])) for edge in (foot - (tall + 0.2) * size, foot + 0.3 * size))
    left, right = (int(np.clip(x + side * 1.1 * size * long, 0, scene.shape[1])) for side in (-1, 1))
    if size > 5 and bottom > top and right > left:  # sheet metal reflects sky and road: no part has one level
        part = np.s_[top:bottom, left:right]
        scene.gray[part] = blurred(scene.gray[part], 0.025 * size)
