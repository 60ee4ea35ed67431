"""A canvas: a blurred background layer that takes targets one by one, each at its exact SCR, with its exact mask."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import GenerationError
from sirstgen.images import Gray
from sirstgen.measure import scr as measured
from sirstgen.measure.scr import Box, Clutter
from sirstgen.plan import ImagePlan, TargetPlan
from sirstgen.synthesis import intensity
from sirstgen.synthesis.profiles import mask_level, mask_of, target_profile
from sirstgen.synthesis.templates import TemplateLibrary


class TargetRejectedError(GenerationError):
    """A target cannot be drawn as planned.

    ``data["reason"]`` is one of the keys of `REASONS`, ``data["target"]`` the target's position in the plan.
    """


REASONS = {
    "off image": "the target must fit inside the image",
    "touching": "the target must not touch another one",
    "fragmented mask": "the mask must be one connected region",
    "flat clutter": "the clutter region must not be flat (sigma_b = 0), or no contrast has the requested SCR",
    "saturated": "the requested SCR must not need gray levels beyond black or white",
    "invisible contrast": "the requested SCR must leave the target a contrast against the pixels it covers",
}

_SQUARE = np.ones((3, 3), np.uint8)
_LEAST_AMPLITUDE = 0.5  # gray levels; below it no pixel changes
_ROUNDED_UP = 0.5 - 1e-6  # gray levels that may round to one, single precision allowed for


class Shape(NamedTuple):
    """A target before its intensity is known: blurred profile and exact mask on a window of the image."""

    plan: TargetPlan
    rows: slice
    columns: slice
    profile: NDArray[np.floating]  # peak 1, negative in a halo
    mask: NDArray[np.bool_]
    bbox: Box
    first: tuple[int, int]  # row and column of the mask's first pixel in raster order
    tail: list[float]  # [m]: largest |profile| more than m px (chessboard distance) from the mask
    own: NDArray[np.float64]  # (area,) profile on the mask
    under: NDArray[np.float64]  # (area,) background under the mask
    own_sum: float
    under_sum: int

    def reach(self, amplitude: float) -> int:
        """Pixels by which the mask must grow to cover every pixel that the target changes."""
        needed = _ROUNDED_UP / abs(amplitude) if amplitude else math.inf
        return next((margin for margin, value in enumerate(self.tail) if value < needed), len(self.tail))


class Light(NamedTuple):
    """A target's intensity."""

    clutter: Clutter
    required: int  # sum of the mask's pixels
    amplitude: float  # peak of the target's own contribution, gray levels


class Canvas:
    """A background layer and the targets drawn on it.

    Args:
        plan: size, mask level, blur and clutter region; its targets are not drawn, `add` draws.
        layer: (H, W) the background, cropped and blurred.
        templates: where extended targets are looked up; the built-in ones if None.
    """

    def __init__(self, plan: ImagePlan, layer: Gray, templates: TemplateLibrary | None = None) -> None:
        self.plan = plan
        self.layer = layer
        self.masks = np.zeros(layer.shape, np.uint8)
        self.shapes: list[Shape] = []
        self.lights: list[Light] = []
        self.support_margin = 0
        self._supports = np.zeros(layer.shape, np.uint8)
        self._templates = templates

    def add(self, target: TargetPlan, min_contrast: float = _LEAST_AMPLITUDE) -> None:
        """Adds one target; the others are lit anew, since its mask leaves their clutter regions.

        Args:
            target: fully decided.
            min_contrast: least peak of a target's own contribution, gray levels.

        Raises:
            TargetRejectedError: it, or another one beside it, cannot be drawn as planned; the canvas stays as it was.
        """
        self.place(target)
        try:
            self.light(min_contrast)
        except TargetRejectedError:
            shape = self.shapes.pop()
            window = (shape.rows, shape.columns)
            self.masks[window][shape.mask] = 0
            self._supports[window][shape.profile != 0] = 0
            raise

    def place(self, target: TargetPlan) -> None:
        """Gives a target its place and mask, still without light; the order of targets does not matter.

        Raises:
            TargetRejectedError: it sticks out of the image, touches another target or has a mask in pieces.
        """
        shape = self._shape(target)
        window = (shape.rows, shape.columns)
        self.masks[window][shape.mask] = 255
        self._supports[window] |= (shape.profile != 0).view(np.uint8)
        self.shapes.append(shape)

    def light(self, min_contrast: float = _LEAST_AMPLITUDE) -> None:
        """Finds the light of all placed targets together.

        Args:
            min_contrast: least peak of a target's own contribution, gray levels.

        Raises:
            TargetRejectedError: the SCR of one cannot be met.
        """
        self.support_margin, self.lights = self._meet_scr(max(min_contrast, _LEAST_AMPLITUDE))

    def _shape(self, target: TargetPlan) -> Shape:
        """Blurred profile and exact mask of a target; refuses what sticks out, touches or falls apart."""
        stamp = target_profile(target, self.plan.blur_sigma, self.plan.stages, self._templates)
        profile = stamp.values
        height, width = profile.shape
        left, top = stamp.left, stamp.top
        if left < 0 or top < 0 or left + width > self.plan.width or top + height > self.plan.height:
            raise self._rejected("off image", f"it spans x {left} to {left + width}, y {top} to {top + height}")
        rows, columns = slice(top, top + height), slice(left, left + width)
        if self._touches(profile, left, top):
            raise self._rejected("touching", f"at {target.position}")
        mask = mask_of(profile, mask_level(target, self.plan.mask_level))
        cells = mask.view(np.uint8)
        if cv2.connectedComponents(cells, connectivity=8)[0] != 2:
            what = f"sigma {target.sigma}" if target.length is None else f"length {target.length:g} px"
            raise self._rejected("fragmented mask", f"{target.template or target.kind} with {what}")
        x, y, box_width, box_height = cv2.boundingRect(cells)
        away = cv2.distanceTransform(1 - cells, cv2.DIST_C, 3)
        margins = range(int(away[profile != 0].max()))
        size = np.abs(profile)
        own = profile[mask].astype(np.float64)
        under = self.layer[rows, columns][mask].astype(np.float64)
        return Shape(
            plan=target,
            rows=rows,
            columns=columns,
            profile=profile,
            mask=mask,
            bbox=(left + x, top + y, box_width, box_height),
            first=(top + y, left + int(mask[y].argmax())),
            tail=[float(size[away > margin].max()) for margin in margins],
            own=own,
            under=under,
            own_sum=float(own.sum()),
            under_sum=int(under.sum()),
        )

    def _touches(self, profile: NDArray[np.floating], left: int, top: int) -> bool:
        """Whether a support lies beside or on another one: they keep a pixel between them, so masks never meet."""
        if not self.shapes:
            return False
        padded = cv2.copyMakeBorder((profile != 0).view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        ring = np.asarray(cv2.dilate(padded, _SQUARE), np.uint8)
        up, before = min(top, 1), min(left, 1)  # the ring's part inside the image
        near = self._supports[top - up : top - 1 + len(ring), left - before : left - 1 + ring.shape[1]]
        return bool((near & ring[1 - up :, 1 - before :][: near.shape[0], : near.shape[1]]).any())

    def _meet_scr(self, min_contrast: float) -> tuple[int, list[Light]]:
        """The smallest support margin that covers every pixel a target changes, and each target's intensity for it.

        The margin decides the clutter region, this decides the amplitude, and this how far a target reaches: so margins
        are tried upwards from 0 until one holds for all targets.
        """
        regions = [
            measured.clutter_by_margin(self.layer, self.masks, shape.bbox, self.plan.clutter_region)
            for shape in self.shapes
        ]
        margin = 0
        while True:
            lights = [self._lit(number, region(margin)) for number, region in enumerate(regions)]
            if all(shape.reach(light.amplitude) <= margin for shape, light in zip(self.shapes, lights, strict=True)):
                break
            margin += 1  # ends: no target reaches further than its stamp
        for number, light in enumerate(lights):
            self._check(number, light, min_contrast)
        return margin, lights

    def _lit(self, number: int, clutter: Clutter) -> Light:
        shape = self.shapes[number]
        if clutter.sigma_b == 0:
            raise self._rejected("flat clutter", f"{clutter.pixels} pixels around {shape.plan.position}", number)
        plan = shape.plan
        scr = plan.scr if plan.contrast is None else plan.contrast / clutter.sigma_b
        assert scr is not None  # TargetPlan holds one of the two
        required = intensity.required_sum(len(shape.under), clutter, scr, plan.polarity)
        amplitude = intensity.amplitude(required, shape.under_sum, shape.own_sum)
        if self.plan.max_saturated > 0:
            lit = shape.under + amplitude * shape.own
            if lit.max() > self.plan.white or lit.min() < 0:
                amplitude = intensity.clipped_amplitude(required, shape.under, shape.own, amplitude, self.plan.white)
                if not math.isfinite(amplitude):
                    raise self._rejected("saturated", f"sum {required} of {shape.under.size} pixels", number)
        return Light(clutter, required, amplitude)

    def _check(self, number: int, light: Light, min_contrast: float) -> None:
        shape = self.shapes[number]
        plan = shape.plan
        asked = f"scr {plan.scr:g}" if plan.contrast is None else f"contrast {plan.contrast:.1f}"
        if light.amplitude * plan.polarity < min_contrast:
            detail = f"{asked} gives a peak of {light.amplitude:.1f} gray levels"
            raise self._rejected("invisible contrast", detail, number)
        levels = mask_levels(shape, light, self.plan)
        ends = float(((levels <= 0) | (levels >= self.plan.white)).mean())
        if ends > self.plan.max_saturated > 0:
            raise self._rejected("saturated", f"{asked} makes {ends:.0%} of the mask black or white", number)
        if levels.min() < 0 or levels.max() > self.plan.white:
            detail = f"{asked} needs {levels.min()} to {levels.max()} of 0 to {self.plan.white}"
            raise self._rejected("saturated", detail, number)

    def _rejected(self, reason: str, detail: str, number: int | None = None) -> TargetRejectedError:
        """The refusal of target `number`, of the one to be placed if None."""
        target = len(self.shapes) if number is None else number
        return TargetRejectedError(f"target {target}: {REASONS[reason]}: {detail}", reason=reason, target=target)


def mask_levels(shape: Shape, light: Light, plan: ImagePlan) -> NDArray[np.int64]:
    """The written gray levels on the target's mask, in raster order; beyond black and white where these may not be."""
    values = shape.under + light.amplitude * shape.own
    if plan.max_saturated > 0:
        values = np.clip(values, 0, plan.white)
    return intensity.place_gray_levels(values, light.required)
