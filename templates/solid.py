"""Small solid models with relative radiance, and how they are painted.

A model is made of tubes, plates, discs and prisms, in units of about 1 % of the object's length. A view of it is
turned, projected in parallel, painted from back to front at 4 times the final size and averaged down to 256 px on its
longer side.

Model axes: x forward, y to port, z up. View: bank about x (port wing up), pitch about y (nose up), yaw about z (nose
away from the viewer), then the elevation of the viewer (0 from the side, 90 from above, -90 from below). With all zero
the nose points right.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 256  # longer side of a finished template
OVER = 4  # painted this much larger first
Point = tuple[float, float, float]
Outline = list[tuple[float, float]]


@dataclass
class Model:
    """Parts of an object, and warm places on it.

    A part is (points in model space, radius, relative radiance): a ball, or a polygon where the radius is 0. A glow is
    (place, spread, share): skin near it goes that share of the way to the hottest radiance.
    """

    parts: list[tuple[NDArray[np.float64], float, float]] = field(default_factory=list)
    glows: list[tuple[Point, float, float]] = field(default_factory=list)

    def tube(self, stations: list[tuple[float, float, float, float, float]]) -> None:
        """A round body through stations (x, y, z, radius, level), finely interpolated."""
        table = np.array(stations)
        for part in np.linspace(0, len(table) - 1, 24 * (len(table) - 1) + 1):
            i = min(int(part), len(table) - 2)
            x, y, z, radius, level = table[i] + (part - i) * (table[i + 1] - table[i])
            self.parts.append((np.array([[x, y, z]]), radius, level))

    def plate(self, corners: list[Point], level: float, thickness: float = 2.0) -> None:
        """A flat part (wing, fin, sail) with rounded edges of `thickness`."""
        self.parts.append((np.array(corners), 0.0, level))
        closed = np.array([*corners, corners[0]])
        for start, end in itertools.pairwise(closed):
            for t in np.linspace(0, 1, 2 + int(np.linalg.norm(end - start))):
                self.parts.append((((1 - t) * start + t * end)[None], thickness / 2, level))

    def wings(self, corners: list[Point], level: float, thickness: float = 2.0) -> None:
        """A plate and its mirror image on the other side."""
        self.plate(corners, level, thickness)
        self.plate([(x, -y, z) for x, y, z in corners], level, thickness)

    def disc(self, centre: Point, radius: float, level: float, thickness: float = 2.5) -> None:
        """A turning rotor, seen as a level disc."""
        turns = np.linspace(0, 2 * math.pi, 48, endpoint=False)
        x, y, z = centre
        self.plate([(x + radius * math.cos(t), y + radius * math.sin(t), z) for t in turns], level, thickness)

    def wake(self, stern: float, width: float, length: float, level: float) -> None:
        """Disturbed water behind a stern, level with the water, widening."""
        near, far = stern, stern - length
        self.plate([(near, -width / 3, 0), (far, -width / 2, 0), (far, width / 2, 0), (near, width / 3, 0)], level, 5)

    def prism(self, low: Outline, high: Outline, z: tuple[float, float], side: float, top: float) -> None:
        """A solid between two outlines (x, y) of equal length, counter-clockwise, at the heights `z`."""
        floor = np.array([(x, y, z[0]) for x, y in low])
        roof = np.array([(x, y, z[1]) for x, y in high])
        self.parts += [(roof, 0.0, top), (floor, 0.0, side)]
        for i in range(len(low)):
            j = (i + 1) % len(low)
            self.parts.append((np.array([floor[i], floor[j], roof[j], roof[i]]), 0.0, side))

    def box(self, x: tuple[float, float], y: float, z: tuple[float, float], side: float, top: float) -> None:
        """An upright block, `y` to either side of the middle line."""
        outline = [(x[0], -y), (x[1], -y), (x[1], y), (x[0], y)]
        self.prism(outline, outline, z, side, top)

    def glow(self, place: Point, spread: float, share: float) -> None:
        """Heat that an engine or a hot room spreads into the skin around it."""
        self.glows.append((place, spread, share))

    def plume(self, start: Point, length: float, radius: float, level: float) -> None:
        """Hot gas behind a nozzle, widening and fading."""
        x, y, z = start
        self.tube([(x, y, z, radius, level), (x - length, y, z, radius * 0.7, 0.3 * level)])


def view(model: Model, yaw: float, elevation: float, bank: float, pitch: float) -> tuple[NDArray[np.uint8], float]:
    """The model in one pose as (gray and alpha (H, W, 2), heading of the nose in degrees)."""
    matrix = _turn(1, 2, elevation) @ _turn(0, 1, yaw) @ _turn(0, 2, pitch) @ _turn(1, 2, bank)
    seen = [(points @ matrix.T, radius, level) for points, radius, level in model.parts]
    seen.sort(key=lambda part: -part[0][:, 1].mean())  # far (large y) first
    corners = np.concatenate([points[:, [0, 2]] + s * radius for points, radius, _ in seen for s in (-1, 1)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    scale = OVER * (SIDE - 2) / (high - low).max()
    width, height = (int(side) for side in np.ceil((high - low) * scale / OVER + 2) * OVER)

    radiance, cover = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for points, radius, level in seen:
        u = (points[:, 0] - low[0]) * scale + OVER
        v = (high[1] - points[:, 2]) * scale + OVER
        at = np.round(np.stack([u, v], axis=1) * 16).astype(np.int32)  # sub-pixel corners, 4 bits
        for canvas, value in ((radiance, level), (cover, 1.0)):
            if radius > 0:
                cv2.circle(canvas, at[0].tolist(), round(radius * scale * 16), value, -1, cv2.LINE_8, 4)
            else:
                cv2.fillPoly(canvas, [at], value, cv2.LINE_8, 4)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    for place, spread, share in model.glows:
        x, _, z = matrix @ np.array(place)
        square = (columns - (x - low[0]) * scale - OVER) ** 2 + (rows - (high[1] - z) * scale - OVER) ** 2
        radiance += (cover - radiance) * share * np.exp(-square / (2 * (spread * scale) ** 2))
    radiance, cover = (
        cv2.resize(canvas, (width // OVER, height // OVER), interpolation=cv2.INTER_AREA)
        for canvas in (radiance, cover)
    )
    gray = np.divide(radiance, cover, out=np.zeros_like(radiance), where=cover > 0)
    nose = matrix @ np.array([1.0, 0.0, 0.0])
    heading = math.degrees(math.atan2(-nose[2], nose[0])) if math.hypot(nose[0], nose[2]) > 0.15 else 0.0
    image = np.stack([np.round(255 * gray / gray.max()), np.round(255 * cover)], axis=2).astype(np.uint8)
    return image, heading


def _turn(i: int, j: int, degrees: float) -> NDArray[np.float64]:
    """Rotation that carries axis i towards axis j."""
    matrix = np.eye(3)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix[i, i], matrix[j, j], matrix[j, i], matrix[i, j] = cos, cos, sin, -sin
    return matrix
