"""What an image shows of a background, before it has targets."""

from __future__ import annotations

from typing import NamedTuple

from sirstgen.backgrounds.source import Background, BackgroundSource
from sirstgen.plan import BackgroundCrop
from sirstgen.recipe.recipe import Recipe
from sirstgen.seeding import Draws
from sirstgen.synthesis.areas import Area
from sirstgen.synthesis.frame_analysis import FrameAnalyses, FrameAnalysis
from sirstgen.synthesis.sampler import Sampler
from sirstgen.synthesis.schedule import Assignment, Schedule, crop_corner


class View(NamedTuple):
    """What an image shows of a background, before it has targets.

    Args:
        image: its index.
        attempt: number of the crop, over all redraws.
        background, analysis: the frame.
        crop: the part shown.
        size: (width, height) of the image.
        repeated: an earlier image shows the same.
        targets: how many the image holds.
        blur_sigma: pixels.
    """

    image: int
    attempt: int
    background: Background
    analysis: FrameAnalysis
    crop: BackgroundCrop
    size: tuple[int, int]
    repeated: bool
    targets: int
    blur_sigma: float

    def lacks(self, area: Area) -> str | None:
        """Return why the crop takes no target of an area; None where it may take one."""
        return self.analysis.lacks(area, self.crop)


class Views:
    """Crops of the backgrounds of a run.

    Args:
        backgrounds: the source.
        recipe: gives image size and crops.
        schedule: gives the background an assignment names.
        sampler: draws what else an image shows.
        seed: of the run.
    """

    def __init__(
        self, backgrounds: BackgroundSource, recipe: Recipe, schedule: Schedule, sampler: Sampler, seed: int
    ) -> None:
        self._recipe, self._schedule, self._sampler, self._seed = recipe, schedule, sampler, seed
        self._analyses = FrameAnalyses(backgrounds, recipe.bit_depth)
        low, high = recipe.backgrounds.crop_scale.support
        self._crop_scale = low if low == high else None

    def view(self, index: int, assignment: Assignment, attempt: int) -> View:
        """Return what image `index` shows of a background."""
        background = self._schedule.background(assignment)
        analysis = self._analyses.get(background)
        flip, count, blur_sigma = self._sampler.image(index, background.scene)
        crop, size, repeated = self._crop(index, assignment, background, analysis, attempt, flip)
        return View(index, attempt, background, analysis, crop, size, repeated, count, blur_sigma)

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
        rules = self._recipe.backgrounds
        scale = self._crop_scale
        if scale is None:
            scale = rules.crop_scale.draw(Draws(self._seed, index, "crop scale", attempt))
        if rules.native_size:
            limit = self._schedule.largest(index, background, (width, height))
            size = image = (
                min(max(round(width * scale), 1), width, limit[0]),
                min(max(round(height * scale), 1), height, limit[1]),
            )
        else:
            image = self._recipe.width, self._recipe.height
            scale = min(scale, width / image[0], height / image[1])
            size = max(round(image[0] * scale), 1), max(round(image[1] * scale), 1)
        free = width - size[0], height - size[1]
        corner, repeated = crop_corner(self._seed, background.id, assignment.use, free, index, attempt)
        repeated = repeated and free != (0, 0)  # a whole frame can only be shown again as it is
        return BackgroundCrop(background.id, (*corner, *size), flip, background.group), image, repeated
