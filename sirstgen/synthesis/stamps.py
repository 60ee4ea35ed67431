"""Targets on the pixel grid: Gaussian kernels and rendered templates, before intensity and blur (Fig. 7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError

if TYPE_CHECKING:
    from sirstgen.synthesis.templates import Template

CUT = 0.005
"""Share of the peak under which a stamp's value counts as nothing."""

MAX_EXTENT = 1024.0
"""Longest template, and largest Gaussian window, in pixels: far above any small target, far below what fills memory."""

_THINNEST = 0.05
"""A Gaussian thinner than this (pixels) is drawn this thin; averaged over a pixel, no one could tell."""

_FINE_LENGTH = 192
"""A template is warped onto a finer grid, on which it is at least this long, before it is averaged over pixels."""

_GRAIN = 2.0**-20
"""Positions are rounded to this many pixels, so that a shift by whole pixels leaves the values exactly as they are."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A target's own radiance on the pixel grid, before blur; peak 1.

    Args:
        values: shape (h, w), float32, at least 0, largest value exactly 1, zero beyond the target's support.
        left: image column of ``values[0, 0]``; may be negative, the image's bounds are not a stamp's business.
        top: image row of ``values[0, 0]``; may be negative.
    """

    values: NDArray[np.float32]
    left: int
    top: int


def gaussian_stamp(position: tuple[float, float], sigma: tuple[float, float], angle: float) -> Stamp:
    """A Gaussian point-spread kernel, averaged over each pixel.

    ``g(u, v) = exp(-u^2 / (2 s1^2) - v^2 / (2 s2^2))`` with u along `angle` and v across it, integrated over each
    pixel's square and divided by the largest pixel. Values under `CUT` are zero. Exact (error function) where the axes
    lie on the grid or both sigmas are equal; otherwise by Gauss-Legendre quadrature inside each pixel.

    Args:
        position: (x, y) of the centre in image pixels; x right, y down, pixel centres at integers.
        sigma: (along, across) standard deviations in pixels, positive.
        angle: degrees from the x axis towards the y axis (clockwise on screen).

    Raises:
        InvalidValueError: a sigma is not positive, a value is not finite, or the kernel is wider than `MAX_EXTENT`.
    """
    column, row, dx, dy = _split(position)
    along, across = (max(_THINNEST, _positive("sigma", value)) for value in sigma)
    if 7.4 * max(along, across) > MAX_EXTENT:
        raise InvalidValueError(f"sigma must be at most {MAX_EXTENT / 7.4:.0f} px, got {max(along, across):g}")
    angle = _finite("angle", angle) % 180.0
    if angle == 90.0:
        along, across = across, along
    if along == across or angle in (0.0, 90.0):
        first_x, across_x = _cut_profile(dx, along)
        first_y, across_y = _cut_profile(dy, across)
        values = np.multiply.outer(across_y, across_x)
    else:
        first_x, first_y, values = _quadrature(dx, dy, along, across, math.radians(angle))
    return normalised(values, column + first_x, row + first_y)


def template_stamp(
    template: Template, position: tuple[float, float], length: float, angle: float, mirror: bool = False
) -> Stamp:
    """A template drawn at any size, angle and sub-pixel position, averaged over each pixel.

    The drawing is warped (bilinear) from a pre-shrunk copy onto a grid k times finer than the image, and each block of
    k x k is averaged; within about 1 % of the peak of brute-force area averaging. Values under `CUT` are zero.

    Args:
        template: what to draw.
        position: (x, y) of the centre of the drawn object's box in image pixels; pixel centres at integers.
        length: the longer side of the drawn object's box, in image pixels, positive.
        angle: degrees by which the drawing is turned from the x axis towards the y axis (clockwise on screen).
        mirror: flip the drawing left to right, before it is turned.

    Raises:
        InvalidValueError: `length` is not positive or above `MAX_EXTENT`, or a value is not finite.
    """
    column, row, dx, dy = _split(position)
    length = _positive("length", length)
    if length > MAX_EXTENT:
        raise InvalidValueError(f"length must be at most {MAX_EXTENT:.0f} px, got {length:g}")
    turn = math.radians(_finite("angle", angle) % 360.0)
    cos, sin = math.cos(turn), math.sin(turn)

    height, width = template.radiance.shape
    scale = length / max(height, width)
    reach_x = 0.5 * scale * (abs(cos) * width + abs(sin) * height)
    reach_y = 0.5 * scale * (abs(sin) * width + abs(cos) * height)
    left, top = math.floor(dx - reach_x + 0.5), math.floor(dy - reach_y + 0.5)
    columns, rows = math.ceil(dx + reach_x + 0.5) - left, math.ceil(dy + reach_y + 0.5) - top

    fine = min(max(4, math.ceil(_FINE_LENGTH / length)), 32)
    level, shrunk = template.shrunk_to(length * fine)
    step = 1.0 / (scale * fine * 2**level)  # one fine pixel, in pixels of the shrunk drawing
    flip = -1.0 if mirror else 1.0
    a, b, c, d = flip * cos * step, flip * sin * step, -sin * step, cos * step
    # The centre of the object's box: on the fine grid, and in the shrunk drawing (both with pixel centres at integers).
    u, v = (dx - left + 0.5) * fine - 0.5, (dy - top + 0.5) * fine - 0.5
    x, y = 0.5 * width / 2**level - 0.5, 0.5 * height / 2**level - 0.5
    warp = np.array([[a, b, x - a * u - b * v], [c, d, y - c * u - d * v]])
    drawn = cv2.warpAffine(
        shrunk, warp, (columns * fine, rows * fine), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=0
    )
    values = cv2.resize(drawn, (columns, rows), interpolation=cv2.INTER_AREA)
    return normalised(np.asarray(values), column + left, row + top)


def normalised(values: NDArray[np.floating], left: int, top: int) -> Stamp:
    """A stamp of `values`, scaled to peak 1, cut at `CUT` and without empty rows and columns around what is left.

    Args:
        values: (h, w), at least 0, some of them positive.
        left, top: image column and row of ``values[0, 0]``.
    """
    scaled = np.divide(values, values.max(), dtype=np.float32)
    kept = scaled >= CUT
    scaled *= kept
    rows, columns = kept.any(axis=1), kept.any(axis=0)
    first_row, first_column = int(rows.argmax()), int(columns.argmax())
    last_row, last_column = len(rows) - int(rows[::-1].argmax()), len(columns) - int(columns[::-1].argmax())
    trimmed = np.ascontiguousarray(scaled[first_row:last_row, first_column:last_column])
    return Stamp(trimmed, left + first_column, top + first_row)


def _cut_profile(offset: float, sigma: float) -> tuple[int, NDArray[np.float64]]:
    """A one-dimensional Gaussian averaged over each pixel: the first pixel and the values from there on."""
    reach = math.ceil(3.7 * sigma) + 1
    scale = 1.0 / (sigma * math.sqrt(2.0))
    edges = [math.erf((i - 0.5 - offset) * scale) for i in range(-reach, reach + 2)]
    return -reach, np.diff(np.array(edges))


def _quadrature(
    dx: float, dy: float, along: float, across: float, turn: float
) -> tuple[int, int, NDArray[np.floating]]:
    """A turned Gaussian averaged over each pixel by Gauss-Legendre nodes: first column, first row, values."""
    cos, sin = math.cos(turn), math.sin(turn)
    reach_x = math.ceil(3.7 * math.hypot(along * cos, across * sin)) + 1
    reach_y = math.ceil(3.7 * math.hypot(along * sin, across * cos)) + 1
    nodes, weights = _nodes(min(along, across))
    x = (np.arange(-reach_x, reach_x + 1)[:, None] + nodes - dx).ravel()
    y = (np.arange(-reach_y, reach_y + 1)[:, None] + nodes - dy).ravel()
    xx = 0.5 * ((cos / along) ** 2 + (sin / across) ** 2)
    yy = 0.5 * ((sin / along) ** 2 + (cos / across) ** 2)
    xy = sin * cos * (1.0 / along**2 - 1.0 / across**2)
    exponent = np.multiply.outer(y, x * -xy).astype(np.float32)
    exponent -= (xx * x * x).astype(np.float32)
    exponent -= (yy * y * y).astype(np.float32)[:, None]
    density = np.exp(exponent)
    n = len(nodes)
    over_x = density.reshape(-1, n) @ weights
    over_y = over_x.reshape(2 * reach_y + 1, n, 2 * reach_x + 1).transpose(0, 2, 1) @ weights
    return -reach_x, -reach_y, over_y


_QUADRATURES = {
    n: (nodes * 0.5, (weights * 0.5).astype(np.float32))
    for n, (nodes, weights) in ((n, np.polynomial.legendre.leggauss(n)) for n in (2, 3, 4, 6, 12, 40))
}


def _nodes(sigma: float) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Nodes in a pixel and their weights, enough of them for a Gaussian of this smaller `sigma` (error under 0.1 %)."""
    for limit, n in ((1.6, 2), (0.8, 3), (0.5, 4), (0.25, 6), (0.1, 12)):
        if sigma >= limit:
            return _QUADRATURES[n]
    return _QUADRATURES[40]


def _split(position: tuple[float, float]) -> tuple[int, int, float, float]:
    """The pixel that holds `position`, and where in that pixel it lies (-0.5 to 0.5)."""
    x, y = (_finite("position", value) for value in position)
    x, y = round(x / _GRAIN) * _GRAIN, round(y / _GRAIN) * _GRAIN
    column, row = math.floor(x + 0.5), math.floor(y + 0.5)
    return column, row, x - column, y - row


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise InvalidValueError(f"{name} must be finite, got {value}")
    return float(value)


def _positive(name: str, value: float) -> float:
    if not _finite(name, value) > 0:
        raise InvalidValueError(f"{name} must be positive, got {value}")
    return float(value)
