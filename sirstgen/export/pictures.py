"""A dataset's images and masks in the place that a format requires: linked, copied, or encoded anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sirstgen.backgrounds.levels import to_bit_depth
from sirstgen.datasets.gray_files import place_gray
from sirstgen.datasets.readers import Dataset
from sirstgen.export.frames import ExportFrame
from sirstgen.files.gray_scale import Gray


class Pictures:
    """The image files of one export.

    Args:
        dataset: where the frames come from.
        link: hard links in place of copies where a file's bytes are kept.
        narrow: images of more than 8 bits are exported in 8.

    Attributes:
        wide: whether an image of more than 8 bits was exported.
    """

    def __init__(self, dataset: Dataset, link: bool, narrow: bool) -> None:
        self._dataset, self._link, self._narrow = dataset, link, narrow
        self.wide = False

    def pixels(self, frame: ExportFrame) -> Gray:
        """Return the image as exported: (H, W), uint8 or uint16."""
        self.wide |= frame.image.dtype == np.uint16
        return to_bit_depth(frame.image, 8) if self._narrow else frame.image

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
