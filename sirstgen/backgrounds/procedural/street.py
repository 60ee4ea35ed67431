"""A street seen by a camera on a car or a tripod: a wide road, houses and what stands along it, a far skyline."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural.belts import far_belt, roadside_belt
from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.backgrounds.procedural.facades import facade, hang, rectangle
from sirstgen.backgrounds.procedural.fields import fractal, frame_scale, rounded, shading, smoothstep
from sirstgen.backgrounds.procedural.perspective import Road, ground_texture
from sirstgen.backgrounds.procedural.roadside import Item, cars, fence, houses, lamps, trees
from sirstgen.backgrounds.procedural.silhouettes import below, town_line
from sirstgen.backgrounds.procedural.sky import low_sky
from sirstgen.backgrounds.procedural.strokes import draw, winter_tree


def street(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Return a street scene; the sky at the horizon has gray level 0."""
    road = Road(
        horizon=height * rng.uniform(0.27, 0.58),
        centre=width * rng.uniform(0.4, 0.6),
        focal=np.hypot(height, width) * rng.uniform(0.5, 1.1),
        turn=float(np.clip(rng.normal(0, 0.28), -0.75, 0.75)),
        bend=rng.normal(0, 0.004),
    )
    edges = (-rng.uniform(1.2, 9.0), rng.uniform(1.2, 9.0))
    warmth = rng.uniform(60, 110)
    scene = Canvas(low_sky(rng, height, width, road.horizon, fall=-rng.uniform(15, 60), cloud=5.0))
    far_side(rng, scene, road.horizon, warmth)
    _ground(rng, scene, road, edges, warmth)
    items: list[Item] = []
    for side in (0, 1):
        edge = edges[side]
        if rng.random() < 0.9:
            roadside_belt(rng, scene, road, edge + np.sign(edge) * rng.uniform(3.0, 14.0), warmth)
        items += houses(rng, scene, road, edge, warmth) if rng.random() < 0.45 else []
        if rng.random() < 0.7:
            beside = edge + np.sign(edge) * rng.uniform(0.8, 3.0)
            depth = rng.uniform(20, 60)
            items.append((depth, lambda beside=beside: roadside_belt(rng, scene, road, beside, warmth)))  # type: ignore[misc]
        items += trees(rng, scene, road, edge, warmth) if rng.random() < 0.75 else []
        items += lamps(rng, scene, road, edge, warmth) if rng.random() < 0.75 else []
        items += fence(rng, scene, road, edge, warmth) if rng.random() < 0.65 else []
    if rng.random() < 0.35:  # between the carriageways
        items += fence(rng, scene, road, edges[0] * rng.uniform(0.2, 0.7), warmth)
    items += cars(rng, scene, road, edges, warmth)
    for _, show in sorted(items, key=lambda item: -item[0]):
        show()
    return scene


def _ground(rng: np.random.Generator, scene: Canvas, road: Road, edges: tuple[float, float], warmth: float) -> None:
    """Draw asphalt with worn lanes, marks and seams between verges, in place."""
    height, width = scene.shape
    along, across, away = road.ground(height, width)
    pixel = away / np.float32(road.focal)
    asphalt = warmth * rng.uniform(0.75, 1.2)
    # Lanes are worn and warmed unevenly: a profile across the road that runs to the vanishing point.
    knots = np.linspace(edges[0] - 1, edges[1] + 1, 24)
    ground = asphalt + rng.uniform(0.5, 5) * rounded(np.interp, across, knots, rng.standard_normal(24))
    ground = ground + rng.normal(0, 9) * shading(rng, height, width)
    ground = ground + rng.normal(0, 10) * (1 - smoothstep(away, 2.0, 40.0))
    scale = frame_scale(height, width)
    octaves = [(2.5 * scale, rng.uniform(0.1, 0.5)), (30 * scale, 0.35), (150 * scale, 1.2)]
    stretch = rng.uniform(1.0, 3.0)
    grain = ground_texture(rng, height, width, road.horizon, octaves, focal=road.focal, stretch=stretch)
    ground = ground + np.float32(rng.uniform(0.3, 1.2)) * grain
    ground = ground + np.float32(rng.uniform(0.3, 1.5)) * fractal(rng, height, width, 2.4, outer=height / 3)

    def strip(middle: float, half: float) -> NDArray[np.float32]:
        """Return the share of each pixel that a strip along the road covers."""
        inside = np.clip((half - np.abs(across - np.float32(middle))) / pixel + 0.5, 0, 1)
        return np.asarray(inside * np.minimum(2 * half / pixel, 1))

    paint = rng.choice([-1, 1], p=[0.65, 0.35]) * rng.uniform(6, 28)
    period, dashed = rng.uniform(4, 9), rng.uniform(0.2, 0.5)
    for middle in np.arange(edges[0] + rng.uniform(1.6, 2.6), edges[1] - 0.5, 2.3):
        kind = rng.random()
        if kind < 0.55:
            pattern = ((along / np.float32(period) + np.float32(rng.random())) % 1 < dashed) if kind < 0.4 else 1.0
            ground = ground + paint * rng.uniform(0.4, 1.0) * strip(middle, 0.05) * pattern
    for _ in range(rng.poisson(1.2)):  # seams, crossings
        start, length = rng.uniform(2.5, 16), rng.uniform(0.02, 0.08) if rng.random() < 0.8 else rng.uniform(1, 2.5)
        seam = np.clip((length / 2 - np.abs(along - np.float32(start))) / pixel / 2 + 0.5, 0, 1)
        seam = seam * ((across / np.float32(0.6)) % 1 < 0.5) if length > 0.5 else seam * min(20 * length, 1)
        ground = ground + (paint if length > 0.5 else rng.normal(0, 10)) * seam
    rough = fractal(rng, height, width, 2.0, outer=height / 12, stretch=(2.5, 1.0))
    for edge in edges:
        side = np.sign(edge)
        place = edge
        for _ in range(int(rng.integers(1, 4))):  # kerb, pavement, grass: each a strip to the vanishing point
            beyond = np.clip((across - np.float32(place)) * side / pixel + 0.5, 0, 1)
            verge = warmth * rng.uniform(0.65, 1.35) + rng.uniform(1, 5) * rough + rng.uniform(0.5, 2.0) * grain
            ground = ground + (verge - ground) * beyond
            ground = ground + rng.normal(4, 20) * strip(place, rng.uniform(0.05, 0.2))
            place += side * rng.uniform(0.6, 3.0)
    if rng.random() < 0.25:  # the hood of the car that carries the camera
        bow = np.linspace(-1, 1, width) ** 2
        hood = below(height * (rng.uniform(0.9, 0.97) + 0.03 * bow), height, softness=height * rng.uniform(0.01, 0.05))
        ground = ground + hood * rng.uniform(-10, 30)
    land = below(np.full(width, road.horizon), height, softness=2.0)
    scene.paint(land, ground)


def far_side(rng: np.random.Generator, scene: Canvas, horizon: float, warmth: float) -> None:
    """Draw towers in haze, low roofs and belts of trees where the ground ends, in place."""
    height, width = scene.shape
    for _ in range(int(rng.integers(0, 3))):
        place, storey, haze = rng.uniform(0, width), rng.uniform(1.6, 3.5), rng.uniform(0.4, 0.9)
        tall = height * rng.uniform(0.03, 0.2)
        for _ in range(int(rng.integers(1, 6))):
            wide, top = tall * rng.uniform(0.2, 0.7), horizon - tall * rng.uniform(0.6, 1.0)
            wall = facade(rng, max(round(horizon - top), 2), max(round(wide), 2), storey, 0.6 * haze)
            corners = [[place, top], [place + wide, top], [place + wide, horizon + 2], [place, horizon + 2]]
            hang(scene, wall + np.float32(haze * warmth + rng.normal(0, 12)), np.array(corners, np.float32))
            place += wide * rng.uniform(1.0, 2.2)
    if rng.random() < 0.3:
        crest = horizon + 1 - height * rng.uniform(0.02, 0.07) * town_line(rng, width, width * rng.uniform(0.01, 0.06))
        scene.paint(below(crest, height, softness=1.0), warmth * rng.uniform(0.6, 1.3))
    for _ in range(int(rng.integers(1, 4))):
        far_belt(rng, scene, horizon + 1.5, height * rng.uniform(0.04, 0.16), warmth * rng.uniform(0.7, 1.3))
    for _ in range(int(rng.integers(1, 6))):  # leafless woods
        middle, reach, tall = rng.uniform(0, width), width * rng.uniform(0.05, 0.5), height * rng.uniform(0.03, 0.2)
        wide, count = rng.uniform(0.1, 0.8), int(np.clip(reach / tall * rng.uniform(1.0, 5.0), 1, 50))
        feet = middle + reach * rng.uniform(-1, 1, count)
        wood = [
            stroke
            for x in feet[(feet > -tall) & (feet < width + tall)]
            for stroke in winter_tree(rng, (x, horizon + 1), tall * rng.uniform(0.5, 1.0), wide)
        ]
        draw(scene, wood, warmth * rng.uniform(0.6, 1.6))
    for _ in range(int(rng.integers(0, 60))):  # sheds, lorries, walls, fences, boards
        wide, tall = width * rng.uniform(0.004, 0.05), height * rng.uniform(0.004, 0.03)
        left, foot = rng.uniform(0, width), horizon + rng.uniform(-0.2, 1.0) * tall
        level = warmth * rng.uniform(0.6, 1.7)
        rectangle(scene, left, foot - tall, left + wide, foot, level)
        rectangle(scene, left, foot - tall * rng.uniform(0.1, 0.9), left + wide, foot, level * rng.uniform(0.7, 1.2))
