"""An image as a stack of overlapping patches, and back: the patch-image and patch-tensor of the low-rank methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError

Aggregate = Literal["last", "mean", "median"]


def positions(length: int, patch: int, step: int) -> list[int]:
    """Return the first pixel of every patch along one axis: 0, step, 2*step, ... and a last patch that ends at the
    border.
    """
    return [*range(0, length - patch, step), length - patch]


@dataclass(frozen=True)
class PatchGrid:
    """Where the patches of an image lie.

    Attributes:
        shape: (H, W) of the image, pixels.
        size: (height, width) of a patch: the asked one, or the image's where the image is smaller.
        rows, columns: first row and column of the patches. Patches are numbered with the row running fastest.
    """

    shape: tuple[int, int]
    size: tuple[int, int]
    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @classmethod
    def over(cls, shape: tuple[int, int], patch: int, step: int) -> PatchGrid:
        """Return the grid of `patch` x `patch` patches every `step` pixels over an image of `shape`.

        Raises:
            InvalidValueError: `patch` or `step` below one pixel.
        """
        if patch < 1 or step < 1:
            raise InvalidValueError(f"patch and step must be at least one pixel, got patch={patch}, step={step}")
        height, width = min(patch, shape[0]), min(patch, shape[1])
        rows, columns = positions(shape[0], height, step), positions(shape[1], width, step)
        return cls(shape, (height, width), tuple(rows), tuple(columns))

    def split(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the patches of `image` (H, W) as an array (N, height, width)."""
        windows = np.lib.stride_tricks.sliding_window_view(image, self.size)
        chosen = windows[np.ix_(self.rows, self.columns)].transpose(1, 0, 2, 3)
        return np.ascontiguousarray(chosen).reshape(-1, *self.size)

    def join(self, patches: NDArray[np.float64], aggregate: Aggregate) -> NDArray[np.float64]:
        """Return one image (H, W) from its patches (N, height, width).

        Args:
            aggregate: what a pixel covered by several patches becomes: their "mean", their "median", or the value of
                the "last" patch, which is what the published RIPT, NRAM and PSTNN codes do under the name of a mean.
        """
        if aggregate == "median":
            return self._median(patches)
        image, covered = np.zeros(self.shape), np.zeros(self.shape)
        for patch, (row, column) in zip(patches, self._corners(), strict=True):
            window = np.s_[row : row + self.size[0], column : column + self.size[1]]
            if aggregate == "last":
                image[window] = patch
            elif aggregate == "mean":
                image[window] += patch
                covered[window] += 1
            else:
                raise InvalidValueError(f"aggregate must be last, mean or median, got {aggregate!r}")
        return image / covered if aggregate == "mean" else image

    def _corners(self) -> list[tuple[int, int]]:
        return [(row, column) for column in self.columns for row in self.rows]

    def _median(self, patches: NDArray[np.float64]) -> NDArray[np.float64]:
        # Patches whose numbers differ by `deep` along an axis do not overlap there, so deep_y * deep_x layers hold all.
        deep_y, deep_x = _overlap(self.rows, self.size[0]), _overlap(self.columns, self.size[1])
        layers = np.full((*self.shape, deep_y * deep_x), np.nan)
        for number, (patch, (row, column)) in enumerate(zip(patches, self._corners(), strict=True)):
            i, j = number % len(self.rows), number // len(self.rows)
            layer = (i % deep_y) * deep_x + j % deep_x
            layers[row : row + self.size[0], column : column + self.size[1], layer] = patch
        covered = np.isfinite(layers).sum(axis=2, keepdims=True)
        layers.sort(axis=2)  # NaN goes last
        lower = np.take_along_axis(layers, (covered - 1) // 2, axis=2)
        upper = np.take_along_axis(layers, covered // 2, axis=2)
        middle: NDArray[np.float64] = (lower + upper)[..., 0] / 2
        return middle


def _overlap(starts: tuple[int, ...], size: int) -> int:
    """Return the most patches of `size` that cover one pixel along an axis."""
    array = np.asarray(starts)
    return int(((array[None, :] <= array[:, None]) & (array[:, None] < array[None, :] + size)).sum(axis=1).max())
