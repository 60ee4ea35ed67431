"""How large the Gaussians of a point or spot target must be for the mask area that a recipe asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sirstgen.plan import TargetPlan
from sirstgen.synthesis.optics import blur_variance
from sirstgen.synthesis.profiles import mask_of, target_profile

_PIXEL_VARIANCE = 1 / 12  # of a value averaged over a square pixel
_SMALLEST_SIGMA = 0.3
_FITS = 4  # rounds of fitting a size; masks are whole pixels, so more would not come nearer


def kernel_sigma(
    area: float, aspect: float, mask_level: float, blur_sigma: float, psf_sigma: float = 0.0
) -> tuple[float, float]:
    """The (along, across) sigma of a Gaussian whose mask covers `area` pixels after pixel averaging and blur.

    ``area = 2 pi s_along s_across ln(1 / mask_level)`` for the blurred kernel; the variances of pixel, blur and point
    spread add to the kernel's own and are taken off. Kernels are never thinner than 0.3 px.

    Args:
        area: pixels of the mask.
        aspect: longer axis / shorter axis of the kernel.
        mask_level: share of the peak, below 1.
        blur_sigma: of the 5x5 blur, pixels.
        psf_sigma: of the targets' own point spread, pixels.
    """
    blurred = area / (2 * math.pi * math.log(1 / min(mask_level, 0.99)))
    variance = blurred - blur_variance(blur_sigma) - psf_sigma**2 - _PIXEL_VARIANCE
    sigma = math.sqrt(max(variance, _SMALLEST_SIGMA**2))
    along, across = sigma * math.sqrt(aspect), max(sigma / math.sqrt(aspect), _SMALLEST_SIGMA)
    return round(along, 6), round(across, 6)


def with_area(
    target: TargetPlan, area: float, level: float, blur_sigma: float, image_records: Mapping[str, Any]
) -> TargetPlan:
    """Return `target` made larger or smaller as a whole until its mask covers about `area` pixels.

    Args:
        target: a kernel with any stages.
        area: pixels.
        level: share of the peak from which a pixel belongs to the mask.
        blur_sigma: of the 5x5 blur, pixels.
        image_records: records of the image's stages.
    """
    best, smallest = target, math.inf
    for _ in range(_FITS):
        found = int(mask_of(target_profile(target, blur_sigma, image_records).values, level).sum())
        error = abs(math.log(found / area))
        if error < smallest:
            best, smallest = target, error
        if abs(found - area) <= max(0.5, 0.04 * area):
            break
        assert target.sigma is not None  # kernels only
        along, across = (round(max(value * math.sqrt(area / found), _SMALLEST_SIGMA), 6) for value in target.sigma)
        target = replace(target, sigma=(along, across))
    return best
