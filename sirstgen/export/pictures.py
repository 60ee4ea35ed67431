"""A dataset's images and masks in the place that a format requires: linked, copied, or encoded anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sirstgen.backgrounds.levels import to_bit_depth
from sirstgen.datasets.gray_files import place_gray
from sirstgen.datasets.readers import Dataset
from sirstgen.export.frames import ExportFrame
from sirstgen.files.gray_scale import Gray, GrayScale


class Pictures:
    """The image files of one export.

    Args:
        dataset: where the frames come from.
        link: hard links in place of copies where a file's bytes are kept.
        levels: scale of a dataset of more than 8 bits that is exported in 8; None keeps 16 bits.
    """

    def __init__(self, dataset: Dataset, link: bool, levels: GrayScale | None) -> None:
        self._dataset = dataset
        self._link = link
        self.levels = levels
        self.wide = False
        """Whether an image was written in 16 bits."""

    def pixels(self, frame: ExportFrame) -> Gray:
        """Return the image as exported: (H, W), uint8 or uint16."""
        if self.levels is not None:
            return to_bit_depth(frame.image, 8)
        self.wide |= frame.image.dtype == np.uint16
        return frame.image

    def image(self, frame: ExportFrame, target: Path) -> None:
        """Write the image of `frame` to `target` as gray PNG."""
        target.parent.mkdir(parents=True, exist_ok=True)
        stored = self._dataset.entry(frame.id).image
        place_gray(stored.path, stored.read(), self.pixels(frame), target, self._link)

    def mask(self, frame: ExportFrame, target: Path) -> None:
        """Write the mask of `frame` to `target` as gray PNG of 0 and 255."""
        target.parent.mkdir(parents=True, exist_ok=True)
        stored = self._dataset.entry(frame.id).mask
        place_gray(stored.path, stored.read(), frame.mask.astype(np.uint8) * np.uint8(255), target, self._link)
