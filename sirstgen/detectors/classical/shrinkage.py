"""Shrinkage: of singular values, by way of the small Gram matrix, and of entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Spectrum = NDArray[np.float64]
Rule = Callable[[Spectrum], Spectrum]

# Share of the eigenvalues below which it pays to ask for them alone.
_FEW = 0.15


def shrink_singular_values(
    matrices: NDArray[Any], rule: Rule, *, floor: float = 0.0, expected: int | None = None
) -> tuple[NDArray[Any], Spectrum]:
    """Return ``U diag(rule(s)) V'`` for each matrix ``U diag(s) V'``.

    The eigenvalues of the smaller Gram matrix give s: several times faster than a singular value decomposition of a
    tall or wide matrix, and it always converges. Singular values below 1.5e-8 of the largest are not resolved; every
    threshold here is far above that.

    Args:
        matrices: (..., m, n), real or complex.
        rule: singular values (..., k), falling, to new ones that are zero from some place on.
        floor: `rule` makes zero of everything up to this.
        expected: about how many singular values of one real matrix will lie above `floor`; where they are few, only
            they are computed. A wrong guess costs time alone.

    Returns:
        the new matrices (..., m, n) and their singular values (..., k): k = min(m, n), or fewer where `expected` was.
    """
    wide = matrices.shape[-2] < matrices.shape[-1]
    tall = _adjoint(matrices) if wide else matrices
    gram = _adjoint(tall) @ tall
    if expected is None or expected > _FEW * len(gram):
        values, vectors = np.linalg.eigh(gram)
    else:
        from scipy.linalg import eigh

        values, vectors = eigh(gram, subset_by_value=(floor**2, np.inf), driver="evr", check_finite=False)
    spectrum = np.sqrt(np.maximum(values[..., ::-1], 0.0))
    shrunk = np.where(spectrum > 0, rule(spectrum), 0.0)
    rank = int(np.count_nonzero(shrunk, axis=-1).max(initial=0))
    kept = spectrum[..., :rank]
    gain = np.divide(shrunk[..., :rank], kept, out=np.zeros_like(kept), where=kept > 0)
    vectors = vectors[..., ::-1][..., :rank]
    scaled = vectors * gain[..., None, :]
    if wide:
        return scaled @ (_adjoint(vectors) @ matrices), shrunk
    return (matrices @ scaled) @ _adjoint(vectors), shrunk


def singular_values(matrix: NDArray[np.float64]) -> Spectrum:
    """Return the singular values of a matrix (m, n), falling, from the smaller Gram matrix."""
    gram = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    values: Spectrum = np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[::-1], 0.0))
    return values


def lowered_by(threshold: float) -> Rule:
    """Return the rule ``max(s - threshold, 0)``, the proximal step of the nuclear norm."""
    return lambda spectrum: np.maximum(spectrum - threshold, 0.0)


def soft_threshold(values: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """Return ``sign(x) max(|x| - threshold, 0)``, the proximal step of the l1 norm."""
    return values - np.clip(values, -threshold, threshold)


def _adjoint(matrices: NDArray[Any]) -> NDArray[Any]:
    # A real matrix stays a view, so that numpy recognises X'X as symmetric and does half the work.
    turned = np.swapaxes(matrices, -1, -2)
    return turned.conj() if np.iscomplexobj(turned) else turned
