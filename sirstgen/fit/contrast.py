"""The law of contrast of a labelled set: level (sigma_b / reference)^c (area / reference)^a, with its spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sirstgen.fit.findings import Finding, percentiles, rounded
from sirstgen.fit.labelled import LabelledSet

CLUTTER, AREA = 5.0, 20.0
"""Reference clutter (gray levels of 256) and mask area (pixels)."""

LEAST_TARGETS = 30

# What 533 targets of NUAA-SIRST show (0.24), and no dependence on size; each with how far sets may differ from it. A
# measured exponent is drawn towards these the more, the less sure it is itself.
_CLUTTER_PRIOR, _AREA_PRIOR = (0.24, 0.15), (0.0, 0.3)
_LEAST_CLUTTER = 1.0  # below a gray level, deviations are rounding; the renderer has the same floor
_HUBER = 1.345  # deviations from which on residuals weigh less: 95 % as sure as least squares where all is normal
_ROUNDS = 8


def fit_contrast(found: LabelledSet) -> tuple[list[Finding], list[str]]:
    """Return the recipe's `contrast`, and what could not be estimated from few targets.

    Args:
        found: the labelled set. Targets that are darker than their clutter count as `dark_share`, by the size of their
            contrast.
    """
    targets = found.targets
    signed = np.array([target.contrast for target in targets])
    clutter = np.array([target.clutter for target in targets])
    area = np.array([target.statistics.area for target in targets], float)
    contrast = np.maximum(np.abs(signed), 1.0)
    few = len(targets) < LEAST_TARGETS
    unknowns = []
    if few:
        exponents, spread_of = np.array([_CLUTTER_PRIOR[0], _AREA_PRIOR[0]]), "kept, too few targets"
        unknowns.append(
            f"contrast's dependence on clutter and area: {len(targets)} targets (at least {LEAST_TARGETS} are needed), "
            f"kept at exponents {exponents[0]:g} and {exponents[1]:g}"
        )
    else:
        exponents, measured = regression(contrast, clutter, area)
        spread_of = f"measured {measured[0]:.2f} and {measured[1]:.2f}"
    level = contrast / _scale(clutter, area, exponents)
    median = float(np.median(level))
    spread = 1.4826 * float(np.median(np.abs(np.log(level) - np.log(median))))
    low, high = np.percentile(contrast, (1, 99))
    law = {
        "level": {"lognormal": {"median": rounded(median), "spread": rounded(spread, 2)}, "limits": _limits(level)},
        "clutter": CLUTTER,
        "clutter_exponent": rounded(float(exponents[0]), 2),
        "area": AREA,
        "area_exponent": rounded(float(exponents[1]), 2),
        "limits": [rounded(float(low), 2), rounded(float(high))],
    }
    note = (
        f"From {len(targets)} targets: mean over the mask - mean of the clutter region, {percentiles(contrast)} gray "
        f"levels of 256; sigma_b {percentiles(clutter)}. Robust regression of its logarithm; exponents of sigma_b and "
        f"area {spread_of}. Limits: 1 and 99 %."
    )
    findings = [Finding(("contrast",), law, note)]
    dark = float((signed < 0).mean())
    if dark > 0:
        findings.append(
            Finding(
                ("dark_share",), rounded(dark, 2), f"{(signed < 0).sum()} of {len(targets)} are below their clutter."
            )
        )
    return findings, unknowns


def regression(
    contrast: NDArray[np.float64], clutter: NDArray[np.float64], area: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the exponents of clutter and area: drawn towards the priors by their own uncertainty, and as measured.

    Robust regression (Huber's weights) of log contrast; the posterior mean under independent normal priors.

    Args:
        contrast: (n,) gray levels, positive.
        clutter: (n,) gray levels.
        area: (n,) pixels.
    """
    design = np.stack([np.ones_like(area), np.log(_floored(clutter) / CLUTTER), np.log(area / AREA)], axis=1)
    target = np.log(contrast)
    weight = np.ones_like(target)
    coefficients, residual, deviation = np.zeros(3), target, 1.0
    for _ in range(_ROUNDS):
        root = np.sqrt(weight)
        coefficients = np.linalg.lstsq(design * root[:, np.newaxis], target * root, rcond=None)[0]
        residual = target - design @ coefficients
        deviation = max(1.4826 * float(np.median(np.abs(residual))), 1e-3)
        weight = np.minimum(1.0, _HUBER * deviation / np.maximum(np.abs(residual), 1e-9))
    means = np.array([0.0, _CLUTTER_PRIOR[0], _AREA_PRIOR[0]])
    certainty = np.diag([0.0, _CLUTTER_PRIOR[1] ** -2, _AREA_PRIOR[1] ** -2])
    data = design.T @ (design * weight[:, np.newaxis]) / deviation**2
    right = design.T @ (target * weight) / deviation**2
    posterior = np.linalg.solve(data + certainty, right + certainty @ means)
    return posterior[1:], coefficients[1:]


def _scale(
    clutter: NDArray[np.float64], area: NDArray[np.float64], exponents: NDArray[np.float64]
) -> NDArray[np.float64]:
    scale = (_floored(clutter) / CLUTTER) ** exponents[0] * (area / AREA) ** exponents[1]
    return np.asarray(scale, np.float64)


def _floored(clutter: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(clutter, _LEAST_CLUTTER)


def _limits(level: NDArray[np.float64]) -> list[float]:
    """Return twice beyond what was seen, so that the level is positive and has an end."""
    return [rounded(float(level.min()) / 2, 2), rounded(float(level.max()) * 2, 2)]
