"""Cloud forms: heaps, decks, broken fields, layers and streaks, each as opacity and brightness.

A form is a function of (rng, height, width) that returns two (height, width) fields: how much of the sky it hides, 0 to
1, and how bright it is there, about 0 (base, shadow) to 1 (lit top). Light comes from above, some from the side.
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
    smoothstep,
    transformed,
    unit,
    warp,
)

Form = tuple[Field, Field]

_MAX_BALLS = 6000


def heaps(rng: np.random.Generator, height: int, width: int) -> Form:
    """Cumulus: heaps of balls that carry smaller balls, flat below, lit above, wisps around."""
    side = float(min(height, width))
    count = int(rng.integers(2, 6))
    bases = np.sort(rng.uniform(0.25, 1.1, count)) * height
    spans = side * rng.uniform(0.6, 1.7, count) / (1 + 0.06 * count)
    relief, floor = _piled(rng, height, width, bases, spans, flat=True)
    body = (relief > 0).astype(np.float32)
    edge = float(rng.uniform(0.8, 4.0)) * side / 256
    fine = fractal(rng, height, width, 3.0, outer=side / 5)
    opacity = smoothstep(blurred(body, edge) + 0.10 * fine, 0.1, 0.9)
    haze = smoothstep(blurred(body, side / 22) + 0.18 * fine, 0.25, 1.2)
    opacity = np.maximum(opacity, 0.55 * haze)
    filled = blurred(np.maximum(relief, 0), 0.5 + edge)
    thick = blurred(body, side / 14)
    light = _lit(rng, filled)
    broad = fractal(rng, height, width, 3.6)
    brightness = 0.02 + 0.28 * floor + 0.30 * thick**2 + 0.45 * light + 0.08 * broad + 0.03 * fine
    return opacity, brightness.astype(np.float32)


def deck(rng: np.random.Generator, height: int, width: int) -> Form:
    """A closed cover: rows of heaps behind each other, or soft folds (stratocumulus, overcast)."""
    side = float(min(height, width))
    broad = fractal(rng, height, width, 3.8, stretch=(float(rng.uniform(1, 2.5)), 1.0))
    if rng.random() < 0.6:
        rows = int(rng.integers(4, 8))
        bases = np.linspace(0.1, 1.5, rows * 2) * height
        spans = side * rng.uniform(0.4, 1.0, rows * 2)
        relief, floor = _piled(rng, height, width, bases, spans, flat=False)
        soft = float(rng.uniform(0.5, 1.8)) * side / 256
        light = _lit(rng, blurred(np.maximum(relief, 0), soft))
        floor = blurred(floor, soft)
        brightness = 0.45 * light + 0.4 * floor + 0.13 * broad
    else:
        lumps = billowed(rng, height, width, side * float(rng.uniform(0.3, 0.8)), gain=0.33)
        relief = _swirled(rng, broad + np.float32(rng.uniform(0.15, 0.5)) * lumps, float(rng.uniform(0.01, 0.04)))
        brightness = 0.45 + 0.22 * unit(relief) + 0.1 * unit(_lit(rng, relief * np.float32(side * 0.08)))
    return np.ones_like(broad), brightness.astype(np.float32)


def _piled(
    rng: np.random.Generator,
    height: int,
    width: int,
    bases: NDArray[np.float64],
    spans: NDArray[np.float64],
    *,
    flat: bool,
) -> Form:
    """Heaps from back to front: relief in pixels, 0 or less where there is none, and height above the base, 0 to 1."""
    side = float(min(height, width))
    rows = np.arange(height, dtype=np.float32)[:, None]
    relief = np.zeros((height, width), dtype=np.float32)
    floor = np.zeros((height, width), dtype=np.float32)
    for base, span in zip(bases, spans, strict=True):
        one = np.full((height, width), -1.0, dtype=np.float32)
        for _ in range(1 if flat else int(np.ceil(1.5 * width / span))):
            _pile(rng, one, rng.uniform(-0.1, 1.1) * width, base, span)
        ragged = base + 0.05 * span * fractal(rng, height, width, 3.0, outer=span)
        if flat:
            one[rows > ragged] = -1.0
        nearer = one > 0
        relief = np.where(nearer, one, relief).astype(np.float32)
        floor = np.where(nearer, np.clip((ragged - rows) / (0.4 * span), 0, 1), floor).astype(np.float32)
    dx, dy = (np.float32(side * 0.015) * fractal(rng, height, width, 3.0, outer=side / 6) for _ in range(2))
    return warp(relief, dx, dy), warp(floor, dx, dy)


def _pile(rng: np.random.Generator, relief: Field, x: float, base: float, span: float) -> None:
    """Put one heap into `relief` (height towards the viewer, pixels; -1 where there is nothing)."""
    balls: list[tuple[float, float, float, float]] = []
    for t in rng.uniform(-1, 1, int(rng.integers(5, 11))):
        radius = span * float(rng.uniform(0.10, 0.24)) * (1.1 - t * t * 0.8)
        balls.append((x + t * span * 0.5, base - radius * float(rng.uniform(0.0, 0.9)), 0.0, radius))
    height, width = relief.shape
    rows, columns = (np.arange(side, dtype=np.float32) for side in relief.shape)
    smallest = max(min(relief.shape) / 45, 2.0)
    for cx, cy, cz, radius in balls:  # grows while it is walked: balls carry smaller balls
        _ball(relief, rows, columns, cx, cy, cz, radius)
        seen = -2 * radius < cx < width + 2 * radius and -2 * radius < cy < height + 2 * radius
        if radius < smallest or not seen or len(balls) > _MAX_BALLS:
            continue
        outward = rng.normal(size=(6, 3)) + np.array([0, -0.35, 0.3])
        outward[:, 2] = np.abs(outward[:, 2])
        centres = np.array([cx, cy, cz]) + 0.85 * radius * outward / np.linalg.norm(outward, axis=1, keepdims=True)
        sizes = radius * rng.uniform(0.28, 0.55, 6)
        balls.extend((x, y, z, size) for (x, y, z), size in zip(centres.tolist(), sizes.tolist(), strict=True))


def _ball(relief: Field, rows: Field, columns: Field, cx: float, cy: float, cz: float, radius: float) -> None:
    x0, x1 = max(int(cx - radius), 0), min(int(cx + radius) + 2, len(columns))
    y0, y1 = max(int(cy - radius), 0), min(int(cy + radius) + 2, len(rows))
    if x0 >= x1 or y0 >= y1:
        return
    across, down = columns[x0:x1] - np.float32(cx), rows[y0:y1] - np.float32(cy)
    inside = (np.float32(radius**2) - across * across)[None, :] - (down * down)[:, None]
    surface = np.where(inside > 0, np.sqrt(np.maximum(inside, 0)) + np.float32(cz + 1), np.float32(-1))
    part = relief[y0:y1, x0:x1]
    np.maximum(part, surface, out=part)


def _lit(rng: np.random.Generator, relief: Field) -> Field:
    """Lambert shading, 0 to 1, of a relief in pixels under light from above and one side, coarse and fine together."""
    side = float(min(relief.shape))
    light = np.array([rng.uniform(-0.7, 0.7), -rng.uniform(0.4, 0.9), 0.6])
    light /= np.linalg.norm(light)
    total = np.zeros_like(relief)
    for sigma, share in ((side / 30, 0.55), (side / 90, 0.45)):
        smooth = blurred(relief, sigma)
        gx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
        gy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
        # The surface normal is (-gx, -gy, 1).
        lambert = (-gx * light[0] - gy * light[1] + light[2]) / np.sqrt(gx**2 + gy**2 + 1)
        total += np.float32(share) * np.clip(lambert, 0, 1).astype(np.float32)
    return total


def broken(rng: np.random.Generator, height: int, width: int) -> Form:
    """Clouds with gaps: soft or crisp edges, from scattered patches to nearly closed."""
    side = float(min(height, width))
    stretch = (float(rng.uniform(1, 2.5)), 1.0)
    lumps = billowed(rng, height, width, side * float(rng.uniform(0.2, 0.6)), gain=0.42, stretch=stretch)
    broad = fractal(rng, height, width, float(rng.uniform(3.4, 4.2)), stretch=stretch)
    density = _swirled(rng, broad + float(rng.uniform(0.1, 0.45)) * lumps, float(rng.uniform(0.005, 0.025)))
    threshold = float(np.quantile(density, rng.uniform(0.2, 0.7)))
    opacity = smoothstep(density, threshold, threshold + float(rng.uniform(0.5, 2.0)))
    thick = np.clip(density - threshold, 0, 2.5) / 2.5
    light = _lit(rng, np.sqrt(thick) * np.float32(side * 0.3))
    brightness = 0.1 + 0.6 * thick + 0.45 * light
    return opacity, brightness.astype(np.float32)


def layers(rng: np.random.Generator, height: int, width: int) -> Form:
    """Stratus in flat layers one over the other, soft above and sharper below."""
    opacity = np.zeros((height, width), dtype=np.float32)
    brightness = np.full((height, width), 0.5, dtype=np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None]
    for _ in range(int(rng.integers(2, 6))):
        stretch = (float(rng.uniform(3, 7)), 1.0)
        centre, half = rng.uniform(0, 1) * height, rng.uniform(0.06, 0.3) * height
        sheet = fractal(rng, height, width, float(rng.uniform(3.4, 4.2)), outer=height / 2, stretch=stretch)
        sheet = _swirled(rng, sheet, float(rng.uniform(0.005, 0.02)))
        sheet = sheet - np.asarray((rows - centre) / half, dtype=np.float32) ** 2 + np.float32(1)
        cover = smoothstep(sheet.astype(np.float32), 0.0, float(rng.uniform(1.2, 3.0)))
        level = rng.uniform(0.0, 0.8) + 0.15 * sheet.clip(-2, 3) - 0.1 * np.clip((rows - centre) / half, -1, 1)
        opacity = opacity + cover - opacity * cover
        brightness = (brightness + cover * (np.clip(level, 0, 1.2) - brightness)).astype(np.float32)
    return opacity.astype(np.float32), brightness


def streaks(rng: np.random.Generator, height: int, width: int) -> Form:
    """Cirrus: thin fibres drawn out along one direction, bent a little."""
    side = int(np.ceil(np.hypot(height, width)))
    lengths = float(rng.uniform(4, 9))
    fibres = fractal(rng, side, side, 3.1, outer=side / 4, stretch=(lengths, 1.0))
    tufts = np.float32(1.3) * fractal(rng, side, side, 3.8, outer=side / 2, stretch=(2.0, 1.0))
    bend = np.float32(side * 0.03) * fractal(rng, side, side, 5.0)
    drawn = warp(unit(fibres + tufts), 0 * bend, bend)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(rng.normal(0, 25)), 1.0)
    turn[:, 2] += np.array([(width - side) / 2, (height - side) / 2])
    density = unit(transformed(drawn, turn, (width, height)))
    opacity = smoothstep(density, float(rng.uniform(-1.2, 0.2)), 3.0)
    return opacity * np.float32(0.8), np.clip(0.7 + 0.2 * density, 0, 1.2).astype(np.float32)


def trail(rng: np.random.Generator, height: int, width: int) -> Form:
    """A condensation trail across the frame, sharp at one end and spread at the other."""
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


def _swirled(rng: np.random.Generator, field: Field, share: float) -> Field:
    """The field with its features dragged about by eddies of up to `share` of the frame."""
    height, width = field.shape
    reach = np.float32(share * min(height, width))
    dx, dy = (reach * fractal(rng, height, width, 3.4, outer=min(height, width) / 2) for _ in range(2))
    return warp(field.astype(np.float32), dx, dy)
