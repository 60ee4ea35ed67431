"""F_size and P_size (Fig. 7a): the recipe draws what a target is; where it goes is `sirstgen.synthesis.placement`'s."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.plan import Kind, TargetPlan
from sirstgen.recipe.distributions import weighted_choice
from sirstgen.recipe.parts import ContrastLaw, Where
from sirstgen.recipe.recipe import Recipe, nearest
from sirstgen.seeding import Draws, stream
from sirstgen.stages import DrawContext, registered_stages
from sirstgen.synthesis.kernels import kernel_sigma, with_area
from sirstgen.synthesis.placement import OccupiedRegion, Signal
from sirstgen.synthesis.profiles import mask_level, mask_of, target_profile
from sirstgen.synthesis.templates import TemplateLibrary

_BESIDE = 24  # places tried beside another target


class Sampler:
    """Draws the targets of an image; each value from a stream of its own, keyed by image, target and purpose.

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
        self._of_image = {
            name: entry for name, entry in recipe.stages.items() if registered_stages()[name].per == "image"
        }
        self._of_target = {name: entry for name, entry in recipe.stages.items() if name not in self._of_image}
        for scene, row in recipe.scenes.items():
            for cls in row.classes:
                if cls not in templates.classes:
                    raise InvalidValueError(
                        f"a template class must have templates, got {cls}{nearest(cls, templates.classes)} "
                        f"(scenes.{scene}.classes); there are {', '.join(templates.classes)}"
                    )

    def blur_sigma(self, index: int) -> float:
        """Sigma of the blur of image `index`, pixels."""
        return self.recipe.blur_sigma.draw(stream(self._seed, index, "blur"))

    def image_records(self, index: int, width: int, height: int, scene: str) -> dict[str, Any]:
        """Return the records of the stages of image `index`."""
        if not self._of_image:
            return {}
        context = self._context(self._of_image, (index,), index=index, width=width, height=height, scene=scene)
        return _drawn(self._of_image, context)

    def _target_records(self, index: int, number: int, attempt: int, kind: Kind, area: float | None) -> dict[str, Any]:
        if not self._of_target:
            return {}
        context = self._context(self._of_target, (index, number, attempt), index=index, kind=kind, area=area)
        return _drawn(self._of_target, context)

    def _context(self, entries: dict[str, Any], keys: tuple[int, ...], **known: Any) -> DrawContext:
        def draw(name: str, context: DrawContext) -> Any:
            return entries[name].draw(Draws(self._seed, name, *keys), context) if name in entries else None

        return DrawContext(draw, bit_depth=self.recipe.bit_depth, mask_level=self.recipe.mask_level, **known)

    def count(self, index: int, scene: str) -> int:
        """How many targets image `index` holds."""
        table = self.recipe.row(scene).targets_per_image or self.recipe.targets_per_image
        return weighted_choice(stream(self._seed, index, "count"), list(table), list(table.values()))

    def target(
        self,
        index: int,
        number: int,
        attempt: int,
        scene: str,
        blur_sigma: float,
        retry: int = 0,
        image_records: Mapping[str, Any] | None = None,
    ) -> TargetPlan:
        """Return target `number` of image `index`, still without its place (position (0, 0)).

        The first draw fixes kind, intensity and polarity; a later `attempt` draws the size anew, a later `retry` all of
        it: for targets that no place of several crops can take, such as a high SCR in strong clutter. A contrast is
        that at the reference clutter, until `in_clutter` knows the place.
        """
        row = self.recipe.row(scene)
        again = (retry,) if retry else ()
        rng = stream(self._seed, index, "target", number, *again)
        kind = weighted_choice(rng, list(row.kinds), list(row.kinds.values()))
        polarity = -1 if rng.random() < self.recipe.dark_share else 1
        sizes = stream(self._seed, index, "size", number, attempt)
        records = image_records or {}
        area: float | None = None
        if kind == "extended":
            cls = weighted_choice(sizes, list(row.classes), list(row.classes.values()))
            target = self._extended(cls, scene, sizes.random(), index, number, attempt)
            stages = self._target_records(index, number, attempt, kind, None)
            target = replace(target, polarity=polarity, stages=stages)
        else:
            size = self.recipe.kernel_size(scene, kind)
            area, aspect = size.area.draw(sizes), size.aspect.draw(sizes)
            angle = size.angle.draw(sizes)
            stages = self._target_records(index, number, attempt, kind, area)
            level = stages["mask_jitter"].level if "mask_jitter" in stages else self.recipe.mask_level
            sigma = kernel_sigma(area, aspect, level, blur_sigma)
            target = TargetPlan(kind, (0.0, 0.0), 1.0, sigma=sigma, angle=angle, polarity=polarity, stages=stages)
            if set(stages) - {"mask_jitter"} or "point_spread" in records:
                target = with_area(target, area, mask_level(target, self.recipe.mask_level), blur_sigma, records)
        law, levels = self.recipe.contrast, stream(self._seed, index, "scr", number, *again)
        if law is None:
            return replace(target, scr=self.recipe.scr.draw(levels))
        if area is None:
            profile = target_profile(target, blur_sigma, records, self._templates).values
            area = float(mask_of(profile, mask_level(target, self.recipe.mask_level)).sum())
        contrast = law.level.draw(levels) * (area / law.area) ** law.area_exponent
        return replace(target, scr=None, contrast=contrast * self._levels)

    def in_clutter(self, target: TargetPlan, sigma_b: float) -> TargetPlan:
        """The target with its contrast as the recipe's law has it in clutter of deviation `sigma_b`, gray levels."""
        law = self.recipe.contrast
        if law is None or target.contrast is None:
            return target
        contrast = self._contrast(law, target.contrast, np.array([sigma_b], np.float32))
        return replace(target, contrast=float(contrast[0]))

    def signal(self, target: TargetPlan) -> Signal:
        """What the target's mean will differ by from clutter of given deviations, for finding it a place."""
        law = self.recipe.contrast
        if law is None or target.contrast is None:
            factor = (target.scr or 0.0) * target.polarity
            return lambda deviations: factor * deviations
        return lambda deviations: target.polarity * self._contrast(law, target.contrast or 0.0, deviations)

    def _contrast(self, law: ContrastLaw, level: float, deviations: NDArray[np.float32]) -> NDArray[np.float32]:
        """`level`, in clutter of these deviations; all in gray levels of the image."""
        # Below a level of 256, deviations are rounding and say nothing.
        clutter = np.maximum(deviations / self._levels, 1.0) / law.clutter
        low, high = law.limits
        contrast = np.clip(level / self._levels * clutter**law.clutter_exponent, low, high)
        return np.asarray(contrast * self._levels, np.float32)

    def wants_dim(self, index: int, number: int) -> bool | None:
        """Whether target `number` is looked for a place outside the brightest 10 % of its image (Fig. 6c).

        None: any place will do.
        """
        share = self.recipe.share_outside_top10
        return None if share is None else bool(stream(self._seed, index, "brightness", number).random() < share)

    def near(
        self, index: int, number: int, attempt: int, trial: int, others: Sequence[OccupiedRegion]
    ) -> NDArray[np.float64] | None:
        """(n, 2) places x and y beside one of the `others`, for a target in a cluster; None for one that is not."""
        rules = self.recipe.cluster
        if rules.share == 0 or not others or stream(self._seed, index, "cluster", number).random() >= rules.share:
            return None
        rng = stream(self._seed, index, "beside", number, attempt, trial)
        leader = others[int(rng.integers(len(others)))]
        bearings = 2 * math.pi * rng.random(_BESIDE)
        distances = np.array([rules.distance.draw(rng) for _ in range(_BESIDE)])
        return np.column_stack([leader.x + distances * np.cos(bearings), leader.y + distances * np.sin(bearings)])

    def where(self, target: TargetPlan, index: int, number: int, scene: str) -> Where:
        """The side of a visible horizon that the target belongs on."""
        if target.template is not None:
            return self.recipe.classes[self._templates.get(target.template).cls].where
        share = self.recipe.row(scene).above_horizon
        if share is None:
            return "any"
        return "sky" if stream(self._seed, index, "horizon", number).random() < share else "ground"

    def _extended(self, cls: str, scene: str, mark: float, index: int, number: int, attempt: int) -> TargetPlan:
        choices = self._templates.of_class(cls)
        at_home = [template for template in choices if not template.scenes or scene in template.scenes] or choices
        template = at_home[int(mark * len(at_home))]
        rule = self.recipe.classes[cls]
        pose = stream(self._seed, index, "pose", number, attempt)
        if rule.length is not None:
            length = rule.length.draw(pose)
        else:
            low, high = template.typical_length
            length = low + (high - low) * pose.random()
        return TargetPlan(
            "extended",
            (0.0, 0.0),
            1.0,
            template=template.id,
            length=length,
            angle=rule.tilt.draw(pose),
            mirror=bool(pose.random() < 0.5),
        )


def _drawn(entries: Mapping[str, Any], context: DrawContext) -> dict[str, Any]:
    """Return the records of these entries, without those that are None."""
    records = {name: context.drawn(name) for name in entries}
    return {name: record for name, record in records.items() if record is not None}
