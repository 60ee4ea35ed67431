"""What a labelled frame shows of each of its targets: size, place, contrast, clutter, shape, edge."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.files.gray_scale import Gray, levels_per_256
from sirstgen.measure.targets import MeasuredTarget, measure_targets

RING = (4.0, 8.0)  # distance from the mask, pixels: where a target's own background is taken
CLUTTER_GROWTH = 2  # pixels by which masks are grown before sigma_b is taken, so that halos do not count
_INSIDE, _OUTSIDE = 3, 4  # steps of the radial profile
_WINDOW = 24  # pixels around the bounding box that are looked at
_REACH = 2.5  # distance from the mask up to which pixels belong to the target's own spread
_FIT_LEVEL = 0.15  # of the peak: fainter pixels say little about a Gaussian

_Field = NDArray[np.float64]
_Where = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TargetStatistics:
    """One 8-connected component of a mask, measured in the frame as given.

    Gray levels are of 256 (16-bit frames are scaled), lengths are pixels, angles degrees from x to y in -90..90. NaN
    stands where a frame has no such figure: the profile deep inside a small target, the neighbour of a lone one, the
    fit of a shape that is no Gaussian at all, the clutter where nothing is left of it.

    Args:
        area: of the mask.
        bbox: (x, y, width, height).
        center: (x, y), unweighted centroid of the mask.
        x, y: the centroid as a share of the frame's width and height.
        border: distance of the centroid from the nearest edge of the frame.
        aspect: ratio of the mask's axes, from its second moments with 1/12 for the pixel's own width; 1 or more.
        angle: direction of the mask's long axis.
        contrast: mean over the mask - mean of the ring 4-8 px outside; signed.
        peak: largest difference of a mask pixel from the ring, signed as `contrast`.
        mean_to_peak: contrast / peak.
        spread: standard deviation within the mask / |peak|.
        ring: mean level of the ring, masks of others left out.
        ring_spread: its standard deviation.
        clutter: sigma_b in the bounding box grown by 20 px, all masks grown by 2 px left out.
        clutter_global: the same over the whole frame.
        scr: Eq. 10 with `clutter` and the mean there; infinite where the clutter is flat.
        scr_global: Eq. 10 over the whole frame; infinite where it is flat.
        saturated: share of the mask that is black or white.
        brighter: share of the frame that is brighter than the target's mean.
        inside: level relative to the peak 3, 2 and 1 px inside the mask's border.
        outside: the same 1, 2, 3 and 4 px outside.
        edge: mean gradient of the pixels on both sides of the border / |peak|, per pixel.
        roughness: standard deviation of the Laplacian up to 1.5 px from the mask, and from there to 4 px, / |peak|:
            codecs and sharpening leave ripples there, which no smooth shape has.
        undershoot: lowest mean of the rings 2 to 6 px outside, relative to the peak; negative under a sharpened frame.
        sigma_major, sigma_minor: from second moments of what rises above the ring, up to 2.5 px from the mask.
        fit_major, fit_minor: of the Gaussian fitted to the logarithm of the same, weighted by its square.
        fit_angle: direction of that Gaussian's long axis.
        fit_residual: rms difference from it / |peak|.
        mask_level: the share of the peak at which a threshold gives the mask's area.
        maxima: local maxima in the mask above half the peak; 1 for a single bump.
        neighbour: distance of the nearest other centroid of the frame.
        count: targets in the frame.
    """

    area: int
    bbox: tuple[int, int, int, int]
    center: tuple[float, float]
    x: float
    y: float
    border: float
    aspect: float
    angle: float
    contrast: float
    peak: float
    mean_to_peak: float
    spread: float
    ring: float
    ring_spread: float
    clutter: float
    clutter_global: float
    scr: float
    scr_global: float
    saturated: float
    brighter: float
    inside: tuple[float, float, float]
    outside: tuple[float, float, float, float]
    edge: float
    roughness: tuple[float, float]
    undershoot: float
    sigma_major: float
    sigma_minor: float
    fit_major: float
    fit_minor: float
    fit_angle: float
    fit_residual: float
    mask_level: float
    maxima: int
    neighbour: float
    count: int


def target_statistics(image: Gray, mask: NDArray[np.bool_]) -> list[TargetStatistics]:
    """Return every target of a frame, in raster order of their first pixels.

    Args:
        image: (H, W) uint8 or uint16.
        mask: (H, W) bool, true on target pixels.
    """
    found = measure_targets(image, mask, support_margin=CLUTTER_GROWTH)
    if not found:
        return []
    to_256 = 1 / levels_per_256(image)
    levels = image.astype(np.float64) * to_256
    outside = levels[~_grown(mask, CLUTTER_GROWTH)]
    whole = (float(outside.mean()), float(outside.std())) if outside.size else (math.nan, math.nan)
    centers = np.array([target.center for target in found])
    apart = np.hypot(*(centers[:, np.newaxis] - centers).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    nearest = np.where(np.isfinite(apart.min(axis=1)), apart.min(axis=1), np.nan)
    return [
        _measure(levels, mask, target, to_256, whole, float(neighbour), len(found))
        for target, neighbour in zip(found, nearest, strict=True)
    ]


def _measure(
    levels: _Field,
    mask: _Where,
    target: MeasuredTarget,
    to_256: float,
    whole: tuple[float, float],
    neighbour: float,
    count: int,
) -> TargetStatistics:
    height, width = levels.shape
    left, top, across, down = target.bbox
    rows = slice(max(top - _WINDOW, 0), min(top + down + _WINDOW, height))
    columns = slice(max(left - _WINDOW, 0), min(left + across + _WINDOW, width))
    window, masks = levels[rows, columns], mask[rows, columns]
    own = _component(masks, top - rows.start, left - columns.start, down, across, target.area)
    away = cv2.distanceTransform((~own).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    deep = cv2.distanceTransform(np.pad(own, 1).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    free = ~_grown(masks & ~own, CLUTTER_GROWTH)
    around = (away >= RING[0]) & (away <= RING[1]) & free
    if not around.any():
        around = ~masks if not masks.all() else masks
    ring = float(window[around].mean())
    mean = target.mu_t * to_256
    contrast = mean - ring
    sign = -1.0 if contrast < 0 else 1.0
    rise = (window - ring) * sign
    peak = max(float(rise[own].max()), 1e-6)
    near = (away <= _REACH) & free
    y, x = np.nonzero(own)
    aspect, angle = _mask_axes(x, y)
    major, minor = _moment_sigmas(rise, near)
    fit = _gaussian_fit(rise, near, peak)
    gradient = np.hypot(*np.gradient(window)) if min(window.shape) > 1 else np.zeros_like(window)
    border = ((deep > 0) & (deep < 1.5)) | ((away > 0) & (away < 1.5) & free)
    ripples = np.asarray(cv2.Laplacian(rise, cv2.CV_64F), np.float64)
    rings = [_mean(rise, _step(away, step) & free) / peak for step in range(1, 7)]
    center_x, center_y = target.center
    sigma_b, mean_b = target.sigma_b * to_256, target.mu_b * to_256
    return TargetStatistics(
        area=target.area,
        bbox=target.bbox,
        center=target.center,
        x=(center_x + 0.5) / width,
        y=(center_y + 0.5) / height,
        border=min(center_x, center_y, width - 1 - center_x, height - 1 - center_y),
        aspect=aspect,
        angle=angle,
        contrast=contrast,
        peak=sign * peak,
        mean_to_peak=abs(contrast) / peak,
        spread=float(window[own].std()) / peak,
        ring=ring,
        ring_spread=float(window[around].std()),
        clutter=sigma_b if math.isfinite(mean_b) else math.nan,
        clutter_global=whole[1],
        scr=target.scr,
        scr_global=abs(mean - whole[0]) / whole[1] if whole[1] else math.inf,
        saturated=target.saturated / target.area,
        brighter=float((levels > mean).mean()),
        inside=tuple(_mean(rise, _step(deep, step)) / peak for step in range(_INSIDE, 0, -1)),  # type: ignore[arg-type]
        outside=tuple(rings[:_OUTSIDE]),  # type: ignore[arg-type]
        edge=float(gradient[border].mean()) / peak,
        roughness=(
            _deviation(ripples[(away > 0) & (away < 1.5) & free]) / peak,
            _deviation(ripples[(away >= 1.5) & (away <= 4) & free]) / peak,
        ),
        undershoot=_least(rings[1:]),
        sigma_major=major,
        sigma_minor=minor,
        fit_major=fit[0],
        fit_minor=fit[1],
        fit_angle=fit[2],
        fit_residual=fit[3],
        mask_level=_mask_level(rise[near] / peak, target.area),
        maxima=_maxima(rise, own, peak),
        neighbour=neighbour,
        count=count,
    )


def _grown(mask: _Where, margin: int) -> _Where:
    side = 2 * margin + 1
    grown: _Where = cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)).astype(bool)
    return grown


def _component(masks: _Where, top: int, left: int, down: int, across: int, area: int) -> _Where:
    """Return the one component that fills its bounding box; others may reach into it."""
    own = np.zeros_like(masks)
    box = masks[top : top + down, left : left + across]
    if int(box.sum()) == area:
        own[top : top + down, left : left + across] = box
        return own
    _, labels, stats, _ = cv2.connectedComponentsWithStats(masks.view(np.uint8), connectivity=8)
    wanted = np.array([left, top, across, down, area])
    number = 1 + int(np.flatnonzero((stats[1:] == wanted).all(axis=1))[0])
    np.equal(labels, number, out=own)
    return own


def _step(distance: NDArray[Any], step: int) -> _Where:
    between: _Where = (distance > step - 0.5) & (distance <= step + 0.5)
    return between


def _mean(values: _Field, where: _Where) -> float:
    chosen = values[where]
    return float(chosen.mean()) if chosen.size else math.nan


def _deviation(values: _Field) -> float:
    return float(values.std()) if values.size else math.nan


def _least(values: list[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return min(finite) if finite else math.nan


def _axes(xx: float, yy: float, xy: float) -> tuple[float, float, float]:
    """Return the square roots of the eigenvalues of a covariance, larger first, and the direction of the larger in
    degrees.
    """
    middle, half = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    angle = math.degrees(math.atan2(2 * xy, xx - yy) / 2)
    return math.sqrt(max(middle + half, 0)), math.sqrt(max(middle - half, 0)), angle


def _mask_axes(x: NDArray[np.intp], y: NDArray[np.intp]) -> tuple[float, float]:
    across, down = x - x.mean(), y - y.mean()
    pixel = 1 / 12
    xx, yy = float((across**2).mean()) + pixel, float((down**2).mean()) + pixel
    major, minor, angle = _axes(xx, yy, float((across * down).mean()))
    return major / minor, angle


def _moment_sigmas(rise: _Field, near: _Where) -> tuple[float, float]:
    y, x = np.nonzero(near)
    weight = np.maximum(rise[near], 0)
    total = weight.sum()
    if total <= 0:
        return math.nan, math.nan
    across, down = x - (weight @ x) / total, y - (weight @ y) / total
    moments = (weight @ across**2, weight @ down**2, weight @ (across * down))
    major, minor, _ = _axes(*(float(moment / total) for moment in moments))
    return major, minor


def _gaussian_fit(rise: _Field, near: _Where, peak: float) -> tuple[float, float, float, float]:
    """Return sigmas, angle and residual of a Gaussian, by weighted least squares on the logarithm (Guo, 2011)."""
    y, x = (axis.astype(np.float64) for axis in np.nonzero(near))
    values = rise[near] / peak
    used = values > _FIT_LEVEL
    if np.count_nonzero(used) < 6:
        return math.nan, math.nan, math.nan, math.nan
    across, down = x - x[used].mean(), y - y[used].mean()
    design = np.stack([np.ones_like(x), across, down, across**2, across * down, down**2], axis=1)
    bright, logarithm = design[used], np.log(values[used])
    weight: NDArray[Any] = values[used]
    coefficients = np.zeros(6)
    for _ in range(2):  # the second pass weighs by the first one's fit, which has no noise
        coefficients = np.linalg.lstsq(bright * weight[:, np.newaxis], logarithm * weight, rcond=None)[0]
        weight = np.exp(np.clip(bright @ coefficients, -4, 1))
    a, b, c = -2 * coefficients[3], -coefficients[4], -2 * coefficients[5]  # the inverse covariance
    determinant = a * c - b * b
    if a <= 0 or determinant <= 1e-9:
        return math.nan, math.nan, math.nan, math.nan
    major, minor, angle = _axes(c / determinant, a / determinant, -b / determinant)
    fitted = np.exp(np.clip(design @ coefficients, -30, 3))
    return major, minor, angle, float(np.sqrt(((values - fitted) ** 2).mean()))


def _mask_level(values: _Field, area: int) -> float:
    ordered = np.sort(values)[::-1]
    return float((ordered[area - 1] + ordered[min(area, ordered.size - 1)]) / 2)


def _maxima(rise: _Field, own: _Where, peak: float) -> int:
    highest = cv2.dilate(rise, np.ones((3, 3), np.uint8))
    tops = (rise >= highest) & own & (rise > 0.5 * peak)
    count, _ = cv2.connectedComponents(tops.view(np.uint8), connectivity=8)
    return int(count) - 1
