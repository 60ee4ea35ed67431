"""Generator: any image of a run, alone or in order, from a recipe, backgrounds and a seed."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, overload

from sirstgen.backgrounds.mixed import MixedBackgrounds
from sirstgen.backgrounds.source import Background, BackgroundSource
from sirstgen.errors import GenerationError, InvalidValueError
from sirstgen.files.gray_scale import levels_of_bits
from sirstgen.plan import BackgroundCrop, ClutterRegion, ImagePlan, TargetPlan
from sirstgen.recipe.recipe import Recipe
from sirstgen.seeding import Draws
from sirstgen.slices import Slice
from sirstgen.synthesis.arguments import as_backgrounds, as_recipe, as_seed, as_templates
from sirstgen.synthesis.canvas import Canvas, TargetRejectedError
from sirstgen.synthesis.optics import background_layer
from sirstgen.synthesis.placement import FrameAnalysis, OccupiedRegion, PlacementContext, places_beside
from sirstgen.synthesis.rasterise import RasterisedTarget
from sirstgen.synthesis.render import Sample, finish, render
from sirstgen.synthesis.sampler import Sampler, TargetDraw
from sirstgen.synthesis.schedule import Assignment, Schedule, crop_corner
from sirstgen.synthesis.sides import Side
from sirstgen.synthesis.sources import procedural_backgrounds
from sirstgen.synthesis.templates import TemplateLibrary
from sirstgen.synthesis.ways_out import WAYS_OUT

_DRAWS = 4  # sizes that are drawn for a target before its crop is given up
_CROPS = 4  # crops of the image's own background that are tried
_FALLBACKS = 12  # other backgrounds of its scene that are tried after that
_LEAST_SCR = 1.0  # of a target whose contrast is drawn; a weaker one cannot be seen in its clutter
_ANALYSIS_BYTES = 64 << 20  # analysed backgrounds kept


class Generator:
    """Draws, renders and checks the images of a run. Image i depends on the seed and i, and on nothing else.

    >>> generator = Generator(Recipe(scr=[4]), seed=0)
    >>> sample = generator[41]                      # alone
    >>> for sample in generator.samples(10): ...    # in order

    Args:
        recipe: the paper's by default; a table of entries or the path of a recipe file will do.
        backgrounds: the built-in ones by default; ``procedural`` or a folder of frames will do.
        templates: the built-in ones by default; a folder will do.
        seed: non-negative; drawn from the operating system if None (``generator.seed`` holds it).

    Raises:
        InvalidValueError: a negative seed, a scene without a row in the recipe, a template class without templates, an
            argument of another type.
        InputError: a file or folder cannot be used.
    """

    def __init__(
        self,
        recipe: Recipe | Mapping[str, Any] | str | Path | None = None,
        backgrounds: BackgroundSource | str | Path | None = None,
        templates: TemplateLibrary | str | Path | None = None,
        seed: int | None = None,
    ) -> None:
        self.seed = as_seed(seed)
        self.recipe = as_recipe(recipe)
        source = as_backgrounds(backgrounds, self.recipe, self.seed)
        if self.recipe.backgrounds.procedural_share > 0 and not isinstance(source, MixedBackgrounds):
            source = MixedBackgrounds(source, procedural_backgrounds(self.recipe, self.seed))
        self.backgrounds = source
        self.templates = as_templates(templates)
        self._prepare()

    def _prepare(self) -> None:
        self._sampler = Sampler(self.recipe, self.templates, self.seed)
        self._schedule = Schedule(self.backgrounds, self.recipe, self.seed)
        self._analyses: OrderedDict[str, FrameAnalysis] = OrderedDict()
        self._analysis_bytes = 0
        region = self.recipe.clutter_region
        self._region = ClutterRegion(region.kind, region.margin)
        self._min_contrast = self.recipe.quality.min_contrast * levels_of_bits(self.recipe.bit_depth)
        low, high = self.recipe.backgrounds.crop_scale.support
        self._crop_scale = low if low == high else None

    def __getstate__(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in ("seed", "recipe", "backgrounds", "templates")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._prepare()

    def assignment(self, index: int) -> Assignment:
        """Return which background image `index` takes first; tasks that share one belong together."""
        return self._schedule.assignment(index)

    def side(self, index: int) -> Side:
        """Return the side of the train/test split that image `index` is on; known before the image is made."""
        return self._schedule.side(index)

    def __repr__(self) -> str:
        return f"Generator({self.recipe!r}, seed={self.seed})"

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Slice[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | Slice[Sample]:
        """Return image `index`, the same whenever and wherever it is made; or a slice of images, made when asked for.

        Raises:
            InvalidValueError: a negative index, or a slice without an end.
        """
        if not isinstance(index, slice):
            return self.make(index)
        bounds = (index.start or 0, index.stop, index.step or 1)
        if index.stop is None or min(bounds) < 0:
            raise InvalidValueError(f"a slice of a generator must have an end and no negative number, got {index}")
        return Slice(self.make, range(*bounds))

    def make(self, index: int, redraw: int = 0) -> Sample:
        """Return image `index`.

        Args:
            index: 0 or more.
            redraw: 0 for the image as first drawn; 1, 2, ... draw it differently, for a person who rejects it.

        Raises:
            GenerationError: no crop of any background tried takes the image's targets; says why, with counts.
        """
        plan, canvas, sample, rejections = self._accepted(index, redraw)
        return sample or finish(canvas, plan, rejections)

    def plan(self, index: int) -> ImagePlan:
        """Return the plan of image `index`; `render` gives the image again."""
        return self._accepted(index, 0)[0]

    def render(self, plan: ImagePlan) -> Sample:
        """Return the sample of any plan over this generator's backgrounds and templates."""
        background = self.backgrounds.find(plan.background.id)
        return render(plan, self.backgrounds.pixels(background, plan.bit_depth), self.templates)

    def samples(self, count: int | None = None, start: int = 0) -> Iterator[Sample]:
        """Yield images `start`, `start` + 1, ...; `count` of them, endless if None."""
        index = start
        while count is None or index < start + count:
            yield self[index]
            index += 1

    def __iter__(self) -> Iterator[Sample]:
        return self.samples()

    def _accepted(self, index: int, redraw: int) -> tuple[ImagePlan, Canvas, Sample | None, dict[str, int]]:
        """Draw image `index` until its background takes its targets; the sample is None where it is still to finish."""
        if index < 0 or redraw < 0:
            raise InvalidValueError(
                f"index and redraw must not be negative, got {index} and {redraw}", name="index", value=index
            )
        index = operator.index(index)  # any whole number will do, but plans are JSON
        rejections: dict[str, int] = {}
        own = self.assignment(index)
        for shot in range(_CROPS + _FALLBACKS):
            attempt = redraw * (_CROPS + _FALLBACKS) + shot
            assignment = own if shot < _CROPS else self._schedule.fallback(index, attempt)
            retry = max(0, shot - _CROPS + 1)
            drawn = self._attempt(index, assignment, attempt, retry, rejections, last=shot >= _CROPS - 1)
            if drawn is None:
                continue
            if not drawn[0].stages or not drawn[0].finished_later:
                return *drawn, None, rejections
            try:  # a stage after the intensity may leave nothing to measure against
                sample = finish(drawn[1], drawn[0], rejections)
            except TargetRejectedError as error:
                _count(rejections, str(error.data["reason"]))
            else:
                return *drawn, sample, rejections
        commonest = sorted(rejections, key=lambda reason: -rejections[reason])
        reasons = ", ".join(f"{reason} {rejections[reason]}" for reason in commonest)
        way_out = WAYS_OUT.get(commonest[0], "give other backgrounds")
        raise GenerationError(
            f"image {index}: no background of scene {own.scene} takes its targets (rejected: {reasons}); {way_out}",
            index=index,
            rejections=rejections,
        )

    def _attempt(
        self, index: int, assignment: Assignment, attempt: int, retry: int, rejections: dict[str, int], last: bool
    ) -> tuple[ImagePlan, Canvas] | None:
        """Draw image `index` on one crop; None if its targets, drawn again where they are rejected, never fit."""
        background = self._schedule.background(assignment)
        analysis = self._analysis(background)
        recipe, sampler = self.recipe, self._sampler
        flip, count, blur_sigma = sampler.image(index, background.scene)
        crop, size, repeated = self._crop(index, assignment, background, analysis, attempt, flip)
        if repeated and not last:
            _count(rejections, "duplicate crop")
            return None
        layer = background_layer(analysis.frame, crop, size, blur_sigma)
        quality = recipe.quality
        context = PlacementContext(
            analysis,
            crop,
            layer,
            quality.border,
            self._min_contrast,
            self._region.kind,
            recipe.position,
            quality.max_saturated > 0,
        )
        min_scr = _LEAST_SCR if recipe.contrast is not None else 0.0
        canvas = Canvas(layer, self._region, quality.max_saturated, self._min_contrast, min_scr)
        records = sampler.image_records(index, *size, background.scene)
        targets: list[TargetPlan] = []
        for number in range(count):
            for draw in range(attempt * _DRAWS, (attempt + 1) * _DRAWS):
                target = sampler.target(index, number, draw, background.scene, blur_sigma, retry)
                lacking = context.lacks(target.area_of_map)
                if lacking is not None:  # known before the target is on the pixel grid
                    _count(rejections, lacking)
                    continue
                target, raster = sampler.rasterised(target, blur_sigma, records)
                plan = self._placed(canvas, context, target, raster, (index, number, draw), targets, rejections)
                if plan is not None:
                    targets.append(plan)
                    break
            else:
                return None
        return (
            ImagePlan.unchecked(
                background=crop,
                targets=tuple(targets),
                index=index,
                width=size[0],
                height=size[1],
                bit_depth=recipe.bit_depth,
                scene=background.scene,
                scene_confidence=background.scene_confidence,
                scene_source=background.scene_source,
                blur_sigma=blur_sigma,
                mask_level=recipe.mask_level,
                clutter_region=self._region,
                max_saturated=quality.max_saturated,
                stages=records,
            ),
            canvas,
        )

    def _placed(
        self,
        canvas: Canvas,
        context: PlacementContext,
        target: TargetDraw,
        raster: RasterisedTarget,
        keys: tuple[int, int, int],
        others: list[TargetPlan],
        rejections: dict[str, int],
    ) -> TargetPlan | None:
        """Try places for a target until one takes it; None if none does. All use the same pixels of the target."""
        if raster.pieces != 1:
            _count(rejections, "fragmented mask")
            return None
        taken = [OccupiedRegion.of(one.raster, one.column, one.row) for one in canvas.targets] if others else []
        request = self._sampler.request(target, raster.area)
        rules, beside = self.recipe.cluster, list[tuple[float, float]]()
        index, number, draw = keys
        together = bool(others) and Draws(self.seed, index, "cluster", number).random() < rules.share
        numbers = Draws(self.seed, index, "placement", number, draw)
        for _ in range(self.recipe.quality.attempts):
            if together:
                beside = places_beside(numbers, rules, [one.position for one in others])
            place = context.place(numbers, raster, target.area_of_map, taken, request, target.outside_top10, beside)
            if isinstance(place, str):  # no place of many will do: other places would not either
                _count(rejections, place)
                return None
            asked = request.settled(place.sigma_b)
            try:
                canvas.add(raster, place.column, place.row, asked)
            except TargetRejectedError as error:
                _count(rejections, str(error.data["reason"]))
                continue
            return TargetPlan.unchecked(
                kind=target.kind,
                position=(place.column + target.phase[0], place.row + target.phase[1]),
                scr=asked.scr,
                contrast=asked.contrast,
                sigma=target.sigma,
                template=target.template,
                length=target.length,
                angle=target.angle,
                mirror=target.mirror,
                polarity=target.polarity,
                stages=target.stages,
            )
        return None

    def _crop(
        self,
        index: int,
        assignment: Assignment,
        background: Background,
        analysis: FrameAnalysis,
        attempt: int,
        flip: bool,
    ) -> tuple[BackgroundCrop, tuple[int, int], bool]:
        """Return the crop, the image's (width, height), and whether an earlier image shows the same."""
        height, width = analysis.frame.shape
        rules = self.recipe.backgrounds
        scale = self._crop_scale
        if scale is None:
            scale = rules.crop_scale.draw(Draws(self.seed, index, "crop scale", attempt))
        if rules.native_size:
            limit = self._schedule.largest(index, background, (width, height))
            size = image = (
                min(max(round(width * scale), 1), width, limit[0]),
                min(max(round(height * scale), 1), height, limit[1]),
            )
        else:
            image = self.recipe.width, self.recipe.height
            scale = min(scale, width / image[0], height / image[1])
            size = max(round(image[0] * scale), 1), max(round(image[1] * scale), 1)
        free = width - size[0], height - size[1]
        corner, repeated = crop_corner(self.seed, background.id, assignment.use, free, index, attempt)
        repeated = repeated and free != (0, 0)  # a whole frame can only be shown again as it is
        return BackgroundCrop(background.id, (*corner, *size), flip, background.group), image, repeated

    def _analysis(self, background: Background) -> FrameAnalysis:
        """Return the background decoded and analysed; the latest ones are kept."""
        analysis = self._analyses.pop(background.id, None)
        if analysis is None:
            pixels = self.backgrounds.pixels(background, self.recipe.bit_depth)
            analysis = FrameAnalysis(pixels, lambda: self.backgrounds.places(background))
            self._analysis_bytes += analysis.frame.nbytes
            while self._analyses and self._analysis_bytes > _ANALYSIS_BYTES:
                self._analysis_bytes -= self._analyses.popitem(last=False)[1].frame.nbytes
        self._analyses[background.id] = analysis
        return analysis


def _count(rejections: dict[str, int], reason: object) -> None:
    rejections[str(reason)] = rejections.get(str(reason), 0) + 1
