"""The profile of a target: what it adds to each pixel of a window, per gray level of its peak."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError

FAINT = 0.005
"""Share of the peak under which a value counts as nothing."""

MAX_EXTENT = 1024.0
"""Longest template, and largest Gaussian window, in pixels."""

_REACH = math.sqrt(-2 * math.log(FAINT))  # sigmas at which a Gaussian is faint
_THINNEST = 0.05
"""A Gaussian thinner than this (pixels) is drawn this thin; averaged over a pixel the difference does not show."""


class GaussianComponent(NamedTuple):
    """One of the Gaussians that a point or spot target consists of.

    Args:
        dx: columns from the target's position, pixels.
        dy: rows from the target's position, pixels.
        along: sigma along `angle`, pixels.
        across: sigma across it, pixels.
        angle: degrees from x towards y.
        weight: its peak relative to the main one's.
    """

    dx: float
    dy: float
    along: float
    across: float
    angle: float
    weight: float


class Profile(NamedTuple):
    """Values on a window of pixels.

    Args:
        values: (h, w) float64, relative radiance.
        left: column of ``values[0, 0]``; 0 is the column that holds the target's position.
        top: row of ``values[0, 0]``, likewise.
    """

    values: NDArray[np.float64]
    left: int
    top: int

    def grown(self, margin: int) -> Profile:
        """Return the profile with `margin` pixels of zeros on every side."""
        values = cv2.copyMakeBorder(self.values, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0.0)
        return Profile(values, self.left - margin, self.top - margin)  # type: ignore[arg-type]

    def blurred(self, sigma: float, reach: int) -> Profile:
        """Return the profile after a Gaussian blur of `sigma` pixels, cut at `reach` pixels; the window grows."""
        wide, side = self.grown(reach), 2 * reach + 1
        values = cv2.GaussianBlur(wide.values, (side, side), sigma, sigmaY=sigma, borderType=cv2.BORDER_CONSTANT)
        return Profile(values, wide.left, wide.top)  # type: ignore[arg-type]

    def trimmed(self) -> Profile:
        """Return the profile at peak 1, faint values zero, without empty rows and columns around what is left."""
        values = self.values / cv2.minMaxLoc(self.values)[1]
        kept = values >= FAINT
        x, y, width, height = cv2.boundingRect(kept.view(np.uint8))
        values *= kept
        if (height, width) != values.shape:
            values = values[y : y + height, x : x + width]
        return Profile(values, self.left + x, self.top + y)


def gaussian_profile(components: Sequence[GaussianComponent], phase: tuple[float, float] = (0.0, 0.0)) -> Profile:
    """Return the sum of Gaussians, averaged over each pixel.

    ``g(u, v) = weight exp(-u^2 / (2 s1^2) - v^2 / (2 s2^2))`` with u along the component's angle and v across it.

    Args:
        components: at least one.
        phase: (x, y) of the target's position in its pixel, -0.5 to 0.5.

    Raises:
        InvalidValueError: a component is wider than `MAX_EXTENT`.
    """
    if len(components) == 1:
        return _gaussian(components[0], phase).trimmed()
    parts = [_gaussian(part, phase) for part in components]
    left, top = min(part.left for part in parts), min(part.top for part in parts)
    right = max(part.left + part.values.shape[1] for part in parts)
    bottom = max(part.top + part.values.shape[0] for part in parts)
    values = np.zeros((bottom - top, right - left))
    for part in parts:
        height, width = part.values.shape
        values[part.top - top :, part.left - left :][:height, :width] += part.values
    return Profile(values, left, top).trimmed()


@lru_cache(maxsize=4096)
def _powers(first: int, last: int, points: int) -> NDArray[np.float64]:
    """Return 1, t and t^2 for the coordinates t of the points of pixels `first` to `last`, (3, n)."""
    along = (np.arange(first * points, (last + 1) * points) + 0.5) / points - 0.5
    return np.stack([np.ones_like(along), along, along * along])


def _gaussian(part: GaussianComponent, phase: tuple[float, float]) -> Profile:
    along, across = max(part.along, _THINNEST), max(part.across, _THINNEST)
    turn = math.radians(part.angle)
    cos, sin = math.cos(turn), math.sin(turn)
    # Points of a pixel along each axis, each the centre of a Gaussian widened by the variance of its part of the pixel,
    # which is exact to 0.001 of the peak.
    thinner = min(along, across)
    points = 1 if thinner >= 1.1 else 2 if thinner >= 0.55 else 4 if thinner >= 0.27 else 8 if thinner >= 0.13 else 20
    widened, pixel = 1 / (12 * points * points), 1 / 12
    u, v = along * along, across * across
    xx, yy, xy = u * cos * cos + v * sin * sin, u * sin * sin + v * cos * cos, (u - v) * sin * cos
    reach = _REACH * math.sqrt(2) if part.weight > 1 else _REACH
    reach_x, reach_y = reach * math.sqrt(xx + pixel) + 0.5, reach * math.sqrt(yy + pixel) + 0.5
    if 2 * max(reach_x, reach_y) > MAX_EXTENT:
        raise InvalidValueError(f"sigma must be at most {MAX_EXTENT / 6.6:.0f} px, got {max(along, across):g}")
    det = (xx + widened) * (yy + widened) - xy * xy
    # The weight is the peak of the average over a pixel, not that of the Gaussian.
    peak = part.weight * math.sqrt(((xx + pixel) * (yy + pixel) - xy * xy) / det)
    dx, dy = part.dx + phase[0], part.dy + phase[1]
    left, right = math.floor(dx - reach_x), math.ceil(dx + reach_x)
    top, bottom = math.floor(dy - reach_y), math.ceil(dy + reach_y)
    # The exponent is log(peak) - a (x - dx)^2 + b (x - dx) (y - dy) - c (y - dy)^2, a form in the powers of y and x.
    a, b, c = 0.5 * (yy + widened) / det, xy / det, 0.5 * (xx + widened) / det
    form = np.array(
        [
            [math.log(peak) - a * dx * dx + b * dx * dy - c * dy * dy, 2 * a * dx - b * dy, -a],
            [2 * c * dy - b * dx, b, 0.0],
            [-c, 0.0, 0.0],
        ]
    )
    exponent = _powers(top, bottom, points).T @ (form @ _powers(left, right, points))
    values = np.exp(exponent, out=exponent)
    if points > 1:
        values = cv2.resize(values, (right - left + 1, bottom - top + 1), interpolation=cv2.INTER_AREA)
    return Profile(values, left, top)
