"""Generator: any image of a run, alone or in order, from a recipe, backgrounds and a seed."""

from __future__ import annotations

import operator
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

from sirstgen.backgrounds.mixed import MixedBackgrounds
from sirstgen.backgrounds.source import Background, BackgroundSource
from sirstgen.errors import GenerationError, InvalidValueError
from sirstgen.plan import BackgroundCrop, ClutterRegion, ImagePlan
from sirstgen.recipe.recipe import Recipe
from sirstgen.seeding import stream
from sirstgen.slices import Slice
from sirstgen.synthesis.arguments import as_backgrounds, as_recipe, as_seed, as_templates
from sirstgen.synthesis.canvas import Canvas, TargetRejectedError
from sirstgen.synthesis.optics import blur_background
from sirstgen.synthesis.placement import FrameAnalysis, OccupiedRegion, PlacementContext, reach
from sirstgen.synthesis.render import Sample, crop_background, finish, render
from sirstgen.synthesis.sampler import Sampler
from sirstgen.synthesis.schedule import Assignment, Schedule, crop_corner
from sirstgen.synthesis.sides import Side
from sirstgen.synthesis.sources import procedural_backgrounds
from sirstgen.synthesis.templates import TemplateLibrary

_DRAWS = 4  # sizes that are drawn for a target before its crop is given up
_CROPS = 4  # crops of the image's own background that are tried
_FALLBACKS = 12  # other backgrounds of its scene that are tried after that
_SURVEY_BYTES = 256 << 20  # decoded backgrounds kept

_WAYS_OUT = {
    "no room": "ask for smaller or fewer targets (classes, spot, targets_per_image) or for larger images",
    "off image": "ask for smaller targets (classes, spot) or for larger images",
    "fragmented mask": "lower mask_level or ask for longer targets (classes)",
    "saturated": "ask for a lower scr or give darker backgrounds",
    "flat clutter": "give backgrounds with more structure, or a larger clutter_region",
    "invisible contrast": "ask for a higher scr, lower quality.min_contrast or give backgrounds with more structure",
}


class Generator:
    """Draws, renders and checks the images of a run. Image i depends on the seed and i, and on nothing else.

    >>> generator = Generator(Recipe(scr=[4]), seed=0)
    >>> sample = generator[41]                      # alone
    >>> for sample in generator.samples(10): ...    # in order

    Args:
        recipe: the paper's by default; a table of entries or the path of a recipe file will do.
        backgrounds: the built-in ones by default; ``procedural`` or a folder of frames will do.
        templates: the built-in ones by default; a folder will do.
        seed: non-negative; drawn from the operating system if None (``generator.seed`` tells it).

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
        self._surveys: OrderedDict[str, FrameAnalysis] = OrderedDict()
        self._survey_bytes = 0
        region = self.recipe.clutter_region
        self._region = ClutterRegion(region.kind, region.margin)

    def __getstate__(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in ("seed", "recipe", "backgrounds", "templates")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._prepare()

    def assignment(self, index: int) -> Assignment:
        """Which background image `index` takes first; tasks that share one belong together."""
        return self._schedule.assignment(index)

    def side(self, index: int) -> Side:
        """The side of the train/test split that image `index` is on; known before the image is made."""
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
        """Image `index`.

        Args:
            index: 0 or more.
            redraw: 0 for the image as first drawn; 1, 2, ... draw it differently, for a person who rejects it.

        Raises:
            GenerationError: no crop of any background tried takes the image's targets; says why, with counts.
        """
        if index < 0 or redraw < 0:
            raise InvalidValueError(
                f"index and redraw must not be negative, got {index} and {redraw}", name="index", value=index
            )
        index = operator.index(index)  # any whole number will do, but plans are JSON
        rejections: Counter[str] = Counter()
        for shot in range(_CROPS + _FALLBACKS):
            attempt = redraw * (_CROPS + _FALLBACKS) + shot
            slot = self.assignment(index) if shot < _CROPS else self._schedule.fallback(index, attempt)
            retry = max(0, shot - _CROPS + 1)
            sample = self._attempt(index, slot, attempt, retry, rejections, last=shot >= _CROPS - 1)
            if sample is not None:
                return sample
        reasons = ", ".join(f"{reason} {count}" for reason, count in rejections.most_common())
        way_out = _WAYS_OUT.get(rejections.most_common(1)[0][0], "give other backgrounds")
        scene = self.assignment(index).scene
        raise GenerationError(
            f"image {index}: no background of scene {scene} takes its targets (rejected: {reasons}); {way_out}",
            index=index,
            rejections=dict(rejections),
        )

    def plan(self, index: int) -> ImagePlan:
        """The plan of image `index`; `render` gives the image again."""
        return self[index].plan

    def render(self, plan: ImagePlan) -> Sample:
        """The sample of any plan over this generator's backgrounds and templates."""
        background = self.backgrounds.find(plan.background.id)
        return render(plan, self.backgrounds.pixels(background, plan.bit_depth), self.templates)

    def samples(self, count: int | None = None, start: int = 0) -> Iterator[Sample]:
        """Images `start`, `start` + 1, ...; `count` of them, endless if None."""
        index = start
        while count is None or index < start + count:
            yield self[index]
            index += 1

    def __iter__(self) -> Iterator[Sample]:
        return self.samples()

    def _attempt(
        self, index: int, slot: Assignment, attempt: int, retry: int, rejections: Counter[str], last: bool
    ) -> Sample | None:
        """Image `index` on one crop, its targets drawn again where they are rejected; None if they never fit."""
        background = self._schedule.background(slot)
        survey = self._survey(background)
        crop, size, repeated = self._crop(index, slot, background, survey, attempt)
        if repeated and not last:
            rejections["duplicate crop"] += 1
            return None
        plan = ImagePlan(
            background=crop,
            index=index,
            width=size[0],
            height=size[1],
            bit_depth=self.recipe.bit_depth,
            scene=background.scene,
            scene_confidence=background.scene_confidence,
            scene_source=background.scene_source,
            blur_sigma=self._sampler.blur_sigma(index),
            mask_level=self.recipe.mask_level,
            clutter_region=self._region,
            max_saturated=self.recipe.quality.max_saturated,
            stages=self._sampler.image_records(index, *size, background.scene),
        )
        layer = blur_background(crop_background(plan, survey.frame), plan.blur_sigma)
        ground = PlacementContext(
            survey,
            crop,
            layer,
            self.recipe.quality.border,
            self._min_contrast,
            self._region.kind,
            self.recipe.position,
            self.recipe.quality.max_saturated > 0,
        )
        canvas = Canvas(plan, layer, self.templates)
        for number in range(self._sampler.count(index, plan.scene)):
            draws = range(attempt * _DRAWS, (attempt + 1) * _DRAWS)
            if not any(self._add_target(canvas, ground, number, draw, retry, rejections) for draw in draws):
                return None
        try:
            return finish(canvas, dict(sorted(rejections.items())))
        except TargetRejectedError as error:  # a stage after the intensity may leave nothing to measure against
            rejections[str(error.data["reason"])] += 1
            return None

    def _add_target(
        self, canvas: Canvas, ground: PlacementContext, number: int, draw: int, retry: int, rejections: Counter[str]
    ) -> bool:
        """Draws one target, and tries places for it until one takes it; False if none does."""
        plan = canvas.plan
        target = self._sampler.target(plan.index, number, draw, plan.scene, plan.blur_sigma, retry, plan.stages)
        dim = self._sampler.wants_dim(plan.index, number)
        where = self._sampler.where(target, plan.index, number, plan.scene)
        known = (plan.blur_sigma, plan.stages, self.templates)
        taken = [OccupiedRegion(*shape.plan.position, reach(shape.plan, *known)) for shape in canvas.shapes]
        own = reach(target, *known)
        signal = self._sampler.signal(target)
        places = stream(self.seed, plan.index, "placement", number, draw)
        for trial in range(self.recipe.quality.attempts):
            near = self._sampler.near(plan.index, number, draw, trial, taken)
            place = ground.place(places, own, where, taken, signal, dim, near)
            if isinstance(place, str):  # no place of many will do: other places would not either
                rejections[place] += 1
                return False
            here = replace(self._sampler.in_clutter(target, place.sigma_b), position=(place.x, place.y))
            try:
                canvas.add(here, self._min_contrast)
            except TargetRejectedError as error:
                rejections[str(error.data["reason"])] += 1
            else:
                return True
        return False

    @property
    def _min_contrast(self) -> float:
        return self.recipe.quality.min_contrast * (1 << self.recipe.bit_depth) / 256

    def _crop(
        self, index: int, slot: Assignment, background: Background, survey: FrameAnalysis, attempt: int
    ) -> tuple[BackgroundCrop, tuple[int, int], bool]:
        """The crop, the image's (width, height), and whether an earlier image shows the same."""
        height, width = survey.frame.shape
        rules = self.recipe.backgrounds
        scale = rules.crop_scale.draw(stream(self.seed, index, "crop scale", attempt))
        flip = rules.flip and bool(stream(self.seed, index, "flip").random() < 0.5)
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
        corner, repeated = crop_corner(self.seed, background.id, slot.use, free, index, attempt)
        repeated = repeated and free != (0, 0)  # a whole frame can only be shown again as it is
        return BackgroundCrop(background.id, (*corner, *size), flip, background.group), image, repeated

    def _survey(self, background: Background) -> FrameAnalysis:
        """The background decoded and surveyed; the latest ones are kept."""
        survey = self._surveys.pop(background.id, None)
        if survey is None:
            survey = FrameAnalysis(self.backgrounds.pixels(background, self.recipe.bit_depth))
            self._survey_bytes += survey.frame.nbytes
            while self._surveys and self._survey_bytes > _SURVEY_BYTES:
                self._survey_bytes -= self._surveys.popitem(last=False)[1].frame.nbytes
        self._surveys[background.id] = survey
        return survey
