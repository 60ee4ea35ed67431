"""Textures that lie on flat ground or water seen by a level camera.

The row `y` below the horizon `y0` sees the plane at relative depth ``d = (y - y0) / (height - y0)``, 1 at the bottom
row. A point there lies at ``X = x / d`` across and ``Z = focal / d`` along the line of sight, in units of one pixel
of the bottom row. That is what squeezes waves and furrows towards the horizon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural.fields import Field, rounded, sampled, smoothstep, unit

_TILE = 256  # pixels; the tile repeats, but each octave lands on it with its own offset and turn
_TILE_WAVELENGTH = 8.0


def relative_depth(height: int, horizon: float) -> Field:
    """Return 1 at the bottom row, 0 at and above the horizon, linear between; (height, 1)."""
    rows = np.arange(height, dtype=np.float32)
    return np.asarray(np.clip((rows - horizon) / (height - 1 - horizon), 0, 1)[:, None], dtype=np.float32)


def ground_texture(
    rng: np.random.Generator,
    height: int,
    width: int,
    horizon: float,
    octaves: Sequence[tuple[float, float]],
    *,
    focal: float,
    stretch: float = 1.0,
) -> Field:
    """Return noise that lies on the plane, a sum of octaves; 0 at and above the horizon.

    An octave fades out where its waves become shorter than about two pixels along the line of sight.

    Args:
        horizon: its row, pixels; above the frame where negative.
        octaves: (wavelength in pixels across the bottom row, amplitude).
        focal: pixels; a longer focal length squeezes the plane more.
        stretch: length of a crest over the wavelength.
    """
    tile = _noise_tile(rng)
    rows = np.arange(height)[:, None]
    reach = height - 1 - horizon
    depth = np.maximum(relative_depth(height, horizon), np.float32(1 / reach))
    across = (np.arange(width, dtype=np.float32)[None, :] - np.float32((width - 1) / 2)) / depth
    along = np.float32(focal) / depth
    total = np.zeros((height, width), dtype=np.float32)
    for wavelength, amplitude in octaves:
        projected = wavelength * np.minimum(depth**2 * np.float32(reach / focal), stretch * depth)
        fade = smoothstep(projected.astype(np.float32), 1.5, 4.0) * (rows > horizon)
        seen = slice(int(np.argmax(fade > 0)) if fade.any() else height, height)
        x, z = across[seen], along[seen]
        angle = rng.normal(0.0, 0.12)
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        scale = np.float32(_TILE_WAVELENGTH / wavelength)
        u = (x * cos + z * sin) * (scale / np.float32(stretch)) + np.float32(rng.uniform(0, _TILE))
        v = (z * cos - x * sin) * scale + np.float32(rng.uniform(0, _TILE))
        if len(u):
            octave = sampled(tile, _on_tile(u), _on_tile(v), border=cv2.BORDER_WRAP)
            total[seen] += np.float32(amplitude) * octave * fade[seen]
    return total


def winding_strip(rng: np.random.Generator, height: int, width: int, horizon: float, half_width: float) -> Field:
    """Return the cover (0 to 1) of a track that winds over the plane towards the horizon.

    Args:
        horizon: its row, pixels.
        half_width: of the track at the bottom row, pixels.
    """
    depth = relative_depth(height, horizon)
    along = 1 / np.maximum(depth, 0.02)
    sway = rng.uniform(0.1, 0.9) * width * rounded(np.sin, rng.uniform(0.4, 1.6) * along + rng.uniform(0, 2 * np.pi))
    lead = rng.normal(0, 0.5) * width * (along - 1)
    middle = width / 2 + depth * (rng.uniform(-0.5, 0.5) * width + sway + lead)
    # Where the track runs across the line of sight it is squeezed with the ground: measured along the normal.
    slant = rounded(np.hypot, 1, np.gradient(middle[:, 0]))[:, None]
    off = np.abs(np.arange(width, dtype=np.float32)[None, :] - middle) / slant
    thick = np.maximum(half_width * depth, 0.3)
    cover = np.clip(thick - off + 0.5, 0, 1) * np.minimum(thick / 0.5, 1) * smoothstep(depth, 0.03, 0.12)
    return np.asarray(cover, dtype=np.float32)


@dataclass(frozen=True)
class Road:
    """A road on flat ground, seen by a level camera one unit above it.

    Places are (along the road, across it, up) from the point below the camera, in heights of the camera.

    Args:
        horizon: its row, pixels.
        centre: column straight ahead of the camera, pixels.
        focal: focal length, pixels.
        turn: angle of the road against the line of sight, radians; positive to the right.
        bend: curvature of the road, 1 over its radius.
    """

    horizon: float
    centre: float
    focal: float
    turn: float
    bend: float

    def away(self, along: NDArray[Any] | float, across: NDArray[Any] | float) -> NDArray[np.float64]:
        """Return the distance along the line of sight."""
        across = np.asarray(across, np.float64) + self.bend / 2 * np.square(along)
        return np.asarray(along * np.cos(self.turn) - across * np.sin(self.turn))

    def seen(
        self, along: NDArray[Any] | float, across: NDArray[Any] | float, up: NDArray[Any] | float = 0.0
    ) -> NDArray[np.float64]:
        """Return (..., 2) x, y in the frame; what is nearer than 0.3 is moved there."""
        away = np.maximum(self.away(along, across), 0.3)
        across = np.asarray(across, np.float64) + self.bend / 2 * np.square(along)
        aside = along * np.sin(self.turn) + across * np.cos(self.turn)
        down = self.focal * (1 - np.asarray(up)) / away
        return np.stack(np.broadcast_arrays(self.centre + self.focal * aside / away, self.horizon + down), axis=-1)

    def ground(self, height: int, width: int) -> tuple[Field, Field, Field]:
        """Return what each pixel of the ground shows: along, across, and the distance away, which is at most 500."""
        rows = np.arange(height, dtype=np.float64)[:, None] - self.horizon
        away = self.focal / np.maximum(rows, self.focal / 500)
        aside = (np.arange(width, dtype=np.float64)[None, :] - self.centre) / self.focal * away
        along = away * np.cos(self.turn) + aside * np.sin(self.turn)
        across = aside * np.cos(self.turn) - away * np.sin(self.turn) - self.bend / 2 * along**2
        return along.astype(np.float32), across.astype(np.float32), away.astype(np.float32)


def _on_tile(position: NDArray[Any]) -> Field:
    """Return `position` modulo the tile; several times faster than `numpy.mod`."""
    return np.asarray(position - np.float32(_TILE) * np.floor(position * np.float32(1 / _TILE)), dtype=np.float32)


def _noise_tile(rng: np.random.Generator) -> Field:
    """Return periodic noise of one octave, (256, 256)."""
    frequency = np.hypot(np.fft.fftfreq(_TILE)[:, None], np.fft.rfftfreq(_TILE)[None, :])
    octave = np.log2(np.maximum(frequency, 1e-6) * _TILE_WAVELENGTH)
    spectrum = np.fft.rfft2(rng.standard_normal((_TILE, _TILE))) * np.exp(-1.5 * octave**2)
    return unit(np.fft.irfft2(spectrum, s=(_TILE, _TILE)))
