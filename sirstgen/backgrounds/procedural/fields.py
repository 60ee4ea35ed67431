"""Seeded random fields that infrared scenes are made of.

Every field is (height, width) float32; random ones have mean 0 and standard deviation 1 unless said otherwise. Periodic
fields are made larger than asked and cropped, so that no edge continues at the opposite one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def frame_scale(height: int, width: int) -> float:
    """Return the scale of what is drawn, 1 at 256x256 px: a larger frame shows larger things and more of them."""
    return float(np.sqrt(min(height, width) / 256))


def rounded(function: Callable[..., Any], *values: NDArray[Any] | float) -> Field:
    """Return a function of NumPy, such as ``np.exp``, computed in float64 and rounded to float32.

    Its last bit depends on the processor; in float64 that bit is lost by rounding.
    """
    return np.asarray(function(*(np.asarray(value, np.float64) for value in values)), dtype=np.float32)


def unit(field: NDArray[Any]) -> Field:
    """Return the field shifted and scaled to mean 0 and standard deviation 1; a constant one becomes 0."""
    wide = field.astype(np.float64) - float(field.mean(dtype=np.float64))
    spread = float(wide.std())
    return (wide / spread if spread > 1e-12 else wide * 0).astype(np.float32)


def smoothstep(field: Field, low: float, high: float) -> Field:
    """Return 0 below `low`, 1 above `high`, the cubic 3t^2 - 2t^3 between."""
    t = np.clip((field - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def fractal(
    rng: np.random.Generator,
    height: int,
    width: int,
    beta: float,
    *,
    outer: float | None = None,
    stretch: tuple[float, float] = (1.0, 1.0),
) -> Field:
    """Return a Gaussian random field whose power spectrum falls as 1/f^beta.

    Args:
        beta: spectral slope; 2 is rough, 4 is smooth.
        outer: largest structure in pixels, above which the spectrum is flat; default the longer side.
        stretch: (horizontal, vertical) elongation of the structures; (4, 1) gives streaks lying down.
    """
    reach = outer if outer is not None else float(max(height, width))
    frequency = _frequencies(height, width, reach, stretch)
    return _filtered(rng, height, width, rounded(np.power, frequency**2 + np.float32(1 / reach**2), -beta / 4))


def band(
    rng: np.random.Generator, height: int, width: int, size: float, *, stretch: tuple[float, float] = (1.0, 1.0)
) -> Field:
    """Return a Gaussian random field of one octave around `size` pixels; `stretch` as in `fractal`."""
    step = int(size * min(stretch) / 6)
    if step > 1:
        # Coarse structures are drawn on a coarse grid and enlarged: the same field at a fraction of the time.
        coarse = band(rng, -(-height // step) + 1, -(-width // step) + 1, size / step, stretch=stretch)
        grown = cv2.resize(coarse, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        return unit(grown[:height, :width])
    frequency = _frequencies(height, width, size, stretch)
    octave = rounded(np.log2, np.maximum(frequency, np.float32(1e-6)) * np.float32(size))
    return _filtered(rng, height, width, rounded(np.exp, -2 * octave**2))


def _frequencies(height: int, width: int, size: float, stretch: tuple[float, float]) -> Field:
    """Return spatial frequencies of a frame with room for structures of `size` not to meet their repetition."""
    rows, columns = _padded(height, size * stretch[1]), _padded(width, size * stretch[0])
    fx, fy = np.fft.rfftfreq(columns) * stretch[0], np.fft.fftfreq(rows) * stretch[1]
    return np.asarray(np.hypot(fy[:, None], fx[None, :]), dtype=np.float32)


def _padded(side: int, size: float) -> int:
    return int(cv2.getOptimalDFTSize(int(np.ceil((side + min(2 * size, side / 2)) / 2)))) * 2


def _filtered(rng: np.random.Generator, height: int, width: int, amplitude: Field) -> Field:
    shape = (amplitude.shape[0], 2 * (amplitude.shape[1] - 1))
    amplitude[0, 0] = 0
    white = rng.standard_normal(shape, dtype=np.float32)
    return unit(np.fft.irfft2(np.fft.rfft2(white) * amplitude, s=shape)[:height, :width])


def billowed(rng: np.random.Generator, height: int, width: int, size: float, stretch: tuple[float, float]) -> Field:
    """Return rounded heads with sharp valleys between them: a sum of |octaves| from `size` pixels down to 3 px."""
    total = np.zeros((height, width), dtype=np.float32)
    weight = 1.0
    while size >= 3:
        total += np.float32(weight) * np.abs(band(rng, height, width, size, stretch=stretch))
        size, weight = size / 2, weight * 0.42
    return unit(total)


def ridged(
    rng: np.random.Generator,
    height: int,
    width: int,
    size: float,
    *,
    gain: float,
    stretch: tuple[float, float] = (1.0, 1.0),
) -> Field:
    """Return sharp crests between smooth hollows, a multi-fractal of (1 - |octave|)^2; from `size` down to 3 px.

    Each octave has `gain` times the amplitude of the one before and is weighted by it: fine crests sit on coarse ones.
    """
    total = np.zeros((height, width), dtype=np.float32)
    weight, carrier = 1.0, np.ones((height, width), dtype=np.float32)
    while size >= 3:
        crest = np.clip(1 - np.abs(band(rng, height, width, size, stretch=stretch)) / 1.5, 0, 1) ** 2 * carrier
        total += np.float32(weight) * crest
        carrier = np.clip(crest * 2, 0, 1)
        size, weight = size / 2, weight * gain
    return unit(total)


def blurred(field: Field, sigma: float, sigma_y: float = 0.0) -> Field:
    """Return the field blurred by a Gaussian of `sigma` pixels (`sigma_y` along columns); mirrored at the border."""
    wide = cv2.GaussianBlur(field.astype(np.float64), (0, 0), sigma, sigmaY=sigma_y, borderType=cv2.BORDER_REFLECT)
    return np.asarray(wide, dtype=np.float32)  # in float32, the last bit would depend on the processor


def warp(field: Field, dx: Field, dy: Field) -> Field:
    """Return the field sampled at (x + dx, y + dy), displacements in pixels; mirrored at the border."""
    y, x = np.mgrid[: field.shape[0], : field.shape[1]].astype(np.float64)
    return sampled(field, x + dx, y + dy, cubic=True)


def transformed(
    field: Field, matrix: NDArray[Any], size: tuple[int, int] | None = None, border: int = cv2.BORDER_REFLECT
) -> Field:
    """Return the field under an affine map (2, 3) or a homography (3, 3) of its pixels, at `size` (width, height)."""
    width, height = size if size is not None else field.shape[::-1]
    whole = np.vstack([matrix, [0, 0, 1]]) if len(matrix) == 2 else matrix
    back = np.asarray(cv2.invert(whole.astype(np.float64))[1])
    y, x = np.mgrid[:height, :width].astype(np.float64)
    across, down, scale = (row[0] * x + row[1] * y + row[2] for row in back)
    return sampled(field, across / scale, down / scale, border=border)


def sampled(
    field: Field, x: NDArray[Any], y: NDArray[Any], *, cubic: bool = False, border: int = cv2.BORDER_REFLECT
) -> Field:
    """Return the field at places (x, y), between its pixels by bilinear or bicubic interpolation.

    As ``cv2.remap``, but in float64: that function's last bit depends on the processor in float32, and in float64 it
    rounds places to 1/32 pixel.

    Args:
        field: (height, width).
        x, y: (H, W) pixels; at most a width and a height outside the field.
        cubic: bicubic with OpenCV's kernel; else bilinear.
        border: border mode of OpenCV.
    """
    height, width = field.shape
    x, y = np.clip(x, -float(width), 2.0 * width), np.clip(y, -float(height), 2.0 * height)
    left, top = np.floor(x), np.floor(y)
    first = 1 if cubic else 0  # samples before the place, beside the one at its left
    room = max(int(-left.min()), int(-top.min()), int(left.max()) - width, int(top.max()) - height, 0) + 3
    framed = cv2.copyMakeBorder(field.astype(np.float64), room, room, room, room, border)
    flat, step = framed.reshape(-1), framed.shape[1]
    corner = ((top + (room - first)) * step + left + (room - first)).astype(np.int64)
    across, down = (_cubic if cubic else _linear)(x - left), (_cubic if cubic else _linear)(y - top)
    total = np.zeros(x.shape)
    for row, share in enumerate(down):
        line = across[0] * flat[corner + row * step]
        for column in range(1, len(across)):
            line += across[column] * flat[corner + (row * step + column)]
        total += share * line
    return total.astype(np.float32)


def _linear(t: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the weights of the two samples around a place, `t` after the first."""
    return [1 - t, t]


def _cubic(t: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the weights of four samples around a place, `t` after the second: OpenCV's kernel, a = -0.75."""
    a = -0.75
    first = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a
    second = ((a + 2) * t - (a + 3)) * t * t + 1
    third = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) * (1 - t) + 1
    return [first, second, third, 1 - first - second - third]


def shading(rng: np.random.Generator, height: int, width: int) -> Field:
    """Return smooth quadratic shading of a sky or a lens: mostly a vertical slope, some lateral, some curvature."""
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    slope_y, slope_x, curve, twist = rng.normal(0, [1.0, 0.7, 0.5, 0.3])
    return unit(slope_y * y + slope_x * x + curve * (x * x + y * y) + twist * x * y)
