"""render: a plan becomes a sample. Pure: same plan, same background, same pixels (Fig. 7, read left to right)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import WorkFailed
from sirstgen.plan import ImagePlan, TargetPlan
from sirstgen.synthesis import intensity
from sirstgen.synthesis.intensity import Box, Clutter
from sirstgen.synthesis.optics import blur_background, blur_stamp
from sirstgen.synthesis.stamps import Stamp, gaussian_stamp, template_stamp
from sirstgen.synthesis.templates import TemplateLibrary

Image = NDArray[np.uint8 | np.uint16]


class TargetRejected(WorkFailed):
    """A target cannot be drawn as planned.

    ``data["reason"]`` is one of the keys of `REASONS`, ``data["target"]`` the target's position in the plan.
    """


REASONS = {
    "off image": "the target does not fit inside the image",
    "touching": "the target touches another one",
    "fragmented mask": "the mask falls into several parts",
    "flat clutter": "the clutter region is flat (sigma_b = 0), so no contrast has the requested SCR",
    "saturated": "the requested SCR needs gray levels beyond black or white",
    "invisible contrast": "the requested SCR leaves the target no contrast against the pixels it covers",
}


@dataclass(frozen=True, slots=True)
class TargetTruth:
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

    def to_json(self) -> dict[str, Any]:
        """One entry of ``targets`` in a row of ``targets.jsonl``."""
        return {
            **self.plan.to_json(),
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


@dataclass(frozen=True, slots=True)
class Sample:
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
    image: Image
    mask: NDArray[np.uint8]
    targets: tuple[TargetTruth, ...]
    support_margin: int
    rejections: dict[str, int] = field(default_factory=dict)

    def row(self, image_id: str) -> dict[str, Any]:
        """The sample's line of ``targets.jsonl``; alone enough to rebuild the image."""
        row = {"id": image_id, **self.plan.to_json(), "support_margin": self.support_margin}
        row["targets"] = [target.to_json() for target in self.targets]
        row["rejections"] = self.rejections
        return row


class _Shape(NamedTuple):
    """A target before its intensity is known: blurred profile and mask on a window of the image."""

    plan: TargetPlan
    rows: slice
    columns: slice
    profile: NDArray[np.float32]  # peak 1
    mask: NDArray[np.bool_]
    bbox: Box
    first: tuple[int, int]  # row and column of the mask's first pixel in raster order
    reach: NDArray[np.float32]  # chessboard distance of each pixel to the mask


class _Lit(NamedTuple):
    """A target's intensity for one support margin."""

    clutter: Clutter
    required: int
    amplitude: float


def render(plan: ImagePlan, background: Image, templates: TemplateLibrary | None = None) -> Sample:
    """The image, mask and truth of `plan`.

    Args:
        plan: fully decided.
        background: (h, w) the whole background frame that ``plan.background`` names, uint8 or uint16 as ``plan.bit_depth``.
        templates: where extended targets are looked up; the built-in ones if None.

    Raises:
        InvalidValue: the crop lies outside the background.
        TargetRejected: a target cannot be drawn as planned; names the target, the rule and the value.
    """
    canvas = crop_background(plan, background)
    return paint(plan, blur_background(canvas, plan.blur_sigma), templates)


def crop_background(plan: ImagePlan, background: Image) -> Image:
    """The part of a background frame that the plan shows, (H, W), at the image's size."""
    x, y, width, height = plan.background.crop
    rows, columns = background.shape
    if x + width > columns or y + height > rows:
        raise WorkFailed(
            f"the crop must lie inside its background, got {list(plan.background.crop)} "
            f"in {plan.background.id} of {columns}x{rows} px"
        )
    crop = background[y : y + height, x : x + width]
    if (width, height) != (plan.width, plan.height):
        shrink = width > plan.width or height > plan.height
        method = cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
        crop = np.asarray(cv2.resize(crop, (plan.width, plan.height), interpolation=method), dtype=crop.dtype)
    return cv2.flip(crop, 1).astype(crop.dtype, copy=False) if plan.background.flip else np.ascontiguousarray(crop)


def paint(plan: ImagePlan, layer: Image, templates: TemplateLibrary | None = None) -> Sample:
    """The targets of `plan` added to an already cropped and blurred background layer (H, W).

    `render` is crop, blur, paint; the sampler calls this part again when a target is drawn anew on the same layer.
    """
    shapes = list(_shapes(plan, templates))
    masks = np.zeros(layer.shape, np.uint8)
    for shape in shapes:
        masks[shape.rows, shape.columns][shape.mask] = 255
    margin, lights = _meet_scr(plan, layer, masks, shapes)
    image = layer.copy()
    lit_shapes = zip(shapes, lights, strict=True)
    truths = [_apply(index, shape, lit, image, plan.white) for index, (shape, lit) in enumerate(lit_shapes)]
    order = sorted(range(len(shapes)), key=lambda k: shapes[k].first)
    return Sample(plan, image, masks, tuple(truths[k] for k in order), margin)


def _shapes(plan: ImagePlan, templates: TemplateLibrary | None) -> Iterator[_Shape]:
    """Blurred profile and exact mask of each target; refuses those that fall apart, stick out or touch."""
    occupied = np.zeros((plan.height, plan.width), np.uint8)
    for index, target in enumerate(plan.targets):
        stamp = blur_stamp(_draw(target, templates), plan.blur_sigma)
        height, width = stamp.values.shape
        left, top = stamp.left, stamp.top
        if left < 0 or top < 0 or left + width > plan.width or top + height > plan.height:
            raise _rejected("off image", index, f"it covers columns {left}..{left + width}, rows {top}..{top + height}")
        rows, columns = slice(top, top + height), slice(left, left + width)
        profile = stamp.values / stamp.values.max()
        support = (profile > 0).astype(np.uint8)
        if (occupied[rows, columns] & support).any():
            raise _rejected("touching", index, f"at {target.position}")
        occupied[rows, columns] |= cv2.dilate(support, _SQUARE)
        mask = profile >= plan.mask_level
        if target.template is not None and cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] != 2:
            raise _rejected("fragmented mask", index, f"{target.template} at length {target.length:g} px")
        mask_rows, mask_columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        y, x = int(mask_rows[0]), int(mask_columns[0])
        bbox = (left + x, top + y, int(mask_columns[-1]) - x + 1, int(mask_rows[-1]) - y + 1)
        first = (top + y, left + int(mask[y].argmax()))
        reach = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_C, 3)
        yield _Shape(target, rows, columns, profile, mask, bbox, first, np.asarray(reach))


_SQUARE = np.ones((3, 3), np.uint8)


def _draw(target: TargetPlan, templates: TemplateLibrary | None) -> Stamp:
    if target.template is None:
        assert target.sigma is not None  # held by TargetPlan
        return gaussian_stamp(target.position, target.sigma, target.angle)
    assert target.length is not None
    library = templates if templates is not None else builtin_templates()
    return template_stamp(library.get(target.template), target.position, target.length, target.angle, target.mirror)


@cache
def builtin_templates() -> TemplateLibrary:
    """The templates that ship with sirstgen, opened once."""
    return TemplateLibrary.open()


def _meet_scr(
    plan: ImagePlan, layer: Image, masks: NDArray[np.uint8], shapes: Sequence[_Shape]
) -> tuple[int, list[_Lit]]:
    """The smallest support margin that covers every pixel a target changes, and each target's intensity for it.

    The margin decides the clutter region, this decides the amplitude, and this how far a target reaches: so margins
    are tried upwards from 0 until one holds for all targets.
    """
    for margin in count():
        excluded = intensity.excluded(masks, margin)
        lights = [_light(plan, layer, excluded, index, shape) for index, shape in enumerate(shapes)]
        if all(_covered(shape, lit, margin) for shape, lit in zip(shapes, lights, strict=True)):
            return margin, lights
    raise AssertionError("unreachable: a margin as wide as the widest stamp covers it")


def _light(plan: ImagePlan, layer: Image, excluded: NDArray[np.bool_], index: int, shape: _Shape) -> _Lit:
    clutter = intensity.measure_clutter(layer, excluded, shape.bbox, plan.clutter_region)
    if clutter.sigma_b == 0:
        raise _rejected("flat clutter", index, f"{clutter.pixels} pixels around {shape.plan.position}")
    target = shape.plan
    required = intensity.required_sum(int(shape.mask.sum()), clutter, target.scr, target.polarity)
    under = layer[shape.rows, shape.columns][shape.mask]
    amplitude = intensity.amplitude(required, under, shape.profile[shape.mask])
    if amplitude * target.polarity < 0.5:
        raise _rejected("invisible contrast", index, f"scr {target.scr:g} gives a peak of {amplitude:.2f} gray levels")
    return _Lit(clutter, required, amplitude)


def _covered(shape: _Shape, lit: _Lit, margin: int) -> bool:
    changed = np.abs(shape.profile * np.float32(lit.amplitude)) >= 0.5
    return bool(shape.reach[changed].max(initial=0.0) <= margin)


def _apply(index: int, shape: _Shape, lit: _Lit, image: Image, white: int) -> TargetTruth:
    """Writes one target into `image` and measures it there."""
    window = image[shape.rows, shape.columns]
    under = window[shape.mask]
    bright = under + lit.amplitude * shape.profile[shape.mask].astype(np.float64)
    levels = intensity.place_gray_levels(bright, lit.required)
    if levels.min() < 0 or levels.max() > white:
        raise _rejected("saturated", index, f"scr {shape.plan.scr:g} needs levels {levels.min()}..{levels.max()}")
    around = window + np.rint(shape.profile * np.float32(lit.amplitude))
    window[:] = np.clip(around, 0, white).astype(image.dtype)
    window[shape.mask] = levels
    area = levels.size
    mu_t = int(levels.sum()) / area
    ys, xs = np.nonzero(shape.mask)
    return TargetTruth(
        plan=shape.plan,
        center=(shape.columns.start + float(xs.mean()), shape.rows.start + float(ys.mean())),
        bbox=shape.bbox,
        area=area,
        scr=intensity.signal_to_clutter(mu_t, lit.clutter),
        mu_t=mu_t,
        mu_b=lit.clutter.mu_b,
        sigma_b=lit.clutter.sigma_b,
        saturated=int(((levels == 0) | (levels == white)).sum()),
        amplitude=lit.amplitude,
    )


def _rejected(reason: str, target: int, detail: str) -> TargetRejected:
    return TargetRejected(f"target {target}: {REASONS[reason]}: {detail}", reason=reason, target=target)
