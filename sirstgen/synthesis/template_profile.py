"""A template drawn at any size, angle and sub-pixel position, averaged over each pixel."""

from __future__ import annotations

import math

import cv2
import numpy as np

from sirstgen.errors import InvalidValueError
from sirstgen.synthesis.profile import MAX_EXTENT, Profile
from sirstgen.synthesis.templates import Template

_FINE_LENGTH = 64
"""A template is warped onto a finer grid, on which it is at least this long, before it is averaged over pixels."""


def template_profile(
    template: Template,
    length: float,
    angle: float = 0.0,
    mirror: bool = False,
    phase: tuple[float, float] = (0.0, 0.0),
) -> Profile:
    """Return the template's relative radiance on a window of pixels.

    The drawing is warped (bilinear) from a pre-shrunk copy onto a grid k times finer than the image, and each block of
    k x k is averaged; within 2.5 % of the peak of brute-force area averaging.

    Args:
        template: what to draw.
        length: the longer side of the drawn object's box, in image pixels, positive.
        angle: degrees by which the drawing is turned from the x axis towards the y axis (clockwise on screen).
        mirror: flip the drawing left to right, before it is turned.
        phase: (x, y) of the centre of the drawn object's box in its pixel, -0.5 to 0.5.

    Raises:
        InvalidValueError: `length` is above `MAX_EXTENT`.
    """
    if length > MAX_EXTENT:
        raise InvalidValueError(f"length must be at most {MAX_EXTENT:.0f} px, got {length:g}")
    dx, dy = phase
    turn = math.radians(angle)
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
    return Profile(values.astype(np.float64), left, top).trimmed()
