"""IPI: the patch-image as a low-rank background and sparse targets, by accelerated proximal gradient (Gao et al., 2013)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sirstgen.detectors.classical.gray import Image, TargetMap, as_gray, as_target_map, is_flat
from sirstgen.detectors.classical.patches import Aggregate, PatchGrid
from sirstgen.detectors.classical.shrinkage import shrink_singular_values, singular_values, soft_threshold

_TOLERANCE = 1e-6
# The published solver also stops when nothing moves any more, or once the background is no longer of low rank. The last
# is what ends it in practice: the answer is an early iterate, so these rules matter as much as the model.
_STEADY_ITERATIONS = 10
_STEADY_COUNT = 20
_HIGHEST_RANK = 0.3


def ipi(
    image: ArrayLike,
    *,
    patch: int = 50,
    step: int = 10,
    weight: float = 1.0,
    iterations: int = 1000,
    aggregate: Aggregate = "median",
) -> TargetMap:
    """Sparse part of ``min |B|_* + lam |T|_1 + |D - B - T|_F^2 / (2 mu)``, D the matrix of all patches.

    ``lam = weight / sqrt(max(H, W))``, of the image and not of D. The map is in units of the full scale, 0..1.

    Args:
        image: (H, W), gray levels 0..255.
        patch: side of a patch, pixels; at most the image's.
        step: distance between patches, pixels.
        weight: factor on lam.
        iterations: most iterations.
        aggregate: see `PatchGrid.join`.

    Source: C. Gao, D. Meng, Y. Yang, Y. Wang, X. Zhou and A. G. Hauptmann, "Infrared patch-image model for small target
    detection in a single image", IEEE TIP 22(12):4996-5009, 2013.
    """
    gray = as_gray(image)
    if is_flat(gray):
        return as_target_map(np.zeros_like(gray))
    grid = PatchGrid.over(gray.shape, patch, step)
    patches = grid.split(gray / 255.0)
    matrix = patches.reshape(len(patches), -1)
    targets = _sparse_part(matrix, weight / np.sqrt(max(gray.shape)), iterations)
    return as_target_map(grid.join(targets.reshape(patches.shape), aggregate))


def _sparse_part(data: Image, lam: float, iterations: int) -> Image:
    spectrum = singular_values(data)
    mu, least_mu = spectrum[min(1, len(spectrum) - 1)], 0.005 * spectrum[min(3, len(spectrum) - 1)]
    background, targets = np.zeros_like(data), np.zeros_like(data)
    last_background, last_targets = background, targets
    t, last_t = 1.0, 1.0
    last_rank, last_count, steady = 0, 0, 0
    for _ in range(iterations):
        momentum = (last_t - 1) / t
        near_background = background + momentum * (background - last_background)
        near_targets = targets + momentum * (targets - last_targets)
        slope = (near_background + near_targets - data) / 2
        last_background, last_targets = background, targets
        background, kept = shrink_singular_values(near_background - slope, lambda s, mu=mu: np.maximum(s - mu / 2, 0))
        targets = soft_threshold(near_targets - slope, lam * mu / 2)
        rank, count = int(np.count_nonzero(kept)), int(np.count_nonzero(targets))
        if rank == last_rank:
            steady += 1
        else:
            last_rank, last_count, steady = rank, count, 0
        stands = steady > _STEADY_ITERATIONS and abs(count - last_count) < _STEADY_COUNT
        moved = _residual(background, near_background, targets, near_targets)
        if moved <= _TOLERANCE or stands or rank > _HIGHEST_RANK * min(data.shape):
            break
        mu = max(0.9 * mu, least_mu)
        t, last_t = (1 + np.sqrt(1 + 4 * t * t)) / 2, t
    return targets


def _residual(background: Image, near_background: Image, targets: Image, near_targets: Image) -> float:
    """How far an iterate lies from the point it was taken at, relative to its size (Lipschitz constant 2)."""
    down, up = near_background - background, near_targets - targets
    both = down + up
    moved = np.sqrt(np.sum((2 * down - both) ** 2) + np.sum((2 * up - both) ** 2))
    size = np.sqrt(np.sum(background**2) + np.sum(targets**2))
    return float(moved / (2 * max(1.0, size)))
