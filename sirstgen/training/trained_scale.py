"""The scale of gray levels that a detector was trained on, and the scale that is applied to new frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sirstgen.errors import InvalidValueError
from sirstgen.files.decoding import Levels
from sirstgen.files.gray_scale import (
    EIGHT_BIT,
    FrameRange,
    Gray,
    GrayScale,
    container_scale,
    levels_per_256,
    used_range,
)

_MOST_FRAMES = 200
_LEAST_COVERED = 0.1  # of the trained scale, by new frames that count as of the same camera


@dataclass(frozen=True, slots=True)
class TrainedScale:
    """The scale of the frames that a detector was trained on.

    Attributes:
        scale: black and white of the set; `EIGHT_BIT` for frames of 8 bits.
        used: the part of it that the frames use, (low, high) as shares of 0 to 1.

    Raises:
        InvalidValueError: `used` is no part of 0 to 1.
    """

    scale: GrayScale = EIGHT_BIT
    used: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        low, high = self.used
        if not 0 <= low < high <= 1:
            raise InvalidValueError(f"the used part of a gray scale must lie in 0 to 1, got {low} to {high}")

    @classmethod
    def of(cls, scale: GrayScale, images: Sequence[Gray]) -> Self:
        """Return the scale of a training set.

        Args:
            scale: of the dataset the frames are from.
            images: (H, W) uint8 or uint16, as that dataset delivers them; at most 200 of them, evenly spread, are read.
        """
        chosen = images[:: max(1, len(images) // _MOST_FRAMES)]
        low, high = (
            round(value / 255, 4)
            for value in used_range([FrameRange.of(Levels(image / levels_per_256(image))) for image in chosen])
        )
        return cls(scale, (low, high) if high > low else (0.0, 1.0))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the scale that `to_dict` wrote.

        Raises:
            InvalidValueError: an entry is missing or of another type.
        """
        try:
            low, high = (float(value) for value in values["used"])
        except (KeyError, TypeError, ValueError):
            raise InvalidValueError(f"gray_scale.used must be two numbers, got {str(values)[:80]}") from None
        return cls(GrayScale.from_dict(values), (low, high))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return self.scale.to_dict() | {"used": list(self.used)}

    def for_frames(self, ranges: Sequence[FrameRange]) -> GrayScale:
        """Return the scale that is applied to new frames of more than 8 bits.

        The trained scale, where the new frames lie on it (the same camera); else the full scale of their sensor, where
        they fill half of it; else the scale on which they use the part that the training frames used.

        Args:
            ranges: of all new frames (`FrameRange.of`).
        """
        low, high = used_range(ranges)
        black, white = self.scale.black, self.scale.white
        span = white - black
        if self.scale != EIGHT_BIT and black <= low and high <= white and high - low >= _LEAST_COVERED * span:
            return self.scale
        full = container_scale(low, high)
        if full is not None:
            return full
        first, last = self.used
        unit = (high - low if high > low else 1.0) / (last - first)
        return GrayScale(low - first * unit, low + (1 - first) * unit)
