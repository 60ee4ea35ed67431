"""Which scene each image of a run shows, and how many earlier images show it too, at any place of a run of any length.

Image i has the mark ``phase + i * golden`` modulo 1; the scenes share the interval from 0 to 1 in proportion to their
weights, and the image shows the scene in whose part its mark is. So every scene keeps its share at any length. Marks
are whole numbers of 64 bits, in which the sum is exact, and how many of the first n marks are below a bound is a sum of
rounded-down multiples, which needs no walk through the n marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_ONE = 1 << 64
_GOLDEN = 11400714819323198485  # (sqrt(5) - 1) / 2 of _ONE
_BLOCK = 4096  # images that are worked out together


class SceneOrder:
    """The scenes of a run's images, by position in the list of weights.

    Args:
        weights: of the scenes; at least one is above 0.
        phase: the mark of image 0, from 0 to 1 (exclusive).
    """

    def __init__(self, weights: Sequence[float], phase: float) -> None:
        shares = np.cumsum(weights) / sum(weights)
        self._edges = [0, *(min(int(share * 2.0**53) << 11, _ONE) for share in shares[:-1]), _ONE]
        self._phase = int(phase * 2.0**53) << 11
        self._block = lru_cache(maxsize=16)(self._draw_block)

    def at(self, index: int) -> tuple[int, int]:
        """Return the scene of image `index`, and how many earlier images show the same scene."""
        block, place = divmod(index, _BLOCK)
        scenes, ranks = self._block(block)
        return int(scenes[place]), int(ranks[place])

    def _draw_block(self, block: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        first = block * _BLOCK
        steps = np.arange(_BLOCK, dtype=np.uint64) * np.uint64(_GOLDEN)
        marks = steps + np.uint64((self._phase + first * _GOLDEN) % _ONE)  # both wrap at _ONE
        edges = np.array([edge for edge in self._edges[1:-1] if edge < _ONE], np.uint64)
        scenes = np.searchsorted(edges, marks, side="right")
        ranks = np.zeros(_BLOCK, np.int64)
        below = [self._below(edge, first) for edge in self._edges]
        for place, (low, high) in enumerate(pairwise(below)):
            shown = scenes == place
            ranks[shown] = high - low + np.arange(int(shown.sum()))
        return scenes, ranks

    def _below(self, edge: int, count: int) -> int:
        """Return how many of the first `count` marks are below `edge`."""
        # floor(x / _ONE) - floor((x - edge) / _ONE) is 1 where x modulo _ONE is below the edge, else 0.
        return _floor_sum(count, _GOLDEN, self._phase) - _floor_sum(count, _GOLDEN, self._phase - edge + _ONE) + count


def _floor_sum(count: int, slope: int, start: int) -> int:
    """Return the sum of ``(slope * i + start) // _ONE`` over i from 0 to `count` - 1; all numbers at least 0.

    It counts the points with whole coordinates under a line. What is above whole slopes and starts is a triangle,
    which is counted with its axes exchanged: a line with a smaller divisor, as in Euclid's algorithm.
    """
    total, sign, divisor = 0, 1, _ONE
    while count > 0:
        whole, slope = divmod(slope, divisor)
        total += sign * whole * (count * (count - 1) // 2)
        whole, start = divmod(start, divisor)
        total += sign * whole * count
        height = (slope * (count - 1) + start) // divisor
        if height == 0:
            break
        # Points (i, j), 1 <= j <= height, with j <= (slope * i + start) / divisor: all i of each j less those before.
        total += sign * height * count
        sign, count, slope, divisor, start = -sign, height, divisor, slope, divisor - start - 1 + slope
    return total
