"""Outlines of distant things against what lies behind them: ridges, shores, far towns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.backgrounds.procedural.fields import Field, transformed


def ridge_line(rng: np.random.Generator, width: int, roughness: float) -> Field:
    """Return heights of a ridge, (width,), between 0 and 1: a 1-D power-law profile.

    Args:
        roughness: slope of its power spectrum; 2 is jagged rock, 3 rolling hills.
    """
    count = 2 * max(width, 32)
    frequency = np.maximum(np.fft.rfftfreq(count), 0.5 / width)
    spectrum = np.fft.rfft(rng.standard_normal(count)) * frequency ** (-roughness / 2)
    line = np.fft.irfft(spectrum, n=count)[:width]
    return _normalised(line)


def town_line(rng: np.random.Generator, width: int, block: float) -> Field:
    """Return heights of far houses, (width,), between 0 and 1: flat roofs of random widths around `block` pixels."""
    line = np.zeros(width)
    start = 0
    while start < width:
        end = start + max(1, round(block * rng.uniform(0.3, 2.0)))
        line[start:end] = rng.uniform(0.2, 1.0) ** 1.5 if rng.random() < 0.85 else 0.05
        start = end
    return _normalised(line)


def below(line: NDArray[Any], height: int, softness: float = 1.0) -> Field:
    """Return 1 below `line`, rows (width,), and 0 above it, with a slope of `softness` pixels between."""
    rows = np.arange(height, dtype=np.float32)[:, None]
    depth = (rows - line[None, :].astype(np.float32)) / np.float32(softness)
    return np.asarray(np.clip(depth + 0.5, 0, 1), dtype=np.float32)


def tilted(scene: Canvas, slope: float) -> Canvas:
    """Return the scene after its rows were tilted, in place: they fall by `slope` pixels a column to the right."""
    width = scene.shape[1]
    shear = np.array([[1, 0, 0], [slope, 1, -slope * (width - 1) / 2]], dtype=np.float64)
    scene.moved(lambda field: transformed(field, shear))
    return scene


def _normalised(line: NDArray[np.float64]) -> Field:
    spread = float(np.ptp(line))
    return ((line - line.min()) / spread if spread > 0 else line * 0).astype(np.float32)
