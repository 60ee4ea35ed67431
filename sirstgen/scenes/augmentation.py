"""What a frame may look like through another camera: the changes that leave its scene what it is.

A scene in a public set often comes from one camera, and a network then learns the camera. Crops, contrast, shading,
blur, noise, resampling and compression break that look. Brightness moves only a little, since highlight scenes are
told by it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.scenes.preparation import resized

Square = NDArray[np.float32]

_LEAST_CROP = 0.6  # of the shorter side; a smaller piece of a street or a coast may show only sky


def augmented(gray: NDArray[np.float32], rng: np.random.Generator) -> Square:
    """A randomly changed square of the frame at the network's input size.

    Args:
        gray: (H, W), float32, 0 to 1 (`sirstgen.scenes.preparation.relative_gray`).
        rng: where every choice comes from.

    Returns:
        (INPUT_SIDE, INPUT_SIDE), float32, 0 to 1.
    """
    square = _crop(gray, rng)
    square = _relight(square, rng)
    if rng.random() < 0.3:
        square = _local_contrast(square, rng)
    if rng.random() < 0.3:
        square = _resampled(square, rng)
    if rng.random() < 0.4:
        square = np.asarray(cv2.GaussianBlur(square, (0, 0), rng.uniform(0.3, 1.3)), dtype=np.float32)
    if rng.random() < 0.5:
        square = _noisy(square, rng)
    if rng.random() < 0.3:
        square = _compressed(square, rng)
    return np.clip(square, 0, 1)


def _crop(gray: NDArray[np.float32], rng: np.random.Generator) -> Square:
    """A square turned by a few degrees, at times mirrored left to right; up and down mean something and stay."""
    height, width = gray.shape
    side = max(8, round(min(height, width) * rng.uniform(_LEAST_CROP, 1.0)))
    y = int(rng.integers(0, max(1, height - side + 1)))
    x = int(rng.integers(0, max(1, width - side + 1)))
    square = resized(np.ascontiguousarray(gray[y : y + side, x : x + side]))
    if rng.random() < 0.3:
        middle = (square.shape[0] - 1) / 2
        turn = cv2.getRotationMatrix2D((middle, middle), rng.uniform(-7, 7), 1.0)
        square = np.asarray(cv2.warpAffine(square, turn, square.shape[::-1], borderMode=cv2.BORDER_REFLECT_101))
    return np.ascontiguousarray(square[:, ::-1]) if rng.random() < 0.5 else square


def _relight(square: Square, rng: np.random.Generator) -> Square:
    """Contrast about the mean, a small change of brightness, and shading across the frame."""
    mean = square.mean()
    contrast = np.exp(rng.uniform(np.log(0.6), np.log(1.6)))
    gain, offset = np.exp(rng.uniform(np.log(0.85), np.log(1.2))), rng.normal(0, 0.04)
    square = (square - mean) * contrast + mean * gain + offset
    if rng.random() < 0.3:
        ramp = np.linspace(-0.5, 0.5, square.shape[0], dtype=np.float32)
        tilt_x, tilt_y, bowl = rng.normal(0, [0.06, 0.06, 0.08])
        square = square + tilt_x * ramp + tilt_y * ramp[:, None] + bowl * (ramp**2 + ramp[:, None] ** 2 - 1 / 6)
    return square.astype(np.float32)


def _local_contrast(square: Square, rng: np.random.Generator) -> Square:
    """Towards or away from the local mean, as cameras' detail enhancement does."""
    side = int(rng.integers(4, 14))
    coarse = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)
    local = cv2.resize(coarse, square.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(square + rng.uniform(-0.4, 1.0) * (square - local), dtype=np.float32)


def _resampled(square: Square, rng: np.random.Generator) -> Square:
    """Detail lost to a coarser camera: down and up again."""
    side = round(square.shape[0] * rng.uniform(0.4, 0.9))
    small = cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)
    way = cv2.INTER_NEAREST if rng.random() < 0.2 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(small, square.shape[::-1], interpolation=way), dtype=np.float32)


def _noisy(square: Square, rng: np.random.Generator) -> Square:
    """White noise, at times correlated, at times with the column and row pattern of a focal plane array."""
    noise = rng.standard_normal(square.shape, dtype=np.float32)
    if rng.random() < 0.4:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.8), dtype=np.float32)
    if rng.random() < 0.3:
        noise += rng.standard_normal(square.shape[1], dtype=np.float32)
        noise += rng.standard_normal((square.shape[0], 1), dtype=np.float32)
    return square + np.float32(np.exp(rng.uniform(np.log(0.002), np.log(0.04)))) * noise


def _compressed(square: Square, rng: np.random.Generator) -> Square:
    """Through a JPEG codec, as one third of the real frames in public sets have been."""
    pixels = np.rint(np.clip(square, 0, 1) * 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 95))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.float32) / np.float32(255)
