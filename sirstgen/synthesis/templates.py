"""Templates: drawings of planes, ships and UAVs with relative radiance, in folders that users can add to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Template:
    """One drawing of a target.

    Args:
        id: class and file stem, such as ``plane/03``.
        cls: the class, which is the sub-folder's name.
        radiance: shape (H, W), float32, relative radiance from 0 to 1; zero is outside the object. Cropped to the
            object's box when made.
        scenes: scenes where the object belongs; empty means any.
        typical_length: (shortest, longest) usual length in pixels of a 256 x 256 image.
        heading: where the nose points in the drawing, degrees from the x axis towards the y axis (clockwise on screen).
        pose: a note on what is shown.
    """

    id: str
    cls: str
    radiance: NDArray[np.float32]
    scenes: tuple[str, ...] = ()
    typical_length: tuple[float, float] = (6.0, 25.0)
    heading: float = 0.0
    pose: str = ""

    def __post_init__(self) -> None:
        rows, columns = np.flatnonzero(self.radiance.any(axis=1)), np.flatnonzero(self.radiance.any(axis=0))
        box = self.radiance[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        object.__setattr__(self, "radiance", np.ascontiguousarray(box, dtype=np.float32))

    @cached_property
    def pyramid(self) -> tuple[NDArray[np.float32], ...]:
        """The drawing and its halves (2 x 2 means) down to a single pixel; all keep the upper left corner."""
        levels = [self.radiance]
        while max(levels[-1].shape) > 1:
            rows, columns = levels[-1].shape
            even = cv2.copyMakeBorder(levels[-1], 0, rows % 2, 0, columns % 2, cv2.BORDER_CONSTANT, value=0)
            size = (even.shape[1] // 2, even.shape[0] // 2)
            levels.append(np.asarray(cv2.resize(even, size, interpolation=cv2.INTER_AREA), dtype=np.float32))
        return tuple(levels)

    def shrunk_to(self, length: float) -> tuple[int, NDArray[np.float32]]:
        """The smallest pyramid level, and its number, whose longer side is at least `length` (or level 0)."""
        level = max(0, min(int(np.log2(max(self.radiance.shape) / length)), len(self.pyramid) - 1))
        return level, self.pyramid[level]
