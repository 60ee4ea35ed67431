"""A meadow or waste ground before a belt of trees, poles and houses, and strips of scrub on open ground."""

from __future__ import annotations

import numpy as np

from sirstgen.backgrounds.procedural.belts import crowns, roadside_belt, thicket
from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.backgrounds.procedural.fields import Field, fractal
from sirstgen.backgrounds.procedural.perspective import Road
from sirstgen.backgrounds.procedural.roadside import Item, cars, fence, houses, lamps, trees
from sirstgen.backgrounds.procedural.silhouettes import below, ridge_line
from sirstgen.backgrounds.procedural.sky import low_sky
from sirstgen.backgrounds.procedural.street import far_side


def meadow(rng: np.random.Generator, ground: Field, horizon: float) -> Canvas:
    """Return a scene: sky, houses and trees at the horizon, the ground, and single trees, poles and fences.

    Args:
        ground: gray levels of the ground around 0, (height, width).
        horizon: its row, pixels.
    """
    height, width = ground.shape
    road = Road(
        horizon=horizon,
        centre=width * rng.uniform(0.2, 0.8),
        focal=np.hypot(height, width) * rng.uniform(0.7, 1.4),
        turn=rng.uniform(-0.9, 0.9),
        bend=0.0,
    )
    warmth = rng.uniform(60, 110)
    scene = Canvas(low_sky(rng, height, width, horizon, fall=-rng.uniform(15, 60), cloud=10.0))
    far_side(rng, scene, horizon, warmth)
    edge_of_land = horizon + height * rng.uniform(0, 0.015) * (ridge_line(rng, width, 2.8) - 0.5)
    land = below(edge_of_land, height, softness=2.0)
    level = warmth * rng.uniform(0.7, 1.2)
    scene.paint(land, np.float32(level) + ground)
    _, across, away = road.ground(height, width)
    for _ in range(int(rng.integers(0, 4))):  # paths, kerbs and edges between kinds of ground
        place, half = rng.normal(0, 8), rng.choice([rng.uniform(0.05, 0.3), rng.uniform(0.8, 4.0)])
        ragged = np.float32(rng.uniform(0, 0.4)) * fractal(rng, height, width, 2.0, outer=height / 8)
        inside = np.clip((half - np.abs(across - np.float32(place) + ragged)) * road.focal / away + 0.5, 0, 1)
        scene.paint(inside * land, np.float32(level + rng.normal(0, 14)) + 0.5 * ground)
    items: list[Item] = []
    for side in (-1, 1):
        edge = side * rng.uniform(2.0, 14.0)
        if rng.random() < 0.5:
            roadside_belt(rng, scene, road, edge + side * rng.uniform(3.0, 25.0), warmth)
        items += houses(rng, scene, road, edge + side * 8, warmth) if rng.random() < 0.15 else []
        items += trees(rng, scene, road, edge, warmth) if rng.random() < 0.5 else []
        items += lamps(rng, scene, road, edge, warmth) if rng.random() < 0.4 else []
        items += fence(rng, scene, road, edge, warmth) if rng.random() < 0.25 else []
    items += cars(rng, scene, road, (6.0, 14.0), warmth) if rng.random() < 0.3 else []
    for _, show in sorted(items, key=lambda item: -item[0]):
        show()
    return scene


def scrub_strips(
    rng: np.random.Generator, scene: Canvas, horizon: float, warmth: float, size: float, count: int
) -> None:
    """Draw low scrub in broken strips across flat ground, higher and wider apart towards the camera, in place.

    Args:
        horizon: row of the horizon, pixels; above the frame where negative.
        warmth: gray levels of the scrub over the ground below it.
        size: height of the scrub at the bottom row, pixels.
        count: of strips.
    """
    height, width = scene.shape
    reach = height - horizon
    nearest = max(-horizon / reach, 0.0)
    columns = np.arange(width, dtype=np.float64)
    bare = rng.uniform(0, 0.2)
    share = rng.uniform(0.3, 0.75)  # of a strip that is bare ground
    for depth in np.sort(nearest + 0.02 + (1.1 - nearest) * rng.uniform(0, 1, count) ** 1.5):
        tall = max(size * depth * rng.uniform(0.6, 1.3), 1.5)
        stand = ridge_line(rng, width, rng.uniform(1.2, 2.2)).astype(np.float64)
        stand = np.clip((stand - np.quantile(stand, share)) * 4, 0, 1)
        foot = horizon + depth * reach + tall * (ridge_line(rng, width, 2.6) - 0.5)
        row = int(np.clip(horizon + depth * reach, 0, height - 1))
        level = float(scene.gray[row].mean()) + warmth * rng.uniform(0.6, 1.2) * min(tall / 8, 1)
        profile = stand * crowns(rng, columns, max(tall * rng.uniform(0.6, 1.6), 2.0))
        thicket(rng, scene, foot, foot - tall * profile, level, 0.25 * abs(warmth), bare)


def tufts(rng: np.random.Generator, height: int, width: int, scale: float) -> Field:
    """Return sparse specks of grass and stones, about 0 to 3, larger towards the bottom row; (height, width)."""
    fine = fractal(rng, height, width, 1.0, outer=3.0 * scale)
    coarse = fractal(rng, height, width, 1.4, outer=7.0 * scale, stretch=(1.5, 1.0))
    near = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    where = fractal(rng, height, width, 2.8, outer=height / 2, stretch=(2.0, 1.0))
    specks = (1 - near) * np.maximum(fine - 1, 0) + near * np.maximum(coarse - 1, 0)
    return np.asarray(specks * np.clip(where + 1, 0, 2), dtype=np.float32)
