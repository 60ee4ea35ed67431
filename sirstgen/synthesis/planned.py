"""PlannedGenerator: the images of given plans, with another SCR, blur or bit depth where that is asked for."""

from __future__ import annotations

import hashlib
import json
import operator
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, get_args, overload

from sirstgen.backgrounds.source import BackgroundSource
from sirstgen.errors import InvalidValueError, SirstgenError
from sirstgen.files.gray_scale import Gray, levels_of_bits
from sirstgen.plan import ImagePlan, TargetPlan
from sirstgen.recipe.recipe import Recipe
from sirstgen.seeding import Draws
from sirstgen.slices import Slice
from sirstgen.synthesis.arguments import as_backgrounds, as_seed, as_templates
from sirstgen.synthesis.canvas import TargetRejectedError
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.render import Sample, render
from sirstgen.synthesis.sides import Side
from sirstgen.synthesis.templates import TemplateLibrary

_FRAMES = 8  # decoded backgrounds kept


class _Shown(NamedTuple):
    """What `Generator.assignment` returns for an image: tasks that share the first two parts belong together."""

    scene: str
    background: str


class PlannedGenerator(Generator):
    """The images of given plans, in order: a `Generator` that draws nothing but what is asked to change.

    A target that cannot be met as planned is left out of its image and counted in the sample's `rejections`, by reason.

    Args:
        plans: one an image, made by hand or read from a dataset; they get the indices 0, 1, ...
        backgrounds: where the plans' backgrounds are found; the built-in ones by default.
        templates: where the plans' templates are found; the built-in ones by default.
        recipe: stated by a dataset that is written; by default the default one with the first plan's image size.
        seed: of values that are drawn anew.
        sides: side of the train/test split of each image; by default backgrounds are dealt out, the most frequent
            first.
        **changes: any of `scr`, `blur_sigma` and `bit_depth`, as in a recipe; they replace the plans' values.
            Positions, shapes and everything else stay.

    Raises:
        InvalidValueError: no plans, another change, sides that do not fit the plans, or plans whose backgrounds or
            templates are not there (counted).
    """

    CHANGES = ("scr", "blur_sigma", "bit_depth")

    def __init__(
        self,
        plans: Iterable[ImagePlan],
        backgrounds: BackgroundSource | str | Path | None = None,
        templates: TemplateLibrary | str | Path | None = None,
        *,
        recipe: Recipe | None = None,
        seed: int = 0,
        sides: Sequence[Side] | None = None,
        **changes: Any,
    ) -> None:
        self.plans = (plans,) if isinstance(plans, ImagePlan) else tuple(plans) if isinstance(plans, Iterable) else ()
        if not self.plans or not all(isinstance(plan, ImagePlan) for plan in self.plans):
            raise InvalidValueError("plans must be one or more ImagePlan objects", name="plans")
        wrong = next((name for name in changes if name not in self.CHANGES), None)
        if wrong is not None:
            raise InvalidValueError(f"plans can be rendered with another {', '.join(self.CHANGES)}, not {wrong}")
        first = self.plans[0]
        recipe = recipe or Recipe(
            width=first.width, height=first.height, bit_depth=first.bit_depth, mask_level=first.mask_level
        )
        self.seed = as_seed(seed)
        self.recipe = recipe.replace(**changes)
        self.changes = frozenset(changes)
        self.backgrounds = as_backgrounds(backgrounds, self.recipe, self.seed)
        self.templates = as_templates(templates)
        self.sides = tuple(sides) if sides is not None else _dealt(self.plans, self.recipe.train_share)
        if len(self.sides) != len(self.plans) or not set(self.sides) <= set(get_args(Side)):
            raise InvalidValueError(
                f"sides must be train or test for each of the {len(self.plans)} plans, got {len(self.sides)}: "
                f"{', '.join(map(str, dict.fromkeys(self.sides)))}",
                name="sides",
            )
        self._check()
        self._prepare()

    def _prepare(self) -> None:
        self._frame = lru_cache(maxsize=_FRAMES)(self._decoded)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_frame"}

    def __len__(self) -> int:
        return len(self.plans)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Slice[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | Slice[Sample]:
        """Return image `index`, or a slice of images, made when asked for."""
        return Slice(self.make, range(len(self))[index]) if isinstance(index, slice) else self.make(index)

    def __repr__(self) -> str:
        return f"PlannedGenerator({len(self)} plans)"

    def plan(self, index: int) -> ImagePlan:
        """Return the plan of image `index`, with what was asked to change."""
        place = operator.index(index)
        if not 0 <= place < len(self.plans):
            raise IndexError(f"index must be from 0 to {len(self.plans) - 1}, got {index}")
        plan = self.plans[place]
        depth = self.recipe.bit_depth if "bit_depth" in self.changes else plan.bit_depth
        levels = levels_of_bits(depth) / levels_of_bits(plan.bit_depth)
        targets = tuple(self._target(target, levels, place, number) for number, target in enumerate(plan.targets))
        changes: dict[str, Any] = {"index": place, "bit_depth": depth, "targets": targets}
        if "blur_sigma" in self.changes:
            changes["blur_sigma"] = self.recipe.blur_sigma.draw(Draws(self.seed, place, "planned blur"))
        return replace(plan, **changes)

    def make(self, index: int, redraw: int = 0) -> Sample:
        """Return image `index`; targets that cannot be met are left out and counted.

        Args:
            index: place of its plan.
            redraw: must be 0; a plan leaves nothing to draw again.

        Raises:
            IndexError: there is no such plan.
            InvalidValueError: the plan's crop is outside its background, or `redraw` is not 0.
        """
        if redraw:
            raise InvalidValueError("an image that was made from a plan cannot be drawn again; change its plan")
        plan, rejections = self.plan(index), Counter[str]()
        while True:
            try:
                sample = render(plan, self._frame(plan.background.id, plan.bit_depth), self.templates)
            except TargetRejectedError as error:
                rejections[str(error.data["reason"])] += 1
                place = error.data["target"]
                plan = replace(plan, targets=plan.targets[:place] + plan.targets[place + 1 :])
            except SirstgenError as error:
                raise error.within(f"plan {index}") from None
            else:
                return replace(sample, rejections=dict(sorted(rejections.items())))

    def samples(self, count: int | None = None, start: int = 0) -> Iterator[Sample]:
        """Yield images `start`, `start` + 1, ...; `count` of them, or all that follow."""
        stop = len(self) if count is None else min(start + count, len(self))
        return map(self.make, range(start, stop))

    def assignment(self, index: int) -> _Shown:  # type: ignore[override]
        """Return which background image `index` shows."""
        plan = self.plans[index]
        return _Shown(plan.scene, plan.background.id)

    def side(self, index: int) -> Side:
        """Return the side of the train/test split that image `index` is on."""
        return self.sides[index]

    def plans_digest(self) -> str:
        """Return the SHA-256 of all plans with their changes, in hexadecimal."""
        content = hashlib.sha256()
        for index in range(len(self)):
            content.update(json.dumps(self.plan(index).to_dict(), sort_keys=True).encode())
        return content.hexdigest()

    def _target(self, target: TargetPlan, levels: float, index: int, number: int) -> TargetPlan:
        if "scr" in self.changes:
            scr = self.recipe.scr.draw(Draws(self.seed, index, "planned scr", number))
            return replace(target, scr=scr, contrast=None)
        return target if target.contrast is None else replace(target, contrast=target.contrast * levels)

    def _decoded(self, background_id: str, bit_depth: int) -> Gray:
        return self.backgrounds.pixels(self.backgrounds.find(background_id), bit_depth)

    def _check(self) -> None:
        """Raise InvalidValueError for plans whose backgrounds or templates are not there, all counted."""
        missing: defaultdict[str, list[int]] = defaultdict(list)
        for index, plan in enumerate(self.plans):
            try:
                if "bit_depth" in self.changes and plan.finished_later and plan.bit_depth != self.recipe.bit_depth:
                    raise InvalidValueError(f"the bit depth of an image with {', '.join(plan.stages)} cannot change")
                self.backgrounds.find(plan.background.id)
                for target in plan.targets:
                    if target.template is not None:
                        self.templates.get(target.template)
            except SirstgenError as error:
                missing[str(error)].append(index)
        if missing:
            what, indices = next(iter(missing.items()))
            count = sum(map(len, missing.values()))
            raise InvalidValueError(
                f"{count} of {len(self.plans)} plans cannot be rendered, the first is plan {indices[0]}: {what}"
            )


def _dealt(plans: Sequence[ImagePlan], train_share: float) -> tuple[Side, ...]:
    """Return a side for each plan; near-duplicate backgrounds share one. The largest group is dealt first."""
    groups: Mapping[str, int] = Counter(plan.background.group or plan.background.id for plan in plans)
    sides: dict[str, Side] = {}
    trained = seen = 0
    for group, size in sorted(groups.items(), key=lambda item: (-item[1], item[0])):
        sides[group] = "train" if train_share * (seen + size) - trained >= 0.5 * size else "test"
        seen, trained = seen + size, trained + (size if sides[group] == "train" else 0)
    return tuple(sides[plan.background.group or plan.background.id] for plan in plans)
