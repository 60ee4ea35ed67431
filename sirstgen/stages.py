"""Plans of what happens to an image after its targets are lit: sensor noise and a block codec."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from sirstgen.errors import InvalidValueError

CodecScope = Literal["image", "targets"]


def require(rule: bool, name: str, text: str, value: object) -> None:
    """InvalidValueError unless the rule holds: what is wrong with which value."""
    if not rule:
        raise InvalidValueError(f"{name} {text}, got {value}", name=name, value=value)


def finite(*numbers: float) -> bool:
    """Whether all of them are finite."""
    return all(math.isfinite(number) for number in numbers)


@dataclass(frozen=True, slots=True)
class SensorNoise:
    """Normal noise on the finished image, correlated between neighbouring pixels.

    Args:
        sigma: gray levels of the image.
        lag1: correlation of pixels side by side, 0 to 0.9.
        seed: of its values.
    """

    sigma: float
    lag1: float
    seed: int

    def __post_init__(self) -> None:
        require(finite(self.sigma) and self.sigma > 0, "noise.sigma", "must be positive", self.sigma)
        require(0 <= self.lag1 <= 0.9, "noise.lag1", "must be from 0 to 0.9", self.lag1)
        require(self.seed >= 0, "noise.seed", "must not be negative", self.seed)


@dataclass(frozen=True, slots=True)
class BlockCodec:
    """The 8-px blocks of a lossy codec (baseline JPEG) on the finished image.

    Args:
        quality: 1 to 100.
        phase: (x, y) of the block grid's origin, 0 to 7.
        scope: ``image``: all blocks; ``targets``: those that a target changes, for backgrounds that have been through
            a codec already.
    """

    quality: int
    phase: tuple[int, int] = (0, 0)
    scope: CodecScope = "image"

    def __post_init__(self) -> None:
        require(1 <= self.quality <= 100, "codec.quality", "must be from 1 to 100", self.quality)
        require(all(0 <= part <= 7 for part in self.phase), "codec.phase", "must be (0 to 7, 0 to 7)", self.phase)
        require(self.scope in get_args(CodecScope), "codec.scope", "must be image or targets", self.scope)
