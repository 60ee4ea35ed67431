"""Narrowing a recipe to some classes and kinds of targets, and what a run should be warned of before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from sirstgen.backgrounds.source import BackgroundSource
from sirstgen.checks import nearest
from sirstgen.errors import InvalidValueError
from sirstgen.plan import Kind
from sirstgen.recipe.recipe import Recipe

KINDS: tuple[str, ...] = get_args(Kind)
_MANY = 40  # images a background; the built-in frames give 12 in a set of the paper's size


def with_only(
    recipe: Recipe, source: BackgroundSource, classes: Sequence[str] | None, kinds: Sequence[str] | None
) -> Recipe:
    """Return the recipe with only these template classes and kinds of targets.

    Weights among those that stay keep their proportions. Scenes in which none of them appears get no images.

    Args:
        recipe: the recipe.
        source: the backgrounds; their numbers give the weights of the scenes that stay.
        classes: of extended targets; all if None.
        kinds: of `KINDS`; all if None.

    Raises:
        InvalidValueError: an unknown class or kind, or no scene is left.
    """
    for given, known, what in ((classes, tuple(recipe.classes), "classes"), (kinds, KINDS, "kinds")):
        for name in given or ():
            if name not in known:
                raise InvalidValueError(
                    f"--{what} must be of {', '.join(known)}, got {name!r}{nearest(name, known)}", value=name
                )
    rows: dict[str, Any] = {}
    left = []
    for scene, row in recipe.scenes.items():
        chosen = {name: weight for name, weight in row.classes.items() if classes is None or name in classes}
        mix = {kind: weight for kind, weight in row.kinds.items() if kinds is None or kind in kinds}
        if not sum(chosen.values()):
            mix.pop("extended", None)
        if sum(mix.values()):
            rows[scene] = row.model_copy(update={"kinds": mix, "classes": chosen if mix.get("extended") else {}})
            left.append(scene)
        else:
            rows[scene] = row
    shown = [scene for scene in source.scenes() if scene in left]
    if not shown:
        raise InvalidValueError(
            f"no scene of the backgrounds ({', '.join(source.scenes())}) holds such targets: kinds "
            f"{', '.join(kinds or KINDS)}, classes {', '.join(classes or recipe.classes)}; give a recipe with such rows"
        )
    backgrounds = recipe.backgrounds
    if set(source.scenes()) - set(left):
        given_mix = backgrounds.scene_mix
        weights = {scene: float((given_mix or {}).get(scene, source.count(scene) or 1)) for scene in shown}
        if given_mix is not None:
            weights = {scene: given_mix[scene] for scene in shown if scene in given_mix} or weights
        backgrounds = backgrounds.model_copy(update={"scene_mix": weights})
    return recipe.model_copy(update={"scenes": rows, "backgrounds": backgrounds})


def crowded(source: BackgroundSource, recipe: Recipe, count: int) -> list[str]:
    """Return a warning where many images of a run share a background; an empty list where they do not.

    Args:
        source: the backgrounds.
        recipe: its `backgrounds.procedural_share` of the images is on frames of their own.
        count: number of images.
    """
    counts = [source.count(scene) for scene in source.scenes()]
    frames = sum(number or 0 for number in counts)
    share = count * (1 - recipe.backgrounds.procedural_share) / max(frames, 1)
    if None in counts or share <= _MANY:
        return []
    return [
        f"{share:.0f} images share a background ({count} images, {frames} frames); more frames, "
        "--backgrounds procedural or --procedural-share give more variety"
    ]
