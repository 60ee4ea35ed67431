"""The profile of a target: kernel or template, its stages and the 5x5 blur. Mask and intensity are taken from it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.plan import TargetPlan
from sirstgen.stages import records_in
from sirstgen.synthesis.optics import RADIUS
from sirstgen.synthesis.profile import GaussianComponent, Profile
from sirstgen.synthesis.stamps import Stamp, gaussian_stamp, normalised, template_stamp
from sirstgen.synthesis.templates import TemplateLibrary


def target_profile(
    target: TargetPlan,
    blur_sigma: float,
    image_records: Mapping[str, Any] | None = None,
    templates: TemplateLibrary | None = None,
) -> Profile:
    """Return what a target adds to its image, per gray level of its peak.

    Args:
        target: fully decided.
        blur_sigma: of the 5x5 blur, pixels.
        image_records: records of the image's stages.
        templates: where extended targets are looked up; the built-in ones if None.

    Returns:
        Values with peak 1, negative in an undershoot, with left and top in the image.
    """
    records = {**target.stages, **(image_records or {})}
    stamp = _draw(target, templates)
    profile = Profile(stamp.values.astype(np.float64), stamp.left, stamp.top)
    before = records_in("radiance", records)
    for record in before:
        profile = record.apply(profile)
    if before:
        trimmed = normalised(profile.values, profile.left, profile.top)
        profile = Profile(trimmed.values.astype(np.float64), trimmed.left, trimmed.top)
    profile = profile.blurred(blur_sigma, RADIUS)
    for record in records_in("profile", records):
        profile = record.apply(profile)
    return Profile((profile.values / profile.values.max()).astype(np.float32), profile.left, profile.top)


def mask_of(values: NDArray[np.floating], level: float) -> NDArray[np.bool_]:
    """The exact mask: the pixels at `level` of the peak or above it.

    Args:
        values: (h, w) from `target_profile`.
        level: share of the peak.
    """
    return np.asarray(values >= level)


def mask_level(target: TargetPlan, level: float) -> float:
    """Return the share of the peak from which a pixel belongs to the target's mask; `level` is the image's."""
    for record in records_in("mask", target.stages):
        level = record.apply(level)
    return level


def _draw(target: TargetPlan, templates: TemplateLibrary | None) -> Stamp:
    if target.sigma is None:
        assert target.template is not None and target.length is not None  # held by TargetPlan
        library = templates if templates is not None else builtin_templates()
        return template_stamp(library.get(target.template), target.position, target.length, target.angle, target.mirror)
    main = GaussianComponent(0.0, 0.0, *target.sigma, target.angle, 1.0)
    components = [main]
    for record in records_in("components", target.stages):
        components += record.apply(main)
    x, y = target.position
    parts = [
        (part.weight, gaussian_stamp((x + part.dx, y + part.dy), (part.along, part.across), part.angle))
        for part in components
    ]
    if len(parts) == 1:
        return parts[0][1]
    left, top = min(part.left for _, part in parts), min(part.top for _, part in parts)
    right = max(part.left + part.values.shape[1] for _, part in parts)
    bottom = max(part.top + part.values.shape[0] for _, part in parts)
    values = np.zeros((bottom - top, right - left), np.float32)
    for weight, part in parts:
        height, width = part.values.shape
        values[part.top - top :, part.left - left :][:height, :width] += np.float32(weight) * part.values
    return normalised(values, left, top)


@cache
def builtin_templates() -> TemplateLibrary:
    """The templates that ship with sirstgen, opened once."""
    return TemplateLibrary.open()
