"""Image statistics of an infrared background: brightness, spectrum, clutter, sensor noise, edges, compression marks."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError

MIN_SIDE = 32
_SPECTRUM_BAND = (0.015, 0.25)
_TILTS = np.arange(-0.3, 0.301, 0.05)
_THUMBNAIL = 96


def background_statistics(image: NDArray[Any]) -> dict[str, float]:
    """Measure one gray frame, so that two sets of backgrounds can be compared statistic by statistic.

    All are in gray levels and pixels of the frame as given. A statistic that a constant frame does not have
    (a slope, a correlation, a kurtosis) is 0 there.

    ==================== ==========================================================================================
    mean, std            of all pixels
    psd_slope            beta of a power law f^-beta fitted to the radial power spectrum, 0.015-0.25 cycles/px
    local_std_p5/p50/p95 percentiles of the standard deviation in 9x9 windows
    noise_sigma          Immerkaer's noise estimate (CVIU 64(2), 1996)
    residual_std         standard deviation of image - Gaussian(1.5) in the flattest fifth of the 9x9 windows
    residual_lag1_x/_y   lag-1 autocorrelation of that residual there
    gradient_kurtosis    fourth over squared second moment of the forward differences; 3 for a Gaussian field
    gradient_p99         99th percentile of the gradient magnitude
    anisotropy           log2(rms vertical / rms horizontal difference)
    horizon_row          row of the best split into two regions by a slightly tilted line, as a fraction of the height
    horizon_variance     share of the (thumbnail's) variance that this split explains
    horizon_step         largest change between two neighbouring row means
    saturation           share of pixels at or above 250/255 of the full scale
    blockiness           mean horizontal difference across the strongest 8-px phase over that of the other phases
    zero_gradient        share of pixels equal to their right and lower neighbours
    column_fpn, row_fpn  spread of the column (row) means of the high-passed frame over that of independent pixels
    ==================== ==========================================================================================

    Args:
        image: (height, width), any numeric dtype, both sides at least 32 px; gray levels. Full scale is 65535 for
            uint16 and 255 for everything else.

    Raises:
        InvalidValueError: when the image is not two-dimensional or too small.
    """
    if image.ndim != 2 or min(image.shape) < MIN_SIDE:
        raise InvalidValueError(
            f"a background must be a gray image of at least {MIN_SIDE}x{MIN_SIDE} px, got shape {image.shape}",
            value=image.shape,
        )
    full_scale = 65535.0 if image.dtype == np.uint16 else 255.0
    gray = np.ascontiguousarray(image, dtype=np.float32)
    local = _local_std(gray)
    p5, p50, p95 = np.percentile(local, [5, 50, 95])
    return {
        "mean": float(gray.mean()),
        "std": float(gray.std()),
        "psd_slope": spectral_slope(gray),
        "local_std_p5": float(p5),
        "local_std_p50": float(p50),
        "local_std_p95": float(p95),
        **_noise(gray, local),
        **_gradients(gray),
        **_horizon(gray),
        "saturation": float((gray >= full_scale * 250 / 255).mean()),
    }


def spectral_slope(gray: NDArray[np.float32]) -> float:
    """Return beta of f^-beta, fitted by least squares to the logarithms of the radially averaged power spectrum.

    Args:
        gray: (H, W) gray levels; a Hann window is applied.

    Returns:
        0 where fewer than two bands of frequencies hold power, as in a constant frame.
    """
    height, width = gray.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    power = np.abs(np.fft.rfft2((gray - gray.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    edges = np.geomspace(*_SPECTRUM_BAND, 15)
    bins = np.digitize(frequency.ravel(), edges)
    count = np.bincount(bins, minlength=len(edges) + 1)[1 : len(edges)]
    total = np.bincount(bins, power.ravel(), minlength=len(edges) + 1)[1 : len(edges)]
    used = (count > 0) & (total > 0)
    if used.sum() < 2:
        return 0.0
    centres = np.sqrt(edges[1:] * edges[:-1])[used]
    return float(-np.polyfit(np.log10(centres), np.log10(total[used] / count[used]), 1)[0])


def _local_std(gray: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = gray.astype(np.float64) - float(gray.mean())
    mean = cv2.blur(wide, (9, 9), borderType=cv2.BORDER_REFLECT)
    square = cv2.blur(wide * wide, (9, 9), borderType=cv2.BORDER_REFLECT)
    # A constant window leaves rounding of about 1e-12 behind; its true spread is 0.
    return np.sqrt(np.where(square - mean * mean > 1e-9, square - mean * mean, 0.0))


def _noise(gray: NDArray[np.float32], local: NDArray[np.float64]) -> dict[str, float]:
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    laplacian = cv2.filter2D(gray, cv2.CV_32F, kernel)[1:-1, 1:-1]
    residual = gray - cv2.GaussianBlur(gray, (0, 0), 1.5, borderType=cv2.BORDER_REFLECT)
    flattest = local <= np.percentile(local, 20)
    return {
        "noise_sigma": float(np.sqrt(np.pi / 2) * np.abs(laplacian).mean() / 6),
        "residual_std": float(residual[flattest].std()),
        "residual_lag1_x": _lag1(residual, flattest, axis=1),
        "residual_lag1_y": _lag1(residual, flattest, axis=0),
        "column_fpn": _fixed_pattern(residual, 0),
        "row_fpn": _fixed_pattern(residual, 1),
    }


def _lag1(residual: NDArray[np.float32], flattest: NDArray[np.bool_], axis: int) -> float:
    wide, flat = np.moveaxis(residual.astype(np.float64), axis, 0), np.moveaxis(flattest, axis, 0)
    pairs = flat[:-1] & flat[1:]
    first, second = wide[:-1][pairs], wide[1:][pairs]
    if len(first) < 2 or first.std() < 1e-6 or second.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _fixed_pattern(residual: NDArray[np.float32], axis: int) -> float:
    independent = float(residual.std()) / np.sqrt(residual.shape[axis])
    return float(residual.mean(axis=axis).std()) / independent if independent > 1e-9 else 0.0


def _gradients(gray: NDArray[np.float32]) -> dict[str, float]:
    gx = (gray[:-1, 1:] - gray[:-1, :-1]).astype(np.float64)
    gy = (gray[1:, :-1] - gray[:-1, :-1]).astype(np.float64)
    rms_x, rms_y = np.sqrt((gx**2).mean()), np.sqrt((gy**2).mean())
    pooled = np.concatenate([gx.ravel(), gy.ravel()])
    second = float((pooled**2).mean())
    profile = np.abs(gx).mean(axis=0)
    phases = [float(profile[phase::8].mean()) for phase in range(8)]
    strongest = int(np.argmax(phases))
    others = float(np.mean([level for phase, level in enumerate(phases) if phase != strongest]))
    return {
        "gradient_kurtosis": float((pooled**4).mean()) / second**2 if second > 0 else 0.0,
        "gradient_p99": float(np.percentile(np.hypot(gx, gy), 99)),
        "anisotropy": float(np.log2(rms_y / rms_x)) if rms_x > 0 and rms_y > 0 else 0.0,
        "blockiness": phases[strongest] / others if others > 0 else 1.0,
        "zero_gradient": float(((gx == 0) & (gy == 0)).mean()),
    }


def _horizon(gray: NDArray[np.float32]) -> dict[str, float]:
    """Return the tilted line that splits the frame into two halves of largest between-class variance."""
    height, width = gray.shape
    rows = min(_THUMBNAIL, height)
    small = cv2.resize(gray, (min(_THUMBNAIL, width), rows), interpolation=cv2.INTER_AREA).astype(np.float64)
    small -= small.mean()
    variance = float((small**2).mean())
    profile = gray.mean(axis=1, dtype=np.float64)
    steps = np.abs(np.diff(profile))
    best_row, best = 0.5, 0.0
    y, x = np.mgrid[:rows, : small.shape[1]]
    for tilt in _TILTS if variance > 1e-9 else ():
        line = np.rint(y - tilt * (x - small.shape[1] / 2)).astype(np.intp)
        low = int(line.min())
        count = np.cumsum(np.bincount((line - low).ravel()))[:-1]
        total = np.cumsum(np.bincount((line - low).ravel(), small.ravel()))[:-1]
        inside = (count > 0.05 * small.size) & (count < 0.95 * small.size)
        explained = np.where(inside, total**2 / (count * (small.size - count)), 0.0) / variance
        if explained.max() > best:
            best, best_row = float(explained.max()), (int(explained.argmax()) + low + 1) / rows
    return {
        "horizon_row": float(np.clip(best_row, 0, 1)),
        "horizon_variance": best,
        "horizon_step": float(steps.max()),
    }
