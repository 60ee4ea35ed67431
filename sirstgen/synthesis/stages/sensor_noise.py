"""Stage ``sensor_noise``: normal noise on the finished image, correlated between neighbouring pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sirstgen.files.images import Gray
from sirstgen.recipe.distributions import Distribution, Part, Within
from sirstgen.recipe.parts import drawn
from sirstgen.seeding import Draws, stream
from sirstgen.stages import DrawContext, ImageContext, finite, register_stage, require


class SensorNoiseEntry(Part):
    """How strong the noise is."""

    sigma: Annotated[Distribution, Within(least=0, most=255)] = Field(
        default=drawn({"between": [0.5, 1.5]}), description="gray levels of 256, one value an image; 0: none"
    )
    lag1: float = Field(default=0.4, ge=0, le=0.9, description="correlation of pixels side by side")

    def draw(self, rng: Draws, context: DrawContext) -> SensorNoise | None:
        """Return the noise of one image."""
        sigma = round(self.sigma.draw(rng) * context.levels, 6)
        return SensorNoise(sigma, self.lag1, rng.integers(1 << 31)) if sigma > 0 else None


@dataclass(frozen=True, slots=True)
class SensorNoise:
    """The noise of one image.

    Args:
        sigma: gray levels of the image.
        lag1: correlation of pixels side by side, 0 to 0.9.
        seed: of its values.
    """

    sigma: float
    lag1: float
    seed: int

    def __post_init__(self) -> None:
        require(finite(self.sigma) and self.sigma > 0, "sensor_noise.sigma", "must be positive", self.sigma)
        require(0 <= self.lag1 <= 0.9, "sensor_noise.lag1", "must be from 0 to 0.9", self.lag1)
        require(self.seed >= 0, "sensor_noise.seed", "must not be negative", self.seed)

    def apply(self, image: Gray, context: ImageContext | None = None) -> Gray:
        """Return the image with the noise, rounded to whole gray levels."""
        noise = stream(self.seed, "noise").standard_normal(image.shape, dtype=np.float32)
        if self.lag1 > 0:
            taps = _correlating(self.lag1)
            noise = np.asarray(cv2.sepFilter2D(noise.astype(np.float64), cv2.CV_64F, taps, taps), np.float32)
        noisy = np.rint(image + np.float32(self.sigma) * noise)
        return np.asarray(np.clip(noisy, 0, np.iinfo(image.dtype).max).astype(image.dtype))


@cache
def _correlating(lag1: float) -> NDArray[np.float64]:
    """Return Gaussian filter taps that leave the variance of white noise as it is and give it this correlation."""
    places = np.arange(-12, 13)
    low, high = 0.1, 4.0
    for _ in range(60):
        width = (low + high) / 2
        taps = np.exp(-0.5 * (places / width) ** 2)
        taps /= np.sqrt((taps * taps).sum())
        low, high = (width, high) if (taps[1:] * taps[:-1]).sum() < lag1 else (low, width)
    return taps


register_stage("sensor_noise", slot="image", entry=SensorNoiseEntry, record=SensorNoise)
