"""F_size and P_size (Fig. 7a): the recipe draws what a target is; where it goes is `sirstgen.synthesis.placement`'s."""

from __future__ import annotations

import math

from sirstgen.distributions import weighted_choice
from sirstgen.errors import InvalidValue
from sirstgen.plan import TargetPlan
from sirstgen.recipe import Recipe, SceneRow, Where, nearest
from sirstgen.seeding import stream
from sirstgen.synthesis.optics import blur_variance
from sirstgen.synthesis.placement import kernel_reach, template_reach
from sirstgen.synthesis.templates import TemplateLibrary

_PIXEL_VARIANCE = 1 / 12  # of a value averaged over a square pixel
_SMALLEST_SIGMA = 0.3


class Sampler:
    """Draws the targets of an image; each value from a stream of its own, keyed by image, target and purpose.

    Args:
        recipe: what to draw from.
        templates: for extended targets.
        seed: the run's seed.

    Raises:
        InvalidValue: the recipe names a template class of which there is no template.
    """

    def __init__(self, recipe: Recipe, templates: TemplateLibrary, seed: int) -> None:
        self.recipe = recipe
        self._templates = templates
        self._seed = seed
        for scene, row in recipe.scenes.items():
            for cls in row.classes:
                if cls not in templates.classes:
                    raise InvalidValue(
                        f"a template class must have templates, got {cls}{nearest(cls, templates.classes)} "
                        f"(scenes.{scene}.classes); there are {', '.join(templates.classes)}"
                    )

    def blur_sigma(self, index: int) -> float:
        """Sigma of the blur of image `index`, pixels."""
        return self.recipe.blur_sigma.draw(stream(self._seed, index, "blur"))

    def count(self, index: int, scene: str) -> int:
        """How many targets image `index` holds."""
        table = self.recipe.row(scene).targets_per_image or self.recipe.targets_per_image
        return weighted_choice(stream(self._seed, index, "count"), list(table), list(table.values()))

    def target(self, index: int, number: int, attempt: int, scene: str, blur_sigma: float, wish: int = 0) -> TargetPlan:
        """Target `number` of image `index`, still without its place (position (0, 0)).

        The first draw fixes kind, SCR and polarity; a later `attempt` draws the size anew, a later `wish` all of it:
        for targets that no place of several crops can take, such as a high SCR in strong clutter.
        """
        row = self.recipe.row(scene)
        again = (wish,) if wish else ()
        rng = stream(self._seed, index, "target", number, *again)
        kind = weighted_choice(rng, list(row.kinds), list(row.kinds.values()))
        polarity = -1 if rng.random() < self.recipe.dark_share else 1
        scr = self.recipe.scr.draw(stream(self._seed, index, "scr", number, *again))
        sizes = stream(self._seed, index, "size", number, attempt)
        if kind == "extended":
            cls = weighted_choice(sizes, list(row.classes), list(row.classes.values()))
            return self._extended(cls, scene, row, sizes.random(), index, number, attempt, scr, polarity)
        size = self.recipe.kernel_size(scene, kind)
        area, aspect = size.area.draw(sizes), size.aspect.draw(sizes)
        angle = 180.0 * sizes.random()
        sigma = kernel_sigma(area, aspect, self.recipe.mask_level, blur_sigma)
        return TargetPlan(kind, (0.0, 0.0), scr, sigma=sigma, angle=angle, polarity=polarity)

    def wants_dim(self, index: int, number: int) -> bool:
        """Whether target `number` is looked for a place outside the brightest 10 % of its image (Fig. 6c)."""
        return bool(stream(self._seed, index, "brightness", number).random() < self.recipe.dim_share)

    def where(self, target: TargetPlan) -> Where:
        """The side of a visible horizon that the target belongs on."""
        return "any" if target.template is None else self.recipe.classes[self._templates.get(target.template).cls].where

    def _extended(
        self,
        cls: str,
        scene: str,
        row: SceneRow,
        mark: float,
        index: int,
        number: int,
        attempt: int,
        scr: float,
        polarity: int,
    ) -> TargetPlan:
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
            scr,
            template=template.id,
            length=length,
            angle=rule.tilt.draw(pose),
            mirror=bool(pose.random() < 0.5),
            polarity=polarity,
        )


def kernel_sigma(area: float, aspect: float, mask_level: float, blur_sigma: float) -> tuple[float, float]:
    """The (along, across) sigma of a Gaussian whose mask covers `area` pixels after pixel averaging and blur.

    ``area = 2 pi s_along s_across ln(1 / mask_level)`` for the blurred kernel; the variances of pixel and blur add to
    the kernel's own and are taken off. Kernels are never thinner than 0.3 px.

    Args:
        area: pixels of the mask.
        aspect: longer axis / shorter axis of the kernel.
        mask_level: share of the peak, below 1.
        blur_sigma: of the 5x5 blur, pixels.
    """
    blurred = area / (2 * math.pi * math.log(1 / min(mask_level, 0.99)))
    variance = blurred - blur_variance(blur_sigma) - _PIXEL_VARIANCE
    sigma = math.sqrt(max(variance, _SMALLEST_SIGMA**2))
    return sigma * math.sqrt(aspect), max(sigma / math.sqrt(aspect), _SMALLEST_SIGMA)


def reach(target: TargetPlan) -> float:
    """Half side of the square that a blurred target may touch, pixels."""
    return kernel_reach(target.sigma) if target.sigma is not None else template_reach(target.length or 0.0)
