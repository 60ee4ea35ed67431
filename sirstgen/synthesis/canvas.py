"""A canvas: a blurred background layer that takes targets one by one, each at its exact SCR, with its exact mask."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import GenerationError
from sirstgen.files.images import Gray
from sirstgen.measure.scr import Box, Clutter, Region, clutter_region, clutter_without, whole_clutter
from sirstgen.plan import ClutterRegion
from sirstgen.synthesis import intensity
from sirstgen.synthesis.rasterise import RasterisedTarget
from sirstgen.synthesis.request import Request


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


@dataclass(slots=True)
class PlacedTarget:
    """A target in its place.

    Args:
        raster: profile and mask.
        column, row: of the pixel that holds its position.
        request: what it is asked to show.
        box: of its mask in the image.
        window: its rows and columns in the image.
        region: its clutter region.
        under: (area,) background under the mask.
        under_sum: their sum.
        first_margin: support margin that it would need alone, were its region's clutter that of the whole region.
        found: intensities that were found for it, by support margin; they hold while its clutter region does.
    """

    raster: RasterisedTarget
    column: int
    row: int
    request: Request
    box: Box
    window: tuple[slice, slice]
    region: Region
    under: NDArray[Any]
    under_sum: int
    first_margin: int = 0
    found: dict[int, Intensity] = field(default_factory=dict)


@dataclass(slots=True)
class Intensity:
    """A target's intensity.

    Args:
        clutter: around it.
        required: sum of the mask's pixels.
        amplitude: peak of the target's own contribution, gray levels; negative for a dark one.
        reach: pixels by which the mask must grow to cover every pixel that the target changes.
        levels: (area,) written gray levels on the mask, in raster order; None before they are checked.
        low, high: the smallest and the largest of them.
    """

    clutter: Clutter
    required: int
    amplitude: float
    reach: int
    levels: NDArray[np.float64] | None = None
    low: float = 0.0
    high: float = 0.0


@dataclass(slots=True)
class Canvas:
    """A background layer and the targets drawn on it.

    Args:
        layer: (H, W) the background, cropped and blurred.
        region: where Eq. 10 takes the background.
        max_saturated: share of a target's mask that may be black or white.
        min_contrast: least peak of a target's own contribution, gray levels.
        min_scr: least SCR of a target.

    Attributes:
        masks: (H, W) uint8, 0 or 255.
        targets: in the order in which they were placed.
        intensities: of the targets.
        support_margin: pixels by which the masks must grow to cover every pixel that a target changes.
    """

    layer: Gray
    region: ClutterRegion = field(default_factory=ClutterRegion)
    max_saturated: float = 0.0
    min_contrast: float = _LEAST_AMPLITUDE
    min_scr: float = 0.0
    masks: NDArray[np.uint8] = field(init=False)
    targets: list[PlacedTarget] = field(default_factory=list, init=False)
    intensities: list[Intensity] = field(default_factory=list, init=False)
    support_margin: int = field(default=0, init=False)
    white: int = field(init=False)

    def __post_init__(self) -> None:
        self.masks = np.zeros(self.layer.shape, np.uint8)
        self.white = 255 if self.layer.dtype == np.uint8 else 65535
        self.min_contrast = max(self.min_contrast, _LEAST_AMPLITUDE)

    def add(self, raster: RasterisedTarget, column: int, row: int, request: Request) -> None:
        """Add one target; the intensities of the others are found anew, since its mask leaves their clutter regions.

        Raises:
            TargetRejectedError: it, or another one beside it, cannot be drawn as planned; the canvas stays as it was.
        """
        self.place(raster, column, row, request)
        try:
            self.find_intensities()
        except TargetRejectedError:
            placed = self.targets.pop()
            self.masks[placed.window][raster.mask.view(np.bool_)] = 0
            self._forget(placed.box)
            raise

    def place(self, raster: RasterisedTarget, column: int, row: int, request: Request) -> None:
        """Give a target its place and mask, still without intensity; the order of targets does not matter.

        Raises:
            TargetRejectedError: it sticks out of the image, touches another target or has a mask in pieces.
        """
        height, width = raster.values.shape
        left, top = column + raster.left, row + raster.top
        if left < 0 or top < 0 or left + width > self.layer.shape[1] or top + height > self.layer.shape[0]:
            raise self._rejected("off image", f"it spans x {left} to {left + width}, y {top} to {top + height}")
        for other in self.targets:
            if _touch(raster, left, top, other):
                raise self._rejected("touching", f"at x {column}, y {row}")
        if raster.pieces != 1:
            raise self._rejected("fragmented mask", f"{raster.pieces} pieces at x {column}, y {row}")
        window = slice(top, top + height), slice(left, left + width)
        mask = raster.mask.view(np.bool_)
        x, y, box_width, box_height = raster.box
        box = (column + x, row + y, box_width, box_height)
        under = self.layer[window][mask]
        region = clutter_region(self.layer, box, self.region)
        self._forget(box)
        self.masks[window][mask] = 255
        placed = PlacedTarget(raster, column, row, request, box, window, region, under, int(np.add.reduce(under)))
        _, amplitude = self._amplitude(placed, whole_clutter(region))
        placed.first_margin = raster.reach(amplitude)
        self.targets.append(placed)

    def _forget(self, box: Box) -> None:
        """Drop the intensities of targets in whose clutter region a mask in this box comes or goes."""
        x, y, width, height = box
        for target in self.targets:
            left, top, right, bottom = target.region[:4]
            for margin in list(target.found):
                if (
                    left - margin < x + width
                    and x < right + margin
                    and top - margin < y + height
                    and y < bottom + margin
                ):
                    del target.found[margin]

    def find_intensities(self) -> None:
        """Find the intensities of all placed targets together.

        The support margin decides the clutter regions, these decide the amplitudes, and these how far a target reaches.
        The margin is the one that the targets' reach agrees with; where the search begins depends on the targets and
        not on their order, so that an image and its plan find the same one.

        Raises:
            TargetRejectedError: the request of one cannot be met.
        """
        if not self.targets:
            self.support_margin, self.intensities = 0, []
            return
        tried: dict[int, tuple[int, list[Intensity]]] = {}
        boxes = [target.box for target in self.targets]
        margin = max(target.first_margin for target in self.targets)
        while True:
            found, needed = [], 0
            for number, target in enumerate(self.targets):
                known = target.found.get(margin)
                if known is not None:
                    needed = max(needed, known.reach)
                    found.append(known)
                    continue
                clutter = clutter_without(self.layer, self.masks, boxes, target.region, margin)
                if clutter.sigma_b == 0:
                    detail = f"{clutter.pixels} pixels around x {target.column}, y {target.row}"
                    raise self._rejected("flat clutter", detail, number)
                required, amplitude = self._amplitude(target, clutter)
                if self.max_saturated > 0:
                    amplitude = self._unsaturated(number, required, amplitude)
                reach = target.raster.reach(amplitude)
                needed = max(needed, reach)
                found.append(Intensity(clutter, required, amplitude, reach))
                target.found[margin] = found[-1]
            tried[margin] = needed, found
            if needed == margin or (needed < margin and needed in tried):
                break  # a smaller margin that was tried does not cover
            if needed in tried:  # needs less than itself, and covers
                margin, found = needed, tried[needed][1]
                break
            margin = needed
        for number, one in enumerate(found):
            if one.levels is None:
                self._check(number, one)
        self.support_margin, self.intensities = margin, found

    def _amplitude(self, target: PlacedTarget, clutter: Clutter) -> tuple[int, float]:
        """Return what the mask's pixels must sum to in this clutter, and the amplitude that gives it, gray levels."""
        raster = target.raster
        # The whole number nearest to the wanted sum: |scr error| <= 0.5 / (area sigma_b).
        required = round(raster.area * (clutter.mu_b + target.request.signal(clutter.sigma_b)))
        return required, (required - target.under_sum) / raster.own_sum

    def _unsaturated(self, number: int, required: int, amplitude: float) -> float:
        """Return the amplitude with which the pixels that are not black or white make up for those that are."""
        target = self.targets[number]
        own, under = target.raster.own, target.under.astype(np.float64)
        wanted = under + amplitude * own
        if wanted.max() <= self.white and wanted.min() >= 0:
            return amplitude
        amplitude = intensity.clipped_amplitude(required, under, own, amplitude, self.white)
        if not math.isfinite(amplitude):
            raise self._rejected("saturated", f"sum {required} of {own.size} pixels", number)
        return amplitude

    def _check(self, number: int, found: Intensity) -> None:
        """Refuse an intensity that cannot be written; else set its gray levels on the mask."""
        target = self.targets[number]
        if found.amplitude * target.request.polarity < self.min_contrast:
            detail = f"{target.request} gives a peak of {found.amplitude:.1f} gray levels"
            raise self._rejected("invisible contrast", detail, number)
        sigma_b = found.clutter.sigma_b
        if self.min_scr and abs(target.request.signal(sigma_b)) < self.min_scr * sigma_b:
            detail = f"{target.request} is below an SCR of {self.min_scr:g} in clutter of {sigma_b:.1f}"
            raise self._rejected("invisible contrast", detail, number)
        values = target.under + found.amplitude * target.raster.own
        if self.max_saturated > 0:
            values = np.clip(values, 0, self.white)
        levels = intensity.place_gray_levels(values, found.required)
        low, high, *_ = cv2.minMaxLoc(levels)
        if (low <= 0 or high >= self.white) and self.max_saturated > 0:
            ends = float(((levels <= 0) | (levels >= self.white)).mean())
            if ends > self.max_saturated:
                detail = f"{target.request} makes {ends:.0%} of the mask black or white"
                raise self._rejected("saturated", detail, number)
        if low < 0 or high > self.white:
            detail = f"{target.request} needs {low:.0f} to {high:.0f} of 0 to {self.white}"
            raise self._rejected("saturated", detail, number)
        found.levels, found.low, found.high = levels, low, high

    def written(self) -> Gray:
        """Return the layer with all targets written into it."""
        image, depth = self.layer.copy(), cv2.CV_8U if self.white == 255 else cv2.CV_16U
        for target, found in zip(self.targets, self.intensities, strict=True):
            raster = target.raster
            window = image[target.window]
            shown = raster.values * found.amplitude
            np.rint(shown, out=shown)
            window[:] = cv2.add(window, shown, dtype=depth)  # ends at black and white
            assert found.levels is not None  # set by `find_intensities`
            window[raster.mask.view(np.bool_)] = found.levels
        return image

    def _rejected(self, reason: str, detail: str, number: int | None = None) -> TargetRejectedError:
        """Return the refusal of target `number`, of the one to be placed if None."""
        target = len(self.targets) if number is None else number
        return TargetRejectedError(f"target {target}: {REASONS[reason]}: {detail}", reason=reason, target=target)


def _touch(raster: RasterisedTarget, left: int, top: int, other: PlacedTarget) -> bool:
    """Return whether two supports are beside or on one another: they keep a pixel between them, so masks never meet."""
    rows, columns = other.window
    height, width = raster.values.shape
    if left > columns.stop or columns.start > left + width or top > rows.stop or rows.start > top + height:
        return False
    padded = cv2.copyMakeBorder((raster.values != 0).view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    ring = np.asarray(cv2.dilate(padded, _SQUARE))
    x0, x1 = max(left - 1, columns.start), min(left + width + 1, columns.stop)
    y0, y1 = max(top - 1, rows.start), min(top + height + 1, rows.stop)
    mine = ring[y0 - top + 1 : y1 - top + 1, x0 - left + 1 : x1 - left + 1]
    theirs = other.raster.values[y0 - rows.start : y1 - rows.start, x0 - columns.start : x1 - columns.start]
    return bool(((mine != 0) & (theirs != 0)).any())
