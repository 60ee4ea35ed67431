"""NRAM: non-convex rank approximation, weighted sparse targets and column-sparse edges (Zhang et al., 2018)."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from sirstgen.detectors.classical.gray import Image, TargetMap, as_gray, as_target_map, is_flat, min_max_scaled
from sirstgen.detectors.classical.patches import Aggregate, PatchGrid
from sirstgen.detectors.classical.shrinkage import Spectrum, shrink_singular_values

_TOLERANCE = 1e-7
_GROWTH = 1.1
_WEIGHT_FLOOR = 0.04
_INNER_TOLERANCE, _INNER_ITERATIONS = 1e-6, 100


def nram(
    image: ArrayLike,
    *,
    patch: int = 50,
    step: int = 10,
    gamma: float = 0.002,
    edge_weight: float = 3.0,
    sparsity: float = 0.4,
    iterations: int = 1000,
    aggregate: Aggregate = "last",
) -> TargetMap:
    """Return the sparse part T of ``min sum (1+gamma) s_i/(gamma+s_i) + lam |W T|_1 + beta |E|_2,1``, ``D = B + T +
    E``.

    With n the smaller side of the patch-image D: ``beta = edge_weight / sqrt(n)``. Of lam and W only the product
    counts, ``lam W = sparsity / (|t| + 0.04)`` with t what is left for T to take. The image is scaled to
    0..1 by its own range first, and the map is in that unit.

    Args:
        image: (H, W), gray levels 0..255.
        patch: side of a patch, pixels; at most the image's.
        step: distance between patches, pixels.
        gamma: of the rank approximation; small is closer to the rank itself.
        edge_weight: factor on beta; whole patches go to E where it is small.
        sparsity: lam times the weight's scale, ``1/sqrt(n) * sqrt(n)/2.5`` as published.
        iterations: most iterations.
        aggregate: see `PatchGrid.join`.

    Source: L. Zhang, L. Peng, T. Zhang, S. Cao and Z. Peng, "Infrared small target detection via non-convex rank
    approximation minimization joint l2,1 norm", Remote Sens. 10(11):1821, 2018.
    """
    gray = as_gray(image)
    if is_flat(gray):
        return as_target_map(np.zeros_like(gray))
    grid = PatchGrid.over(gray.shape, patch, step)
    patches = grid.split(min_max_scaled(gray))
    data = patches.reshape(len(patches), -1)  # one patch a row
    smaller, larger = min(data.shape), max(data.shape)
    beta = edge_weight / np.sqrt(smaller)
    mu = 3 * np.sqrt(larger)
    size = np.linalg.norm(data)
    targets, edges, dual = np.zeros_like(data), np.zeros_like(data), np.zeros_like(data)  # dual: multiplier / mu
    spectrum = np.zeros(smaller)
    for _ in range(iterations):
        pulled = data - dual
        background, spectrum = shrink_singular_values(
            pulled - targets - edges, partial(_rank_step, start=spectrum, gamma=gamma, mu=mu)
        )
        rest = np.subtract(pulled, background, out=pulled)
        # The published code leaves out the division by mu below zero, which keeps targets non-negative; so do we.
        targets = rest - edges
        weight = np.abs(targets)
        weight += _WEIGHT_FLOOR
        targets -= np.divide(sparsity / mu, weight, out=weight)
        np.maximum(targets, 0.0, out=targets)
        edges = _shrink_patches(rest - targets, beta / mu)
        # The new dual is the old one and the misfit B + T + E - D, up to the growth of mu.
        new = np.subtract(targets + edges, rest, out=rest)
        misfit = float(np.linalg.norm(np.subtract(new, dual, out=dual)))
        dual = np.divide(new, _GROWTH, out=new)
        mu *= _GROWTH
        if misfit <= _TOLERANCE * size:
            break
    return as_target_map(grid.join(targets.reshape(patches.shape), aggregate))


def _rank_step(spectrum: Spectrum, start: Spectrum, gamma: float, mu: float) -> Spectrum:
    """Return the proximal step of the rank approximation by difference of convex functions, started where the last one
    ended.
    """
    current = start
    for _ in range(_INNER_ITERATIONS):
        new = np.maximum(spectrum - (1 + gamma) * gamma / (gamma + current) ** 2 / mu, 0.0)
        change = np.sum((new - current) ** 2)
        current = new
        if change < _INNER_TOLERANCE:
            break
    return current


def _shrink_patches(rows: Image, threshold: float) -> Image:
    """Return the proximal step of the l2,1 norm: every row (patch) shortened by `threshold`; in place."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    gain = np.maximum(length - threshold, 0.0) / np.maximum(length, np.finfo(float).tiny)
    rows *= gain
    return rows
