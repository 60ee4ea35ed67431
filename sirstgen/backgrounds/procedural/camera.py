"""What camera and recorder make of a scene: blur, gain, noise, 8 bits, blocks, enlargement, sharpening."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural.fields import Field, blurred, rounded, unit

_LEAST_SIDE = 32
_MOST_GAIN = 6.0  # clear skies stay clear


@dataclass(frozen=True)
class Codec:
    """A block codec that some frames went through.

    Args:
        share: chance of a frame.
        quality: lowest and highest JPEG quality, 1 to 100.
    """

    share: float = 0.33
    quality: tuple[int, int] = (30, 92)


def spread(rng: np.random.Generator, median: float, deviation: float) -> float:
    """Return a log-normal draw, cut off at 2.5 times its `deviation` (of the logarithm) on either side."""
    return float(median * np.exp(np.clip(rng.normal(0, deviation), -2.5 * deviation, 2.5 * deviation)))


def gain_control(
    rng: np.random.Generator, gray: Field, deviation: float, gains: tuple[float, float], levels: tuple[float, float]
) -> Field:
    """Return the scene as the camera's gain control shows it: a flat one brought up, a strong one brought down.

    Args:
        gray: (height, width) gray levels.
        deviation: standard deviation that is aimed at, gray levels.
        gains: least and largest gain.
        levels: range of the mean, gray levels.
    """
    gain = np.clip(deviation / gray.std(), *gains)
    return np.asarray((gray - gray.mean()) * np.float32(gain) + np.float32(rng.uniform(*levels)), np.float32)


def finish(
    rng: np.random.Generator,
    scene: Field,
    *,
    noise: float,
    softness: float = 0.7,
    grain: float = 0.6,
    along: float = 1.15,
    pattern: float = 0.1,
    saturates: bool = False,
    enlarged: float = 0.4,
    codec: Codec = Codec(),
    overdriven: float = 0.1,
    sharpened: float = 0.12,
) -> NDArray[np.uint8]:
    """Return a scene as a recorded frame shows it.

    Args:
        scene: (height, width) gray levels, 0 to 255; may run over.
        noise: standard deviation of the sensor noise in gray levels (real frames: about 0.1 to 1.0).
        softness: sigma in pixels of the blur that the optics leave.
        grain: size of the noise's grains in pixels, the sigma of a Gaussian.
        along: sigma along the rows over `grain`; down the columns it is 0.85: grains are wide, as in real frames.
        pattern: standard deviation of the column and row offsets in gray levels.
        saturates: whether levels over 255 are clipped there; otherwise the bright end is bent to stay under 246.
        enlarged: chance that the frame was recorded smaller and enlarged afterwards, as many real frames were: their
            noise is soft and they have broad steps of one gray level.
        codec: the compression.
        overdriven: chance of a gain so high that much of the frame is white: ridges and roofs with hard edges.
        sharpened: chance of dark and bright rims along edges, as a recorder's unsharp mask leaves them.
    """
    gray = blurred(scene, softness)
    if rng.random() < overdriven:
        gray = _overdriven(rng, gray)
    elif not saturates:
        gray = _bend(gray, knee=205.0, ceiling=246.0)
    gray = 255 - _bend(255 - gray, knee=243.0, ceiling=254.0)
    height, width = scene.shape
    rows, columns = height, width
    factor = float(np.exp(rng.uniform(0.2, 1.0))) if rng.random() < enlarged else 1.0
    if factor > 1:
        rows, columns = (max(round(side / factor), _LEAST_SIDE) for side in (height, width))
        gray = np.asarray(cv2.resize(gray, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.float32)
    gray = (
        gray
        + _noise(rng, rows, columns, noise, along * grain, 0.85 * grain)
        + _fixed_pattern(rng, rows, columns, pattern)
    )
    frame = _to_8_bits(gray)
    compressed, late = rng.random() < codec.share, rng.random() < 0.5
    quality = int(rng.integers(codec.quality[0], codec.quality[1] + 1))
    grid = rng.integers(0, 8, 2).tolist()
    if compressed and not late:
        frame = _compressed(frame, quality, *grid)
    if factor > 1:
        how = cv2.INTER_LINEAR if rng.random() < 0.5 else cv2.INTER_CUBIC
        frame = _to_8_bits(np.asarray(cv2.resize(frame.astype(np.float32), (width, height), interpolation=how)))
    if rng.random() < sharpened:
        frame = _sharpened(frame, amount=rng.uniform(0.5, 2.5), width=rng.uniform(0.8, 2.0))
    return _compressed(frame, quality, *grid) if compressed and late else frame


def _to_8_bits(gray: Field) -> NDArray[np.uint8]:
    return np.clip(np.rint(gray), 0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, height: int, width: int, sigma: float, across: float, down: float) -> Field:
    """Return noise correlated between neighbours, as interpolated and compressed video shows it."""
    white = rng.standard_normal((height, width), dtype=np.float32)
    soft = blurred(white, across, down)
    return unit(soft) * np.float32(sigma)


def _fixed_pattern(rng: np.random.Generator, height: int, width: int, sigma: float) -> Field:
    """Return one offset a column and a smaller one a row: each column has its amplifier."""
    offsets = rng.normal(0, sigma, (1, width)) + rng.normal(0, 0.4 * sigma, (height, 1))
    return offsets.astype(np.float32)


def _overdriven(rng: np.random.Generator, gray: Field) -> Field:
    """Return the scene under a gain that makes up to 20 % of it white; its darkest parts stay just above black."""
    dark, white = np.quantile(gray[::2, ::2], (0.02, rng.uniform(0.8, 0.95)))
    black = rng.uniform(2, 40)
    gain = min((256 - black) / max(float(white - dark), 1.0), _MOST_GAIN)
    return np.asarray(black + (gray - dark) * np.float32(gain), np.float32)


def _bend(gray: Field, knee: float, ceiling: float) -> Field:
    """Return `gray` up to `knee`; above, it approaches `ceiling` exponentially, with the same slope at the knee."""
    room = ceiling - knee
    over = np.maximum(gray - knee, 0)
    return np.where(gray > knee, knee + room * (1 - rounded(np.exp, -over / room)), gray).astype(np.float32)


def _sharpened(frame: NDArray[np.uint8], amount: float, width: float) -> NDArray[np.uint8]:
    """Return the frame after an unsharp mask, which leaves out small steps as real sharpeners do."""
    gray = frame.astype(np.float32)
    detail = gray - blurred(gray, width)
    beyond = np.sign(detail) * np.maximum(np.abs(detail) - 2, 0)
    return _to_8_bits(gray + amount * beyond)


def _compressed(frame: NDArray[np.uint8], quality: int, down: int, across: int) -> NDArray[np.uint8]:
    """Return the frame after JPEG with blocks of 8 px that begin `down` rows and `across` columns before it."""
    framed = cv2.copyMakeBorder(frame, down, 0, across, 0, cv2.BORDER_REFLECT_101)
    _, packed = cv2.imencode(".jpg", framed, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)[down:, across:]
