"""A target on the pixel grid: profile and exact mask, at any place of an image.

Kernel or template, its stages and the 5x5 blur give the profile. Values are rounded to multiples of 2^-20 of the peak,
so that the last bit of a processor's arithmetic decides no pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.plan import Kind
from sirstgen.stages import records_in
from sirstgen.synthesis.optics import RADIUS
from sirstgen.synthesis.profile import GaussianComponent, Profile, gaussian_profile
from sirstgen.synthesis.template_profile import template_profile
from sirstgen.synthesis.templates import TemplateLibrary

_GRID = 2.0**20


class Drawable(Protocol):
    """What gives a target its shape: a `TargetPlan`, or a `TargetDraw` of the sampler."""

    @property
    def kind(self) -> Kind: ...
    @property
    def sigma(self) -> tuple[float, float] | None: ...
    @property
    def template(self) -> str | None: ...
    @property
    def length(self) -> float | None: ...
    @property
    def angle(self) -> float: ...
    @property
    def mirror(self) -> bool: ...
    @property
    def stages(self) -> Mapping[str, Any]: ...


class RasterisedTarget(NamedTuple):
    """Profile and mask of a target, relative to the pixel that holds its position.

    Args:
        values: (h, w) float64, peak 1, negative in an undershoot; multiples of 2^-20.
        left, top: column and row of ``values[0, 0]``.
        mask: (h, w) uint8, 0 or 1.
        box: (x, y, width, height) of the mask.
        first: (row, column) of the mask's first pixel in raster order.
        area: pixels of the mask.
        own: (area,) the profile on the mask, in raster order.
        own_sum: their sum, exact.
        center: (x, y) centroid of the mask.
        away: (h, w) float32, chessboard distance from the mask, pixels.
        pieces: connected regions of the mask.
        shaded: whether some values are negative.
    """

    values: NDArray[np.float64]
    left: int
    top: int
    mask: NDArray[np.uint8]
    box: tuple[int, int, int, int]
    first: tuple[int, int]
    area: int
    own: NDArray[np.float64]
    own_sum: float
    center: tuple[float, float]
    away: NDArray[np.float32]
    pieces: int
    shaded: bool

    def reach(self, amplitude: float) -> int:
        """Return by how many pixels the mask must grow to cover what changes at this amplitude (gray levels)."""
        if amplitude == 0:
            return 0
        least = 0.5 / abs(amplitude)  # smaller values are rounded to 0 gray levels
        changed = self.values > least
        if self.shaded:
            changed |= self.values < -least
        return int(cv2.minMaxLoc(self.away, changed.view(np.uint8))[1])


def rasterise(
    target: Drawable,
    phase: tuple[float, float],
    blur_sigma: float,
    image_records: Mapping[str, Any],
    level: float,
    templates: TemplateLibrary | None = None,
) -> RasterisedTarget:
    """Return a target on the pixel grid.

    Args:
        target: its shape.
        phase: (x, y) of its position in its pixel, -0.5 to 0.5.
        blur_sigma: of the 5x5 blur, pixels.
        image_records: records of the image's stages.
        level: share of the peak from which a pixel belongs to the mask; a stage of the target may change it.
        templates: where extended targets are looked up; the built-in ones if None.

    Raises:
        InvalidValueError: no such template, or a size beyond what can be drawn.
    """
    values, left, top = target_profile(target, phase, blur_sigma, image_records, templates)
    if target.stages:
        for record in records_in("mask", target.stages):
            level = record.apply(level)
    outside = values < level
    mask = (~outside).view(np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    own = values[mask.view(np.bool_)]
    area = own.size
    moments = cv2.moments(mask, True)
    return RasterisedTarget(
        values=values,
        left=left,
        top=top,
        mask=mask,
        box=(left + x, top + y, width, height),
        first=(top + y, left + int(mask[y].argmax())),
        area=area,
        own=own,
        own_sum=float(np.add.reduce(own)),
        center=(left + moments["m10"] / area, top + moments["m01"] / area),
        away=cv2.distanceTransform(outside.view(np.uint8), cv2.DIST_C, 3),  # type: ignore[arg-type]
        pieces=cv2.connectedComponents(mask, connectivity=8)[0] - 1,
        shaded=bool(target.stages) and cv2.minMaxLoc(values)[0] < 0,
    )


def target_profile(
    target: Drawable,
    phase: tuple[float, float],
    blur_sigma: float,
    image_records: Mapping[str, Any],
    templates: TemplateLibrary | None = None,
) -> Profile:
    """Return what a target adds to its image, per gray level of its peak; arguments as of `rasterise`."""
    if target.sigma is None:
        library = templates if templates is not None else builtin_templates()
        assert target.template is not None and target.length is not None  # held by the plan
        drawing = library.get(target.template)
        profile = template_profile(drawing, target.length, target.angle, target.mirror, phase)
    else:
        main = GaussianComponent(0.0, 0.0, *target.sigma, target.angle, 1.0)
        components = [main]
        if target.stages:
            for record in records_in("components", target.stages):
                components += record.apply(main)
        profile = gaussian_profile(components, phase)
    records = {**target.stages, **image_records}
    if not records:
        profile = profile.blurred(blur_sigma, RADIUS)
    else:
        before = records_in("radiance", records)
        for record in before:
            profile = record.apply(profile)
        profile = (profile.trimmed() if before else profile).blurred(blur_sigma, RADIUS)
        for record in records_in("profile", records):
            profile = record.apply(profile)
    values = profile.values * (_GRID / cv2.minMaxLoc(profile.values)[1])
    np.rint(values, out=values)
    values /= _GRID
    return Profile(values, profile.left, profile.top)


@cache
def builtin_templates() -> TemplateLibrary:
    """Return the templates that ship with sirstgen, opened once."""
    return TemplateLibrary.open()
