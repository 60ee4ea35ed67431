"""Cloud forms: heaps, banks, wisps, broken fields, decks, layers and streaks, each as opacity and brightness.

A form is a function of (rng, height, width) that returns two (height, width) fields: how much of the sky it hides, 0 to
1, and how bright it is there, about 0 (base, shadow) to 1 (lit top). Light comes from above, some from the side. A form
is a density of droplets, large parts first; opacity follows from it by Beer's law, so that edges fade out.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural.fields import (
    Field,
    band,
    billowed,
    blurred,
    fractal,
    rounded,
    smoothstep,
    transformed,
    unit,
    warp,
)

Form = tuple[Field, Field]


def heaps(rng: np.random.Generator, height: int, width: int) -> Form:
    """Return cumulus: one to five rounded bodies, many cut by the frame's border, flatter below, lit above."""
    side = float(min(height, width))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    count = int(rng.integers(1, 6))
    density = np.full((height, width), -9.0, dtype=np.float32)
    floor = np.zeros((height, width), dtype=np.float32)
    for _ in range(count):
        reach = side * rng.uniform(0.25, 0.75) / (0.7 + 0.15 * count)
        flat = rng.uniform(0.4, 0.9)
        left, base = rng.uniform(0, width), rng.uniform(0.15, 1.15) * height
        for _ in range(int(rng.integers(2, 5))):  # a body is a few overlapping mounds
            radius = reach * rng.uniform(0.5, 1.0)
            across = (x - left - reach * np.float32(rng.normal(0, 0.6))) / np.float32(radius)
            up = (base - y) / np.float32(radius * flat)
            down = np.where(up < 0, np.float32(2.2) * up, up)
            mound = np.float32(1.0) - across * across - down * down
            density = np.maximum(density, mound)
            floor = np.where(mound >= density, np.clip(np.float32(0.5) + np.float32(0.5) * up, 0, 1), floor)
    lumps = _lumps(rng, height, width, 0.9 * reach, rng.uniform(0.2, 0.7))
    density = np.float32(1.3) * np.maximum(density, -3) + np.float32(rng.uniform(0.2, 0.42)) * lumps
    opacity = _opacity(density, depth=rng.uniform(2.5, 10))
    light = _lit(rng, np.sqrt(np.maximum(density, 0) + np.float32(0.05)) * np.float32(reach * 0.35))
    thick = _opacity(density, depth=1.2)
    brightness = 0.05 + 0.25 * blurred(floor, side / 16) + 0.35 * thick + 0.35 * light
    return opacity, brightness.astype(np.float32)


def bank(rng: np.random.Generator, height: int, width: int) -> Form:
    """Return the edge of one large cloud that comes in from a side of the frame, soft or rounded."""
    side = float(min(height, width))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    turn = rng.normal(np.pi / 2, 0.9)  # most stand below the sky that they hide
    along = ((x - width / 2) * np.cos(turn) + (y - height / 2) * np.sin(turn)) / side
    bend = np.float32(rng.uniform(0.1, 0.3)) * fractal(rng, height, width, 4.2, outer=side)
    density = (along + bend + rng.uniform(-0.25, 0.35)).astype(np.float32) * np.float32(rng.uniform(1.0, 4.0))
    lumps = _lumps(rng, height, width, side * rng.uniform(0.15, 0.6), rng.uniform(0.1, 0.9))
    density = density + np.float32(rng.uniform(0.1, 0.55)) * lumps
    opacity = _opacity(density, depth=rng.uniform(1.5, 10))
    light = _lit(rng, np.sqrt(np.clip(density, 0, 2)) * np.float32(side * 0.12))
    return opacity, (0.45 + 0.15 * np.clip(density, 0, 2) + 0.4 * (light - 0.5)).astype(np.float32)


def wisps(rng: np.random.Generator, height: int, width: int) -> Form:
    """Return thin torn cloud without an outline, in one or two places of the frame."""
    side = float(min(height, width))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    near = np.zeros((height, width), dtype=np.float32)
    for _ in range(int(rng.integers(1, 3))):
        across, down = (x - np.float32(rng.uniform(0, 1) * width)), (y - np.float32(rng.uniform(0.1, 1.1) * height))
        wide, tall = side * rng.uniform(0.2, 0.6), side * rng.uniform(0.12, 0.4)
        near = near + rounded(np.exp, -((across / wide) ** 2) - (down / tall) ** 2)
    lumps = _lumps(rng, height, width, side * rng.uniform(0.3, 0.7), rng.uniform(0.0, 0.4))
    torn = np.maximum(np.float32(0.6) + np.float32(rng.uniform(0.3, 0.6)) * lumps, 0)
    opacity = _opacity(near * torn, depth=rng.uniform(1.0, 3.0))
    return opacity, (0.6 + 0.2 * lumps).astype(np.float32)


def deck(rng: np.random.Generator, height: int, width: int) -> Form:
    """Return a closed cover of soft folds (stratocumulus, overcast): thick parts warm, flatter at the horizon."""
    side = float(min(height, width))
    stretch = (rng.uniform(1, 2.2), 1.0)
    broad = fractal(rng, height, width, rng.uniform(3.9, 5.0), stretch=stretch)
    lumps = _lumps(rng, height, width, side * rng.uniform(0.4, 1.0), rng.uniform(0, 0.8), stretch=stretch)
    relief = unit(broad + np.float32(rng.uniform(0.05, 0.5)) * lumps)
    light = _lit(rng, relief * np.float32(side * 0.04))
    return np.ones_like(broad), (0.4 + 0.16 * relief + 0.05 * unit(light)).astype(np.float32)


def broken(rng: np.random.Generator, height: int, width: int) -> Form:
    """Return clouds with gaps, from scattered patches to nearly closed."""
    side = float(min(height, width))
    stretch = (rng.uniform(1, 1.8), 1.0)
    lumps = _lumps(rng, height, width, side * rng.uniform(0.2, 0.6), rng.uniform(0.2, 0.8), stretch=stretch)
    broad = fractal(rng, height, width, rng.uniform(3.8, 4.6), stretch=stretch)
    density = broad + np.float32(rng.uniform(0.2, 0.6)) * lumps
    density = (density - np.float32(np.quantile(density, rng.uniform(0.2, 0.75)))).astype(np.float32)
    opacity = _opacity(density, depth=rng.uniform(1.0, 5.0))
    thick = np.clip(density, 0, 2.5) / 2.5
    light = _lit(rng, np.sqrt(thick) * np.float32(side * 0.25))
    return opacity, (0.1 + 0.5 * thick + 0.45 * light).astype(np.float32)


def layers(rng: np.random.Generator, height: int, width: int) -> Form:
    """Return stratus in flat layers one over the other, soft above and sharper below."""
    opacity = np.zeros((height, width), dtype=np.float32)
    brightness = np.full((height, width), 0.5, dtype=np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None]
    slant = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :] * np.float32(rng.normal(0, 0.2) * width)
    for _ in range(int(rng.integers(1, 4))):
        stretch = (rng.uniform(2, 5), 1.0)
        centre, half = rng.uniform(0, 1) * height, rng.uniform(0.06, 0.3) * height
        sheet = fractal(rng, height, width, rng.uniform(3.6, 4.4), outer=height / 2, stretch=stretch)
        off = (rows + slant - np.float32(centre)) / np.float32(half)
        sheet = np.float32(0.6) * sheet - off * off + np.float32(1)
        cover = smoothstep(sheet, 0.0, rng.uniform(1.2, 3.0))
        level = rng.uniform(0.1, 0.8) + 0.12 * sheet.clip(-2, 3) - 0.1 * np.clip(off, -1, 1)
        opacity = opacity + cover - opacity * cover
        brightness = (brightness + cover * (np.clip(level, 0, 1.2) - brightness)).astype(np.float32)
    return opacity.astype(np.float32), brightness


def streaks(rng: np.random.Generator, height: int, width: int) -> Form:
    """Return cirrus: thin soft fibres along one nearly horizontal direction, slightly bent."""
    side = int(np.ceil(np.hypot(height, width)))
    fibres = fractal(rng, side, side, 3.7, outer=side / 4, stretch=(rng.uniform(3, 7), 1.0))
    tufts = np.float32(1.5) * fractal(rng, side, side, 4.2, outer=side / 2, stretch=(2.0, 1.0))
    bend = np.float32(side * 0.02) * fractal(rng, side, side, 5.0)
    drawn = warp(unit(fibres + tufts), 0 * bend, bend)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(np.clip(rng.normal(0, 12), -25, 25)), 1.0)
    turn[:, 2] += np.array([(width - side) / 2, (height - side) / 2])
    density = unit(transformed(drawn, turn, (width, height)))
    opacity = smoothstep(density, rng.uniform(-0.8, 0.8), 3.5)
    return opacity * np.float32(0.8), np.clip(0.7 + 0.2 * density, 0, 1.2).astype(np.float32)


def trail(rng: np.random.Generator, height: int, width: int) -> Form:
    """Return a condensation trail across the frame, sharp at one end and spread at the other."""
    angle = rng.uniform(-0.6, 0.6)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x - width * rng.uniform(0.2, 0.8), y - height * rng.uniform(0.2, 0.8)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    side = min(height, width)
    spread = side * 0.008 * (1 + 2 * smoothstep(along.astype(np.float32), -side / 2, side / 2))
    across = across + 0.4 * spread * fractal(rng, height, width, 4.0, outer=side / 8)
    clumps = np.clip(0.8 + 0.2 * band(rng, height, width, side / 8), 0, 1)
    opacity = np.exp(-((across / spread) ** 2) / 2) * clumps * rng.uniform(0.4, 0.9)
    return opacity.astype(np.float32), np.ones_like(x)


def _lumps(
    rng: np.random.Generator,
    height: int,
    width: int,
    size: float,
    puffy: float,
    stretch: tuple[float, float] = (1.0, 1.0),
) -> Field:
    """Return the outline's detail: a share `puffy` of rounded heads of `size` pixels, the rest torn."""
    heads = billowed(rng, height, width, size, stretch)
    torn = fractal(rng, height, width, 3.4, outer=1.5 * size, stretch=stretch)
    mixed = (np.float32(puffy) * heads + np.float32(1 - puffy) * torn).astype(np.float32)
    # Some parts of an outline are smooth, others torn.
    smooth = blurred(mixed, max(0.05 * size, 0.5))
    torn_there = smoothstep(fractal(rng, height, width, 4.0, outer=1.5 * size), -1.5, 1.0)
    mixed = smooth + (np.float32(0.3) + np.float32(0.7) * torn_there) * (mixed - smooth)
    drift = (np.float32(0.04 * size) * fractal(rng, height, width, 5.0, outer=size) for _ in range(2))
    return unit(warp(mixed, *drift))


def _opacity(density: NDArray[np.float32], depth: float) -> Field:
    """Return the share of the sky that a cloud of this density hides, 0 below 0; `depth`: optical depth at 1."""
    inside = np.maximum(density, 0)
    return 1 - rounded(np.exp, -np.float32(depth) * inside * inside / (inside + np.float32(0.3)))


def _lit(rng: np.random.Generator, relief: Field) -> Field:
    """Return Lambert shading, 0 to 1, of a relief in pixels lit from above and one side, coarse and fine."""
    side = float(min(relief.shape))
    light = np.array([rng.uniform(-0.7, 0.7), -rng.uniform(0.4, 0.9), 0.6])
    light /= np.linalg.norm(light)
    total = np.zeros_like(relief)
    for sigma, share in ((side / 30, 0.6), (side / 90, 0.4)):
        smooth = blurred(relief, sigma)
        gx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
        gy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
        # The surface normal is (-gx, -gy, 1).
        lambert = (-gx * light[0] - gy * light[1] + light[2]) / np.sqrt(gx**2 + gy**2 + 1)
        total += np.float32(share) * np.clip(lambert, 0, 1).astype(np.float32)
    return total
