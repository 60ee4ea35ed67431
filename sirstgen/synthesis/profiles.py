"""A target's profile: stamp, cut, point spread, blur and halo in turn. Mask and intensity are taken from it."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.plan import TargetPlan
from sirstgen.synthesis.optics import blur_stamp, spread_stamp
from sirstgen.synthesis.stamps import CUT, Stamp, gaussian_stamp, normalised, template_stamp
from sirstgen.synthesis.templates import TemplateLibrary

HALO_SIGMA = 2.5
"""Width of the dark surround of a sharpened frame, pixels: undershoot is deepest 2 to 6 px from a small target."""

HALO_REACH = 8
"""Pixels by which a halo makes a target larger on every side."""


def target_profile(
    target: TargetPlan, blur_sigma: float, psf_sigma: float = 0.0, templates: TemplateLibrary | None = None
) -> Stamp:
    """What a target adds to its image, per gray level of its peak.

    Args:
        target: fully decided.
        blur_sigma: of the 5x5 blur, pixels.
        psf_sigma: of the targets' own point spread, pixels; 0 for none.
        templates: where extended targets are looked up; the built-in ones if None.

    Returns:
        Values with peak 1, negative in a halo.
    """
    stamp = _draw(target, templates)
    if target.cut < 1:
        stamp = Stamp(np.minimum(stamp.values, np.float32(target.cut) * stamp.values.max()), stamp.left, stamp.top)
    if target.lobes or target.cut < 1:  # what a faint lobe adds below CUT of the whole is nothing
        stamp = normalised(stamp.values, stamp.left, stamp.top)
    if psf_sigma > 0:
        stamp = spread_stamp(stamp, psf_sigma)
    stamp = blur_stamp(stamp, blur_sigma)
    if target.halo > 0:
        return _with_halo(stamp, target.halo)
    return Stamp(stamp.values / stamp.values.max(), stamp.left, stamp.top)


def mask_of(values: NDArray[np.float32], level: float) -> NDArray[np.bool_]:
    """The exact mask: the pixels at `level` of the peak or above it.

    Args:
        values: (h, w) from `target_profile`.
        level: share of the peak.
    """
    return np.asarray(values >= level)


def _draw(target: TargetPlan, templates: TemplateLibrary | None) -> Stamp:
    if target.sigma is None:
        assert target.template is not None and target.length is not None  # held by TargetPlan
        library = templates if templates is not None else builtin_templates()
        return template_stamp(library.get(target.template), target.position, target.length, target.angle, target.mirror)
    main = gaussian_stamp(target.position, target.sigma, target.angle)
    if not target.lobes:
        return main
    x, y = target.position
    parts = [(1.0, main)] + [
        (lobe.weight, gaussian_stamp((x + lobe.dx, y + lobe.dy), (lobe.along, lobe.across), lobe.angle))
        for lobe in target.lobes
    ]
    left, top = min(part.left for _, part in parts), min(part.top for _, part in parts)
    right = max(part.left + part.values.shape[1] for _, part in parts)
    bottom = max(part.top + part.values.shape[0] for _, part in parts)
    values = np.zeros((bottom - top, right - left), np.float32)
    for weight, part in parts:
        height, width = part.values.shape
        values[part.top - top :, part.left - left :][:height, :width] += np.float32(weight) * part.values
    return Stamp(values, left, top)


def _with_halo(stamp: Stamp, halo: float) -> Stamp:
    """The profile minus `halo` times its own wide blur, as unsharp masking leaves it; peak 1 again."""
    reach = HALO_REACH
    scaled = stamp.values / stamp.values.max()
    values = np.asarray(cv2.copyMakeBorder(scaled, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0.0))
    wide = cv2.GaussianBlur(values, (2 * reach + 1, 2 * reach + 1), HALO_SIGMA, borderType=cv2.BORDER_CONSTANT)
    sharpened = values - halo / float(wide.max()) * np.asarray(wide)
    profile = np.asarray(sharpened / sharpened.max(), np.float32)
    profile[np.abs(profile) < CUT] = 0
    return Stamp(profile, stamp.left - reach, stamp.top - reach)


@cache
def builtin_templates() -> TemplateLibrary:
    """The templates that ship with sirstgen, opened once."""
    return TemplateLibrary.open()
