"""Kinds and sizes of targets, fitted: the shares of points and spots, their sizes, per scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sirstgen.fit.findings import Finding, percentiles, quantiles, rounded
from sirstgen.fit.frames import fit_counts, fit_horizon
from sirstgen.fit.labelled import LabelledSet, LabelledTarget

LARGEST_POINT = 9
"""Mask area up to which a target is a point, pixels: 3x3."""

LARGEST_BLOB = 60
"""Mask area above which labelled targets show a body: flat, with a border as steep as that of small targets."""

LEAST_TARGETS = 30
"""A scene with fewer targets has the sizes and shares of all scenes together."""

LEAST_OF_A_KIND = 8
"""Fewer targets are too few for an estimate of their kind."""


def fit_sizes_of_targets(found: LabelledSet, aspect_power: float = 1.0) -> tuple[list[Finding], list[str]]:
    """Return `point` and `spot` of all scenes together.

    Args:
        found: the labelled set.
        aspect_power: masks of few pixels are longer by chance than their targets; aspects are raised to this power.
    """
    findings, unknowns = [], []
    for kind, members in kinds_of(found.targets).items():
        if len(members) < LEAST_OF_A_KIND:
            unknowns.append(f"{kind} sizes: {len(members)} targets, the default recipe's are kept")
            continue
        findings += _sizes(members, ("point",) if kind == "point" else ("spot",), aspect_power)
    return findings, unknowns


def fit_scenes(
    found: LabelledSet, known: tuple[str, ...], aspect_power: float = 1.0
) -> tuple[list[Finding], list[str]]:
    """Return a row of `scenes` for each scene of the recipe: of its own where labels give it enough targets, else
    pooled.

    Args:
        found: the labelled set.
        known: the recipe's scenes.
        aspect_power: as in `fit_sizes_of_targets`.
    """
    findings, unknowns, pooled = [], [], []
    for scene in known:
        own = found.of_scene(scene)
        place = ("scenes", scene)
        enough = len(own.targets) >= LEAST_TARGETS
        if not enough:
            pooled.append(f"{scene} {len(own.targets)}")
        members = own if enough else found
        findings.append(_kinds(members, place, "of this scene" if enough else "of all scenes together"))
        if enough:
            counts = fit_counts(own)
            findings.append(Finding((*place, "targets_per_image"), counts.value, counts.note))
            for kind, targets in kinds_of(own.targets).items():
                if len(targets) >= LEAST_TARGETS:
                    findings += _sizes(targets, (*place, kind), aspect_power)
        horizon = fit_horizon(own, place)
        if horizon is not None:
            findings.append(horizon)
    labelled = any(frame.scene for frame in found.frames)
    if not labelled:
        unknowns.append(
            "sizes and counts of single scenes: no labels; those of all frames together are used everywhere"
        )
    elif pooled:
        unknowns.append(
            f"sizes and counts of single scenes: fewer than {LEAST_TARGETS} labelled targets in "
            f"{', '.join(pooled)}; those of all scenes together are used there"
        )
    if labelled and not any(finding.place[-1] == "above_horizon" for finding in findings):
        unknowns.append("the side of the horizon: no labelled scene has enough frames in which one was found")
    return findings, unknowns


def kinds_of(targets: list[LabelledTarget]) -> dict[str, list[LabelledTarget]]:
    """Return the targets by kind: point or spot."""
    small = [target.statistics.area <= LARGEST_POINT for target in targets]
    return {
        "point": [target for target, is_small in zip(targets, small, strict=True) if is_small],
        "spot": [target for target, is_small in zip(targets, small, strict=True) if not is_small],
    }


def _kinds(found: LabelledSet, place: tuple[str, ...], whose: str) -> Finding:
    points, total = len(kinds_of(found.targets)["point"]), len(found.targets)
    share = rounded(points / total, 2)
    return Finding(
        (*place, "kinds"),
        {"point": share, "spot": rounded(1 - share, 2), "extended": 0},
        f"{points} of {total} targets {whose} have at most {LARGEST_POINT} px. Templates are not drawn: large targets "
        "are irregular bodies, see stages.saturation_clip.exponent.",
    )


def _sizes(members: list[LabelledTarget], place: tuple[str, ...], aspect_power: float) -> list[Finding]:
    area, aspect, angle = (
        np.array([getattr(target.statistics, name) for target in members], float)
        for name in ("area", "aspect", "angle")
    )
    long = angle[aspect > np.median(aspect)]  # round targets have no direction
    raised = f" Raised to the power {aspect_power:g}: masks of few pixels are too long." * (aspect_power != 1)
    findings = [
        Finding((*place, "area"), quantiles(area), f"From {len(members)} targets: {percentiles(area)} px."),
        Finding(
            (*place, "aspect"),
            quantiles(_at_least_one(aspect) ** aspect_power),
            f"{percentiles(aspect)}.{raised}",
        ),
    ]
    if long.size:  # masks of one shape have no longer ones
        findings.append(
            Finding(
                (*place, "angle"),
                quantiles(long),
                f"Of the {len(long)} longer ones, degrees: {percentiles(long)}.",
            )
        )
    return findings


def _at_least_one(aspect: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(aspect, 1.0)
