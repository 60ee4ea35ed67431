"""Frames with much saturated: burnt-out clouds, glare in the sky, a low sun over water, warm land against cold sky."""

from __future__ import annotations

import numpy as np

from sirstgen.backgrounds.procedural.camera import Codec, finish, spread
from sirstgen.backgrounds.procedural.canvas import Canvas, Drawn
from sirstgen.backgrounds.procedural.cloud import clear_sky, over
from sirstgen.backgrounds.procedural.cloud_forms import bank, broken, deck, heaps, layers, wisps
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
)
from sirstgen.backgrounds.procedural.perspective import ground_texture, relative_depth
from sirstgen.backgrounds.procedural.silhouettes import below, ridge_line, tilted
from sirstgen.backgrounds.procedural.vegetation import broadleaf, bush, conifer, plant


def generate(rng: np.random.Generator, height: int, width: int) -> Drawn:
    """Draw one frame with saturated parts with its place map."""
    layouts = (_burnt_clouds, _glare, _sun_over_water, _warm_land)
    layout = layouts[rng.choice(len(layouts), p=[0.6, 0.2, 0.1, 0.1])]
    scene = layout(rng, height, width)
    if rng.random() < 0.2:  # the lens darkens the corners
        y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
        scene.gray *= np.float32(1) - np.float32(rng.uniform(0.1, 0.35)) * (x * x + y * y).astype(np.float32)
    frame = finish(
        rng,
        scene.gray,
        noise=spread(rng, 0.75, 0.5),
        softness=spread(rng, 0.7, 0.4),
        pattern=spread(rng, 0.12, 0.8),
        saturates=True,
        enlarged=0.25,
        codec=Codec(0.6, (30, 85)),
    )
    return Drawn(frame, scene.places())


def _exposed(rng: np.random.Generator, scene: Canvas, share: float, contrast: float) -> Canvas:
    """Return the scene so bright that `share` of it reaches 255, at the gain that leaves it `contrast` gray levels."""
    bright = float(np.quantile(scene.gray, 1 - share))
    gain = contrast / max(float(np.minimum(scene.gray, bright).std()), 1e-6)
    scene.gray = ((scene.gray - bright) * np.float32(gain) + np.float32(255.5 + rng.uniform(0, 2))).astype(np.float32)
    return scene


def _burnt_clouds(rng: np.random.Generator, height: int, width: int) -> Canvas:
    form = (broken, heaps, deck, layers, bank)[rng.choice(5, p=[0.35, 0.15, 0.2, 0.1, 0.2])]
    sky = 0.3 * clear_sky(rng, height, width)
    sky = over(sky, form(rng, height, width), 100.0)
    if rng.random() < 0.4:
        sky = over(sky, broken(rng, height, width), 80.0)
    # These are mostly enlarged views: soft, and with light and shade wider than any one cloud.
    sky = blurred(sky, rng.uniform(0.6, 3.2) * frame_scale(height, width))
    sky = sky + np.float32(rng.uniform(20, 70)) * shading(rng, height, width)
    sky = sky + np.float32(rng.uniform(5, 25)) * fractal(rng, height, width, 4.5)
    return _exposed(rng, Canvas(sky), share=rng.uniform(0.0, 0.42), contrast=rng.uniform(20, 92))


def _glare(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw a sky that brightens towards the sun, which stands at or beyond the border."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    turn = rng.uniform(0, 2 * np.pi)
    away = rng.uniform(0.55, 1.3)
    sun_y, sun_x = height * (0.5 + away * np.sin(turn)), width * (0.5 + away * np.cos(turn))
    far = np.hypot((y - sun_y) / height, (x - sun_x) / width).astype(np.float32)
    glow = rounded(np.exp, -far / np.float32(rng.uniform(0.3, 1.2)))
    veil = fractal(rng, height, width, 4.2, stretch=(1.5, 1.0)) * np.float32(rng.uniform(0.0, 0.15))
    scene = unit(glow) + veil
    if rng.random() < 0.45:
        opacity, light = (broken, layers, bank, wisps)[rng.integers(4)](rng, height, width)
        scene = scene + np.float32(rng.uniform(0.3, 1.2)) * opacity * (light + np.float32(0.2)) * unit(glow).clip(
            0.2, 3
        )
    return _exposed(rng, Canvas(scene), share=rng.uniform(0.05, 0.3), contrast=rng.uniform(44, 72))


def _sun_over_water(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw water under a sky whose light lies on the horizon and breaks on the waves."""
    horizon = rng.uniform(0.2, 0.6) * height
    scale = frame_scale(height, width)
    focal = rng.uniform(0.7, 1.6) * height
    sizes = (3.5, 7.0, 14.0, 28.0, 60.0)
    octaves = [(size * scale * focal / height, size**-0.6) for size in sizes]
    waves = unit(ground_texture(rng, height, width, horizon, octaves, focal=focal, stretch=rng.uniform(1.3, 3.0)))
    depth = relative_depth(height, horizon)
    column = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    sun, reach = rng.uniform(0.1, 0.9), rng.uniform(0.2, 1.3)
    rows = np.arange(height, dtype=np.float32)[:, None]
    up = np.clip((horizon - rows) / height, 0, 1)
    glow = rounded(np.exp, -((column - sun) ** 2) / reach**2) * rounded(
        np.exp, -up / np.float32(rng.uniform(0.06, 0.3))
    )
    sky = 90 + 165 * glow + 5 * fractal(rng, height, width, 3.8, outer=height / 2, stretch=(3.0, 1.0))
    path = rounded(np.exp, -0.5 * ((column - sun) / (0.4 * reach * (0.4 + depth))) ** 2)
    grain = fractal(rng, height, width, 1.8, outer=height / 8, stretch=(1.6, 1.0))
    sparkle = smoothstep(waves, rng.uniform(-0.6, 0.3), 1.8)
    water = (
        75
        + 55 * path
        + 4 * waves
        + 2 * grain
        + 90 * path * sparkle * rounded(np.exp, -depth * np.float32(rng.uniform(0.2, 2.0)))
    )
    sea = below(np.full(width, horizon), height, softness=rng.uniform(1.5, 4.0))
    scene = Canvas(np.asarray(sky, dtype=np.float32).copy())
    if rng.random() < 0.5:
        crown = horizon - height * rng.uniform(0.03, 0.12) * ridge_line(rng, width, 2.5)
        scene.paint(below(crown, height), np.asarray(30 + 0.5 * sky, dtype=np.float32))
    scene.paint(sea, np.asarray(water, dtype=np.float32), water=True)
    tilted(scene, rng.normal(0, 0.012))
    return _exposed(rng, scene, share=rng.uniform(0.02, 0.15), contrast=rng.uniform(42, 70))


def _warm_land(rng: np.random.Generator, height: int, width: int) -> Canvas:
    """Draw hills and a wood that glow against a cold sky, ground before them, often a hot bank between."""
    scale = frame_scale(height, width)
    shore = rng.uniform(0.5, 0.85) * height
    line = np.float32(shore) + np.float32(0.02 * height) * ridge_line(rng, width, 3.0)
    rows = np.arange(height, dtype=np.float32)[:, None]
    sky = 60 + np.float32(rng.uniform(10, 90)) * (rows / height)
    sky = sky + 2 * fractal(rng, height, width, 3.0, stretch=(3.0, 1.0))
    scene = Canvas(np.asarray(sky, dtype=np.float32))
    for nearness in np.sort(rng.uniform(0.0, 1.0, int(rng.integers(1, 4)))):
        crown = shore - height * (0.06 + 0.3 * (1 - nearness)) * (0.4 + ridge_line(rng, width, 2.8))
        folds = ridged(rng, height, width, 90 * scale, gain=0.5) + fractal(rng, height, width, 3.0, outer=height / 6)
        hill = below(crown, height, softness=1.5)
        warm = np.float32(140 + 35 * nearness) + 4 * folds
        scene.paint(hill, warm)
    meadow = below(line, height, softness=2.0)
    octaves = [(size * scale, size**-0.5) for size in (4.0, 8.0, 16.0, 40.0)]
    front = unit(ground_texture(rng, height, width, shore, octaves, focal=height, stretch=1.3))
    grain = fractal(rng, height, width, 1.5, outer=height / 10, stretch=(1.5, 1.0))
    ground = rng.uniform(60, 165) + 4 * front + 3 * grain
    scene.paint(meadow, ground)
    if rng.random() < 0.7:
        top = line - height * rng.uniform(0.03, 0.08) * (0.3 + ridge_line(rng, width, 3.0))
        bank = below(top, height, softness=2.0) * (1 - meadow)
        hot = 235 + 14 * fractal(rng, height, width, 2.2, outer=height / 8, stretch=(4, 1))
        scene.paint(bank, hot)
    if rng.random() < 0.65:
        _wood(rng, scene, line)
    tilted(scene, rng.normal(0, 0.012))
    return _exposed(rng, scene, share=rng.uniform(0.02, 0.12), contrast=rng.uniform(42, 76))


def _wood(rng: np.random.Generator, scene: Canvas, foot: Field) -> None:
    """Draw warm trees on a slope down to `foot` (a row for each column), thick at one side, in place."""
    height, width = scene.shape
    kind = (broadleaf, conifer, bush)[rng.integers(3)]
    plants = [kind(rng) for _ in range(8)]
    tall = height * rng.uniform(0.05, 0.12)
    across = np.linspace(0, 1, width) if rng.random() < 0.5 else np.linspace(1, 0, width)
    rise = height * rng.uniform(0.08, 0.4) * smoothstep(across.astype(np.float32), rng.uniform(-0.8, 0.5), 1.0)
    rise = rise * (0.6 + 0.4 * ridge_line(rng, width, 2.8))
    level = rng.uniform(160, 205)
    slope = below(foot - rise, height, softness=0.4 * tall) * (1 - below(foot, height, softness=2.0))
    undergrowth = level - 25 + 8 * fractal(rng, height, width, 2.0, outer=tall)
    scene.paint(slope, undergrowth)
    count = int(9 * (rise.sum() + 0.3 * tall * width) / tall**2)
    columns, down = rng.integers(0, width, count), np.sort(rng.uniform(0, 1, count))
    spots = [
        (
            float(x),
            float(foot[x] - (rise[x] - 0.15 * tall) * (1 - t)),
            tall * (0.5 + 0.5 * t) * rng.uniform(0.6, 1.1),
            level + 10 * rng.normal(),
        )
        for x, t in zip(columns, down, strict=True)
        if rise[x] > 0.5 * tall
    ]
    plant(scene, plants, spots, contrast=rng.uniform(14, 26))
