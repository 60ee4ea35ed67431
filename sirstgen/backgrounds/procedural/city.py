"""City frames: near facades, roofs against the sky, a skyline of towers, or a street."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from sirstgen.backgrounds.procedural.belts import far_belt
from sirstgen.backgrounds.procedural.buildings import crane, gable, long_roof, low_blocks, parapet, tower
from sirstgen.backgrounds.procedural.camera import Codec, finish, gain_control, spread
from sirstgen.backgrounds.procedural.canvas import Canvas, Drawn
from sirstgen.backgrounds.procedural.facades import mast, roof_gear
from sirstgen.backgrounds.procedural.fields import blurred, fractal, frame_scale, shading, transformed
from sirstgen.backgrounds.procedural.silhouettes import below, ridge_line
from sirstgen.backgrounds.procedural.sky import low_sky
from sirstgen.backgrounds.procedural.street import street
from sirstgen.backgrounds.procedural.vegetation import broadleaf, bush, conifer, plant


def generate(rng: np.random.Generator, height: int, width: int) -> Drawn:
    """Draw one city frame with its place map."""
    number = rng.choice(len(_LAYOUTS), p=[share for _, share, _ in _LAYOUTS])
    layout, _, dark = _LAYOUTS[number]
    return _filmed(rng, layout(rng, height, width), dark)


def _filmed(rng: np.random.Generator, scene: Canvas, dark: float) -> Drawn:
    """Return the scene as a camera records it; `dark`: chance of a gain control that makes the sky nearly black."""
    height, width = scene.shape
    stains = fractal(rng, height, width, 2.4, outer=height / 10)  # on everything but the sky
    scene.gray += np.float32(spread(rng, 0.8, 0.5)) * scene.solid * stains
    if rng.random() < 0.08:  # out of focus
        defocus = rng.uniform(0.8, 2.5)
        scene.moved(lambda field: blurred(field, defocus))
    _leaning(rng, scene)
    gray = scene.gray
    if rng.random() < 0.3:
        gray = gray + np.float32(rng.uniform(2, 7)) * shading(rng, height, width)
    if rng.random() < 0.65:  # the recorder raises local contrast: of fine detail, or of whole buildings
        reach = float(np.exp(rng.uniform(np.log(0.006), np.log(0.09))))
        gray = gray + np.float32(rng.uniform(0.03, 0.1) / reach**0.5) * (gray - blurred(gray, height * reach))
    if rng.random() < dark:
        low, high = np.quantile(gray[::2, ::2], (0.02, 0.97))
        black = rng.uniform(5, 24)
        gray = (gray - low) * np.float32(min((rng.uniform(145, 228) - black) / (high - low), 3.0)) + np.float32(black)
    else:
        gray = gain_control(rng, gray, rng.uniform(14, 46), gains=(0.4, 2.0), levels=(78, 150))
    frame = finish(
        rng,
        gray.astype(np.float32),
        noise=spread(rng, 1.0, 0.5),
        softness=spread(rng, 0.36, 0.35),
        grain=0.75,
        along=1.15 * frame_scale(height, width) ** 1.5,  # recorders that make large frames smooth along the rows
        pattern=spread(rng, 0.05, 0.8),
        enlarged=0.2,
        overdriven=0.01,
        codec=Codec(0.2, (72, 95)),
    )
    return Drawn(frame, scene.places())


def _near_facades(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw two to four walls side by side, cut by the frame, with sky between some; often out of focus."""
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
        tower(rng, scene, left, right, top, 1.1 * height, storey * rng.uniform(0.7, 1.2), level, 1.0)
        if rng.random() < 0.5:
            mast(scene, rng.choice([left, right]), height, max(top, 0), rng.uniform(2, 8), level + rng.normal(5, 25))
    _turned(rng, scene, 0.06)
    blur = max(float(np.clip(rng.lognormal(0.15, 0.6), 0.3, 3.5)) * height / 256, 0.2)
    scene.moved(lambda field: blurred(field, blur))
    return scene


def _close_edge(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw the edge of something near and out of focus before the sky: a roof, a wall, a window frame, in bands."""
    scene = Canvas(low_sky(rng, height, width, 1.1 * height, fall=rng.uniform(-25, 15)))
    y, x = np.mgrid[:height, :width].astype(np.float32) / np.float32(height)
    turn = rng.choice([0, 0.5, 1]) * np.pi + rng.normal(0, 0.25)  # which side of the frame it comes from
    wobble = rng.uniform(0, 0.12) * ridge_line(rng, width, 3.4)[None, :] if rng.random() < 0.4 else np.float32(0)
    inward = np.float32(np.cos(turn)) * (x - width / height / 2) + np.float32(np.sin(turn)) * (y - 0.5) + wobble
    inward = inward - np.float32(rng.uniform(0.05, 0.42))
    along = np.float32(np.cos(turn)) * y - np.float32(np.sin(turn)) * x
    level = rng.choice([-1, 1], p=[0.4, 0.6]) * rng.uniform(30, 90)
    wall = level + 4 * fractal(rng, height, width, 2.8)
    for depth in np.cumsum(rng.uniform(0.02, 0.16, int(rng.integers(0, 6)))):
        wall = wall + rng.normal(0, 0.3) * level * np.clip((inward - np.float32(depth)) * height + 0.5, 0, 1)
    if rng.random() < 0.35:
        seams = np.abs((along + rng.normal(0, 0.4) * inward) / np.float32(rng.uniform(0.06, 0.3)) % 1 - 0.5) < 0.04
        wall = wall - 0.25 * level * seams
    scene.paint(np.clip(inward * height + 0.5, 0, 1), wall)
    blur = height / 256 * rng.uniform(0.6, 3.0)
    scene.moved(lambda field: blurred(field, blur))
    return scene


def _roofs(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw roofs and top storeys at the foot of the frame or at one side, under a wide sky."""
    warmth = _building_warmth(rng)
    scene = Canvas(low_sky(rng, height, width, 0.8 * height, fall=rng.uniform(-35, 5)))
    blocks = int(rng.integers(1, 5))
    highest = rng.uniform(0.12, 0.52)
    for block in range(blocks):
        nearness = (block + 1) / blocks
        middle = rng.uniform(-0.1, 1.1) * width
        half = width * rng.uniform(0.1, 0.4) * (0.5 + 0.5 * nearness)
        top = height * (highest + (0.95 - highest) * nearness * rng.uniform(0.3, 1.0))
        level = warmth * (0.7 + 0.3 * nearness) + rng.normal(0, 16)
        storey = height * rng.uniform(0.06, 0.16) * (0.5 + 0.5 * nearness)
        if rng.random() < 0.25:
            gable(rng, scene, middle - half, middle + half, top, top + storey * rng.uniform(1.0, 2.2), level)
            top = top + storey
        tower(rng, scene, middle - half, middle + half, top, 1.1 * height, storey, level, 0.6 + 0.4 * nearness)
        roof_gear(rng, scene, middle - half, middle + half, top, 0.8 * storey, level)
    if rng.random() < 0.08:
        crane(rng, scene, warmth + rng.normal(0, 15))
    if rng.random() < 0.3:
        _canopy(rng, scene, height * rng.uniform(0.8, 0.95), warmth + rng.normal(-10, 15))
    _turned(rng, scene, 0.03)
    return scene


def _skyline(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw towers in two or three depths, paler with distance; low houses, trees or a near roof in front."""
    warmth = _building_warmth(rng)
    scene = Canvas(low_sky(rng, height, width, 0.6 * height, fall=rng.uniform(-40, 5), cloud=14.0))
    foot = height * rng.uniform(0.35, 0.65)
    if rng.random() < 0.4:
        _far_ridge(rng, scene, foot, warmth)
    layers = int(rng.integers(2, 4))
    size = height * rng.uniform(0.6, 1.5)
    for layer in range(layers):
        nearness = (layer + 1) / layers
        haze = 0.3 + 0.7 * nearness
        x = rng.uniform(-0.3, 0.5) * width
        while x < width:
            # Estates: a few blocks of one kind, then a gap.
            wide = size * rng.uniform(0.08, 0.25) * (0.4 + 0.6 * nearness)
            tall = size * rng.uniform(0.08, 0.42) * (0.5 + 0.5 * nearness)
            storey = size * rng.uniform(0.008, 0.015) * (1 + nearness)
            base = foot + (height - foot) * 0.3 * (nearness - 1 / layers)
            level = warmth * haze * rng.uniform(0.6, 1.25)
            for _ in range(int(rng.integers(1, 4))):
                top = base - tall * rng.uniform(0.85, 1.0)
                right = x + wide * rng.uniform(0.85, 1.1)
                tower(rng, scene, x, right, top, height + 2, storey, level + rng.normal(0, 7) * haze, 1.1 * haze)
                roof_gear(rng, scene, x, right, top, rng.uniform(0.8, 2.0) * storey, level)
                x = right + wide * rng.exponential(0.3)
            x += width * rng.exponential(0.12)
        step = (height - foot) * 0.3 / layers
        scene.paint(below(np.full(width, base), height, softness=1.5), warmth * haze * rng.uniform(0.6, 1.0))
        for _ in range(int(rng.integers(1, 4))):
            place = base + step * rng.uniform(0.3, 1.1)
            far_belt(
                rng, scene, place, (place - base) * rng.uniform(0.6, 1.5) + 2, warmth * haze * rng.uniform(0.5, 1.0)
            )
    for _ in range(rng.poisson(0.2)):
        crane(rng, scene, warmth * rng.uniform(0.5, 1.0))
    low_blocks(
        rng, scene, foot + 0.3 * (height - foot), height * 1.1, 0.9 * warmth, (height - foot) * rng.uniform(0.12, 0.5)
    )
    near = rng.random()
    if near < 0.45:
        _canopy(rng, scene, foot + rng.uniform(0.1, 0.7) * (height - foot), warmth * rng.uniform(0.3, 0.9))
    elif near < 0.8:
        parapet(rng, scene, foot + (height - foot) * rng.uniform(0.4, 0.9), warmth)
    elif near < 0.9:
        long_roof(rng, scene, foot + (height - foot) * rng.uniform(0.3, 0.9), warmth)
    _turned(rng, scene, 0.02)
    return scene


def _far_ridge(rng: np.random.Generator, scene: Canvas, foot: float, warmth: float) -> None:
    """Draw mountains far behind the town, in haze that nearly has the level of the sky; in place."""
    height, width = scene.shape
    crest = foot - height * rng.uniform(0.05, 0.28) * (0.4 + 0.6 * ridge_line(rng, width, 2.8))
    land = below(crest, height, softness=rng.uniform(1.0, 3.0))
    relief = fractal(rng, height, width, 2.4, outer=height / 6)
    scene.paint(land, np.float32(warmth * rng.uniform(0.12, 0.5)) + np.float32(rng.uniform(1, 4)) * relief)


def _building_warmth(rng: np.random.Generator) -> float:
    """Return gray levels of walls over the sky: warmer, but for some frames with a bright sky."""
    return float(rng.uniform(40, 110) if rng.random() < 0.82 else -rng.uniform(35, 80))


def _canopy(rng: np.random.Generator, scene: Canvas, top: float, level: float) -> None:
    """Draw tree tops along the foot of the frame in place: crowns that overlap, the nearest the largest."""
    height, width = scene.shape
    plants = [(broadleaf, bush, bush)[number % 3](rng) for number in range(6)]
    size = height * rng.uniform(0.12, 0.4)
    if rng.random() < 0.25:
        plants = [conifer(rng) for _ in range(6)]
    count = int(10 * width / size)
    rows = np.sort(rng.uniform(top + size * 0.6, max(height, top + size) + 0.6 * size, count))
    spots = [
        (rng.uniform(0, width), row, size * rng.uniform(0.4, 1.1) * (row / height), level + rng.normal(0, 3.5))
        for row in rows
    ]
    plant(scene, plants, spots, contrast=rng.uniform(9, 22))


def _leaning(rng: np.random.Generator, scene: Canvas) -> None:
    """Show the scene as a camera that is not quite upright shows it: verticals lean, horizontals slope a little."""
    height, width = scene.shape
    lean, slope = rng.normal(0, [0.025, 0.015])
    shear = np.array([[1, lean, -lean * (height - 1) / 2], [slope, 1, -slope * (width - 1) / 2]])
    scene.moved(lambda field: transformed(field, shear))


def _turned(rng: np.random.Generator, scene: Canvas, most: float) -> None:
    """Show the scene a little from the side and with a little roll: a homography that moves corners by up to `most`."""
    height, width = scene.shape
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    moved = flat + (rng.uniform(-most, most, (4, 2)) * [width, height]).astype(np.float32)
    lens = cv2.getPerspectiveTransform(flat, moved)
    scene.moved(lambda field: transformed(field, lens))


# Each layout with its share of the frames, and how many of these have a sky that is nearly black.
_LAYOUTS = (
    (_near_facades, 0.03, 0.3),
    (_close_edge, 0.06, 0.2),
    (_roofs, 0.12, 0.4),
    (_skyline, 0.31, 0.75),
    (street, 0.48, 0.88),
)
