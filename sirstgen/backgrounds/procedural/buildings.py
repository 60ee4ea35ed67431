"""Buildings seen from afar, where lines stay parallel: towers, roofs, long fronts, cranes; drawn in place."""

from __future__ import annotations

import numpy as np

from sirstgen.backgrounds.procedural.belts import crowns, thicket
from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.backgrounds.procedural.facades import facade, hang, rectangle
from sirstgen.backgrounds.procedural.fields import Field, blurred, fractal
from sirstgen.backgrounds.procedural.strokes import draw, polygon, stroke


def tower(
    rng: np.random.Generator,
    scene: Canvas,
    left: float,
    right: float,
    top: float,
    bottom: float,
    storey: float,
    level: float,
    strength: float,
) -> None:
    """Draw a block in place: a front of sections, a parapet, and sometimes a side wall of another temperature.

    The sections to the left and right of the middle one mirror each other; they project, recede and end at other rows.
    """
    wide, tall = max(round(right - left), 2), max(round(bottom - top), 2)
    side = wide * rng.uniform(0.15, 0.45) if rng.random() < 0.65 else 0.0
    to_right = rng.random() < 0.5
    front_left = left if to_right else left + side
    front_right = right - side if to_right else right
    storey = max(storey, 2.0)
    halves = int(rng.integers(0, 3)) if front_right - front_left > 5 * storey else 0
    half = rng.uniform(0.4, 1.6, halves)
    widths = np.concatenate([half, rng.uniform(0.4, 1.6, 1), half[::-1]])
    edges = front_left + (front_right - front_left) * np.concatenate([[0.0], np.cumsum(widths) / widths.sum()])
    steps = storey * np.abs(rng.normal(0, 0.7, halves + 1)) * (rng.random(halves + 1) < 0.6)
    for number in range(halves + 1):
        mirror = 2 * halves - number
        lower = top + steps[number] - steps.min()
        front = facade(rng, tall, max(round(edges[number + 1] - edges[number]), 2), storey, strength)
        front += np.float32(level + strength * rng.normal(0, 7))
        _wall(scene, front, edges[number], edges[number + 1], lower, lower, bottom)
        if mirror != number:
            _wall(scene, front[:, ::-1], edges[mirror], edges[mirror + 1], lower, lower, bottom)
    if side >= 2:
        turned = facade(rng, tall, max(round(side), 2), storey, strength) + np.float32(level * rng.uniform(0.4, 1.3))
        drop = side * rng.uniform(0.0, 0.3)
        if to_right:
            _wall(scene, turned, front_right, right, top, top + drop, bottom)
        else:
            _wall(scene, turned, left, front_left, top + drop, top, bottom)
    rim = top
    for _ in range(int(rng.integers(0, 4)) if halves == 0 else 0):  # courses of a cornice
        thick, over = max(storey * rng.uniform(0.05, 0.2), 0.8), rng.uniform(-0.5, 0.8)
        rectangle(scene, left - over, rim - thick, right + over, rim + 0.5, level + strength * rng.normal(8, 16))
        rim -= thick


def _wall(
    scene: Canvas,
    wall: Field,
    left: float,
    right: float,
    top_left: float,
    top_right: float,
    bottom: float,
    fall: tuple[float, float] = (0.0, 0.0),
) -> None:
    """Hang a wall between two columns; `fall` is added to its foot at the left and at the right."""
    feet = [[right, bottom + fall[1]], [left, bottom + fall[0]]]
    corners = np.array([[left, top_left], [right, top_right], *feet], dtype=np.float32)
    hang(scene, wall, corners - np.float32(0.5))


def gable(
    rng: np.random.Generator, scene: Canvas, left: float, right: float, ridge: float, eaves: float, level: float
) -> None:
    """Draw a pitched roof seen from its long side, tiles in rows, in place."""
    wide, tall = max(round(right - left), 4), max(round(eaves - ridge), 3)
    tiles = 3 * np.sin(np.arange(wide) * 2 * np.pi / rng.uniform(4, 14))[None, :] * rng.uniform(0.3, 2)
    roof = level + rng.normal(0, 22) + tiles + 4 * fractal(rng, tall, wide, 2.2)
    inset = (right - left) * rng.uniform(0.02, 0.2)
    corners = np.array([[left + inset, ridge], [right - inset, ridge], [right, eaves], [left, eaves]], dtype=np.float32)
    hang(scene, roof.astype(np.float32), corners)


def long_roof(rng: np.random.Generator, scene: Canvas, top: float, warmth: float) -> None:
    """Draw a long low building or a roof across the foot of the frame: courses of panes, panels and slabs; in place."""
    height, width = scene.shape
    slope = rng.normal(0, 0.03)
    first, last = (rng.uniform(-0.4, 0.4), rng.uniform(0.7, 1.3)) if rng.random() < 0.4 else (-0.1, 1.1)
    row = top
    while row < height:
        tall = height * rng.uniform(0.02, 0.12)
        course = facade(rng, max(round(tall), 2), width, tall / rng.uniform(0.7, 1.2), rng.uniform(0.4, 1.2))
        course += np.float32(warmth * rng.uniform(0.5, 1.3))
        ends = (slope * (first - 0.5) * width, slope * (last - 0.5) * width)
        _wall(scene, course, first * width, last * width, row + ends[0], row + ends[1], row + tall + 2, ends)
        row += tall


def low_blocks(rng: np.random.Generator, scene: Canvas, top: float, bottom: float, warmth: float, size: float) -> None:
    """Draw low houses seen from above, in rows, larger towards the camera, with trees between; in place.

    Args:
        top: row of the farthest feet, pixels.
        bottom: row of the nearest feet, pixels.
        warmth: gray level of walls.
        size: height of the nearest houses, pixels.
    """
    width = scene.shape[1]
    row = top
    roofs = rng.choice([-1, 1], p=[0.4, 0.6]) * rng.uniform(8, 40)
    while row < bottom:
        near = 0.25 + 0.75 * (row - top) / max(bottom - top, 1)
        tall = max(size * near, 2.0)
        thicket(
            rng,
            scene,
            np.full(width, row),
            row - tall * rng.uniform(0.3, 0.9) * (0.3 + 0.7 * crowns(rng, np.arange(width, dtype=np.float64), tall)),
            warmth * rng.uniform(0.4, 0.9),
            rng.uniform(6, 18),
            rng.uniform(0, 0.5),
        )
        x = -rng.uniform(0, 3) * tall
        while x < width:
            wide, high = tall * rng.uniform(0.8, 5.0), tall * rng.uniform(0.35, 1.1)
            deep = tall * rng.uniform(0.1, 0.45)
            level = warmth * rng.uniform(0.7, 1.25)
            slant = rng.normal(0, 0.12) * deep
            if tall > 8:
                wall = facade(rng, max(round(high), 2), max(round(wide), 2), max(0.35 * tall, 2.0), 1.0)
                _wall(scene, wall + np.float32(level), x, x + wide, row - high, row - high, row)
            else:  # too far away to show windows: a wall, and a row of them as one band
                rectangle(scene, x, row - high, x + wide, row, level)
                rectangle(scene, x, row - 0.7 * high, x + wide, row - 0.4 * high, level - rng.uniform(0, 25))
            back = [[x + slant, row - high - deep], [x + wide + slant, row - high - deep]]
            draw(
                scene, [polygon([*back, [x + wide, row - high], [x, row - high]])], level + roofs * rng.uniform(0, 1.3)
            )
            rectangle(scene, x, row - high - 0.6, x + wide, row - high + 0.6, level + abs(roofs) * rng.uniform(0, 1))
            for _ in range(int(rng.integers(0, 4))):  # what stands on the roof
                left, up = x + rng.uniform(0, 0.9) * wide, row - high - deep * rng.uniform(0, 0.8)
                box = tall * rng.uniform(0.05, 0.25, 2)
                rectangle(scene, left, up - box[1], min(left + box[0], x + wide), up, level + rng.normal(0, 25))
            x += wide + tall * rng.exponential(0.8)
        row += tall * rng.uniform(0.45, 1.0)


def parapet(rng: np.random.Generator, scene: Canvas, top: float, warmth: float) -> None:
    """Draw the edge of the camera's own roof or balcony in place, out of focus: slabs or a railing."""
    height, width = scene.shape
    near = Canvas(scene.gray.copy())
    slope, tall = rng.normal(0, 0.05), height * rng.uniform(0.05, 0.14)
    x = np.array([-0.1, 1.1]) * width
    line = top + slope * (x - width / 2)
    level = warmth * rng.choice([rng.uniform(0.2, 0.6), rng.uniform(1.4, 2.2)])
    rail = tall * rng.uniform(0.15, 0.4)
    if rng.random() < 0.45:
        for place in np.arange(rng.uniform(-0.1, 0.1) * width, width, tall * rng.uniform(0.7, 1.6)):
            foot = top + slope * (place - width / 2)
            draw(near, [stroke([[place, foot], [place, height + tall]], tall * 0.25)], level * rng.uniform(0.85, 1.05))
        draw(
            near,
            [stroke(np.column_stack([x, line]), rail), stroke(np.column_stack([x, line + tall]), 0.6 * rail)],
            level,
        )
    else:
        while line.min() < height:
            course = tall * rng.uniform(0.2, 1.5)
            below_it = np.column_stack([x, line + course])[::-1]
            draw(near, [polygon(np.concatenate([np.column_stack([x, line]), below_it]))], level)
            line, level = line + course, warmth * rng.uniform(0.5, 1.6)
    soft = height * rng.uniform(0.002, 0.006)
    near.moved(lambda field: blurred(field, soft))
    scene.paint(near.solid, near.gray)


def crane(rng: np.random.Generator, scene: Canvas, level: float) -> None:
    """Draw a tower crane: a lattice mast, a jib that is level or raised, its ties and its load; in place."""
    height, width = scene.shape
    x, y = rng.uniform(0.15, 0.85) * width, rng.uniform(0.08, 0.45) * height
    girth = height * rng.uniform(0.008, 0.022)
    reach = rng.choice([-1, 1]) * width * rng.uniform(0.12, 0.4)
    raised = abs(reach) * (rng.uniform(0.3, 1.2) if rng.random() < 0.3 else rng.normal(0, 0.03))
    tip, tail, apex = [x + reach, y - raised], [x - 0.3 * reach, y + 0.3 * raised], [x, y - 5 * girth]
    strokes = []
    for start, end, half in (
        (np.array([x, height]), np.array([x, y]), girth / 2),
        (np.array(tail), np.array(tip), girth / 2),
    ):
        length = np.hypot(*(end - start))
        aside = (end - start)[::-1] * [-1, 1] / length * half
        steps = max(int(length / (1.4 * girth)), 2)
        zigzag = start + np.linspace(0, 1, steps)[:, None] * (end - start) + aside * (-1.0) ** np.arange(steps)[:, None]
        strokes += [stroke(zigzag, 0.3 * girth), stroke([start - aside, end - aside], 0.4 * girth)]
        strokes.append(stroke([start + aside, end + aside], 0.4 * girth))
    strokes += [stroke([apex, [x, y]], girth), stroke([apex, tip], 0.2 * girth), stroke([apex, tail], 0.2 * girth)]
    hook = np.array(tip) * 0.6 + np.array([x, y]) * 0.4
    strokes.append(stroke([hook, hook + np.array([0, rng.uniform(0, 0.2) * height])], 0.15 * girth))
    draw(scene, strokes, level)
