"""A dataset's images and masks in the place that a format wants: linked, copied, or encoded anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sirstgen.datasets.gray_files import place_gray
from sirstgen.datasets.readers import Dataset
from sirstgen.export.frames import ExportFrame
from sirstgen.images import Gray, read_bytes

Levels = tuple[int, int]
"""Gray levels of a 16-bit dataset that become 0 and 255 in 8 bits."""


class Pictures:
    """The image files of one export.

    Args:
        dataset: where the frames come from.
        link: hard links in place of copies where a file's bytes are kept.
        levels: for exports in 8 bits, of 16-bit datasets; None keeps 16 bits.
    """

    def __init__(self, dataset: Dataset, link: bool, levels: Levels | None) -> None:
        self._dataset = dataset
        self._link = link
        self.levels = levels
        self.wide = False
        """Whether an image was written in 16 bits."""

    def pixels(self, frame: ExportFrame) -> Gray:
        """Return the image as exported: (H, W), uint8 or uint16."""
        if self.levels is not None:
            return in_8_bits(frame.image, self.levels)
        self.wide |= frame.image.dtype == np.uint16
        return frame.image

    def image(self, frame: ExportFrame, target: Path) -> None:
        """Write the image of `frame` to `target` as gray PNG."""
        target.parent.mkdir(parents=True, exist_ok=True)
        path = self._dataset.image_path(frame.id)
        place_gray(path, read_bytes(path), self.pixels(frame), target, self._link)

    def mask(self, frame: ExportFrame, target: Path) -> None:
        """Write the mask of `frame` to `target` as gray PNG of 0 and 255."""
        target.parent.mkdir(parents=True, exist_ok=True)
        path = self._dataset.mask_path(frame.id)
        place_gray(path, read_bytes(path), frame.mask.astype(np.uint8) * np.uint8(255), target, self._link)


def in_8_bits(image: Gray, levels: Levels) -> NDArray[np.uint8]:
    """Return gray levels with the first of `levels` as 0 and the second as 255; 8-bit images as they are."""
    if image.dtype == np.uint8:
        return image.astype(np.uint8, copy=False)
    black, white = levels
    scaled = (image.astype(np.float64) - black) * (255.0 / max(white - black, 1))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
