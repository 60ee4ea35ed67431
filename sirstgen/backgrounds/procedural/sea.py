"""Sea frames: water under a sky, waves squeezed towards the horizon, sometimes a shore, a glint path or no horizon."""

from __future__ import annotations

import numpy as np

from sirstgen.backgrounds.procedural.camera import Codec, finish, gain_control, spread
from sirstgen.backgrounds.procedural.canvas import Canvas, Drawn
from sirstgen.backgrounds.procedural.fields import (
    Field,
    band,
    fractal,
    frame_scale,
    rounded,
    shading,
    smoothstep,
)
from sirstgen.backgrounds.procedural.perspective import ground_texture, relative_depth
from sirstgen.backgrounds.procedural.silhouettes import below, ridge_line, tilted, town_line
from sirstgen.backgrounds.procedural.sky import low_sky


def generate(rng: np.random.Generator, height: int, width: int) -> Drawn:
    """Draw one sea frame with its place map."""
    horizon = _horizon(rng) * height
    # Most skies near the horizon are warmer than the water; the rest are cold and clear.
    contrast = float(np.clip(rng.lognormal(3.7, 0.5), 18, 95)) * (1 if rng.random() < 0.72 else -0.6)
    water = _water(rng, height, width, horizon)
    if horizon > 0:
        sea = below(np.full(width, horizon), height, softness=rng.uniform(1.5, 7.0))
        # Air glows along the horizon; a camera with much gain shows the sky above it black.
        fall = -contrast * (rng.uniform(0.0, 0.7) if rng.random() < 0.65 else rng.uniform(0.7, 1.8))
        scene = Canvas(contrast + low_sky(rng, height, width, horizon, fall))
        scene.paint(sea, water, water=True)
        if rng.random() < 0.4:
            _shore(rng, scene, horizon, contrast)
        tilted(scene, rng.normal(0, 0.02))
    else:
        scene = Canvas(np.zeros((height, width), dtype=np.float32))
        scene.paint(np.ones_like(water), water, water=True)
    gray = scene.gray
    if rng.random() < 0.4:
        gray = gray + np.float32(rng.uniform(3, 22)) * shading(rng, height, width)
    frame = finish(
        rng,
        gain_control(rng, gray, rng.uniform(18, 66), gains=(0.75, 1.8), levels=(58, 145)),
        noise=spread(rng, 1.05, 0.35),
        grain=spread(rng, 0.9, 0.3),
        softness=spread(rng, 0.8, 0.35),
        pattern=spread(rng, 0.25, 0.8),
        enlarged=0.3,
        codec=Codec(0.4, (55, 93)),
        overdriven=0.05,
    )
    return Drawn(frame, scene.places())


def _horizon(rng: np.random.Generator) -> float:
    """Return the row of the horizon over the height; negative where the camera looks down on water only."""
    if rng.random() < 0.15:
        return float(-rng.uniform(0.15, 1.0))
    return float(np.clip(rng.normal(0.38, 0.13), 0.17, 0.68))


def _water(rng: np.random.Generator, height: int, width: int, horizon: float) -> Field:
    """Return gray levels of the water around its mean level."""
    scale = frame_scale(height, width)
    focal = rng.uniform(0.7, 1.6) * height
    # A camera that looks down steeply does not squeeze the waves; their own length must show.
    crest = rng.uniform(1.1, 2.1) if horizon > 0 else rng.uniform(1.8, 3.5)
    sizes = [3.5, 7.0, 14.0, 28.0, 60.0, 140.0]
    # Seen from above, short waves of 4 to 12 pixels fill the frame.
    rough = rng.uniform(-1.2, -0.5) if horizon <= 0 and rng.random() < 0.6 else rng.uniform(-0.8, -0.1)
    octaves = [(size * scale * focal / height, size**rough) for size in sizes]
    waves = ground_texture(rng, height, width, horizon, octaves, focal=focal, stretch=crest)
    ripple = band(rng, height, width, 4.0 * scale, stretch=(1.15, 1.0))
    waves = waves / np.float32(max(float(waves[height // 2 :].std()), 1e-6)) + np.float32(0.25) * ripple
    # Crests are narrower than troughs, or the other way round where the sky mirrors in the front faces.
    skew = rng.choice([-1, 1]) * rng.uniform(0.1, 0.35)
    waves = ((np.exp(skew * np.clip(waves, -3, 3)) - 1) / skew).astype(np.float32)

    slick_size = rng.uniform(1.0, 3.0) * width
    slicks = ground_texture(
        rng, height, width, horizon, [(slick_size, 1.0), (slick_size / 3, 0.6)], focal=height * 0.7, stretch=5.0
    )
    swell = np.float32(np.clip(rng.lognormal(1.15, 0.4), 1.4, 8))
    calm = np.clip(1 + rng.uniform(0, 0.45) * slicks, 0.25, 2.0)
    depth = relative_depth(height, horizon)
    far = rounded(np.power, depth, rng.uniform(0.0, 0.25))
    water = swell * far * calm * waves + np.float32(rng.uniform(0.5, 5.0)) * slicks
    water = (
        water
        + np.float32(rng.normal(0, 9)) * (depth - 0.5)
        + np.float32(rng.normal(0, 8)) * rounded(np.exp, -depth * 12)
    )
    if rng.random() < 0.25:
        water = water + _foam(rng, waves, depth) * np.float32(rng.uniform(8, 25))
    if rng.random() < 0.12:
        water = water + _glint(rng, waves, depth) * np.float32(rng.uniform(25, 70))
    return np.asarray(water, dtype=np.float32)


def _foam(rng: np.random.Generator, waves: Field, depth: Field) -> Field:
    """Return broken bright dashes: whitecaps everywhere, or a few lines of foam parallel to the shore."""
    caps = smoothstep(waves, 2.0, 3.2)
    if rng.random() < 0.5:
        return caps
    lines = np.zeros_like(depth)
    for _ in range(rng.integers(1, 4)):
        row = rng.uniform(0.08, 0.9)
        lines = lines + rounded(np.exp, -0.5 * ((depth - row) / (0.012 + 0.03 * row)) ** 2)
    return np.asarray(smoothstep(waves, 0.2, 1.8) * lines, dtype=np.float32)


def _glint(rng: np.random.Generator, waves: Field, depth: Field) -> Field:
    """Return the broken column of light under a low sun, wider towards the camera."""
    width = waves.shape[1]
    column = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    centre, spread = rng.uniform(0.15, 0.85), rng.uniform(0.04, 0.12)
    path = rounded(np.exp, -0.5 * ((column - centre) / (spread * (0.5 + depth))) ** 2) * smoothstep(depth, 0.0, 0.05)
    return (path * (0.35 + smoothstep(waves, 0.0, 2.0))).astype(np.float32)


def _shore(rng: np.random.Generator, scene: Canvas, horizon: float, contrast: float) -> None:
    """Draw a far coast on the horizon: hills or a town, across the frame or from one side; in place."""
    height, width = scene.shape
    town = rng.random() < 0.12
    if town:
        rise = np.maximum(town_line(rng, width, 0.03 * width), 0.35 + 0.25 * ridge_line(rng, width, 2.6))
    else:
        rise = 0.2 + 0.8 * ridge_line(rng, width, rng.uniform(2.0, 2.8))
    if rng.random() < 0.4:
        reach = np.linspace(0, 1, width, dtype=np.float32)
        reach = reach if rng.random() < 0.5 else 1 - reach
        rise = rise * smoothstep(reach, rng.uniform(0.1, 0.5), rng.uniform(0.55, 1.0))
    crown = horizon - rise * height * np.float32(rng.uniform(0.03, 0.14))
    foot = np.full(width, horizon + 0.5)
    land = below(crown, height, softness=rng.uniform(1.0, 2.5)) * (1 - below(foot, height))
    warmth = contrast * rng.uniform(0.3, 1.0) + rng.choice([-1, 1], p=[0.4, 0.6]) * rng.uniform(15, 60)
    relief = fractal(rng, height, width, 2.2, outer=height / 8, stretch=(0.5 if town else 1.0, 1.0))
    # Haze lightens the foot of the land towards the level of the sky there.
    rows = np.arange(height, dtype=np.float32)[:, None] - np.float32(horizon)
    haze = smoothstep(rows / np.float32(0.1 * height), -1.0, 0.3)
    land_level = np.float32(warmth) * (1 - 0.4 * haze) + np.float32(0.4 * contrast) * haze
    land_level = land_level + np.float32(rng.uniform(2, 8)) * relief
    shine = rounded(np.exp, -0.5 * ((rows - 1) / 1.2) ** 2)
    scene.paint(land, land_level)
    scene.gray += np.float32(rng.uniform(-12, 8)) * shine
