"""Belts of trees and scrub, too dense to be drawn tree by tree: along a road, or before the horizon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.backgrounds.procedural.fields import Field, fractal, frame_scale, rounded, smoothstep, unit
from sirstgen.backgrounds.procedural.perspective import Road
from sirstgen.backgrounds.procedural.silhouettes import ridge_line


def thicket(
    rng: np.random.Generator,
    scene: Canvas,
    foot: NDArray[np.float64],
    top: NDArray[np.float64],
    level: float,
    contrast: float,
    bare: float,
) -> None:
    """Draw a belt into `scene` in place: closed at its foot, open towards the tips.

    Args:
        foot: row of the foot in each column, (width,) pixels.
        top: row of the tips in each column, (width,) pixels; columns with `top >= foot` stay empty.
        level: gray level.
        contrast: standard deviation of the texture, gray levels.
        bare: 0 for leafy crowns, whose texture is lumps, 1 for leafless ones, whose texture is upright twigs.
    """
    height, width = scene.shape
    seen = top < foot - 0.5
    if not seen.any():
        return
    first, last = max(int(top[seen].min()) - 4, 0), min(int(foot[seen].max()) + 3, height)
    if first >= last:
        return
    rows = last - first
    y = np.arange(first, last, dtype=np.float32)[:, None]
    tall = np.maximum(foot - top, 1).astype(np.float32)[None, :]
    up = (foot.astype(np.float32)[None, :] - y) / tall
    scale = frame_scale(height, width)
    reach = float(np.clip(np.median(tall[:, seen]), 6, height))
    lumps = fractal(rng, rows, width, 2.6, outer=reach, stretch=(1.0, 1.0 + bare))
    leaves = fractal(rng, rows, width, 1.4, outer=8 * scale)
    twigs = _twigs(rng, rows, width, scale, tall)
    grain = np.float32(bare) * twigs + np.float32(1 - bare) * unit(leaves + np.float32(0.6) * lumps)
    # Tips: each few columns have their own height, and towards it more and more of the sky shows between the twigs.
    tips = np.float32(bare) * np.clip(twigs, -2, 2) + np.float32(1 - bare) * np.clip(leaves, -2, 2)
    rise = up - np.float32(0.08 + 0.06 * bare) * tips - np.float32(0.08) * np.clip(lumps, -2, 2)
    cover = 1 - smoothstep(rise, 0.72 - 0.55 * bare, 0.92)
    cover = cover * np.clip(foot.astype(np.float32)[None, :] - y + 0.5, 0, 1) * seen[None, :]
    fall = np.float32(rng.uniform(-1.0, 1.0)) * (up - np.float32(0.5))
    tone = np.float32(0.6) * grain + np.float32(0.3) * leaves + np.float32(0.5) * lumps + fall
    # Near ones are resolved: broad limbs of little contrast in place of the glitter of far twigs.
    contrasts = np.float32(contrast) / (1 + tall / np.float32(0.3 * height))
    scene.paint(cover, np.float32(level) + contrasts * tone, np.s_[first:last, :])


def _twigs(rng: np.random.Generator, rows: int, width: int, scale: float, tall: Field) -> Field:
    """Return upright fibres, fine where the belt is low, that is far, and coarse where it is high."""
    fine = fractal(rng, rows, width, 1.6, outer=4 * scale, stretch=(0.6, 2.5))
    coarse = fractal(rng, rows, width, 2.4, outer=14 * scale, stretch=(0.5, 4.0))
    near = smoothstep(tall, 20 * scale, 100 * scale)
    return unit(fine + near * (coarse - np.float32(0.7) * fine))


def crowns(rng: np.random.Generator, places: NDArray[np.float64], pitch: float) -> NDArray[np.float64]:
    """Return heights, about 0.5 to 1, of a row of crowns at `places` along it: one every `pitch`, some low."""
    low, high = np.floor(places.min() / pitch), np.ceil(places.max() / pitch)
    count = int(np.clip(high - low, 0, 4000)) + 2
    sizes = rng.uniform(0.55, 1.0, count) * np.where(rng.random(count) < 0.08, 0.4, 1.0)
    position = np.clip(places / pitch - low, 0, count - 2)
    number = position.astype(int)
    dome = 4 * (position % 1) * (1 - position % 1)
    return np.asarray((0.65 + 0.35 * rounded(np.sqrt, dome)) * sizes[number])


def roadside_belt(rng: np.random.Generator, scene: Canvas, road: Road, across: float, warmth: float) -> None:
    """Draw a belt along one side of a road, from near the camera to the vanishing point, in place."""
    width = scene.shape[1]
    slope = (np.arange(width) - road.centre) / road.focal
    cos, sin = np.cos(road.turn), np.sin(road.turn)
    aside = np.full(width, across)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(4):  # the bend moves the belt aside as the square of the distance
            along = aside * (cos + slope * sin) / (slope * cos - sin)
            along = np.where(np.isfinite(along) & (along > 0), np.minimum(along, 400), 400)
            aside = across + road.bend / 2 * np.square(np.minimum(along, 150))
    away = along * cos - aside * sin
    side = np.abs(along * sin + aside * cos - slope * away) < 0.05 * away
    seen = side & (away > 1.2) & (along < 400)
    away = np.maximum(away, 1.2)
    tall = rng.uniform(1.5, 5.0)
    groups = np.interp(along, np.linspace(0, 400, 160), rng.uniform(0.7, 1.0, 160))
    profile = crowns(rng, along, rng.uniform(0.8, 3.0)) * groups
    foot = road.horizon + road.focal / away
    top = np.where(seen, road.horizon + road.focal * (1 - tall * profile) / away, foot + 1)
    bare = rng.uniform(0.6, 1.0) if rng.random() < 0.75 else rng.uniform(0, 0.3)
    thicket(rng, scene, foot, top, warmth * rng.uniform(0.7, 1.25), rng.uniform(14, 30), bare)


def far_belt(rng: np.random.Generator, scene: Canvas, foot: float, tall: float, level: float) -> None:
    """Draw a belt that crosses the frame before the horizon, `tall` pixels at most, in place."""
    width = scene.shape[1]
    columns = np.arange(width, dtype=np.float64)
    profile = 0.35 + 0.65 * ridge_line(rng, width, rng.uniform(1.6, 2.6)).astype(np.float64)
    profile = profile * crowns(rng, columns, max(tall * rng.uniform(0.25, 0.8), 2.0))
    bare = rng.uniform(0.5, 1.0) if rng.random() < 0.7 else rng.uniform(0, 0.3)
    contrast = rng.uniform(12, 28) * (0.25 + 0.75 * min(tall / (0.06 * scene.shape[0]), 1))  # a low one is far, in haze
    thicket(rng, scene, np.full(width, foot), foot - tall * profile, level, contrast, bare)
