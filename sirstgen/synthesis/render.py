"""render: a plan becomes a sample. Pure: same plan, same background, same pixels (Fig. 7, read left to right)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.images import Gray
from sirstgen.measure import scr
from sirstgen.measure.scr import Box
from sirstgen.plan import ImagePlan, TargetPlan
from sirstgen.stages import ImageContext, records_in
from sirstgen.synthesis.canvas import REASONS, Canvas, Light, Shape, TargetRejectedError, mask_levels
from sirstgen.synthesis.optics import blur_background
from sirstgen.synthesis.templates import TemplateLibrary
from sirstgen.synthesis.viewable import Viewable


@dataclass(frozen=True, slots=True)
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

    def to_dict(self) -> dict[str, Any]:
        """One entry of ``targets`` in a row of ``targets.jsonl``."""
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
            "amplitude": round(self.amplitude, 4),
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
        """The sample's line of ``targets.jsonl``; alone enough to rebuild the image."""
        row = {"id": image_id, **self.plan.to_dict(), "support_margin": self.support_margin}
        row["targets"] = [target.to_dict() for target in self.targets]
        row["rejections"] = self.rejections
        return row


def render(plan: ImagePlan, background: Gray, templates: TemplateLibrary | None = None) -> Sample:
    """The image, mask and truth of `plan`.

    Args:
        plan: fully decided.
        background: (h, w) the whole frame that ``plan.background`` names, uint8 or uint16 as ``plan.bit_depth``.
        templates: where extended targets are looked up; the built-in ones if None.

    Raises:
        InvalidValueError: the crop lies outside the background, or its pixels are of another bit depth.
        TargetRejectedError: a target cannot be drawn as planned; names the target, the rule and the value.
    """
    canvas = Canvas(plan, blur_background(crop_background(plan, background), plan.blur_sigma), templates)
    for target in plan.targets:
        canvas.place(target)
    canvas.light()
    return finish(canvas)


def crop_background(plan: ImagePlan, background: Gray) -> Gray:
    """The part of a background frame that the plan shows, (H, W), at the image's size."""
    x, y, width, height = plan.background.crop
    if background.ndim != 2 or background.dtype != (np.uint8 if plan.bit_depth == 8 else np.uint16):
        raise InvalidValueError(
            f"a background must be (h, w) uint{plan.bit_depth} for an image of bit_depth {plan.bit_depth}, "
            f"got {background.shape} {background.dtype}"
        )
    rows, columns = background.shape
    if x + width > columns or y + height > rows:
        raise InvalidValueError(
            f"the crop must lie inside its background, got {list(plan.background.crop)} "
            f"in {plan.background.id} of {columns}x{rows} px"
        )
    crop = background[y : y + height, x : x + width]
    if (width, height) != (plan.width, plan.height):
        shrink = width > plan.width or height > plan.height
        method = cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
        crop = cast(Gray, cv2.resize(crop, (plan.width, plan.height), interpolation=method))
    return cast(Gray, cv2.flip(crop, 1) if plan.background.flip else np.ascontiguousarray(crop))


def finish(canvas: Canvas, rejections: dict[str, int] | None = None) -> Sample:
    """The sample that a canvas shows: targets written into the image and measured there."""
    image = canvas.layer.copy()
    truths, plan = [], canvas.plan
    for shape, light in sorted(zip(canvas.shapes, canvas.lights, strict=True), key=lambda pair: pair[0].first):
        levels = mask_levels(shape, light, plan)
        window = image[shape.rows, shape.columns]
        lit = window + np.rint(shape.profile * np.float32(light.amplitude))
        window[:] = np.minimum(np.maximum(lit, 0), plan.white)
        window[shape.mask] = levels
        truths.append(_truth(shape, light, levels, plan.white))
    if plan.finished_later:
        image = _finished(image, plan, image != canvas.layer)
        truths = [_measured_again(truth, image, canvas, number) for number, truth in enumerate(truths)]
    plan = replace(plan, targets=tuple(shape.plan for shape in canvas.shapes))
    return Sample(plan, image, canvas.masks, tuple(truths), canvas.support_margin, rejections or {})


def _finished(image: Gray, plan: ImagePlan, changed: NDArray[np.bool_]) -> Gray:
    context = ImageContext(lambda: changed)
    for record in records_in("image", plan.stages):
        image = record.apply(image, context)
    return image


def _measured_again(truth: Target, image: Gray, canvas: Canvas, number: int) -> Target:
    """The truth of a target in an image that a later stage has changed."""
    shape = next(shape for shape in canvas.shapes if shape.plan is truth.plan)
    levels = image[shape.rows, shape.columns][shape.mask].astype(np.int64)
    left_out = scr.excluded(canvas.masks, canvas.support_margin)
    clutter = scr.measure_clutter(image, left_out, truth.bbox, canvas.plan.clutter_region)
    if clutter.sigma_b == 0:
        what = f"target {number}: {REASONS['flat clutter']}: a later stage leaves it flat"
        raise TargetRejectedError(what, reason="flat clutter", target=number)
    mu_t = int(levels.sum()) / levels.size
    return replace(
        truth,
        scr=scr.signal_to_clutter(mu_t, clutter),
        mu_t=mu_t,
        mu_b=clutter.mu_b,
        sigma_b=clutter.sigma_b,
        saturated=int(((levels == 0) | (levels == canvas.plan.white)).sum()),
    )


def _truth(shape: Shape, light: Light, levels: NDArray[np.int64], white: int) -> Target:
    area = levels.size
    mu_t = int(levels.sum()) / area
    rows, columns = np.nonzero(shape.mask)
    return Target(
        plan=shape.plan,
        center=(shape.columns.start + int(columns.sum()) / area, shape.rows.start + int(rows.sum()) / area),
        bbox=shape.bbox,
        area=area,
        scr=scr.signal_to_clutter(mu_t, light.clutter),
        mu_t=mu_t,
        mu_b=light.clutter.mu_b,
        sigma_b=light.clutter.sigma_b,
        saturated=int(((levels == 0) | (levels == white)).sum()),
        amplitude=light.amplitude,
    )
