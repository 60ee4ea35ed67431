"""City frames: near facades, roofs against the sky, a skyline of towers, or a street."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from sirstgen.backgrounds.procedural.camera import Codec, finish, spread
from sirstgen.backgrounds.procedural.canvas import Canvas, Drawn
from sirstgen.backgrounds.procedural.facades import facade, hang, mast, rectangle, roof_gear
from sirstgen.backgrounds.procedural.fields import Field, blurred, fractal, shading, transformed
from sirstgen.backgrounds.procedural.silhouettes import below, ridge_line
from sirstgen.backgrounds.procedural.sky import low_sky
from sirstgen.backgrounds.procedural.street import street
from sirstgen.backgrounds.procedural.vegetation import bare_tree, broadleaf, bush, plant


def generate(rng: np.random.Generator, height: int, width: int) -> Drawn:
    """Draw one city frame.

    Args:
        rng: where every draw comes from.
        height: pixels.
        width: pixels.

    Returns:
        the frame and its place map.
    """
    layouts = (_near_facades, _roofs, _skyline, street)
    scene = layouts[rng.choice(len(layouts), p=[0.07, 0.31, 0.16, 0.46])](rng, height, width)
    if rng.random() < 0.15:
        _bare_trees(rng, scene)
    if rng.random() < 0.12:  # out of focus
        defocus = rng.uniform(0.8, 2.5)
        scene.moved(lambda field: blurred(field, defocus))
    _leaning(rng, scene)
    gray = scene.gray
    if rng.random() < 0.3:
        gray = gray + np.float32(rng.uniform(3, 9)) * shading(rng, height, width)
    # The camera's gain control brings a flat scene up and a strong one down.
    gain = np.clip(rng.uniform(20, 68) / gray.std(), 0.6, 2.6)
    gray = (gray - gray.mean()) * np.float32(gain) + np.float32(rng.uniform(74, 148))
    frame = finish(
        rng,
        gray.astype(np.float32),
        noise=spread(rng, 0.75, 0.5),
        softness=spread(rng, 0.42, 0.35),
        pattern=spread(rng, 0.05, 0.8),
        enlarged=0.2,
        codec=Codec(0.3, (60, 93)),
    )
    return Drawn(frame, scene.places())


def _near_facades(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Two to four walls side by side, cut by the frame, with strips of sky between some; often out of focus."""
    warmth = _building_warmth(rng)
    scene = Canvas(low_sky(rng, height, width, 1.2 * height, fall=rng.uniform(-20, 5)))
    storey = height / rng.uniform(2.2, 8.0)
    cuts = np.cumsum(rng.uniform(0.4, 1.6, int(rng.integers(2, 5))))
    edges = [0.0, *(cuts / cuts[-1] * width)]
    open_sky = int(rng.integers(0, len(edges) - 1)) if rng.random() < 0.75 else -1
    for number, (left, right) in enumerate(pairwise(edges)):
        if number == open_sky:
            continue
        top = rng.uniform(0.05, 0.5) * height if rng.random() < 0.35 else -0.1 * height
        level = warmth + rng.normal(0, 18)
        _tower(rng, scene, left, right, top, 1.1 * height, storey * rng.uniform(0.7, 1.2), level, 1.0)
        if rng.random() < 0.5:
            mast(scene, rng.choice([left, right]), height, max(top, 0), rng.uniform(2, 8), level + rng.normal(5, 25))
    _turned(rng, scene, 0.06)
    blur = max(float(np.clip(rng.lognormal(0.15, 0.6), 0.3, 3.5)) * height / 256, 0.2)
    scene.moved(lambda field: blurred(field, blur))
    return scene


def _roofs(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Roofs and top storeys at the foot of the frame or at one side, under a wide sky."""
    warmth = _building_warmth(rng)
    scene = Canvas(low_sky(rng, height, width, 0.8 * height, fall=rng.uniform(-35, 5)))
    blocks = int(rng.integers(2, 7))
    highest = rng.uniform(0.2, 0.58)
    for block in range(blocks):
        nearness = (block + 1) / blocks
        middle = rng.uniform(0, width)
        half = width * rng.uniform(0.08, 0.3) * (0.6 + 0.6 * nearness)
        top = height * (highest + (0.95 - highest) * nearness * rng.uniform(0.3, 1.0))
        level = warmth * (0.7 + 0.3 * nearness) + rng.normal(0, 16)
        storey = height * rng.uniform(0.06, 0.16) * (0.5 + 0.5 * nearness)
        if rng.random() < 0.25:
            _gable(rng, scene, middle - half, middle + half, top, top + storey * rng.uniform(1.0, 2.2), level)
            top = top + storey
        _tower(rng, scene, middle - half, middle + half, top, 1.1 * height, storey, level, 0.6 + 0.4 * nearness)
        roof_gear(rng, scene, middle - half, middle + half, top, 0.8 * storey, level)
    if rng.random() < 0.25:
        _crane(rng, scene, warmth + rng.normal(0, 15))
    if rng.random() < 0.3:
        _canopy(rng, scene, height * rng.uniform(0.8, 0.95), warmth + rng.normal(-10, 15))
    _turned(rng, scene, 0.03)
    return scene


def _skyline(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Towers in three or four depths, paler with distance; tree tops or a near roof in front."""
    warmth = _building_warmth(rng)
    scene = Canvas(low_sky(rng, height, width, 0.6 * height, fall=rng.uniform(-40, 5), cloud=14.0))
    foot = height * rng.uniform(0.55, 0.85)
    if rng.random() < 0.35:
        _far_ridge(rng, scene, foot, warmth)
    layers = int(rng.integers(2, 5))
    size = height * rng.uniform(0.7, 1.4)
    for layer in range(layers):
        nearness = (layer + 1) / layers
        haze = 0.35 + 0.65 * nearness
        storey = size * (0.012 + 0.022 * nearness)
        x = -0.1 * width * rng.random()
        while x < width:
            wide = size * rng.uniform(0.05, 0.2) * (0.4 + 0.6 * nearness)
            if rng.random() < 0.75:
                tall = size * rng.uniform(0.06, 0.5) * (0.5 + 0.5 * nearness)
                base = foot + (height - foot) * 0.5 * (nearness - 1 / layers)
                level = warmth * haze + rng.normal(0, 12) * haze
                _tower(rng, scene, x, x + wide, base - tall, height + 2, storey, level, haze)
                roof_gear(rng, scene, x, x + wide, base - tall, 1.5 * storey, level)
            x += wide * rng.uniform(0.9, 1.6)
    near = rng.random()
    if near < 0.45:
        _canopy(rng, scene, foot + 0.4 * (height - foot), warmth * rng.uniform(0.4, 0.9))
    elif near < 0.75:
        top = foot + (height - foot) * rng.uniform(0.4, 0.8)
        start = rng.uniform(-0.3, 0.5) * width
        _tower(
            rng, scene, start, start + width * rng.uniform(0.6, 1.2), top, height + 2, height * 0.12, warmth * 0.8, 1.0
        )
    _turned(rng, scene, 0.02)
    return scene


def _far_ridge(rng: np.random.Generator, scene: Canvas, foot: float, warmth: float) -> None:
    """Mountains far behind the town, so hazy that they nearly have the level of the sky; in place."""
    height, width = scene.shape
    crest = foot - height * rng.uniform(0.1, 0.4) * (0.4 + 0.6 * ridge_line(rng, width, 2.8))
    land = below(crest, height, softness=rng.uniform(1.0, 3.0))
    relief = fractal(rng, height, width, 2.4, outer=height / 6)
    scene.paint(land, np.float32(warmth * rng.uniform(0.12, 0.5)) + np.float32(rng.uniform(1, 4)) * relief)


def _building_warmth(rng: np.random.Generator) -> float:
    """Gray levels of walls over the sky: walls are warmer, but for some frames with a bright sky."""
    return float(rng.uniform(40, 110) if rng.random() < 0.82 else -rng.uniform(35, 80))


def _tower(
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
    """A block with a front, in some cases a receding side wall in another light, and a parapet; drawn in place."""
    wide, tall = max(round(right - left), 2), max(round(bottom - top), 2)
    side = wide * rng.uniform(0.15, 0.45) if rng.random() < 0.5 else 0.0
    to_right = rng.random() < 0.5
    front_left = left if to_right else left + side
    front_right = right - side if to_right else right
    storey = max(storey, 2.0)
    front = facade(rng, tall, max(round(front_right - front_left), 2), storey, strength)
    _wall(scene, front + np.float32(level), front_left, front_right, top, top, bottom)
    if side >= 2:
        turned = facade(rng, tall, max(round(side), 2), storey, strength) + np.float32(
            level + strength * rng.normal(0, 22)
        )
        drop = side * rng.uniform(0.0, 0.3)
        if to_right:
            _wall(scene, turned, front_right, right, top, top + drop, bottom)
        else:
            _wall(scene, turned, left, front_left, top + drop, top, bottom)
    if rng.random() < 0.7:
        rim = max(0.12 * storey, 0.8)
        rectangle(
            scene, front_left - 0.5, top - rim, front_right + 0.5, top + rim, level + strength * rng.normal(12, 16)
        )


def _wall(
    scene: Canvas, wall: Field, left: float, right: float, top_left: float, top_right: float, bottom: float
) -> None:
    corners = np.array([[left, top_left], [right, top_right], [right, bottom], [left, bottom]], dtype=np.float32)
    hang(scene, wall, corners - np.float32(0.5))


def _gable(
    rng: np.random.Generator, scene: Canvas, left: float, right: float, ridge: float, eaves: float, level: float
) -> None:
    """A pitched roof seen from its long side, tiles in rows, in place."""
    wide, tall = max(round(right - left), 4), max(round(eaves - ridge), 3)
    tiles = 3 * np.sin(np.arange(wide) * 2 * np.pi / rng.uniform(4, 14))[None, :] * rng.uniform(0.3, 2)
    roof = level + rng.normal(0, 22) + tiles + 4 * fractal(rng, tall, wide, 2.2)
    inset = (right - left) * rng.uniform(0.02, 0.2)
    corners = np.array([[left + inset, ridge], [right - inset, ridge], [right, eaves], [left, eaves]], dtype=np.float32)
    hang(scene, roof.astype(np.float32), corners)


def _crane(rng: np.random.Generator, scene: Canvas, level: float) -> None:
    """A tower crane: a lattice mast and a jib, in place."""
    height, width = scene.shape
    x, y = rng.uniform(0.15, 0.85) * width, rng.uniform(0.08, 0.4) * height
    girth = height * rng.uniform(0.012, 0.03)
    cover = np.zeros((height, width), dtype=np.uint8)
    tip = x + rng.choice([-1, 1]) * width * rng.uniform(0.3, 0.7)
    tail = x - 0.25 * (tip - x)
    for (x0, y0), (x1, y1) in ((((x, y - 3 * girth)), (x, height)), ((tail, y), (tip, y))):
        steps = max(int(np.hypot(x1 - x0, y1 - y0) / (1.4 * girth)), 2)
        along = np.linspace(0, 1, steps)
        sway = girth / 2 * (-1.0) ** np.arange(steps)
        upright = abs(y1 - y0) > abs(x1 - x0)
        rail_x = x0 + along * (x1 - x0) + (sway if upright else 0)
        rail_y = y0 + along * (y1 - y0) + (0 if upright else sway)
        zigzag = np.rint(np.column_stack([rail_x, rail_y]) * 16).astype(np.int32)
        cv2.polylines(cover, [zigzag[:, None]], False, 170, 1, cv2.LINE_AA, shift=4)
        for shift in (-girth / 2, girth / 2):
            ends = [
                [x0 + shift * upright, y0 + shift * (not upright)],
                [x1 + shift * upright, y1 + shift * (not upright)],
            ]
            rail = np.rint(np.array(ends) * 16).astype(np.int32)
            cv2.polylines(cover, [rail[:, None]], False, 255, 1, cv2.LINE_AA, shift=4)
    scene.paint(cover.astype(np.float32) / 255, level)


def _canopy(rng: np.random.Generator, scene: Canvas, top: float, level: float) -> None:
    """Tree tops along the foot of the frame, in place."""
    height, width = scene.shape
    plants = [(broadleaf if number % 2 else bush)(rng) for number in range(6)]
    size = height * rng.uniform(0.08, 0.2)
    count = int(9 * width / size)
    rows = np.sort(rng.uniform(top + size * 0.6, max(height, top + size) + size, count))
    spots = [(rng.uniform(0, width), row, size * rng.uniform(0.6, 1.2), level + rng.normal(0, 5)) for row in rows]
    plant(scene, plants, spots, contrast=rng.uniform(8, 24))


def _bare_trees(rng: np.random.Generator, scene: Canvas) -> None:
    """Leafless trees between the camera and the buildings, drawn in place."""
    height, width = scene.shape
    level = float(rng.uniform(*np.quantile(scene.gray, [0.3, 0.95])))
    for _ in range(int(rng.integers(1, 6))):
        foot = (rng.uniform(0, width), height * rng.uniform(0.75, 1.15))
        scene.paint(bare_tree(rng, height, width, foot, tall=height * rng.uniform(0.2, 0.7)), level)


def _leaning(rng: np.random.Generator, scene: Canvas) -> None:
    """Show the scene as a camera that is not quite upright shows it: verticals lean, horizontals slope a little."""
    height, width = scene.shape
    lean, slope = rng.normal(0, [0.08, 0.015])
    shear = np.array([[1, lean, -lean * (height - 1) / 2], [slope, 1, -slope * (width - 1) / 2]])
    scene.moved(lambda field: transformed(field, shear))


def _turned(rng: np.random.Generator, scene: Canvas, most: float) -> None:
    """Show the scene a little from the side and with a little roll: a homography that moves corners by up to `most`."""
    height, width = scene.shape
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    moved = flat + (rng.uniform(-most, most, (4, 2)) * [width, height]).astype(np.float32)
    lens = cv2.getPerspectiveTransform(flat, moved)
    scene.moved(lambda field: transformed(field, lens))
