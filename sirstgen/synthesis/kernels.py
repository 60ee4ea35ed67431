"""How large the Gaussians of a point or spot target must be for the mask area that a recipe asks for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sirstgen.plan import Lobe, TargetPlan
from sirstgen.recipe.parts import LOWEST_CUT, Irregular
from sirstgen.synthesis.optics import blur_variance
from sirstgen.synthesis.profiles import mask_of, target_profile

REFERENCE_AREA = 20.0
"""Mask area at which `irregular.cut` is meant, pixels: the median of NUAA-SIRST."""

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
    return sigma * math.sqrt(aspect), max(sigma / math.sqrt(aspect), _SMALLEST_SIGMA)


def flat_cut(rules: Irregular, area: float, rng: np.random.Generator) -> float:
    """The share of its peak at which a target is cut flat: ``cut * (20 / area) ** cut_exponent``, 0.05 to 1.

    A sum of Gaussians fades as slowly as it is wide. What the cut leaves of a large one is a flat body whose border is
    about as steep as that of a small target, as the optics of one camera make them.

    Args:
        rules: what shapes are like.
        area: of the mask, pixels.
        rng: the target's stream of cuts.
    """
    cut = rules.cut.draw(rng) * (REFERENCE_AREA / area) ** rules.cut_exponent
    return float(min(max(cut, LOWEST_CUT), 1.0))


def irregular_lobes(
    rules: Irregular, target: TargetPlan, mask_level: float, rng: np.random.Generator
) -> tuple[Lobe, ...]:
    """Lobes around the main Gaussian of `target`, in pixels.

    Args:
        rules: what they are like.
        target: gives the main Gaussian's sigma and angle, and the cut; lobes stand off in its own units, so that long
            targets stay long.
        mask_level: share of the peak at which the target's mask ends.
        rng: the target's stream of lobes.
    """
    count = round(rules.lobes.draw(rng)) - 1
    along, across = target.sigma or (1.0, 1.0)
    # What is cut lower reaches farther, in sigmas of the main Gaussian; lobes keep to its border.
    reach = math.sqrt(1 + math.log(target.cut) / math.log(min(mask_level, 0.99)))
    turn = math.radians(target.angle)
    lobes = []
    for _ in range(count):
        bearing, distance = 2 * math.pi * rng.random(), rules.offset.draw(rng) * reach
        u, v = distance * along * math.cos(bearing), distance * across * math.sin(bearing)
        size, weight = rules.size.draw(rng), rules.weight.draw(rng)
        dx, dy = u * math.cos(turn) - v * math.sin(turn), u * math.sin(turn) + v * math.cos(turn)
        lobes.append(Lobe(dx, dy, size * along, size * across, target.angle, weight))
    glow, wide = rules.glow.draw(rng), rules.glow_size.draw(rng)
    if glow > 0:
        peak = glow * target.cut  # a share of what the cut leaves
        lobes.append(Lobe(0.0, 0.0, wide * along, wide * across, target.angle, peak))
    return tuple(lobes)


def with_area(target: TargetPlan, area: float, mask_level: float, blur_sigma: float, psf_sigma: float) -> TargetPlan:
    """`target` made larger or smaller as a whole until its mask covers about `area` pixels.

    Args:
        target: a kernel with any lobes and halo.
        area: pixels.
        mask_level: the image's; the target's own goes first.
        blur_sigma: of the 5x5 blur, pixels.
        psf_sigma: of the targets' own point spread, pixels.
    """
    level = mask_level if target.mask_level is None else target.mask_level
    best, least = target, math.inf
    for _ in range(_FITS):
        found = int(mask_of(target_profile(target, blur_sigma, psf_sigma).values, level).sum())
        error = abs(math.log(found / area))
        if error < least:
            best, least = target, error
        if abs(found - area) <= max(0.5, 0.04 * area):
            break
        target = _scaled(target, math.sqrt(area / found))
    return best


def _scaled(target: TargetPlan, factor: float) -> TargetPlan:
    assert target.sigma is not None  # kernels only
    along, across = (max(value * factor, _SMALLEST_SIGMA) for value in target.sigma)
    lobes = tuple(
        Lobe(
            lobe.dx * factor,
            lobe.dy * factor,
            max(lobe.along * factor, _SMALLEST_SIGMA),
            max(lobe.across * factor, _SMALLEST_SIGMA),
            lobe.angle,
            lobe.weight,
        )
        for lobe in target.lobes
    )
    return replace(target, sigma=(along, across), lobes=lobes)
