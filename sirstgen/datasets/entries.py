"""One image of a dataset with its mask, wherever they are kept: the interface between layouts and readers.

A layout (files in folders, members of shards) gives one `Entry` an image. Only the layouts define where bytes
come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sirstgen.datasets.masks import ReadMask, decode_mask
from sirstgen.files.decoding import Levels, decode_levels, opened
from sirstgen.files.input_files import MAX_IMAGE_BYTES, read_bytes


class Stored(Protocol):
    """A file of a dataset, wherever it is kept."""

    @property
    def path(self) -> Path:
        """Its name for messages: a file, or ``shard.tar/member``."""
        ...

    def read(self) -> bytes:
        """Return its content; InputError where it cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file in a folder."""

    path: Path

    def read(self) -> bytes:
        """Return its content."""
        return read_bytes(self.path, MAX_IMAGE_BYTES)


@dataclass(frozen=True, slots=True)
class Entry:
    """One image with its mask.

    Attributes:
        id: of the image in its dataset.
        image: where the image is kept.
        mask: where the mask is kept.
    """

    id: str
    image: Stored
    mask: Stored

    def read_image(self) -> Levels:
        """Return the pixel values of the image file, on no scale yet."""
        return decode_levels(self.image.read(), self.image.path)

    def image_shape(self) -> tuple[int, int]:
        """Return (height, width) of the image, from the head of its file where that states it."""
        with opened(self.image.read(), self.image.path) as picture:
            if picture is not None:
                return picture.height, picture.width
        return self.read_image().shape

    def read_mask(self, threshold: int | None = None) -> ReadMask:
        """Return the mask at the mask file's own size (`sirstgen.datasets.masks.decode_mask`)."""
        return decode_mask(self.mask.read(), self.mask.path, threshold)
