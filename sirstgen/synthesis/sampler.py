"""F_size and P_size (Fig. 7a): the recipe draws what a target is; where it goes is decided in `placement`."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Generic, NamedTuple, TypeVar

from sirstgen.errors import InvalidValueError
from sirstgen.plan import Kind
from sirstgen.recipe.parts import Where
from sirstgen.recipe.recipe import Recipe, nearest
from sirstgen.seeding import Draws
from sirstgen.stages import DrawContext, registered_stages
from sirstgen.synthesis.canvas import Request
from sirstgen.synthesis.optics import blur_variance
from sirstgen.synthesis.rasterise import RasterisedTarget, rasterise
from sirstgen.synthesis.templates import Template, TemplateLibrary

T = TypeVar("T")

_PIXEL_VARIANCE = 1 / 12  # of a value averaged over a square pixel
_SMALLEST_SIGMA = 0.3
_FITS = 4  # rounds of fitting a size; masks are whole pixels, so more would not come nearer
_PHASES = 256  # sub-pixel positions along each axis


class TargetDraw(NamedTuple):
    """What a target is, before it has a place.

    Args:
        kind, sigma, template, length, angle, mirror, polarity, stages: as of `sirstgen.plan.TargetPlan`.
        phase: (x, y) of its position in its pixel, -0.5 to 0.5, a multiple of 1/256.
        raster: profile and mask.
        where: side of a visible horizon that it belongs on.
        outside_top10: whether it is looked for a place outside the brightest 10 % of its image (Fig. 6c), or in it;
            None: any place will do.
        request: returns what it is asked to show in clutter of a deviation, gray levels.
    """

    kind: Kind
    sigma: tuple[float, float] | None
    template: str | None
    length: float | None
    angle: float
    mirror: bool
    polarity: int
    stages: Mapping[str, Any]
    phase: tuple[float, float]
    raster: RasterisedTarget
    where: Where
    outside_top10: bool | None
    request: Callable[[float], Request]


class _Shape(NamedTuple):
    """The part of a `TargetDraw` that `rasterise` needs."""

    kind: Kind
    sigma: tuple[float, float] | None
    template: str | None
    length: float | None
    angle: float
    mirror: bool
    stages: Mapping[str, Any]


class _Weighted(Generic[T]):
    """A choice by weights that takes one uniform number."""

    __slots__ = ("_edges", "_items", "_total")

    def __init__(self, table: Mapping[T, float]) -> None:
        self._items = [item for item, weight in table.items() if weight > 0]
        self._edges = list(accumulate(weight for weight in table.values() if weight > 0))
        self._total = self._edges.pop()  # what lies above the last edge is the last item

    def at(self, mark: float) -> T:
        """Return the item at this share of the weights, 0 <= `mark` < 1; one of weight 0 is never returned."""
        return self._items[bisect_right(self._edges, mark * self._total)]


class _Row(NamedTuple):
    """A row of P_size, ready for drawing."""

    kinds: _Weighted[Kind]
    classes: _Weighted[str] | None
    counts: _Weighted[int]
    above_horizon: float | None


class Sampler:
    """Draws the targets of an image; each value from numbers of its own, keyed by image, target and purpose.

    Args:
        recipe: what to draw from.
        templates: for extended targets.
        seed: the run's seed.

    Raises:
        InvalidValueError: the recipe names a template class of which there is no template.
    """

    def __init__(self, recipe: Recipe, templates: TemplateLibrary, seed: int) -> None:
        self.recipe = recipe
        self._templates = templates
        self._seed = seed
        self._levels = (1 << recipe.bit_depth) / 256  # gray levels of the image per level of 256
        per = {name: stage.per for name, stage in registered_stages().items()} if recipe.stages else {}
        self._of_image = {name: entry for name, entry in recipe.stages.items() if per[name] == "image"}
        self._of_target = {name: entry for name, entry in recipe.stages.items() if per[name] == "target"}
        self._rows: dict[str, _Row] = {}
        self._choices: dict[tuple[str, str], Sequence[Template]] = {}
        for scene, row in recipe.scenes.items():
            for cls in row.classes:
                if cls not in templates.classes:
                    raise InvalidValueError(
                        f"a template class must have templates, got {cls}{nearest(cls, templates.classes)} "
                        f"(scenes.{scene}.classes); there are {', '.join(templates.classes)}"
                    )
            self._rows[scene] = _Row(
                _Weighted(row.kinds),
                _Weighted(row.classes) if sum(row.classes.values()) > 0 else None,
                _Weighted(row.targets_per_image or recipe.targets_per_image),
                row.above_horizon,
            )

    def blur_sigma(self, index: int) -> float:
        """Return the sigma of the blur of image `index`, pixels."""
        return self.recipe.blur_sigma.draw(Draws(self._seed, index, "blur"))

    def count(self, index: int, scene: str) -> int:
        """Return how many targets image `index` holds."""
        return self._rows[scene].counts.at(Draws(self._seed, index, "count").random())

    def image_records(self, index: int, width: int, height: int, scene: str) -> dict[str, Any]:
        """Return the records of the stages of image `index`."""
        if not self._of_image:
            return {}
        return self._records(self._of_image, (index,), index=index, width=width, height=height, scene=scene)

    def target(
        self,
        index: int,
        number: int,
        attempt: int,
        scene: str,
        blur_sigma: float,
        retry: int = 0,
        image_records: Mapping[str, Any] | None = None,
    ) -> TargetDraw:
        """Return target `number` of image `index`.

        The first draw fixes kind, intensity and polarity; a later `attempt` draws the size anew, a later `retry` all of
        it: for targets that no place of several crops can take, such as a high SCR in strong clutter.
        """
        row, recipe = self._rows[scene], self.recipe
        known = (blur_sigma, image_records or {}, recipe.mask_level, self._templates)
        whole = Draws(self._seed, index, "target", number, retry)
        kind = row.kinds.at(whole.random())
        polarity = -1 if whole.random() < recipe.dark_share else 1
        share, mark = recipe.share_outside_top10, whole.random()
        outside = None if share is None else mark < share
        mark = whole.random()
        size = Draws(self._seed, index, "size", number, attempt)
        phase = (size.random() * _PHASES // 1 / _PHASES - 0.5, size.random() * _PHASES // 1 / _PHASES - 0.5)
        if kind == "extended":
            shape, raster, where = self._extended(row, scene, size, phase, (index, number, attempt), known)
        else:
            shape, raster = self._kernel(kind, scene, size, phase, (index, number, attempt), known)
            above = row.above_horizon
            where = "any" if above is None else "sky" if mark < above else "ground"
        level = (recipe.scr if recipe.contrast is None else recipe.contrast.level).draw(whole)
        return TargetDraw(
            kind,
            shape.sigma,
            shape.template,
            shape.length,
            shape.angle,
            shape.mirror,
            polarity,
            shape.stages,
            phase,
            raster,
            where,
            outside,
            self._request(level, polarity, raster.area),
        )

    def _request(self, level: float, polarity: int, area: int) -> Callable[[float], Request]:
        law = self.recipe.contrast
        if law is None:
            fixed = Request(level, None, polarity)
            return lambda sigma_b: fixed
        level *= (area / law.area) ** law.area_exponent
        low, high = law.limits
        levels, clutter, exponent = self._levels, law.clutter, law.clutter_exponent

        def in_clutter(sigma_b: float) -> Request:
            # Below a level of 256, deviations are rounding and say nothing.
            contrast = level * (max(sigma_b / levels, 1.0) / clutter) ** exponent
            return Request(None, round(min(max(contrast, low), high) * levels, 6), polarity)

        return in_clutter

    def _kernel(
        self,
        kind: Kind,
        scene: str,
        size: Draws,
        phase: tuple[float, float],
        keys: tuple[int, int, int],
        known: tuple[float, Mapping[str, Any], float, TemplateLibrary],
    ) -> tuple[_Shape, RasterisedTarget]:
        """Draw a point or spot target; with stages it is made larger or smaller until its mask has the drawn area."""
        rules = self.recipe.kernel_size(scene, kind)
        area, aspect, angle = rules.area.draw(size), rules.aspect.draw(size), rules.angle.draw(size)
        blur_sigma, image_records, level, _ = known
        stages: dict[str, Any] = {}
        if self._of_target:
            stages = self._records(self._of_target, keys, index=keys[0], scene=scene, kind=kind, area=area)
            if "mask_jitter" in stages:
                level = stages["mask_jitter"].level
        sigma = kernel_sigma(area, aspect, level, blur_sigma)
        shape = _Shape(kind, sigma, None, None, angle, False, stages)
        raster = rasterise(shape, phase, *known)
        if not stages and not image_records:
            return shape, raster
        best, smallest = (shape, raster), math.inf
        for fit in range(_FITS):
            error = abs(math.log(raster.area / area))
            if error < smallest:
                best, smallest = (shape, raster), error
            if abs(raster.area - area) <= max(0.5, 0.04 * area) or fit == _FITS - 1:
                break
            factor = math.sqrt(area / raster.area)
            sigma = tuple(round(max(part * factor, _SMALLEST_SIGMA), 6) for part in sigma)  # type: ignore[assignment]
            shape = shape._replace(sigma=sigma)
            raster = rasterise(shape, phase, *known)
        return best

    def _extended(
        self,
        row: _Row,
        scene: str,
        size: Draws,
        phase: tuple[float, float],
        keys: tuple[int, int, int],
        known: tuple[float, Mapping[str, Any], float, TemplateLibrary],
    ) -> tuple[_Shape, RasterisedTarget, Where]:
        assert row.classes is not None  # held by the recipe
        cls = row.classes.at(size.random())
        choices = self._templates_in(cls, scene)
        template = choices[size.integers(len(choices))]
        rule = self.recipe.classes[cls]
        if rule.length is not None:
            length = rule.length.draw(size)
        else:
            low, high = template.typical_length
            length = round(low + (high - low) * size.random(), 6)
        tilt, mirror = rule.tilt.draw(size), size.random() < 0.5
        stages: dict[str, Any] = {}
        if self._of_target:
            stages = self._records(self._of_target, keys, index=keys[0], scene=scene, kind="extended")
        shape = _Shape("extended", None, template.id, length, tilt, mirror, stages)
        return shape, rasterise(shape, phase, *known), rule.where

    def _templates_in(self, cls: str, scene: str) -> Sequence[Template]:
        """Return the templates of a class whose index names the scene or none; all of them where there is none."""
        if (cls, scene) not in self._choices:
            choices = self._templates.of_class(cls)
            at_home = [template for template in choices if not template.scenes or scene in template.scenes]
            self._choices[cls, scene] = at_home or choices
        return self._choices[cls, scene]

    def _records(self, entries: Mapping[str, Any], keys: tuple[int, ...], **known: Any) -> dict[str, Any]:
        """Draw the records of these stages; those that are None are left out."""

        def draw(name: str, context: DrawContext) -> Any:
            return entries[name].draw(Draws(self._seed, name, *keys), context) if name in entries else None

        context = DrawContext(draw, bit_depth=self.recipe.bit_depth, mask_level=self.recipe.mask_level, **known)
        return {name: record for name in entries if (record := context.drawn(name)) is not None}


def kernel_sigma(area: float, aspect: float, mask_level: float, blur_sigma: float) -> tuple[float, float]:
    """Return the (along, across) sigma of a Gaussian whose mask covers `area` pixels after pixel averaging and blur.

    ``area = 2 pi s_along s_across ln(1 / mask_level)`` for the blurred kernel; the variances of pixel and blur add to
    the kernel's own and are taken off. Kernels are never thinner than 0.3 px.

    Args:
        area: pixels of the mask.
        aspect: longer axis / shorter axis of the kernel.
        mask_level: share of the peak, below 1.
        blur_sigma: of the 5x5 blur, pixels.
    """
    blurred = area / (2 * math.pi * math.log(1 / min(mask_level, 0.99)))
    sigma = math.sqrt(max(blurred - blur_variance(blur_sigma) - _PIXEL_VARIANCE, _SMALLEST_SIGMA**2))
    stretch = math.sqrt(aspect)
    return round(sigma * stretch, 6), round(max(sigma / stretch, _SMALLEST_SIGMA), 6)
