"""Stage ``codec``: the 8-px blocks of a lossy codec (baseline JPEG) on the finished image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import cv2
import numpy as np
from pydantic import Field

from sirstgen.errors import GenerationError
from sirstgen.files.images import Gray
from sirstgen.recipe.distributions import Distribution, Part, Within
from sirstgen.recipe.parts import Share, drawn
from sirstgen.seeding import Draws
from sirstgen.stages import DrawContext, ImageContext, register_stage, require

Scope = Literal["image", "targets"]

_BLOCK = 8


class CodecEntry(Part):
    """How many images went through a codec, and how strong it was."""

    share: Share = Field(default=1.0, description="of the images")
    quality: Annotated[Distribution, Within(least=1, most=100)] = Field(
        default=drawn({"between": [70, 95]}), description="of JPEG"
    )
    scope: Scope = Field(default="image", description="all blocks, or those that a target changes")

    def draw(self, rng: Draws, context: DrawContext) -> Codec | None:
        """Return the codec of one image; None for those that went through none."""
        if rng.random() >= self.share:
            return None
        return Codec(round(self.quality.draw(rng)), (rng.integers(_BLOCK), rng.integers(_BLOCK)), self.scope)


@dataclass(frozen=True, slots=True)
class Codec:
    """The codec of one image.

    Args:
        quality: 1 to 100.
        phase: (x, y) of the block grid's origin, 0 to 7.
        scope: ``image``: all blocks; ``targets``: those that a target changes, for backgrounds that have been through
            a codec already.
    """

    quality: int
    phase: tuple[int, int] = (0, 0)
    scope: Scope = "image"

    def __post_init__(self) -> None:
        require(1 <= self.quality <= 100, "codec.quality", "must be from 1 to 100", self.quality)
        right = len(self.phase) == 2 and all(0 <= part < _BLOCK for part in self.phase)
        require(right, "codec.phase", "must be (0 to 7, 0 to 7)", self.phase)
        require(self.scope in get_args(Scope), "codec.scope", "must be image or targets", self.scope)

    def apply(self, image: Gray, context: ImageContext) -> Gray:
        """Return the image after baseline JPEG.

        Raises:
            GenerationError: OpenCV was built without JPEG.
        """
        height, width = image.shape
        left, top = (-self.phase[0]) % _BLOCK, (-self.phase[1]) % _BLOCK
        right, bottom = (-(left + width)) % _BLOCK, (-(top + height)) % _BLOCK
        padded = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REPLICATE)
        done, data = cv2.imencode(".jpg", padded, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        if not done:
            raise GenerationError("OpenCV cannot write JPEG; install a build that can, or leave out stages.codec")
        decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
        if self.scope == "targets":
            spread = np.zeros(padded.shape, bool)
            spread[top : top + height, left : left + width] = context.changed()
            rows, columns = padded.shape[0] // _BLOCK, padded.shape[1] // _BLOCK
            blocks = spread.reshape(rows, _BLOCK, columns, _BLOCK).any(axis=(1, 3))
            touched = blocks.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1)
            decoded = np.where(touched, decoded, padded)
        return np.ascontiguousarray(decoded[top : top + height, left : left + width])


register_stage("codec", slot="image", entry=CodecEntry, record=Codec, bit_depths=(8,))
