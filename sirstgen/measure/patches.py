"""Features of small patches, by which a random forest separates two sets; no mask is used."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Features = tuple[tuple[str, ...], NDArray[np.float64]]
"""Names (k) and values (n, k)."""

_Patches = NDArray[np.float64]

TARGET_SIDE = 21
BACKGROUND_SIDE = 32
_RANKS = (0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 26, 33, 41, 50, 60)  # of the brightest pixels of the middle
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
_GRADIENT_EDGES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_BANDS = (1, 2, 3, 5, 8, 12, 17, 23, 46)  # edges of the DCT's radial bands
_FAINT = 1e-3


def target_patch_features(patches: _Patches) -> Features:
    """Return what a target looks like: its profile, roundness, gradients and surroundings, from pixels alone.

    Args:
        patches: (n, 21, 21) gray levels of 256, the target's brightest place in the middle.
    """
    radius, outer = _radii()
    surroundings = patches[:, outer]
    ring = np.median(surroundings, axis=1)
    middle = patches[:, 5:16, 5:16]
    peak = np.maximum(patches[:, 8:13, 8:13].max(axis=(1, 2)) - ring, 1.0)
    shape = (patches - ring[:, None, None]) / peak[:, None, None]
    core = shape[:, 5:16, 5:16]
    columns: dict[str, NDArray[np.float64]] = {}
    for distance in range(10):
        at = shape[:, radius == distance]
        columns[f"radial_mean_{distance}"] = at.mean(axis=1)
        if 0 < distance < 8:
            columns[f"radial_spread_{distance}"] = at.std(axis=1)
    ordered = np.sort(shape[:, 6:15, 6:15].reshape(len(shape), -1), axis=1)[:, ::-1]
    columns |= {f"rank_{rank}": ordered[:, rank] for rank in _RANKS}
    columns |= {f"pixels_above_{share:g}": (core > share).sum(axis=(1, 2)) for share in _SHARES}
    gx, gy = np.gradient(core, axis=(2, 1))
    slope = np.hypot(gx, gy).reshape(len(core), -1)
    columns |= {f"slope_p{at}": np.percentile(slope, at, axis=1) for at in (25, 50, 75, 90, 97, 100)}
    columns["slope_x_to_y"] = _log((gx**2).sum(axis=(1, 2))) - _log((gy**2).sum(axis=(1, 2)))
    curvature = _laplacian(shape)[:, 5:16, 5:16]
    columns |= {
        "curvature_centre": curvature[:, 5, 5],
        "curvature_rms": np.sqrt((curvature**2).mean(axis=(1, 2))),
        "curvature_least": curvature.min(axis=(1, 2)),
        "curvature_most": curvature.max(axis=(1, 2)),
        "asymmetry_turn": np.abs(core - core[:, ::-1, ::-1]).mean(axis=(1, 2)),
        "asymmetry_x": np.abs(core - core[:, :, ::-1]).mean(axis=(1, 2)),
        "asymmetry_y": np.abs(core - core[:, ::-1]).mean(axis=(1, 2)),
        "slope_over_curvature": _log(slope.max(axis=1)) - _log(np.abs(curvature).max(axis=(1, 2))),
    }
    columns |= _moments(np.clip(core, 0, None))
    columns |= {
        "log_peak": _log(peak),
        "level": ring,
        "surroundings_spread": _log(surroundings.std(axis=1)),
        "surroundings_to_peak": surroundings.std(axis=1) / peak,
        "lowest": shape[:, 3:18, 3:18].min(axis=(1, 2)),
        "white": (middle >= 255 - _FAINT).mean(axis=(1, 2)),
        "flat": (np.diff(patches, axis=2) == 0).mean(axis=(1, 2)),
    }
    # The middle pixel by pixel, folded on itself so that mirrored targets are the same.
    near = shape[:, 7:14, 7:14]
    folded = (near + near[:, ::-1] + near[:, :, ::-1] + near[:, ::-1, ::-1])[:, :4, :4] / 4
    columns |= {f"pixel_{y}_{x}": folded[:, y, x] for y in range(4) for x in range(4)}
    return tuple(columns), np.stack([np.asarray(values, np.float64) for values in columns.values()], axis=1)


def background_patch_features(patches: _Patches) -> Features:
    """Return what a background looks like in small: level, gradients, spectrum by direction, noise, marks of
    processing.

    Args:
        patches: (n, 32, 32) gray levels of 256.
    """
    count = len(patches)
    centred = patches - patches.mean(axis=(1, 2), keepdims=True)
    flat = centred.reshape(count, -1)
    columns: dict[str, NDArray[np.float64]] = {
        "mean": patches.mean(axis=(1, 2)),
        "std": _log(flat.std(axis=1)),
        "range": _log(np.ptp(flat, axis=1)),
        "skewness": _standard_moment(flat, 3),
        "kurtosis": _standard_moment(flat, 4),
        "levels": (np.diff(np.sort(flat, axis=1), axis=1) > _FAINT).sum(axis=1),
        "white": (patches >= 255 - _FAINT).mean(axis=(1, 2)),
    }
    gx, gy = np.diff(patches, axis=2)[:, :-1], np.diff(patches, axis=1)[:, :, :-1]
    for name, gradient in (("x", gx), ("y", gy)):
        size = np.abs(gradient).reshape(count, -1)
        columns[f"gradient_{name}_mean"] = _log(size.mean(axis=1))
        columns[f"gradient_{name}_rms"] = _log(np.sqrt((size**2).mean(axis=1)))
        columns[f"gradient_{name}_kurtosis"] = _log(_standard_moment(gradient.reshape(count, -1), 4))
        columns[f"blockiness_{name}"] = _blockiness(np.abs(gradient).mean(axis=1 if name == "x" else 2))
    steepness = np.hypot(gx, gy).reshape(count, -1)
    columns["zero_gradient"] = (steepness < _FAINT).mean(axis=1)
    for low, high in zip(_GRADIENT_EDGES, (*_GRADIENT_EDGES[1:], np.inf), strict=True):
        columns[f"gradients_from_{low:g}"] = ((steepness > low) & (steepness <= high)).mean(axis=1)
    curvature = _laplacian(patches)[:, 1:-1, 1:-1].reshape(count, -1)
    columns |= {
        "curvature_rms": _log(curvature.std(axis=1)),
        "curvature_median": _log(np.median(np.abs(curvature), axis=1)),
        "curvature_kurtosis": _log(_standard_moment(curvature, 4)),
    }
    columns |= _residual(patches)
    spectrum = np.square(_cosines() @ centred @ _cosines().T)
    for band, (low, high) in enumerate(pairwise(_BANDS)):
        for direction, chosen in _sectors(low, high).items():
            columns[f"spectrum_{band}_{direction}"] = _log(spectrum[:, chosen].mean(axis=1))
    return tuple(columns), np.stack([np.asarray(values, np.float64) for values in columns.values()], axis=1)


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithm: NDArray[np.float64] = np.log10(np.maximum(values, _FAINT))
    return logarithm


def _standard_moment(values: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    deviation = values - values.mean(axis=1, keepdims=True)
    spread = np.maximum(deviation.std(axis=1), _FAINT)
    moment: NDArray[np.float64] = (deviation**order).mean(axis=1) / spread**order
    return moment


def _moments(core: _Patches) -> dict[str, NDArray[np.float64]]:
    """Return the axes of the inertia of what rises above the surroundings."""
    y, x = np.mgrid[-5:6, -5:6].astype(np.float64)
    total = np.maximum(core.sum(axis=(1, 2)), _FAINT)
    mean_x, mean_y = (core * x).sum(axis=(1, 2)) / total, (core * y).sum(axis=(1, 2)) / total
    xx = (core * x * x).sum(axis=(1, 2)) / total - mean_x**2
    yy = (core * y * y).sum(axis=(1, 2)) / total - mean_y**2
    xy = (core * x * y).sum(axis=(1, 2)) / total - mean_x * mean_y
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return {"inertia_major": middle + half, "inertia_minor": middle - half, "inertia_x_to_y": xx - yy, "mass": total}


def _laplacian(patches: _Patches) -> _Patches:
    padded = np.pad(patches, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    around = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    return np.asarray(4 * patches - around)


def _residual(patches: _Patches) -> dict[str, NDArray[np.float64]]:
    """Return strength and correlation of what a Gaussian of 1.5 px takes away."""
    smooth = np.stack([cv2.GaussianBlur(patch, (0, 0), 1.5, borderType=cv2.BORDER_REFLECT) for patch in patches])
    residual = (patches - smooth)[:, 2:-2, 2:-2]
    power = np.maximum((residual**2).mean(axis=(1, 2)), _FAINT**2)
    pairs = {
        "x1": (residual[:, :, :-1], residual[:, :, 1:]),
        "y1": (residual[:, :-1], residual[:, 1:]),
        "x2": (residual[:, :, :-2], residual[:, :, 2:]),
        "y2": (residual[:, :-2], residual[:, 2:]),
        "diagonal": (residual[:, :-1, :-1], residual[:, 1:, 1:]),
    }
    found = {f"correlation_{name}": (one * two).mean(axis=(1, 2)) / power for name, (one, two) in pairs.items()}
    return found | {"residual": _log(np.sqrt(power))}


def _blockiness(profile: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the strongest of the eight phases over the mean of all; `profile`: (n, 31)."""
    phases = np.stack([profile[:, phase::8].mean(axis=1) for phase in range(8)], axis=1)
    strongest: NDArray[np.float64] = (phases.max(axis=1) + _FAINT) / (phases.mean(axis=1) + _FAINT)
    return strongest


@cache
def _radii() -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the rounded distance from the middle, and the frame of two pixels around the patch."""
    y, x = np.mgrid[:TARGET_SIDE, :TARGET_SIDE] - TARGET_SIDE // 2
    return np.rint(np.hypot(x, y)).astype(np.int64), np.maximum(abs(x), abs(y)) >= TARGET_SIDE // 2 - 1


@cache
def _cosines() -> NDArray[np.float64]:
    """Return the matrix of the one-dimensional DCT."""
    return np.asarray(cv2.dct(np.eye(BACKGROUND_SIDE), flags=cv2.DCT_ROWS), np.float64).T


@cache
def _sectors(low: int, high: int) -> dict[str, NDArray[np.bool_]]:
    y, x = np.mgrid[:BACKGROUND_SIDE, :BACKGROUND_SIDE]
    radius, angle = np.hypot(x, y), np.degrees(np.arctan2(y, x))
    band = (radius >= low) & (radius < high)
    sectors = {"x": band & (angle < 30), "oblique": band & (angle >= 30) & (angle <= 60), "y": band & (angle > 60)}
    return {name: chosen for name, chosen in sectors.items() if chosen.any()}
