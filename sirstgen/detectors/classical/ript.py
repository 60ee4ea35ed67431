"""RIPT: the patch-tensor low in rank along every mode, targets reweighted by a local edge prior (Dai and Wu, 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sirstgen.detectors.classical.gray import Image, TargetMap, as_gray, as_target_map, is_flat, min_max_scaled
from sirstgen.detectors.classical.patches import Aggregate, PatchGrid
from sirstgen.detectors.classical.shrinkage import lowered_by, shrink_singular_values
from sirstgen.detectors.classical.structure_tensor import structure_tensor_eigenvalues

_TOLERANCE = 1e-7
_WEIGHT_FLOOR = 0.01
_SHRINKAGE = 1.5


def ript(
    image: ArrayLike,
    *,
    patch: int = 30,
    step: int = 10,
    sparsity: float = 0.7,
    edge_stretch: float = 1.0,
    iterations: int = 500,
    aggregate: Aggregate = "last",
) -> TargetMap:
    """Return the sparse part of ``min sum_i |B_(i)|_* + lam |W T|_1``, ``F = B + T``, ``T >= 0``, F the tensor of all
    patches.

    ``lam = sparsity / sqrt(shortest side of F)``, ``W = exp(edge_stretch * prior) / (|T| + 0.01)`` with the prior
    ``l1 - l2`` of the structure tensor, scaled to 0..1: edges weigh more. The solver stops once the number of target
    pixels stands still, after about five steps, so its start value belongs to the method. Map in gray levels.

    Args:
        image: (H, W), gray levels 0..255.
        patch: side of a patch, pixels; at most the image's.
        step: distance between patches, pixels.
        sparsity: L of lam; a tuning parameter by the author's own word.
        edge_stretch: h of the prior; likewise. (h, L) = (10, 1) of the paper empties half of the maps.
        iterations: most iterations.
        aggregate: see `PatchGrid.join`.

    Source: Y. Dai and Y. Wu, "Reweighted infrared patch-tensor model with both nonlocal and local priors for
    single-frame small target detection", IEEE JSTARS 10(8):3752-3767, 2017.
    """
    gray = as_gray(image)
    if is_flat(gray):
        return as_target_map(np.zeros_like(gray))
    grid = PatchGrid.over(gray.shape, patch, step)
    tensor = grid.split(gray)
    larger, smaller = structure_tensor_eigenvalues(gray, size=3, gradient_sigma=1.2, tensor_sigma=2.0)
    prior = grid.split(np.exp(edge_stretch * min_max_scaled(larger - smaller)))
    lam = sparsity / np.sqrt(min(tensor.shape))
    mu, size = 5 * tensor.std(), np.linalg.norm(tensor)
    targets = np.zeros_like(tensor)
    weight = prior
    duals = [np.zeros_like(tensor) for _ in range(3)]  # multipliers times mu
    count, ranks = tensor.size, [0, 0, 0]
    for _ in range(iterations):
        misfit = -sum(duals) / 3
        rests = duals
        for mode, rest in enumerate(rests):
            rest += tensor
            background, ranks[mode] = _low_rank(rest - targets, mode, mu, expected=2 * ranks[mode])
            rest -= background
        mean_rest = sum(rests) / 3
        targets = np.maximum(mean_rest - weight * (mu * lam / 3), 0.0)
        weight = prior / (targets + _WEIGHT_FLOOR)
        misfit += mean_rest - targets  # tensor - mean background - targets
        for dual in duals:
            dual -= targets
            dual /= _SHRINKAGE
        mu /= _SHRINKAGE
        last_count, count = count, int(np.count_nonzero(targets))
        if np.linalg.norm(misfit) < _TOLERANCE * size or count == last_count:
            break
    return as_target_map(grid.join(targets, aggregate))


def _low_rank(tensor: Image, mode: int, threshold: float, expected: int) -> tuple[Image, int]:
    """Return `tensor` after soft-thresholding the singular values of its unfolding along `mode`, and their rank."""
    front = np.moveaxis(tensor, mode, 0)
    unfolded = front.reshape(front.shape[0], -1)
    shrunk, kept = shrink_singular_values(unfolded, lowered_by(threshold), floor=threshold, expected=expected)
    return np.ascontiguousarray(np.moveaxis(shrunk.reshape(front.shape), 0, mode)), int(np.count_nonzero(kept))
