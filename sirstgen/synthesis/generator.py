"""Generator: any image of a run, alone or in order, from a recipe, backgrounds and a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from sirstgen.backgrounds.mixed import MixedBackgrounds
from sirstgen.backgrounds.source import BackgroundSource
from sirstgen.checks import whole
from sirstgen.errors import GenerationError, InvalidValueError
from sirstgen.files.gray_scale import levels_of_bits
from sirstgen.plan import ClutterRegion, ImagePlan, TargetPlan
from sirstgen.recipe.recipe import Recipe
from sirstgen.seeding import Draws
from sirstgen.slices import Slice
from sirstgen.synthesis.areas import NO_ROOM, Area
from sirstgen.synthesis.arguments import as_backgrounds, as_recipe, as_seed, as_templates
from sirstgen.synthesis.canvas import Canvas, TargetRejectedError
from sirstgen.synthesis.layers import BackgroundLayers
from sirstgen.synthesis.placement import OccupiedRegion, PlacementContext, Prospect, places_beside
from sirstgen.synthesis.rasterise import RasterisedTarget
from sirstgen.synthesis.render import Sample, finish, render
from sirstgen.synthesis.sampler import Sampler, TargetDraw
from sirstgen.synthesis.schedule import Assignment, Schedule
from sirstgen.synthesis.sides import Side
from sirstgen.synthesis.sources import procedural_backgrounds
from sirstgen.synthesis.templates import TemplateLibrary
from sirstgen.synthesis.view import View, Views
from sirstgen.synthesis.ways_out import WAYS_OUT

_DRAWS = 4  # sizes that are drawn for a target before its crop is given up
_CROPS = 4  # crops of the image's own background that are tried
_FALLBACKS = 60  # other backgrounds of its scene that are tried after that; few frames of a scene may show the sky
_PATIENCE = 8  # of these, how many may lack the place of a target before other targets are drawn
_LEAST_SCR = 1.0  # of a target whose contrast is drawn; a weaker one cannot be seen in its clutter


class Generator:
    """Generator of the images of a run: draws, renders and checks them. Image i depends on the seed and i alone.

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
        self._views = Views(self.backgrounds, self.recipe, self._schedule, self._sampler, self.seed)
        self._layers = BackgroundLayers()
        region = self.recipe.clutter_region
        self._region = ClutterRegion(region.kind, region.margin)
        self._min_contrast = self.recipe.quality.min_contrast * levels_of_bits(self.recipe.bit_depth)

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
        start, step = index.start or 0, 1 if index.step is None else index.step
        if index.stop is None or min(start, index.stop) < 0 or step < 1:
            raise InvalidValueError(
                f"a slice of a generator must have an end, no negative number and a positive step, got {index}"
            )
        return Slice(self.make, range(start, index.stop, step))

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
        index, redraw = whole("index", index), whole("redraw", redraw)  # plans are JSON
        if index < 0 or redraw < 0:
            raise InvalidValueError(
                f"index and redraw must not be negative, got {index} and {redraw}", name="index", value=index
            )
        rejections: dict[str, int] = {}
        own, retry, lacked = self.assignment(index), 0, 0
        for shot in range(_CROPS + _FALLBACKS):
            attempt = redraw * (_CROPS + _FALLBACKS) + shot
            assignment = own if shot < _CROPS else self._schedule.fallback(index, attempt)
            view = self._views.view(index, assignment, attempt)
            if view.repeated and shot < _CROPS - 1:
                _count(rejections, "duplicate crop")
                continue
            # Other backgrounds are tried with the same targets first, so that these keep their shares; then others.
            first: list[TargetDraw] = []
            lacking: Area | None = None
            for _ in range(_DRAWS if retry else 1):
                first, lacking = [], None
                for number in range(view.targets):
                    target = self._draw(view, number, 0, retry)
                    if isinstance(target, Area):
                        lacking = target
                        break
                    first.append(target)
                if lacking is None:
                    break
                _count(rejections, view.lacks(lacking))
                retry += retry > 0
            if lacking is not None:
                lacked += 1
                retry += retry == 0 and lacked > _CROPS + _PATIENCE
                continue
            drawn = self._attempt(view, first, retry, rejections)
            if drawn is None:
                retry += shot >= _CROPS - 1
                continue
            if not drawn[0].stages or not drawn[0].finished_later:
                return *drawn, None, rejections
            try:  # a stage after the intensity may leave nothing to measure against
                sample = finish(drawn[1], drawn[0], rejections)
            except TargetRejectedError as error:
                _count(rejections, str(error.data["reason"]))
                retry += shot >= _CROPS - 1
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

    def _draw(self, view: View, number: int, draw: int, retry: int) -> TargetDraw | Area:
        """Return target `number`, or the area that it needs and the crop lacks, which is the same for each draw."""
        scene, attempt = view.background.scene, view.attempt * _DRAWS + draw
        return self._sampler.target(view.image, number, attempt, scene, view.blur_sigma, retry, view.lacks)

    def _attempt(
        self, view: View, first: Sequence[TargetDraw], retry: int, rejections: dict[str, int]
    ) -> tuple[ImagePlan, Canvas] | None:
        """Draw an image on one crop; None if its targets, drawn again where they are rejected, never fit."""
        recipe, background, quality = self.recipe, view.background, self.recipe.quality
        layer = self._layers.layer(view.analysis.frame, view.crop, view.size, view.blur_sigma)
        min_scr = _LEAST_SCR if recipe.contrast is not None else 0.0
        context = PlacementContext(
            view.analysis,
            view.crop,
            layer,
            quality.border,
            self._min_contrast,
            self._region.kind,
            recipe.position,
            quality.max_saturated > 0,
            min_scr,
        )
        canvas = Canvas(layer, self._region, quality.max_saturated, self._min_contrast, min_scr)
        records = self._sampler.image_records(view.image, *view.size, background.scene)
        targets: list[TargetPlan] = []
        for number in range(view.targets):
            for draw in range(_DRAWS):
                target = first[number] if draw == 0 else self._draw(view, number, draw, retry)
                assert isinstance(target, TargetDraw)  # asked before
                prospect = self._predicted(context, target)
                if isinstance(prospect, str):
                    _count(rejections, prospect)
                    if prospect != NO_ROOM:
                        return None  # another size would not help
                    continue
                target, raster = self._sampler.rasterised(target, view.blur_sigma, records)
                keys = view.image, number, view.attempt * _DRAWS + draw
                plan = self._placed(canvas, context, target, raster, prospect, keys, targets, rejections)
                if plan is not None:
                    targets.append(plan)
                    break
            else:
                return None
        return (
            ImagePlan.unchecked(
                background=view.crop,
                targets=tuple(targets),
                index=view.image,
                width=view.size[0],
                height=view.size[1],
                bit_depth=recipe.bit_depth,
                scene=background.scene,
                scene_confidence=background.scene_confidence,
                scene_source=background.scene_source,
                blur_sigma=view.blur_sigma,
                mask_level=recipe.mask_level,
                clutter_region=self._region,
                max_saturated=quality.max_saturated,
                stages=records,
            ),
            canvas,
        )

    def _predicted(self, context: PlacementContext, target: TargetDraw) -> Prospect | str | None:
        """Return where a target may go, or why it may not; None where that depends on its pixels."""
        if self.recipe.contrast is not None:
            return None
        request, per_level = self._sampler.request(target), self._sampler.peak_per_level(target)
        return context.predict(request, per_level, target.outside_top10, target.area_of_map, target.least_reach)

    def _placed(
        self,
        canvas: Canvas,
        context: PlacementContext,
        target: TargetDraw,
        raster: RasterisedTarget,
        prospect: Prospect | None,
        keys: tuple[int, int, int],
        others: list[TargetPlan],
        rejections: dict[str, int],
    ) -> TargetPlan | None:
        """Try places for a target until one takes it; None if none does. All use the same pixels of the target."""
        if raster.pieces != 1:
            _count(rejections, "fragmented mask")
            return None
        if prospect is None:
            request = self._sampler.request(target, raster.area)
            found = context.predict(request, raster.area / raster.own_sum, target.outside_top10)
            if isinstance(found, str):
                _count(rejections, found)
                return None
            prospect = found
        taken = [OccupiedRegion.of(one.raster, one.column, one.row) for one in canvas.targets] if others else []
        rules, beside = self.recipe.cluster, list[tuple[float, float]]()
        index, number, draw = keys
        together = (
            bool(others) and rules.share > 0 and Draws(self.seed, index, "cluster", number).random() < rules.share
        )
        numbers = Draws(self.seed, index, "placement", number, draw)
        for _ in range(self.recipe.quality.attempts):
            if together:
                beside = places_beside(numbers, rules, [one.position for one in others])
            place = context.place(numbers, raster, prospect, target.area_of_map, taken, beside)
            if isinstance(place, str):  # no place of many will do: other places would not either
                _count(rejections, place)
                return None
            asked = prospect.request.settled(place.sigma_b)
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


def _count(rejections: dict[str, int], reason: object) -> None:
    rejections[str(reason)] = rejections.get(str(reason), 0) + 1
