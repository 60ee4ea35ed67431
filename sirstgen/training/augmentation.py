"""Augmentation of a frame and its mask together: all random values are drawn into a record, then that is applied.

The paper's augmentation (section V-B, and its code): a left-right flip, the long side resized to a random length
between half and twice the base size, padding with black where that is smaller than the crop, a random crop, and a
Gaussian blur of the image. Crops around targets, vertical flips and transposition are choices beside it, for short
trainings.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sirstgen.errors import InvalidValueError
from sirstgen.files.images import Gray
from sirstgen.training.torchvision_compat import import_torchvision

# Below this standard deviation a blur changes no gray level worth the computation.
LEAST_BLUR = 0.2


@dataclass(frozen=True)
class AugmentationDraw:
    """What happens to one frame, in this order; plain numbers, so that a record can be kept and replayed.

    Attributes:
        transpose: rows and columns change places.
        mirror: left and right change places.
        upside_down: top and bottom change places.
        size: (height, width) after resizing, pixels.
        corner: (top, left) of the crop in the resized frame, padded with black at the right and the bottom.
        blur: standard deviation of the Gaussian blur of the image, pixels; 0 is none.
    """

    transpose: bool
    mirror: bool
    upside_down: bool
    size: tuple[int, int]
    corner: tuple[int, int]
    blur: float


@dataclass(frozen=True)
class Augmentation:
    """What is drawn for each frame; the defaults are the paper's.

    Args:
        crop: side of the square that the net sees, pixels.
        base: the long side is resized to a length drawn evenly from ``base * scale``, aspect kept; None leaves the
            frame as large as it is.
        scale: least and greatest factor.
        mirror: probability of a left-right flip.
        upside_down: probability of a top-bottom flip.
        transpose: probability of a transposition.
        blur: probability of a Gaussian blur.
        blur_radius: its standard deviation is drawn evenly from here, pixels.
        around_target: probability that the crop is one of those that hold a (randomly chosen) target pixel.

    Raises:
        InvalidValueError: a probability outside 0..1, an empty range, a size that is not positive.
    """

    crop: int = 256
    base: int | None = 256
    scale: tuple[float, float] = (0.5, 2.0)
    mirror: float = 0.5
    upside_down: float = 0.0
    transpose: float = 0.0
    blur: float = 0.5
    blur_radius: tuple[float, float] = (0.0, 1.0)
    around_target: float = 0.0

    def __post_init__(self) -> None:
        for name in ("mirror", "upside_down", "transpose", "blur", "around_target"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidValueError(f"augmentation: {name} must be in [0, 1], got {getattr(self, name)}")
        if self.crop < 16 or self.crop % 16:
            raise InvalidValueError(f"augmentation: crop must be a positive multiple of 16, got {self.crop}")
        if self.base is not None and self.base < 1:
            raise InvalidValueError(f"augmentation: base must be positive, got {self.base}")
        if not 0 < self.scale[0] <= self.scale[1] or not 0 <= self.blur_radius[0] <= self.blur_radius[1]:
            raise InvalidValueError(
                f"augmentation: ranges must be (low, high) with low positive, got scale {self.scale} and blur_radius "
                f"{self.blur_radius}"
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return the augmentation whose `to_dict` gave `values`."""
        pairs = {key: tuple(values[key]) for key in ("scale", "blur_radius")}
        return cls(**{**values, **pairs})

    def to_dict(self) -> dict[str, Any]:
        """Return all choices as plain values."""
        return asdict(self)

    def draw(self, mask: NDArray[np.bool_], rng: np.random.Generator) -> AugmentationDraw:
        """Decide what happens to one frame.

        Args:
            mask: (H, W) bool of the frame; where its targets are, when the crop goes around one.
            rng: the stream of this frame.
        """
        transpose, mirror, upside_down, blurred, around = rng.random(5) < (
            self.transpose,
            self.mirror,
            self.upside_down,
            self.blur,
            self.around_target,
        )
        height, width = mask.shape[::-1] if transpose else mask.shape
        factor = 1.0
        if self.base is not None:
            low, high = (round(self.base * limit) for limit in self.scale)
            factor = rng.integers(low, high, endpoint=True) / max(height, width)
        size = (max(1, round(height * factor)), max(1, round(width * factor)))

        anchor = None
        pixels = np.argwhere(mask) if around else ()
        if len(pixels):
            y, x = pixels[rng.integers(len(pixels))]
            y, x = (x, y) if transpose else (y, x)
            anchor = (height - 1 - y if upside_down else y, width - 1 - x if mirror else x)
        corner = []
        for axis, (before, length) in enumerate(zip((height, width), size, strict=True)):
            low, high = 0, max(0, length - self.crop)
            if anchor is not None:
                at = int((anchor[axis] + 0.5) * length / before)
                low, high = max(low, min(at - self.crop + 1, high)), min(high, at)
            corner.append(int(rng.integers(low, high, endpoint=True)))
        return AugmentationDraw(
            transpose=bool(transpose),
            mirror=bool(mirror),
            upside_down=bool(upside_down),
            size=size,
            corner=(corner[0], corner[1]),
            blur=float(rng.uniform(*self.blur_radius)) if blurred else 0.0,
        )

    def apply(self, image: Gray, mask: NDArray[np.bool_], draw: AugmentationDraw) -> tuple[Tensor, Tensor]:
        """Return the frame after `draw`: the same draw gives the same pixels.

        Args:
            image: (H, W) uint8 or uint16.
            mask: (H, W) bool.
            draw: what to do.

        Returns:
            Image (1, crop, crop) float32 in 0..1 (black to white) and mask (1, crop, crop) float32 of 0 and 1.
        """
        functional: Any = import_torchvision("transforms.v2.functional")
        tv_tensors: Any = import_torchvision("tv_tensors")
        frame: tuple[Any, Any] = (
            tv_tensors.Image(gray_tensor(image)[None]),
            tv_tensors.Mask(torch.from_numpy(mask)[None]),
        )
        if draw.transpose:
            frame = tuple(tv_tensors.wrap(part.transpose(-1, -2), like=part) for part in frame)
        if draw.mirror:
            frame = tuple(functional.horizontal_flip(part) for part in frame)
        if draw.upside_down:
            frame = tuple(functional.vertical_flip(part) for part in frame)
        if draw.size != tuple(frame[0].shape[-2:]):
            # For masks torchvision's own choice is a nearest neighbour that is off by half a pixel; targets are small.
            nearest = functional.resize(
                frame[1].as_subclass(torch.Tensor), list(draw.size), functional.InterpolationMode.NEAREST_EXACT
            )
            frame = (functional.resize(frame[0], list(draw.size), antialias=True), tv_tensors.Mask(nearest))
        frame = tuple(functional.crop(part, *draw.corner, self.crop, self.crop) for part in frame)
        if draw.blur >= LEAST_BLUR:
            side = 2 * int(np.ceil(3 * draw.blur)) + 1
            frame = (functional.gaussian_blur(frame[0], [side, side], [draw.blur, draw.blur]), frame[1])
        return unit_range(frame[0].as_subclass(torch.Tensor)), frame[1].as_subclass(torch.Tensor).float()


def gray_tensor(image: Gray) -> Tensor:
    """Return a (H, W) frame as a tensor: uint8 stays uint8, 16 bits become float32 in 0..1."""
    if image.dtype == np.uint8:
        return torch.from_numpy(np.ascontiguousarray(image))
    return torch.from_numpy(image.astype(np.float32) / 65535)


def unit_range(image: Tensor) -> Tensor:
    """Return what `gray_tensor` gave, as float32 in 0..1."""
    return image.float() / 255 if image.dtype == torch.uint8 else image
