"""Gray levels of one bit depth from frames of another."""

from __future__ import annotations

import numpy as np

from sirstgen.files.gray_scale import Gray


def to_bit_depth(image: Gray, bit_depth: int) -> Gray:
    """Return `image`, a frame on its set's gray scale, in gray levels of `bit_depth`.

    255 and 65535 are the same white: 8 to 16 bits is times 257, 16 to 8 bits is divided by 257 and rounded. An image of
    the wanted depth is returned as it is.

    Args:
        image: (H, W), uint8 or uint16.
        bit_depth: 8 or 16.
    """
    if image.dtype == (np.uint8 if bit_depth == 8 else np.uint16):
        return image
    if bit_depth == 16:
        return image.astype(np.uint16) * np.uint16(257)
    table = np.rint(np.arange(65536) / 257).astype(np.uint8)
    narrow: Gray = table[image]
    return narrow
