"""IPI: the patch-image as a low-rank background and sparse targets, by proximal gradient (Gao et al., 2013)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sirstgen.detectors.classical.gray import Image, TargetMap, as_gray, as_target_map, is_flat, min_max_scaled
from sirstgen.detectors.classical.patches import Aggregate, PatchGrid
from sirstgen.detectors.classical.shrinkage import lowered_by, shrink_singular_values, singular_values, soft_threshold

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
    """Return the sparse part of ``min |B|_* + lam |T|_1 + |D - B - T|_F^2 / (2 mu)``, D the matrix of all patches.

    ``lam = weight / sqrt(max(H, W))``, of the image and not of D. The image is scaled to 0..1 by
    its own range first, and the map is in that unit.

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
    patches = grid.split(min_max_scaled(gray))
    matrix = patches.reshape(len(patches), -1)
    targets = _sparse_part(matrix, weight / np.sqrt(max(gray.shape)), iterations)
    return as_target_map(grid.join(targets.reshape(patches.shape), aggregate))


def _sparse_part(data: Image, lam: float, iterations: int) -> Image:
    """Return T after the published iterations, with B - T in place of B and T: no step needs more (Lipschitz constant
    2).
    """
    spectrum = singular_values(data)
    mu, least_mu = spectrum[min(1, len(spectrum) - 1)], 0.005 * spectrum[min(3, len(spectrum) - 1)]
    targets, difference, last = np.zeros_like(data), np.zeros_like(data), np.zeros_like(data)
    t, last_t = 1.0, 1.0
    rank, last_rank, last_count, steady = 0, 0, 0, 0
    for _ in range(iterations):
        # The extrapolated point, in the memory of the iterate before last.
        ahead = np.subtract(difference, last, out=last)
        ahead *= (last_t - 1) / t
        ahead += difference
        background, kept = shrink_singular_values((data + ahead) / 2, lowered_by(mu / 2), floor=mu / 2, expected=rank)
        targets = soft_threshold((data - ahead) / 2, lam * mu / 2)
        last, difference = difference, np.subtract(background, targets, out=background)
        moved = np.sqrt(2) * np.linalg.norm(ahead - difference) / 2
        size = max(1.0, float(np.hypot(np.linalg.norm(kept), np.linalg.norm(targets))))
        rank, count = int(np.count_nonzero(kept)), int(np.count_nonzero(targets))
        if rank == last_rank:
            steady += 1
        else:
            last_rank, last_count, steady = rank, count, 0
        stands = steady > _STEADY_ITERATIONS and abs(count - last_count) < _STEADY_COUNT
        if moved <= _TOLERANCE * size or stands or rank > _HIGHEST_RANK * min(data.shape):
            break
        mu = max(0.9 * mu, least_mu)
        t, last_t = (1 + np.sqrt(1 + 4 * t * t)) / 2, t
    return targets
