"""The profile of a target: what it adds to each pixel of a window, per gray level of its peak."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

FAINT = 0.005
"""Share of the peak under which a value counts as nothing."""


class GaussianComponent(NamedTuple):
    """One of the Gaussians that a point or spot target consists of.

    Args:
        dx: columns from the target's position, pixels.
        dy: rows from the target's position, pixels.
        along: sigma along `angle`, pixels.
        across: sigma across it, pixels.
        angle: degrees from x towards y.
        weight: its peak relative to the main one's.
    """

    dx: float
    dy: float
    along: float
    across: float
    angle: float
    weight: float


class Profile(NamedTuple):
    """Values on a window of pixels.

    Args:
        values: (h, w), relative radiance.
        left: column of ``values[0, 0]``; 0 is the column that holds the target's position.
        top: row of ``values[0, 0]``, likewise.
    """

    values: NDArray[np.float64]
    left: int
    top: int

    def grown(self, margin: int) -> Profile:
        """Return the profile with `margin` pixels of zeros on every side."""
        values = cv2.copyMakeBorder(self.values, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0.0)
        return Profile(np.asarray(values), self.left - margin, self.top - margin)

    def blurred(self, sigma: float, reach: int) -> Profile:
        """Return the profile after a Gaussian blur of `sigma` pixels, cut at `reach` pixels; the window grows."""
        wide, side = self.grown(reach), 2 * reach + 1
        values = cv2.GaussianBlur(wide.values, (side, side), sigma, sigmaY=sigma, borderType=cv2.BORDER_CONSTANT)
        return Profile(np.asarray(values), wide.left, wide.top)
