"""A street seen along its axis: the road, rows of houses towards the vanishing point, trees, poles and wires."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.backgrounds.procedural.facades import facade, hang, mast
from sirstgen.backgrounds.procedural.fields import fractal, frame_scale, rounded
from sirstgen.backgrounds.procedural.perspective import ground_texture, relative_depth
from sirstgen.backgrounds.procedural.silhouettes import below, town_line
from sirstgen.backgrounds.procedural.sky import low_sky
from sirstgen.backgrounds.procedural.vegetation import bare_tree, broadleaf, bush, plant

_WALL = 256  # pixels; a wall is drawn no larger than this and enlarged, for most of a near one lies outside the frame


def street(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """A street scene; the sky at the horizon has gray level 0.

    Args:
        rng: where every draw comes from.
        height: pixels.
        width: pixels.
    """
    horizon = height * rng.uniform(0.45, 0.65)
    centre = width * rng.uniform(0.3, 0.7)
    warmth = rng.uniform(35, 95)
    scene = Canvas(low_sky(rng, height, width, horizon, fall=-rng.uniform(5, 60)))
    _far_side(rng, scene, horizon, warmth)
    half = width * rng.uniform(0.35, 0.9)
    _road(rng, scene, horizon, centre, half, warmth)
    for side in (-1, 1):
        if rng.random() < 0.45:
            _row_of_houses(rng, scene, horizon, centre, side * half * rng.uniform(1.15, 1.8), warmth)
        else:
            _hedge(rng, scene, horizon, centre, side * half * 1.3, warmth)
    _furniture(rng, scene, horizon, centre, half, warmth)
    return scene


def _road(rng: np.random.Generator, scene: Canvas, horizon: float, centre: float, half: float, warmth: float) -> None:
    """Ground below the horizon: asphalt with lane marks between pavements; in place."""
    height, width = scene.shape
    scale = frame_scale(height, width)
    depth = relative_depth(height, horizon)
    octaves = [(6 * scale, 1.0), (25 * scale, 1.2), (90 * scale, 1.5)]
    grain = ground_texture(rng, height, width, horizon, octaves, focal=0.8 * width, stretch=rng.uniform(1.0, 4.0))
    across = (np.arange(width, dtype=np.float32)[None, :] - np.float32(centre)) / np.maximum(depth, 1e-3)
    pixel = 1 / np.maximum(depth, 1e-3)
    road = np.clip((half - np.abs(across)) / pixel + 0.5, 0, 1)
    asphalt = warmth * rng.uniform(0.4, 0.9)
    verge = asphalt + rng.choice([-1, 1]) * rng.uniform(10, 35)
    ground = verge + (asphalt - verge) * road + np.float32(rng.uniform(1.5, 5)) * grain * (1.4 - road)
    # Asphalt is mended, shaded and worn: broad patches and fine grain of its own, and it warms or cools with distance.
    wear = fractal(rng, height, width, 1.6, outer=6 * scale) + fractal(rng, height, width, 2.6, outer=height / 4)
    ground = ground + road * np.float32(rng.uniform(0.8, 2.6)) * wear
    ground = ground + np.float32(rng.normal(0, 14)) * (1 - depth) ** 2
    # Tyres leave warmer tracks; marks are brighter and dashed along the line of sight.
    for lane in (-0.5, 0.5):
        ground = ground + rng.uniform(2, 8) * rounded(np.exp, -0.5 * ((across - lane * half) / (0.14 * half)) ** 2)
    marks = np.clip((0.02 * half - np.abs(across)) / pixel + 0.5, 0, 1) * (
        (rng.uniform(2, 4) / np.maximum(depth, 0.02)) % 1.0 < 0.45
    )
    kerbs = np.clip((0.03 * half - np.abs(np.abs(across) - half)) / pixel + 0.5, 0, 1)
    ground = ground + rng.uniform(-12, 25) * marks + rng.uniform(-15, 25) * kerbs
    land = below(np.full(width, horizon), height, softness=2.0)
    scene.paint(land, ground)


def _far_side(rng: np.random.Generator, scene: Canvas, horizon: float, warmth: float) -> None:
    """Roofs and trees at the end of the street, hazy, in place."""
    height, width = scene.shape
    for _ in range(2):
        line = horizon + 1 - height * rng.uniform(0.03, 0.12) * town_line(rng, width, 0.04 * width)
        cover = below(line, height)
        level = warmth * rng.uniform(0.4, 1.0) + 4 * fractal(rng, height, width, 2.2, outer=height / 10)
        scene.paint(cover, level.astype(np.float32))
    _hedge(rng, scene, horizon, 0.5 * width, 0.0, warmth)


def _row_of_houses(
    rng: np.random.Generator, scene: Canvas, horizon: float, centre: float, offset: float, warmth: float
) -> None:
    """Houses along one side from the far end to the near one, in place; `offset` is their line at the bottom row."""
    height, _ = scene.shape
    reach = height - 1 - horizon
    far, near = rng.uniform(6.0, 14.0), rng.uniform(0.7, 1.4)
    house = rng.uniform(0.5, 2.5)
    storey = rng.uniform(0.4, 0.65)  # over the height of the camera
    distance = far
    while distance > near:
        length = max(house * rng.uniform(0.5, 1.4) * distance**0.5, 0.15 * distance)
        front = max(distance - length, 0.35)
        tall = reach * rng.uniform(0.5, 3.2)
        level = warmth * rng.uniform(0.75, 1.2) * (0.75 + 0.25 / (1 + 0.1 * distance)) + rng.normal(0, 10)
        storeys = max(tall / reach / storey, 1.0)
        xs = [centre + offset / z for z in (distance, front)]
        feet = [horizon + reach / z for z in (distance, front)]
        tops = [horizon - tall / z for z in (distance, front)]
        pixels = (min(int(feet[1] - tops[1]) + 2, _WALL), int(np.clip(abs(xs[1] - xs[0]) * 1.2, 3, _WALL)))
        strength = 0.5 + 0.5 / (1 + 0.15 * front)
        wall = facade(rng, *pixels, max(pixels[0] / storeys, 2.5), strength) + np.float32(level)
        order = (0, 1) if xs[0] <= xs[1] else (1, 0)
        a, b = order
        corners = np.array([[xs[a], tops[a]], [xs[b], tops[b]], [xs[b], feet[b]], [xs[a], feet[a]]], dtype=np.float32)
        hang(scene, wall, corners)
        # The gable wall that faces the camera.
        outward = np.sign(offset) * tall * rng.uniform(0.8, 2.0) / front
        left, right = sorted((xs[1], xs[1] + outward))
        gable = facade(rng, pixels[0], int(np.clip(right - left, 3, _WALL)), max(pixels[0] / storeys, 2.5), strength)
        gable += np.float32(level + rng.normal(0, 18))
        hang(
            scene,
            gable,
            np.array([[left, tops[1]], [right, tops[1]], [right, feet[1]], [left, feet[1]]], dtype=np.float32),
        )
        distance = front * rng.uniform(0.7, 0.98)


def _hedge(
    rng: np.random.Generator, scene: Canvas, horizon: float, centre: float, offset: float, warmth: float
) -> None:
    """Trees and bushes along one side, or across the end of the street where `offset` is 0; in place."""
    height, width = scene.shape
    reach = height - 1 - horizon
    plants = [(broadleaf if number % 2 else bush)(rng) for number in range(6)]
    if offset == 0.0:
        columns = rng.uniform(0, width, 60)
        spots = [(x, horizon + 2, height * rng.uniform(0.02, 0.09), warmth * rng.uniform(0.5, 0.9)) for x in columns]
    else:
        distances = np.sort(rng.uniform(0.8, 9.0, 40))[::-1]
        spots = [
            (
                centre + offset * rng.uniform(1.0, 1.8) / z,
                horizon + reach / z,
                reach * rng.uniform(0.5, 1.6) / z,
                warmth * rng.uniform(0.6, 1.0),
            )
            for z in distances
        ]
    plant(scene, plants, spots, contrast=rng.uniform(8, 26))


def _furniture(
    rng: np.random.Generator, scene: Canvas, horizon: float, centre: float, half: float, warmth: float
) -> None:
    """Lamp posts or telegraph poles in step along the kerb, their wires, leafless trees and cars; in place."""
    height, width = scene.shape
    reach = height - 1 - horizon
    side = rng.choice([-1, 1])
    level = warmth + rng.normal(10, 30)
    tall = reach * rng.uniform(2.0, 3.5)
    heads = []
    for z in rng.uniform(0.9, 1.4) * np.arange(6, 0, -1):
        x, foot, head = centre + side * 1.08 * half / z, horizon + reach / z, horizon - tall / z
        mast(scene, x, foot, head, max(0.03 * reach / z, 0.5), level)
        heads.append((x, head))
    if rng.random() < 0.6:
        cover = np.zeros((height, width), dtype=np.uint8)
        for lower in (0.0, 0.06, 0.12)[: int(rng.integers(1, 4))]:
            _wires(cover, [(x, y + lower * (horizon - y)) for x, y in heads])
        scene.paint(cover.astype(np.float32) / 255, level)
    for _ in range(int(rng.integers(0, 9))):
        z = rng.uniform(1.0, 4.0)
        foot = (centre - side * half * rng.uniform(1.05, 1.4) / z, horizon + reach / z)
        cover_of_tree = bare_tree(rng, height, width, foot, tall=reach * rng.uniform(1.5, 3.0) / z)
        scene.paint(cover_of_tree, warmth + rng.normal(0, 20))
    for z in sorted(rng.uniform(1.6, 7.0, int(rng.integers(0, 5))), reverse=True):
        _car(rng, scene, centre + half * rng.uniform(-0.8, 0.8) / z, horizon + reach / z, 0.32 * reach / z, warmth)


def _car(rng: np.random.Generator, scene: Canvas, x: float, foot: float, size: float, warmth: float) -> None:
    """A car from behind or in front, `size` pixels half wide, in place.

    Warm hood or boot, cold windows, a shadow below; far cars are a body and a windscreen, whose tyres do not show.
    """
    height, width = scene.shape
    tall = rng.uniform(1.25, 1.6)
    paint = warmth + rng.normal(0, 14)
    hot = paint + rng.uniform(4, 28)
    body = np.array([[-0.97, -0.12], [-1, -0.78], [1, -0.78], [0.97, -0.12]])
    cabin = np.array([[-0.86, -0.72], [-0.58, -tall], [0.58, -tall], [0.86, -0.72]])
    glass = np.array([[-0.74, -0.84], [-0.52, 0.1 - tall], [0.52, 0.1 - tall], [0.74, -0.84]])
    engine = np.array([[-0.8, -0.35], [-0.8, -0.7], [0.8, -0.7], [0.8, -0.35]])
    shadow = np.array([[-1.05, 0.08], [-1.0, -0.2], [1.0, -0.2], [1.05, 0.08]])
    parts = [(shadow, warmth - rng.uniform(3, 18)), (body, paint), (cabin, paint), (glass, paint - rng.uniform(6, 26))]
    if size > 4:
        parts.append((engine, hot))
        for side in (-1, 1):
            tyre = np.array([[0.95, 0.0], [0.95, -0.3], [0.68, -0.3], [0.68, 0.0]]) * [side, 1]
            parts.append((tyre, warmth + rng.uniform(2, 22)))
    for outline, level in parts:
        cover = np.zeros((height, width), dtype=np.uint8)
        corners = np.rint((outline * size + [x, foot]) * 16).astype(np.int32)
        cv2.fillPoly(cover, [corners[:, None]], 255, cv2.LINE_AA, shift=4)
        scene.paint(cover.astype(np.float32) / 255, level)


def _wires(cover: np.ndarray, heads: list[tuple[float, float]]) -> None:
    """Sagging lines from pole to pole."""
    along = np.linspace(0, 1, 12)
    for (x0, y0), (x1, y1) in pairwise(heads):
        sag = 0.06 * np.hypot(x1 - x0, y1 - y0) * 4 * along * (1 - along)
        line = np.column_stack([x0 + along * (x1 - x0), y0 + along * (y1 - y0) + sag])
        cv2.polylines(cover, [np.rint(line * 16).astype(np.int32)[:, None]], False, 130, 1, cv2.LINE_AA, shift=4)
