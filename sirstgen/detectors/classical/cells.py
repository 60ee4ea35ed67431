"""Cells around a pixel: the brightness of each, as the local-contrast methods (TLLCM, WSLCM) measure it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.detectors.classical.gray import Image
from sirstgen.errors import InvalidValueError

# Offsets of the eight cells around the centre cell, in cells.
SURROUND = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0))
# Brightness of a target's core: the 3x3 Gaussian of both papers.
_CORE = np.array([1.0, 2.0, 1.0]) / 4


def core_brightness(image: Image) -> Image:
    """Return ``g``: the image (H, W) under the 3x3 Gaussian ``[1 2 1; 2 4 2; 1 2 1] / 16``, border replicated."""
    core = cv2.sepFilter2D(image, cv2.CV_64F, _CORE, _CORE, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(core, np.float64)


def padded_for(image: Image, cell: int) -> Image:
    """Return `image` with its border replicated so far that every surrounding cell of every pixel lies inside.

    Raises:
        InvalidValueError: `cell` even or below one.
    """
    if cell < 1 or cell % 2 == 0:
        raise InvalidValueError(f"cell must be an odd number of pixels, got {cell}")
    return np.pad(image, cell + cell // 2, mode="edge")


def surround(cells: NDArray[np.float64], cell: int, shape: tuple[int, int]) -> list[NDArray[np.float64]]:
    """Return the eight neighbours of each pixel's own cell, as views (H, W).

    Args:
        cells: a value per cell position, (H + 2 cell, W + 2 cell): what a `cell` x `cell` window gives over
            `padded_for`.
        cell: side of a cell and distance between cells, pixels.
        shape: (H, W) of the image.
    """
    return [cells[(1 + down) * cell :, (1 + right) * cell :][: shape[0], : shape[1]] for down, right in SURROUND]


def centre(cells: NDArray[np.float64], cell: int, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return each pixel's own cell, as a view (H, W) into `cells` (see `surround`)."""
    return cells[cell:, cell:][: shape[0], : shape[1]]


def mean_of_largest(image: Image, cell: int, count: int) -> Image:
    """Return the mean of the `count` largest pixels of every `cell` x `cell` window inside `image`.

    The windows share their work: each column of `cell` pixels is sorted once, columns are joined to blocks of 2, 4, 8,
    ... that keep their `count` largest, and a window is a few such blocks side by side.

    Args:
        image: (H, W), gray levels.
        cell: side of the window, pixels.
        count: how many pixels, 1 to cell * cell.

    Returns:
        (H - cell + 1, W - cell + 1), gray levels.
    """
    if not 1 <= count <= cell * cell:
        raise InvalidValueError(
            f"the number of largest pixels must be 1 to {cell * cell} for cells of {cell}, got {count}"
        )
    height = image.shape[0] - cell + 1
    column = _falling([image[k : k + height].copy() for k in range(cell)])
    missing = [np.full_like(column[0], -np.inf) for _ in range(count - cell)]
    block, size = [*column[:count], *missing], 1
    window, done = list[Image](), 0
    while done < cell:
        if cell & size:
            joined = _largest(window, block, done) if window else block
            done += size
            # The last join needs no order: only its sum is asked for.
            window = _falling(joined) if window and done < cell else joined
        if done < cell:
            block, size = _falling(_largest(block, block, size)), 2 * size
    total: Image = np.sum(window, axis=0) / count
    return total


def _largest(left: list[Image], right: list[Image], shift: int) -> list[Image]:
    """Return the largest n of two falling lists of n images each, where `right` starts `shift` columns further on."""
    right = [layer[:, shift:] for layer in reversed(right)]
    width = min(left[0].shape[1], right[0].shape[1])
    return [np.maximum(a[:, :width], b[:, :width]) for a, b in zip(left, right, strict=True)]


def _falling(layers: list[Image]) -> list[Image]:
    """Return `layers` reordered at every pixel so that they fall, by odd-even transposition of whole images.

    In place.
    """
    spare = np.empty_like(layers[0])
    for turn in range(len(layers)):
        for k in range(turn % 2, len(layers) - 1, 2):
            np.minimum(layers[k], layers[k + 1], out=spare)
            np.maximum(layers[k], layers[k + 1], out=layers[k])
            layers[k + 1], spare = spare, layers[k + 1]
    return layers
