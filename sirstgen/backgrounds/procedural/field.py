"""Field frames: open ground with bushes, mountains, a line of trees, a ploughed hillside or scrub under a cold sky."""

from __future__ import annotations

import cv2
import numpy as np

from sirstgen.backgrounds.procedural.belts import far_belt
from sirstgen.backgrounds.procedural.camera import finish, gain_control, spread
from sirstgen.backgrounds.procedural.canvas import Canvas, Drawn
from sirstgen.backgrounds.procedural.fields import (
    Field,
    blurred,
    fractal,
    frame_scale,
    ridged,
    rounded,
    shading,
    smoothstep,
    unit,
    warp,
)
from sirstgen.backgrounds.procedural.meadow import meadow, scrub_strips, tufts
from sirstgen.backgrounds.procedural.perspective import ground_texture, relative_depth, winding_strip
from sirstgen.backgrounds.procedural.silhouettes import below, ridge_line, tilted
from sirstgen.backgrounds.procedural.sky import low_sky
from sirstgen.backgrounds.procedural.vegetation import Plant, bare_tree, broadleaf, bush, conifer, plant


def generate(rng: np.random.Generator, height: int, width: int) -> Drawn:
    """Draw one field frame with its place map."""
    layouts = (_meadow, _plain, _mountains, _tree_line, _hillside, _scrub, _fallow)
    layout = layouts[rng.choice(len(layouts), p=[0.31, 0.25, 0.16, 0.12, 0.03, 0.1, 0.03])]
    scene = layout(rng, height, width)
    gray = scene.gray
    if rng.random() < 0.3:
        gray = gray + np.float32(rng.uniform(3, 10)) * shading(rng, height, width)
    deviation = rng.uniform(8, 34) if scene.solid.min() > 0.5 else rng.uniform(22, 76)  # ground alone stays flat
    frame = finish(
        rng,
        gain_control(rng, gray, deviation, gains=(0.25, 2.8), levels=(45, 146)),
        noise=spread(rng, 0.85, 0.7),
        softness=spread(rng, 0.5, 0.5),
        pattern=spread(rng, 0.1, 0.7),
        enlarged=0.35,
        overdriven=0.05,
    )
    return Drawn(frame, scene.places())


def _meadow(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw grass or waste ground to a belt of trees, poles and houses under a cold sky."""
    horizon = height * rng.uniform(0.25, 0.55)
    return meadow(rng, _ground(rng, height, width, horizon), horizon)


def _plain(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw open ground to a far ridge, bushes in strips, sometimes a track; sky only in some frames."""
    horizon = height * (rng.uniform(0.1, 0.5) if rng.random() < 0.9 else -rng.uniform(0.05, 0.5))
    ground = _ground(rng, height, width, horizon)
    if horizon > 0:
        scene = _behind(rng, ground, horizon, layers=int(rng.integers(1, 4)), rise=rng.uniform(0.04, 0.16))
    else:
        scene = _bare(ground)
    if horizon > 0 and rng.random() < 0.85:
        size = height * float(np.exp(rng.uniform(np.log(0.015), np.log(0.08))))
        scrub_strips(rng, scene, horizon, _either(rng, 8, 30), size, count=int(rng.integers(6, 20)))
    elif rng.random() < 0.6:
        _bushes(rng, scene, horizon, count=int(rng.integers(300, 1200)), warmth=_either(rng, 8, 30))
    if rng.random() < 0.2 and horizon > 0:
        _single_trees(rng, scene, horizon)
    return tilted(scene, rng.normal(0, 0.015))


def _mountains(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw ridges one behind the other under a wide sky; a strip of flat ground in front of some."""
    horizon = height * rng.uniform(0.6, 1.05)
    if horizon < 0.92 * height:
        ground = _ground(rng, height, width, horizon)
    else:
        horizon, ground = 1.02 * height, np.zeros((height, width), dtype=np.float32)
    return _behind(rng, ground, horizon, layers=int(rng.integers(2, 5)), rise=rng.uniform(0.3, 0.75) * horizon / height)


def _tree_line(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw the edge of a wood against the sky, with ground in front of it."""
    foot = height * rng.uniform(0.5, 0.95)
    tall = height * rng.uniform(0.12, 0.36)
    scene = _behind(rng, _ground(rng, height, width, foot - 0.02 * height), foot, layers=1, rise=0.05)
    warmth, spread = _either(rng, 20, 60), rng.uniform(4, 12)
    profile = 0.45 + 0.55 * ridge_line(rng, width, 2.0)
    if rng.random() < 0.4:
        _row(rng, scene, foot, tall, warmth)
    kinds = (broadleaf, conifer) if rng.random() < 0.5 else ((conifer,) if rng.random() < 0.3 else (broadleaf, bush))
    plants = [kinds[number % len(kinds)](rng) for number in range(10)]
    far_belt(rng, scene, foot, tall * rng.uniform(0.4, 0.9), warmth)
    dense = rng.uniform(0.25, 1.0)  # distance of neighbours over their height
    spots = []
    for row in range(2):
        x = -0.2 * tall
        while x < width + 0.2 * tall:
            size = tall * (1 - 0.25 * row) * rng.lognormal(-0.15, 0.25) * profile[int(np.clip(x, 0, width - 1))]
            spots.append((x, foot + row * 0.02 * height + rng.normal(0, 1), size, warmth + rng.normal(0, spread)))
            x += size * dense * rng.uniform(0.4, 1.2) + (rng.exponential(tall) if rng.random() < 0.15 else 0)
    plant(scene, plants, spots, contrast=rng.uniform(10, 26))
    return tilted(scene, rng.normal(0, 0.03))


def _row(rng: np.random.Generator, scene: Canvas, foot: float, tall: float, warmth: float) -> None:
    """Draw leafless trees beside each other, uneven in height and distance."""
    height, width = scene.shape
    x = rng.uniform(0, 0.5) * width
    for _ in range(int(rng.integers(3, 14))):
        cover = bare_tree(rng, height, width, (x, foot + rng.normal(0, 1)), tall * rng.lognormal(0.1, 0.2))
        scene.paint(cover, warmth + rng.normal(0, 6))
        x += tall * rng.lognormal(-1.0, 0.5)


def _hillside(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw a slope that fills the frame: furrows or terraces, dotted with bushes."""
    horizon = -height * rng.uniform(0.6, 2.0)
    heading = rng.uniform(-0.9, 0.9)
    scene = _bare(_ground(rng, height, width, horizon))
    scale = frame_scale(height, width)
    pitch = rng.uniform(8, 26) * scale
    sway = fractal(rng, height, width, 3.6, outer=height / 1.5)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    across = (y * np.float32(np.cos(heading)) + x * np.float32(np.sin(heading))) / np.float32(pitch)
    furrows = rounded(np.sin, 2 * np.pi * across + rng.uniform(0.4, 2.0) * sway)
    where = smoothstep(fractal(rng, height, width, 2.6, outer=height / 2.0), -0.6, 1.6)
    scene.gray += np.float32(rng.uniform(8, 28)) * where * smoothstep(furrows, -0.2, 1.2)
    if rng.random() < 0.75:
        _bushes(rng, scene, horizon, count=int(rng.integers(250, 900)), warmth=_either(rng, 18, 50))
    return tilted(scene, rng.normal(0, 0.12))


def _fallow(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw flat land of little contrast seen from above: drill rows as fine stripes, tracks, field edges."""
    horizon = -height * rng.uniform(0.4, 2.0)
    scene = _bare(_ground(rng, height, width, horizon))
    scale = frame_scale(height, width)
    x = np.arange(width, dtype=np.float32)[None, :] / np.float32(rng.uniform(3, 9) * scale)
    rows = np.arange(height, dtype=np.float32)[:, None] / np.float32(height)
    fan = 1 + np.float32(rng.uniform(0.0, 0.4)) * (1 - rows)
    sway = fractal(rng, height, width, 3.8, outer=height)
    stripes = rounded(np.sin, 2 * np.pi * x * fan + np.float32(rng.uniform(0.2, 1.5)) * sway)
    where = smoothstep(fractal(rng, height, width, 2.8, outer=height), -0.8, 1.0)
    scene.gray += np.float32(rng.uniform(3, 12)) * where * stripes
    for _ in range(int(rng.integers(0, 4))):
        track = winding_strip(rng, height, width, horizon, half_width=rng.uniform(1.5, 6.0) * scale)
        scene.gray += np.float32(_either(rng, 5, 16)) * blurred(track, scale)
    return tilted(scene, rng.normal(0, 0.25))


def _scrub(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw a near slope covered with clumps of bushes, larger towards the camera, against a cold sky."""
    horizon = height * rng.uniform(0.15, 0.7)
    contrast = rng.uniform(28, 85)
    top = horizon - height * 0.06 * ridge_line(rng, width, 3.0)
    sky = low_sky(rng, height, width, horizon, fall=-abs(contrast) * rng.uniform(0, 0.6), cloud=14.0)
    ground = contrast + _ground(rng, height, width, horizon - 0.1 * height)
    land = below(top, height, softness=rng.uniform(1, 4))
    scene = Canvas(sky)
    scene.paint(land, ground.astype(np.float32))
    depth = np.sort(rng.uniform(0.02, 1.25, int(rng.integers(120, 320)))) ** 1.2
    columns = rng.uniform(-0.05, 1.05, len(depth)) * width
    biggest = height * rng.uniform(0.12, 0.3)
    spots = [
        (
            x,
            horizon + d * (height - horizon),
            max(3.0, biggest * d * rng.uniform(0.5, 1.2)),
            contrast + rng.normal(8 * d, 12),
        )
        for x, d in zip(columns, depth, strict=True)
    ]
    plant(scene, [bush(rng) for _ in range(8)], spots, contrast=rng.uniform(8, 22))
    if rng.random() < 0.35:
        _single_trees(rng, scene, horizon)
    return scene


def _ground(rng: np.random.Generator, height: int, width: int, horizon: float) -> Field:
    """Return bare and grassy ground, gray levels around 0: patches and grain, squeezed towards the horizon."""
    scale = frame_scale(height, width)
    reach = height - horizon
    # A short lens would fan the texture out from the vanishing point; infrared lenses are long.
    focal = rng.uniform(0.7, 1.4) * max(reach, 0.8 * width)
    rough = rng.uniform(-0.9, -0.1)
    octaves = [(size * scale * focal / reach, size**rough) for size in (4.0, 9.0, 20.0, 45.0, 110.0)]
    texture = unit(ground_texture(rng, height, width, horizon, octaves, focal=focal, stretch=rng.uniform(1.0, 1.8)))
    patch_size = rng.uniform(0.5, 1.5) * width
    patches = ground_texture(
        rng,
        height,
        width,
        horizon,
        [(patch_size, 1.0), (patch_size / 2.5, 0.7), (patch_size / 6, 0.4)],
        focal=max(reach, 0.7 * width),
        stretch=rng.uniform(1.2, 4.0),
    )
    # Bare soil, stubble and wet ground pass into each other.
    edge = rng.uniform(1.0, 3.0)
    patches = smoothstep(patches + 0.08 * texture, -edge, edge) - 0.5
    ground = np.float32(rng.uniform(0.8, 3.0)) * texture + np.float32(rng.uniform(3, 24)) * patches
    # Grass and stones stand up: they show as far as the horizon, where the lie of the land is squeezed away.
    grain = fractal(rng, height, width, 1.7, outer=9 * scale, stretch=(1.2, 1.0))
    ground = ground + np.float32(rng.uniform(0.5, 2.0)) * grain
    ground = ground + np.float32(_either(rng, 0.0, 9.0)) * tufts(rng, height, width, scale)
    ground = ground + np.float32(rng.normal(0, 15)) * (relative_depth(height, horizon) - 0.5)
    for _ in range(int(rng.choice(3, p=[0.75, 0.17, 0.08]))):
        track = winding_strip(rng, height, width, horizon, half_width=rng.uniform(2.0, 9.0) * scale)
        worn = np.float32(1) + np.float32(0.3) * np.clip(grain, -2, 2)
        ground = ground + np.float32(_either(rng, 5, 22)) * blurred(track, 0.8 * scale) * worn
    return np.asarray(ground, dtype=np.float32)


def _behind(rng: np.random.Generator, ground: Field, horizon: float, layers: int, rise: float) -> Canvas:
    """Return `ground` with sky and `layers` of ridges behind it; the highest rises `rise` of the frame height."""
    height, width = ground.shape
    contrast = float(np.clip(rng.lognormal(3.55, 0.45), 16, 90)) * (1 if rng.random() < 0.8 else -0.7)
    scene = Canvas(low_sky(rng, height, width, horizon, fall=-abs(contrast) * rng.uniform(0, 0.6), cloud=14.0))
    near = contrast + rng.uniform(-0.3, 0.2) * abs(contrast)
    haze = rng.uniform(0.12, 0.6)
    for layer in range(layers):
        nearness = (layer + 1) / layers
        lift = rise * height * (1 - layer / layers) * rng.uniform(0.8, 1.1)
        line = ridge_line(rng, width, rng.uniform(2.4, 3.4))
        crest = horizon - lift * (0.35 + 0.65 * line)
        # Haze takes the far ridges towards the level of the sky.
        level = near * (haze + (1 - haze) * nearness) + rng.normal(0, 4)
        rows = slice(max(int(crest.min()) - 3, 0), min(int(horizon) + 4, height))
        if rows.start < rows.stop:
            relief = _relief(rng, rows.stop - rows.start, width, max(lift, 8.0))
            rugged = min(max(lift, 8.0) / (0.15 * height), 1.0)  # low hills in haze show little of their slopes
            slope = np.float32(rng.uniform(4, 15) * (0.4 + 0.6 * nearness) * rugged) * relief
            land = below(crest - rows.start, rows.stop - rows.start, softness=rng.uniform(0.8, 2.5))
            scene.paint(land, np.float32(level) + slope, np.s_[rows, :])
    flat = below(np.full(width, horizon), height, softness=rng.uniform(1.0, 4.0))
    scene.paint(flat, ground + np.float32(contrast))
    for _ in range(int(rng.integers(0, 4))):
        drop = height * rng.uniform(0.0, 0.02)
        far_belt(rng, scene, horizon + drop, drop + height * rng.uniform(0.005, 0.03), contrast * rng.uniform(0.7, 1.3))
    return scene


def _bare(ground: Field) -> Canvas:
    """Return ground that fills the frame."""
    scene = Canvas(ground)
    scene.solid[:] = 1
    return scene


def _relief(rng: np.random.Generator, height: int, width: int, size: float) -> Field:
    """Return slopes of hills warmed from one side, unit deviation: the sideways derivative of rugged heights."""
    if size < 30:
        # Too far away to show their slopes.
        return fractal(rng, height, width, 2.8, outer=size, stretch=(1.6, 1.0))
    # Gullies run down the slope and join: folds drawn out vertically, each lit on one side.
    size = float(np.clip(size * 0.5, 6, max(height / 2.5, 6)))
    heights = ridged(rng, height, width, size, gain=0.55, stretch=(1.0, rng.uniform(1.2, 2.2)))
    lean = np.float32(0.3 * size) * fractal(rng, height, width, 4.5, outer=2 * size)
    heights = blurred(warp(heights, lean, 0 * lean), size / 40)
    lit = unit(heights - np.roll(heights, max(1, round(size / 20)), axis=1))
    lit = lit / (1 + np.float32(0.35) * np.abs(lit))
    ground = fractal(rng, height, width, 2.8, outer=size * 2, stretch=(1.6, 1.0))
    return unit(rng.choice([-1, 1]) * rng.uniform(0.4, 0.9) * lit + 0.2 * heights + rng.uniform(0.4, 0.9) * ground)


def _bushes(rng: np.random.Generator, scene: Canvas, horizon: float, count: int, warmth: float) -> None:
    """Draw bushes on flat ground, in strips and clumps, larger towards the camera."""
    height, width = scene.shape
    reach = height - horizon
    nearest = max(-horizon / reach, 0.0)
    depth = np.sort(nearest + 0.03 + (1.1 - nearest) * rng.uniform(0, 1, count) ** 1.4)
    columns = rng.uniform(-0.03, 1.03, count) * width
    rows = horizon + depth * reach
    strips = ground_texture(
        rng, height, width, horizon, [(1.2 * width, 1.0), (0.4 * width, 0.8)], focal=reach, stretch=3.0
    )
    at = np.clip(np.rint(rows), 0, height - 1).astype(int), np.clip(np.rint(columns), 0, width - 1).astype(int)
    kept = strips[at] > rng.uniform(-1.2, 0.4)
    biggest = height * rng.uniform(0.02, 0.08)
    local = cv2.blur(scene.gray, (15, 15))[at]
    tall = np.maximum(biggest * depth * rng.lognormal(0, 0.35, count), 2.0)
    level = local + warmth + rng.normal(0, 5, count)
    kinds = ((bush,), (bush, conifer), (broadleaf, bush))[rng.integers(0, 3)]
    plants: list[Plant] = [kinds[number % len(kinds)](rng) for number in range(6)]
    plant(scene, plants, np.column_stack([columns, rows, tall, level])[kept].tolist(), contrast=rng.uniform(4, 14))


def _single_trees(rng: np.random.Generator, scene: Canvas, horizon: float) -> None:
    """Draw one to four leafless trees standing out of the frame's foreground."""
    height, width = scene.shape
    warmth = float(scene.gray.mean()) + _either(rng, 25, 70)
    for _ in range(int(rng.integers(1, 5))):
        foot = (rng.uniform(0.05, 0.95) * width, horizon + rng.uniform(0.05, 0.7) * (height - horizon))
        cover = bare_tree(rng, height, width, foot, (foot[1] - horizon) * 0.7 + height * rng.uniform(0.08, 0.3))
        scene.paint(cover, warmth + rng.normal(0, 5))


def _either(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a difference of `low` to `high` gray levels, warmer in two cases of three."""
    return float(rng.uniform(low, high) * (1 if rng.random() < 0.65 else -1))
