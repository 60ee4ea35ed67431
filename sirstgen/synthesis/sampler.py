"""F_size and P_size (Fig. 7a): the recipe draws what a target is; where it goes is decided in `placement`."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Generic, NamedTuple, TypeVar

from sirstgen.checks import nearest
from sirstgen.errors import InvalidValueError
from sirstgen.files.gray_scale import levels_of_bits
from sirstgen.plan import Kind
from sirstgen.recipe.recipe import Recipe
from sirstgen.seeding import Draws
from sirstgen.stages import DrawContext, registered_stages
from sirstgen.synthesis.areas import AREAS, MAYBE_BELOW, MAYBE_SKY, Area
from sirstgen.synthesis.optics import blur_variance
from sirstgen.synthesis.rasterise import RasterisedTarget, rasterise
from sirstgen.synthesis.request import LawRequest, Request
from sirstgen.synthesis.templates import Template, TemplateLibrary

T = TypeVar("T")

_PIXEL_VARIANCE = 1 / 12  # of a value averaged over a square pixel
_SMALLEST_SIGMA = 0.3
_FITS = 4  # rounds of fitting a size; masks are whole pixels, so more would not come nearer
_SILVER = math.sqrt(2) - 1  # steps by an irrational number other than that of the scenes
_PHASES = 256  # sub-pixel positions along each axis


class TargetDraw(NamedTuple):
    """What a target is, before it has a place.

    Args:
        kind, sigma, template, length, angle, mirror, polarity, stages: as of `sirstgen.plan.TargetPlan`.
        phase: (x, y) of its position in its pixel, -0.5 to 0.5, a multiple of 1/256.
        area: drawn mask area of a point or spot target, pixels; None for a template.
        level: drawn SCR, or contrast at the reference clutter and area.
        area_of_map: the places that it belongs to.
        outside_top10: whether it is looked for a place outside the brightest 10 % of its image (Fig. 6c), or in it;
            None: any place will do.
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
    area: float | None
    level: float
    area_of_map: Area
    outside_top10: bool | None

    @property
    def least_reach(self) -> float:
        """Pixels by which an extended target reaches beyond its position at least; 0 for others."""
        if self.length is None:
            return 0.0
        turn = math.radians(self.angle)
        return 0.5 * self.length * max(abs(math.cos(turn)), abs(math.sin(turn)))


class _Weighted(Generic[T]):
    """A choice by weights that takes one uniform number."""

    __slots__ = ("_edges", "_items", "_total")

    def __init__(self, table: Mapping[T, float]) -> None:
        self._items = [item for item, weight in table.items() if weight > 0]
        self._edges = list(accumulate(weight for weight in table.values() if weight > 0))
        self._total = self._edges.pop()  # what is above the last edge is the last item

    def at(self, mark: float) -> T:
        """Return the item at this share of the weights, 0 <= `mark` < 1; one of weight 0 is never returned."""
        return self._items[bisect_right(self._edges, mark * self._total)]


def check_classes(recipe: Recipe, templates: TemplateLibrary) -> None:
    """Raise InvalidValueError where the recipe draws a template class of which there is no template."""
    for scene, row in recipe.scenes.items():
        for cls in row.classes:
            if cls not in templates.classes:
                raise InvalidValueError(
                    f"a template class must have templates, got {cls}{nearest(cls, templates.classes)} "
                    f"(scenes.{scene}.classes); there are {', '.join(templates.classes)}. Put PNGs into a folder "
                    f"<templates>/{cls} and give --templates <templates>, or take the class out of the recipe"
                )


class _Row(NamedTuple):
    """A row of P_size, ready for drawing."""

    kinds: _Weighted[Kind]
    classes: Mapping[str, float]
    counts: _Weighted[int]
    above_horizon: float | None
    areas: tuple[Area, ...]


class Sampler:
    """Sampler of the targets of an image; each value is drawn from numbers keyed by image, target and purpose.

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
        self._first_count = Draws(seed, "counts").random()
        self._levels = levels_of_bits(recipe.bit_depth)
        per = {name: stage.per for name, stage in registered_stages().items()} if recipe.stages else {}
        self._of_image = {name: entry for name, entry in recipe.stages.items() if per[name] == "image"}
        self._of_target = {name: entry for name, entry in recipe.stages.items() if per[name] == "target"}
        self._rows: dict[str, _Row] = {}
        self._choices: dict[tuple[str, str], Sequence[Template]] = {}
        self._classes: dict[tuple[str, tuple[Area, ...]], _Weighted[str] | None] = {}
        check_classes(recipe, templates)
        for scene, row in recipe.scenes.items():
            self._rows[scene] = _Row(
                _Weighted(row.kinds),
                row.classes,
                _Weighted(row.targets_per_image or recipe.targets_per_image),
                row.above_horizon,
                tuple(dict.fromkeys(AREAS[recipe.classes[name].where] for name in row.classes)),
            )

    def image(self, index: int, scene: str) -> tuple[bool, int, float]:
        """Return whether image `index` is mirrored, how many targets it holds, and the sigma of its blur, pixels."""
        numbers = Draws(self._seed, index, "image")
        flip = numbers.random() < 0.5 and self.recipe.backgrounds.flip
        # Evenly spread over a run, as its scenes are, so that short runs too have the shares of the recipe.
        count = self._rows[scene].counts.at((self._first_count + index * _SILVER) % 1.0)
        return flip, count, self.recipe.blur_sigma.draw(numbers)

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
        lacks: Callable[[Area], str | None] | None = None,
    ) -> TargetDraw | Area:
        """Return target `number` of image `index`, or the area that it needs and the crop lacks.

        The first draw fixes kind, intensity and polarity; a later `attempt` draws the size anew, a later `retry` all of
        it: for targets that no place of several crops can take, such as a high SCR in strong clutter.

        Args:
            index, number, attempt, retry: what the draw depends on, beside the seed.
            scene: of the background.
            blur_sigma: of the image's blur, pixels.
            lacks: returns why the crop lacks an area, None where it does not; template classes that belong to an area
                that it lacks are not drawn.
        """
        row, recipe = self._rows[scene], self.recipe
        first = Draws(self._seed, index, "target", number, retry)
        kind = row.kinds.at(first.random())
        polarity = -1 if first.random() < recipe.dark_share else 1
        share, mark, side = recipe.share_outside_top10, first.random(), first.random()
        level = (recipe.scr if recipe.contrast is None else recipe.contrast.level).draw(first)
        size = Draws(self._seed, index, "size", number, attempt)
        phase = int(size.random() * _PHASES) / _PHASES - 0.5, int(size.random() * _PHASES) / _PHASES - 0.5
        sigma, template, length, area, mirror = None, None, None, None, False
        stages: dict[str, Any] = {}
        if kind == "extended":
            lacking = tuple(area for area in row.areas if lacks(area)) if lacks is not None else ()
            classes = self._classes_in(scene, lacking)
            if classes is None:
                return lacking[0]
            cls = classes.at(size.random())
            choices = self._templates_in(cls, scene)
            chosen, rule = choices[size.integers(len(choices))], recipe.classes[cls]
            if rule.length is not None:
                length = rule.length.draw(size)
            else:
                low, high = chosen.typical_length
                length = round(low + (high - low) * size.random(), 6)
            template, angle, mirror, where = chosen.id, rule.tilt.draw(size), size.random() < 0.5, AREAS[rule.where]
        else:
            rules = recipe.kernel_size(scene, kind)
            where = AREAS[rules.where]
            if where.places and lacks is not None and lacks(where):
                return where
            area, aspect, angle = rules.area.draw(size), rules.aspect.draw(size), rules.angle.draw(size)
            above = row.above_horizon
            if above is not None and not where.places:
                where = MAYBE_SKY if side < above else MAYBE_BELOW
        if self._of_target:
            keys = (index, number, attempt)
            stages = self._records(self._of_target, keys, index=index, scene=scene, kind=kind, area=area)
        if area is not None:
            jitter = stages.get("mask_jitter")
            sigma = kernel_sigma(area, aspect, recipe.mask_level if jitter is None else jitter.level, blur_sigma)
        outside = None if share is None else mark < share
        return TargetDraw(
            kind, sigma, template, length, angle, mirror, polarity, stages, phase, area, level, where, outside
        )

    def rasterised(
        self, target: TargetDraw, blur_sigma: float, image_records: Mapping[str, Any]
    ) -> tuple[TargetDraw, RasterisedTarget]:
        """Return a target on the pixel grid.

        With stages a point or spot target is made larger or smaller, until its mask has about the drawn area.
        """
        known = (target.phase, blur_sigma, image_records, self.recipe.mask_level, self._templates)
        raster = rasterise(target, *known)
        area = target.area
        if area is None or target.sigma is None or not (target.stages or image_records):
            return target, raster
        best, smallest = (target, raster), math.inf
        for fit in range(_FITS):
            error = abs(math.log(raster.area / area))
            if error < smallest:
                best, smallest = (target, raster), error
            if abs(raster.area - area) <= max(0.5, 0.04 * area) or fit == _FITS - 1:
                break
            factor = math.sqrt(area / raster.area)
            along, across = (round(max(part * factor, _SMALLEST_SIGMA), 6) for part in target.sigma)
            target = target._replace(sigma=(along, across))
            raster = rasterise(target, *known)
        return best

    def peak_per_level(self, target: TargetDraw) -> float:
        """Return about how large the peak of a target's contribution is per gray level of its mean."""
        level = self.recipe.mask_level
        if target.template is not None:
            return self._templates.get(target.template).peak_per_level(level)
        return math.log(1 / level) / (1 - level) if level < 1 else 1.0

    def request(self, target: TargetDraw, area: int = 0) -> Request:
        """Return what a target with a mask of `area` pixels is asked to show; an SCR does not depend on the area."""
        law = self.recipe.contrast
        if law is None:
            return Request(target.level, None, target.polarity)
        return LawRequest(law, target.level * (area / law.area) ** law.area_exponent, self._levels, target.polarity)

    def _templates_in(self, cls: str, scene: str) -> Sequence[Template]:
        """Return the templates of a class whose index names the scene or none; all of them where there is none."""
        if (cls, scene) not in self._choices:
            choices = self._templates.of_class(cls)
            at_home = [template for template in choices if not template.scenes or scene in template.scenes]
            self._choices[cls, scene] = at_home or choices
        return self._choices[cls, scene]

    def _classes_in(self, scene: str, lacking: tuple[Area, ...]) -> _Weighted[str] | None:
        """Return the template classes of a scene that do not belong to any of these areas; None if there are none."""
        key = scene, lacking
        if key not in self._classes:
            rules, weights = self.recipe.classes, self._rows[scene].classes
            left = {name: weight for name, weight in weights.items() if AREAS[rules[name].where] not in lacking}
            self._classes[key] = _Weighted(left) if sum(left.values()) > 0 else None
        return self._classes[key]

    def _records(self, entries: Mapping[str, Any], keys: tuple[int, ...], **known: Any) -> dict[str, Any]:
        """Draw the records of these stages; those that are None are left out."""
        recipe = self.recipe
        context = DrawContext(
            entries,
            lambda name: Draws(self._seed, name, *keys),
            bit_depth=recipe.bit_depth,
            mask_level=recipe.mask_level,
            **known,
        )
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
