"""F_size and P_size (Fig. 7a): the recipe draws what a target is; where it goes is `sirstgen.synthesis.placement`'s."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.plan import TargetPlan
from sirstgen.recipe.distributions import weighted_choice
from sirstgen.recipe.parts import ContrastLaw, Where
from sirstgen.recipe.recipe import Recipe, nearest
from sirstgen.seeding import stream
from sirstgen.stages import BlockCodec, SensorNoise
from sirstgen.synthesis.kernels import flat_cut, irregular_lobes, kernel_sigma, with_area
from sirstgen.synthesis.placement import Claim, Signal
from sirstgen.synthesis.profiles import mask_of, target_profile
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
        # Streams that could only tell what the recipe says already are not made: they cost as much as a target's blur.
        self._regular = recipe.irregular.plain
        self._unfinished = recipe.halo.support[1] == 0 and recipe.mask_jitter == 0
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

    def psf_sigma(self, index: int) -> float:
        """Sigma of the point spread of the targets of image `index`, pixels."""
        if self.recipe.psf_sigma.support[1] == 0:
            return 0.0
        return self.recipe.psf_sigma.draw(stream(self._seed, index, "psf"))

    def noise(self, index: int) -> SensorNoise | None:
        """The sensor noise of image `index`; None where none is drawn."""
        if self.recipe.noise.sigma.support[1] == 0:
            return None
        rng = stream(self._seed, index, "noise")
        sigma = self.recipe.noise.sigma.draw(rng) * self._levels
        return SensorNoise(sigma, self.recipe.noise.lag1, int(rng.integers(1 << 31))) if sigma > 0 else None

    def codec(self, index: int) -> BlockCodec | None:
        """The block codec of image `index`; None where none is drawn."""
        rules = self.recipe.codec
        if rules.share == 0:
            return None
        rng = stream(self._seed, index, "codec")
        if rng.random() >= rules.share:
            return None
        quality = round(rules.quality.draw(rng))
        return BlockCodec(quality, (int(rng.integers(8)), int(rng.integers(8))), rules.scope)

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
        wish: int = 0,
        psf_sigma: float = 0.0,
    ) -> TargetPlan:
        """Target `number` of image `index`, still without its place (position (0, 0)).

        The first draw fixes kind, intensity and polarity; a later `attempt` draws the size anew, a later `wish` all of
        it: for targets that no place of several crops can take, such as a high SCR in strong clutter. A contrast is
        that at the reference clutter, until `in_clutter` knows the place.
        """
        row = self.recipe.row(scene)
        again = (wish,) if wish else ()
        rng = stream(self._seed, index, "target", number, *again)
        kind = weighted_choice(rng, list(row.kinds), list(row.kinds.values()))
        polarity = -1 if rng.random() < self.recipe.dark_share else 1
        halo, level = self._finish(index, number, attempt)
        sizes = stream(self._seed, index, "size", number, attempt)
        if kind == "extended":
            cls = weighted_choice(sizes, list(row.classes), list(row.classes.values()))
            target = self._extended(cls, scene, sizes.random(), index, number, attempt)
            target = replace(target, polarity=polarity, halo=halo, mask_level=level)
            area = None
        else:
            size = self.recipe.kernel_size(scene, kind)
            area, aspect = size.area.draw(sizes), size.aspect.draw(sizes)
            angle = size.angle.draw(sizes)
            sigma = kernel_sigma(area, aspect, level or self.recipe.mask_level, blur_sigma, psf_sigma)
            target = TargetPlan(
                kind, (0.0, 0.0), 1.0, sigma=sigma, angle=angle, polarity=polarity, halo=halo, mask_level=level
            )
            if not self._regular:
                rules = self.recipe.irregular
                draws = stream(self._seed, index, "lobes", number, attempt)
                cut = flat_cut(rules, area, stream(self._seed, index, "cut", number, attempt))
                target = replace(target, cut=cut)
                lobes = irregular_lobes(rules, target, level or self.recipe.mask_level, draws)
                target = replace(target, lobes=lobes)
            if target.lobes or halo or psf_sigma or target.cut < 1:
                target = with_area(target, area, self.recipe.mask_level, blur_sigma, psf_sigma)
        law, levels = self.recipe.contrast, stream(self._seed, index, "scr", number, *again)
        if law is None:
            return replace(target, scr=self.recipe.scr.draw(levels))
        if area is None:
            profile = target_profile(target, blur_sigma, psf_sigma, self._templates).values
            area = float(mask_of(profile, level or self.recipe.mask_level).sum())
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

    def _finish(self, index: int, number: int, attempt: int) -> tuple[float, float | None]:
        """Halo and mask level of a target; None for the image's level."""
        if self._unfinished:
            return 0.0, None
        rng = stream(self._seed, index, "finish", number, attempt)
        halo, deviate, jitter = self.recipe.halo.draw(rng), rng.standard_normal(), self.recipe.mask_jitter
        level = min(max(self.recipe.mask_level + jitter * deviate, 0.1), 0.7) if jitter > 0 else None
        return halo, level

    def wants_dim(self, index: int, number: int) -> bool | None:
        """Whether target `number` is looked for a place outside the brightest 10 % of its image (Fig. 6c).

        None: any place will do.
        """
        share = self.recipe.dim_share
        return None if share is None else bool(stream(self._seed, index, "brightness", number).random() < share)

    def near(
        self, index: int, number: int, attempt: int, trial: int, others: Sequence[Claim]
    ) -> NDArray[np.float64] | None:
        """(n, 2) places x and y beside one of the `others`, for a target in formation; None for one that is not."""
        rules = self.recipe.formation
        if rules.share == 0 or not others or stream(self._seed, index, "formation", number).random() >= rules.share:
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
