"""PSTNN: partial sum of the tensor nuclear norm, targets weighted by a corner prior (Zhang and Peng, 2019)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sirstgen.detectors.classical.gray import Image, TargetMap, as_gray, as_target_map, is_flat, min_max_scaled
from sirstgen.detectors.classical.patches import Aggregate, PatchGrid
from sirstgen.detectors.classical.shrinkage import Spectrum, shrink_singular_values, singular_values
from sirstgen.detectors.classical.structure_tensor import structure_tensor_eigenvalues

_TOLERANCE = 1e-3
_GROWTH = 1.05
_WEIGHT_FLOOR = 0.01
_RANK_LEVEL = 0.1


def pstnn(
    image: ArrayLike,
    *,
    patch: int = 40,
    step: int = 40,
    sparsity: float = 0.7,
    mu: float = 2e-3,
    iterations: int = 500,
    aggregate: Aggregate = "last",
) -> TargetMap:
    """Return the sparse part of ``min |B|_PSTNN + lam |W T|_1``, ``F = B + T``, ``T >= 0``, F the tensor of all N
    patches.

    ``lam = sparsity / sqrt(max(patch sides) * N)``. The rank kept whole is the number of singular values of the
    patches' unfolding above a tenth of the first. ``W = rank / (|T| + 0.01) / prior`` with the prior
    ``l1 l2 / (l1 + l2) * max(l1, l2)`` of the structure tensor, scaled to 0..1; where it is zero nothing can be a
    target. Most images stop within five steps: a weighted residual rather than a solved model. Map in gray levels.

    Args:
        image: (H, W), gray levels 0..255.
        patch: side of a patch, pixels; at most the image's.
        step: distance between patches, pixels.
        sparsity: L of lam; a tuning parameter in the authors' demo.
        mu: penalty at the start.
        iterations: most iterations.
        aggregate: see `PatchGrid.join`.

    Source: L. Zhang and Z. Peng, "Infrared small target detection based on partial sum of the tensor nuclear norm",
    Remote Sens. 11(4):382, 2019.
    """
    gray = as_gray(image)
    if is_flat(gray):
        return as_target_map(np.zeros_like(gray))
    grid = PatchGrid.over(gray.shape, patch, step)
    tensor = grid.split(gray)
    prior = grid.split(_corner_prior(gray))
    spectrum = singular_values(tensor.reshape(len(tensor), -1))
    rank = max(1, int(np.count_nonzero(spectrum > _RANK_LEVEL * spectrum[0])))
    lam = sparsity / np.sqrt(max(grid.size) * len(tensor))
    size = np.linalg.norm(tensor)
    targets, multiplier = np.zeros_like(tensor), np.zeros_like(tensor)
    weight = np.ones_like(tensor)
    count = 0
    for _ in range(iterations):
        background = _low_rank(tensor - targets - multiplier / mu, rank, 1 / mu)
        targets = np.maximum(tensor - background - multiplier / mu - weight * lam / mu, 0.0)
        weight = rank / (targets + _WEIGHT_FLOOR) / prior
        misfit = background + targets - tensor
        multiplier = multiplier + mu * misfit
        mu *= _GROWTH
        last_count, count = count, int(np.count_nonzero(targets))
        if np.linalg.norm(misfit) < _TOLERANCE * size or (count > 0 and count == last_count):
            break
    return as_target_map(grid.join(targets, aggregate))


def _corner_prior(gray: Image) -> Image:
    larger, smaller = structure_tensor_eigenvalues(gray, size=3, gradient_sigma=2.0, tensor_sigma=9.0)
    total = larger + smaller
    # Flat areas have both eigenvalues zero: 0 / 0 in the published code.
    ratio = np.divide(larger * smaller, total, out=np.zeros_like(total), where=total > 0)
    return np.maximum(min_max_scaled(ratio * larger), np.finfo(float).eps)


def _low_rank(tensor: Image, rank: int, threshold: float) -> Image:
    """Return every Fourier slice across the patches, singular values after the first `rank` soft-thresholded."""

    def rule(spectrum: Spectrum) -> Spectrum:
        rest = np.maximum(spectrum[..., rank:] - threshold, 0.0)
        return np.concatenate([spectrum[..., :rank], rest], axis=-1)

    slices, _ = shrink_singular_values(np.fft.rfft(tensor, axis=0), rule)
    return np.fft.irfft(slices, n=len(tensor), axis=0)
