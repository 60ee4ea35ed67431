"""What a camera does to an image after its targets are in it: sensor noise, then a block codec."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import GenerationError
from sirstgen.images import Gray
from sirstgen.seeding import stream
from sirstgen.stages import BlockCodec, SensorNoise

_BLOCK = 8


def add_noise(image: Gray, noise: SensorNoise) -> Gray:
    """The image with normal noise of the stated deviation and lag-1 correlation, rounded to whole levels.

    Args:
        image: (H, W) uint8 or uint16, gray levels.
        noise: sigma in gray levels of the image, correlation, seed.
    """
    field = stream(noise.seed, "noise").standard_normal(image.shape, dtype=np.float32)
    if noise.lag1 > 0:
        taps = _correlating(noise.lag1)
        field = np.asarray(cv2.sepFilter2D(field, cv2.CV_32F, taps, taps), np.float32)
    noisy = np.rint(image + np.float32(noise.sigma) * field)
    return np.asarray(np.clip(noisy, 0, np.iinfo(image.dtype).max).astype(image.dtype))


@cache
def _correlating(lag1: float) -> NDArray[np.float64]:
    """Gaussian filter taps that leave the variance of white noise as it is and give it this lag-1 correlation."""
    places = np.arange(-12, 13)
    low, high = 0.1, 4.0
    for _ in range(60):
        width = (low + high) / 2
        taps = np.exp(-0.5 * (places / width) ** 2)
        taps /= np.sqrt(taps @ taps)
        low, high = (width, high) if taps[1:] @ taps[:-1] < lag1 else (low, width)
    return taps


def apply_codec(image: Gray, codec: BlockCodec, changed: NDArray[np.bool_]) -> Gray:
    """The image after baseline JPEG, whose blocks begin at the codec's phase.

    Args:
        image: (H, W) uint8.
        codec: quality, phase, and whether all blocks or only those with a changed pixel are written back.
        changed: (H, W) bool, the pixels that targets have changed.

    Raises:
        GenerationError: OpenCV was built without JPEG.
    """
    height, width = image.shape
    left, top = (-codec.phase[0]) % _BLOCK, (-codec.phase[1]) % _BLOCK
    right, bottom = (-(left + width)) % _BLOCK, (-(top + height)) % _BLOCK
    padded = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REPLICATE)
    done, data = cv2.imencode(".jpg", padded, [cv2.IMWRITE_JPEG_QUALITY, codec.quality])
    if not done:
        raise GenerationError("OpenCV cannot write JPEG; install a build that can, or set codec.share to 0")
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    if codec.scope == "targets":
        spread = np.zeros(padded.shape, bool)
        spread[top : top + height, left : left + width] = changed
        rows, columns = padded.shape[0] // _BLOCK, padded.shape[1] // _BLOCK
        blocks = spread.reshape(rows, _BLOCK, columns, _BLOCK).any(axis=(1, 3))
        touched = blocks.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1)
        decoded = np.where(touched, decoded, padded)
    return np.ascontiguousarray(decoded[top : top + height, left : left + width])
