"""render: a plan becomes a sample. Pure: same plan, same background, same pixels (Fig. 7, read left to right)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.files.images import Gray
from sirstgen.measure import scr
from sirstgen.measure.scr import Box
from sirstgen.plan import ImagePlan, TargetPlan
from sirstgen.stages import ImageContext, records_in
from sirstgen.synthesis.canvas import REASONS, Canvas, Intensity, PlacedTarget, TargetRejectedError
from sirstgen.synthesis.optics import background_layer
from sirstgen.synthesis.rasterise import rasterise
from sirstgen.synthesis.request import Request
from sirstgen.synthesis.templates import TemplateLibrary
from sirstgen.synthesis.viewable import Viewable

_GRAIN = 2.0**-20
"""Positions are rounded to this many pixels, so that a shift by whole pixels leaves the values exactly as they are."""


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """What one target is in the written image; everything but `plan` and `amplitude` can be measured from the files.

    Args:
        plan: what was asked for.
        center: (x, y) centroid of the mask's pixels.
        bbox: (x, y, width, height) of the mask.
        area: pixels of the mask.
        scr: Eq. 10, measured.
        mu_t: mean of the image over the mask, gray levels.
        mu_b: mean over the clutter region, gray levels.
        sigma_b: population standard deviation over the clutter region, gray levels.
        saturated: pixels of the mask that are black or white.
        amplitude: peak of the target's own contribution, gray levels; negative for a dark target.
    """

    plan: TargetPlan
    center: tuple[float, float]
    bbox: Box
    area: int
    scr: float
    mu_t: float
    mu_b: float
    sigma_b: float
    saturated: int
    amplitude: float

    def __repr__(self) -> str:
        x, y = self.center
        return f"Target({self.plan.kind} at ({x:.1f}, {y:.1f}), {self.area} px, SCR {self.scr:.2f})"

    def to_dict(self) -> dict[str, Any]:
        """Return one entry of ``targets`` in a row of ``targets.jsonl``."""
        return {
            **self.plan.to_dict(),
            "center": [round(self.center[0], 4), round(self.center[1], 4)],
            "bbox": list(self.bbox),
            "area": self.area,
            "scr": self.scr,
            "mu_t": self.mu_t,
            "mu_b": self.mu_b,
            "sigma_b": self.sigma_b,
            "saturated": self.saturated,
            "amplitude": round(self.amplitude, 2),
        }


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sample(Viewable):
    """One finished image.

    Args:
        plan: what it was rendered from.
        image: (H, W) uint8 or uint16, gray levels.
        mask: (H, W) uint8, 0 or 255.
        targets: truth of each target, in raster order of their masks.
        support_margin: pixels by which the masks must grow to cover every pixel that a target changed.
        rejections: how often a draw was rejected on the way to this plan, by reason.
    """

    plan: ImagePlan
    image: Gray
    mask: NDArray[np.uint8]
    targets: tuple[Target, ...]
    support_margin: int
    rejections: dict[str, int] = field(default_factory=dict)

    def row(self, image_id: str) -> dict[str, Any]:
        """Return the sample's line of ``targets.jsonl``; alone enough to rebuild the image."""
        row = {"id": image_id, **self.plan.to_dict(with_targets=False), "support_margin": self.support_margin}
        row["targets"] = [target.to_dict() for target in self.targets]
        row["rejections"] = self.rejections
        return row


def render(plan: ImagePlan, background: Gray, templates: TemplateLibrary | None = None) -> Sample:
    """Return the image, mask and truth of `plan`.

    Args:
        plan: fully decided.
        background: (h, w) the whole frame that ``plan.background`` names, uint8 or uint16 as ``plan.bit_depth``.
        templates: where extended targets are looked up; the built-in ones if None.

    Raises:
        InvalidValueError: the crop is outside the background, or its pixels are of another bit depth.
        TargetRejectedError: a target cannot be drawn as planned; names the target, the rule and the value.
    """
    if background.ndim != 2 or background.dtype != (np.uint8 if plan.bit_depth == 8 else np.uint16):
        raise InvalidValueError(
            f"a background must be (h, w) uint{plan.bit_depth} for an image of bit_depth {plan.bit_depth}, "
            f"got {background.shape} {background.dtype}"
        )
    layer = background_layer(background, plan.background, (plan.width, plan.height), plan.blur_sigma)
    canvas = Canvas(layer, plan.clutter_region, plan.max_saturated)
    for target in plan.targets:
        column, row, phase = position_in_pixel(target.position)
        raster = rasterise(target, phase, plan.blur_sigma, plan.stages, plan.mask_level, templates)
        canvas.place(raster, column, row, Request(target.scr, target.contrast, target.polarity))
    canvas.find_intensities()
    return finish(canvas, plan)


def finish(canvas: Canvas, plan: ImagePlan, rejections: dict[str, int] | None = None) -> Sample:
    """Return the sample that a canvas shows: targets written into the image and measured there.

    Args:
        canvas: with the intensities of all targets.
        plan: of the image; its targets are those of the canvas, in the same order.
        rejections: on the way to the plan, by reason.

    Raises:
        TargetRejectedError: a stage after the intensity leaves the clutter of a target flat.
    """
    image = canvas.written()
    found = list(zip(plan.targets, canvas.targets, canvas.intensities, strict=True))
    if len(found) > 1:
        found.sort(key=lambda one: (one[1].row + one[1].raster.first[0], one[1].column + one[1].raster.first[1]))
    targets = [_measured(target, placed, intensity, canvas.white) for target, placed, intensity in found]
    if plan.finished_later:
        changed = image != canvas.layer
        context = ImageContext(lambda: changed)
        for record in records_in("image", plan.stages):
            image = record.apply(image, context)
        excluded = scr.excluded(canvas.masks, canvas.support_margin)
        targets = [
            _measured_again(target, image, excluded, one[1], canvas, number)
            for number, (target, one) in enumerate(zip(targets, found, strict=True))
        ]
    counts = dict(sorted(rejections.items())) if rejections else {}
    return Sample(plan, image, canvas.masks, tuple(targets), canvas.support_margin, counts)


def _measured(plan: TargetPlan, placed: PlacedTarget, intensity: Intensity, white: int) -> Target:
    raster, clutter, levels = placed.raster, intensity.clutter, intensity.levels
    assert levels is not None  # set by `find_intensities`
    mu_t = intensity.required / raster.area
    ends = intensity.low <= 0 or intensity.high >= white
    return Target(
        plan,
        (placed.column + raster.center[0], placed.row + raster.center[1]),
        placed.box,
        raster.area,
        abs(mu_t - clutter.mu_b) / clutter.sigma_b,
        mu_t,
        clutter.mu_b,
        clutter.sigma_b,
        int(((levels == 0) | (levels == white)).sum()) if ends else 0,
        intensity.amplitude,
    )


def _measured_again(
    target: Target, image: Gray, excluded: NDArray[np.bool_], placed: PlacedTarget, canvas: Canvas, number: int
) -> Target:
    """Return what a target is in an image that a later stage has changed."""
    levels = image[placed.window][placed.raster.mask.view(np.bool_)].astype(np.int64)
    clutter = scr.measure_clutter(image, excluded, target.bbox, canvas.region)
    if clutter.sigma_b == 0:
        what = f"target {number}: {REASONS['flat clutter']}: a later stage leaves it flat"
        raise TargetRejectedError(what, reason="flat clutter", target=number)
    mu_t = int(levels.sum()) / levels.size
    return replace(
        target,
        scr=scr.signal_to_clutter(mu_t, clutter),
        mu_t=mu_t,
        mu_b=clutter.mu_b,
        sigma_b=clutter.sigma_b,
        saturated=int(((levels == 0) | (levels == canvas.white)).sum()),
    )


def position_in_pixel(position: tuple[float, float]) -> tuple[int, int, tuple[float, float]]:
    """Return the pixel that holds a position, and where in that pixel it is (-0.5 to 0.5)."""
    x, y = (round(value / _GRAIN) * _GRAIN for value in position)
    column, row = math.floor(x + 0.5), math.floor(y + 0.5)
    return column, row, (x - column, y - row)
