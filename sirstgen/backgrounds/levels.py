"""Gray levels of one bit depth from frames of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sirstgen.images import Gray

STRETCH = (0.001, 0.999)
"""Shares of a 16-bit frame's pixels that become 0 and 255 in 8 bits, as in infrared displays: raw sensors use a narrow,
drifting part of their range, and a few dead pixels must not set it."""


def to_bit_depth(image: Gray, bit_depth: int) -> Gray:
    """`image` in gray levels of `bit_depth`.

    16 to 8 bits is one linear stretch of the whole frame that takes the `STRETCH` quantiles to 0 and 255; 8 to 16 bits
    is times 257, so that 255 becomes 65535. An image of the wanted depth is returned as it is.

    Args:
        image: (H, W), uint8 or uint16.
        bit_depth: 8 or 16.
    """
    if image.dtype == (np.uint8 if bit_depth == 8 else np.uint16):
        return image
    if bit_depth == 16:
        return image.astype(np.uint16) * np.uint16(257)
    share = np.cumsum(np.bincount(image.ravel(), minlength=65536)) / image.size
    low, high = (int(np.searchsorted(share, quantile)) for quantile in STRETCH)
    if low == high:  # all but a thousandth of the pixels are equal: keep what differs
        low, high = int(image.min()), int(image.max())
    levels = np.clip((np.arange(65536) - low) * (255.0 / max(high - low, 1)), 0.0, 255.0)
    table: NDArray[np.uint8] = np.rint(levels).astype(np.uint8)
    return table[image]
