"""Statistics of the blocks of an image, which predict the clutter around a target before it is placed."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.files.images import Gray
from sirstgen.plan import RegionKind

BLOCK = 16
"""About how wide and high a block is, pixels."""

_NEIGHBOURHOOD = 3  # blocks: 48 px, about the clutter region of a target


class Blocks(NamedTuple):
    """Statistics of the blocks of an image, (blocks,) each, gray levels.

    Args:
        deviation: of the neighbourhood, a prediction of that of the clutter around a target.
        raised: mean of the neighbourhood, a prediction of that of the clutter, minus that of the block.
        own: mean of the block.
        room: by how much the block is darker than white.
    """

    deviation: NDArray[np.float64]
    raised: NDArray[np.float64]
    own: NDArray[np.float64]
    room: NDArray[np.float64]


def blocks_of(layer: Gray, grid: tuple[int, int], region: RegionKind, white: int) -> Blocks:
    """Return the statistics of the blocks of an image.

    Args:
        layer: (H, W) uint8 or uint16.
        grid: rows and columns of blocks.
        region: where the SCR takes its clutter.
        white: the largest gray level.
    """
    # Every fourth pixel is plenty for the statistics; double precision holds their sums exactly.
    sparse = layer[::4, ::4].astype(np.float64)
    own = np.asarray(cv2.resize(sparse, grid[::-1], interpolation=cv2.INTER_AREA), np.float64)
    if region == "global":
        mean, deviation = np.full(own.shape, float(layer.mean())), np.full(own.shape, float(layer.std()))
    else:
        sparse *= sparse
        side = (_NEIGHBOURHOOD, _NEIGHBOURHOOD)
        mean = np.asarray(cv2.blur(own, side), np.float64)
        deviation = np.asarray(cv2.blur(cv2.resize(sparse, grid[::-1], interpolation=cv2.INTER_AREA), side))
        deviation -= mean * mean
        np.sqrt(np.maximum(deviation, 0, out=deviation), out=deviation)
    mean -= own
    return Blocks(deviation.ravel(), mean.ravel(), own.ravel(), (white - own).ravel())
