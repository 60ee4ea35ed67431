"""MSLSTIPT on one frame: image tiles represented over a dictionary learnt from them (Sun et al., 2021).

The method is made for sequences of six frames. Here the tiles of a single frame take the frames' place, as the
published comparisons on single-frame sets must have done: no claim is made of the method in its own domain.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sirstgen.detectors.classical.gray import Image, TargetMap, as_gray, as_target_map, is_flat
from sirstgen.detectors.classical.shrinkage import Spectrum, lowered_by, shrink_singular_values, soft_threshold

_Slices = NDArray[np.complex128]

_DICTIONARY_TOLERANCE, _DICTIONARY_ITERATIONS, _DICTIONARY_GROWTH, _HIGHEST_MU = 1e-8, 500, 1.2, 1e10
_TOLERANCE, _GROWTH, _HIGHEST_BETA = 1e-4, 1.1, 1e8
_FIRST_PENALTY = 1e-4
_CLIFF, _DOMINANCE = 50.0, 20.0
_REWEIGHTINGS, _INNER_STEPS = 3, 2
_TINY = 1e-6


def mslstipt(
    image: ArrayLike, *, tile: int = 100, weight: float = 1e-4, power: float = 0.8, iterations: int = 200
) -> TargetMap:
    """Return the sparse part E of ``min |Z|_{w,Sp}^p + lam |E|_1``, ``X = A * Z + E`` (t-product), X the tiles of one
    frame.

    The dictionary A comes from the low-rank part of X (tensor robust principal components), cut where its spectrum
    falls off a cliff. ``lam = 1 / sqrt(max(n1, n2) n3)`` for X of n1 x n2 x n3. Tiles do not overlap, so their
    seams can give false alarms. The map is in units of the full scale, 0..1.

    Args:
        image: (H, W), gray levels 0..255; extended to whole tiles by its border.
        tile: side of a tile, pixels.
        weight: C, of the Schatten norm.
        power: p, of the Schatten norm, 0..1.
        iterations: most iterations.

    Source: Y. Sun, J. Yang and W. An, "Infrared dim and small target detection via multiple subspace learning and
    spatial-temporal patch-tensor model", IEEE TGRS 59(5):3737-3752, 2021 (version with tiles).
    """
    gray = as_gray(image)
    if is_flat(gray):
        return as_target_map(np.zeros_like(gray))
    down, right = -(-gray.shape[0] // tile), -(-gray.shape[1] // tile)
    extended = np.pad(gray / 255.0, ((0, down * tile - gray.shape[0]), (0, right * tile - gray.shape[1])), mode="edge")
    tiles = extended.reshape(down, tile, right, tile).transpose(1, 3, 0, 2).reshape(tile, tile, -1)
    # The published code reshapes (rows, columns, tiles) to (rows, tiles, columns) where one would expect axes to be
    # exchanged; it mixes columns of different tiles and works better for it, so it belongs to the method.
    tensor = tiles.reshape((tile, tiles.shape[2], tile), order="F")
    sparse = _sparse_part(tensor, _dictionary(tensor), weight, power, iterations)
    back = sparse.reshape((tile, tile, tiles.shape[2]), order="F").reshape(tile, tile, down, right)
    whole = back.transpose(2, 0, 3, 1).reshape(extended.shape)
    return as_target_map(whole[: gray.shape[0], : gray.shape[1]])


def _slices(tensor: Image) -> _Slices:
    """Return the Fourier slices of (n1, n2, n3) along its third axis: (n3 // 2 + 1, n1, n2).

    The rest are their conjugates.
    """
    return np.fft.rfft(tensor, axis=2).transpose(2, 0, 1)


def _unsliced(slices: _Slices, length: int) -> Image:
    return np.fft.irfft(slices.transpose(1, 2, 0), n=length, axis=2)


def _dictionary(tensor: Image) -> _Slices:
    """Return ``A = U S`` of the low-rank part of `tensor`, per Fourier slice, as far as the spectrum's cliff."""
    # Of the tiles before they are reshaped, as in the published code: by their side and their number.
    lam = 1 / np.sqrt(tensor.shape[0] * tensor.shape[1])
    mu = _FIRST_PENALTY
    sparse, multiplier, low_rank = np.zeros_like(tensor), np.zeros_like(tensor), np.zeros_like(tensor)
    for _ in range(_DICTIONARY_ITERATIONS):
        before = low_rank, sparse
        slices, _ = shrink_singular_values(_slices(tensor - sparse - multiplier / mu), lowered_by(1 / mu))
        low_rank = _unsliced(slices, tensor.shape[2])
        sparse = soft_threshold(tensor - low_rank - multiplier / mu, lam / mu)
        misfit = low_rank + sparse - tensor
        changes = (low_rank - before[0], sparse - before[1], misfit)
        if max(float(np.abs(change).max()) for change in changes) < _DICTIONARY_TOLERANCE:
            break
        multiplier = multiplier + mu * misfit
        mu = min(mu * _DICTIONARY_GROWTH, _HIGHEST_MU)
    left, spectrum, _ = np.linalg.svd(_slices(low_rank), full_matrices=False)
    ranks = np.array([_cliff(values) for values in spectrum])
    kept = np.where(np.arange(spectrum.shape[1]) < ranks[:, None], spectrum, 0.0)[:, : ranks.max()]
    dictionary: _Slices = left[:, :, : ranks.max()] * kept[:, None, :]
    return dictionary


def _cliff(spectrum: Spectrum) -> int:
    """Return how many singular values stand before the first fall by 50 times, or before the fall that dwarfs all
    others.
    """
    values = spectrum[spectrum > spectrum[0] * 1e-12] if spectrum[0] > 0 else spectrum[:1]
    falls = values[:-1] / values[1:]
    steep = np.flatnonzero(falls > _CLIFF)
    if steep.size:
        return int(steep[0]) + 1
    if falls.size > 1:
        highest, second = np.sort(falls)[-1], np.sort(falls)[-2]
        if highest > _DOMINANCE * second:
            return int(np.argmax(falls)) + 1
    return len(values)


def _sparse_part(tensor: Image, dictionary: _Slices, weight: float, power: float, iterations: int) -> Image:
    rows, columns, length = tensor.shape
    lam, strength = 1 / np.sqrt(max(rows, columns) * length), weight * np.sqrt(rows * length)
    data = _slices(tensor)
    turned = dictionary.conj().transpose(0, 2, 1)
    solver = np.linalg.inv(turned @ dictionary + np.eye(dictionary.shape[2]))
    code: _Slices = np.zeros((len(data), dictionary.shape[2], columns), np.complex128)
    smooth, code_multiplier = code, code
    sparse, multiplier, beta = np.zeros_like(tensor), np.zeros_like(data), _FIRST_PENALTY
    for _ in range(iterations):
        before = code, smooth, sparse
        code, _ = shrink_singular_values(
            smooth - code_multiplier / beta, partial(_schatten_shrunk, strength=strength / beta, power=power)
        )
        rest = data - dictionary @ smooth + multiplier / beta
        sparse = soft_threshold(_unsliced(rest, length), lam / beta)
        without = data - _slices(sparse)
        smooth = solver @ (code + code_multiplier / beta + turned @ (without + multiplier / beta))
        code_gap, gap = code - smooth, without - dictionary @ smooth
        # In the order in which they come to rest, so that most iterations look at one of them only.
        if (
            _at_rest(sparse - before[2])
            and _at_rest(_unsliced(gap, length))
            and all(_at_rest(_unsliced(each, length)) for each in (code_gap, code - before[0], smooth - before[1]))
        ):
            break
        code_multiplier = code_multiplier + beta * code_gap
        multiplier = multiplier + beta * gap
        beta = min(beta * _GROWTH, _HIGHEST_BETA)
    return sparse


def _at_rest(change: Image) -> bool:
    return float(np.abs(change).max()) < _TOLERANCE


def _schatten_shrunk(spectrum: Spectrum, strength: float, power: float) -> Spectrum:
    """Return the proximal step of the weighted Schatten p-norm, weights ``strength / (s^(1/p) + tiny)`` renewed a few
    times.
    """
    current = spectrum
    for _ in range(_REWEIGHTINGS):
        current = _generalised_soft_threshold(spectrum, strength / (current ** (1 / power) + _TINY), power)
    return current


def _generalised_soft_threshold(values: Spectrum, weights: NDArray[Any], power: float) -> Spectrum:
    """Return ``argmin_x |x - s|^2 / 2 + w x^p`` by fixed-point steps; zero below the threshold tau(w, p)."""
    base = (2 * weights * (1 - power)) ** (1 / (2 - power))
    threshold = base + weights * power * base ** (power - 1)
    alive = values > threshold
    result = np.where(alive, values, 1.0)  # 1 keeps the power finite where the answer is zero anyway
    for _ in range(_INNER_STEPS):
        result = np.where(alive, np.maximum(values - weights * power * result ** (power - 1), _TINY), 1.0)
    return np.where(alive, result, 0.0)
