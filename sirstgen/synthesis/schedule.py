"""Which background image i shows, and which part of it: fixed by the seed and i alone, spread evenly over a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.mixed import MixedBackgrounds
from sirstgen.backgrounds.source import Background, BackgroundSource
from sirstgen.checks import nearest
from sirstgen.errors import InvalidValueError
from sirstgen.recipe.distributions import weighted_choice
from sirstgen.recipe.recipe import Recipe
from sirstgen.seeding import Draws, stream
from sirstgen.synthesis.scene_order import SceneOrder
from sirstgen.synthesis.sides import Side, Sides

_MOST_EARLIER = 4096  # crops of a background that a new one is compared with
# The plastic number's powers: the two-dimensional sequence whose points stay apart however many are taken.
_PLASTIC = 1.32471795724474602596
_STEP = 1 / _PLASTIC, 1 / _PLASTIC**2

_ORDERED = 1 << 22  # numbers of backgrounds in the orders that are kept

NEAR = 8
"""Crops of one background whose corners differ by fewer pixels than this on both axes show the same image."""


class Assignment(NamedTuple):
    """Background `number` of `scene`, shown for the (`use` + 1)-th time in this run."""

    scene: str
    number: int
    use: int
    made: bool = False  # a procedural one, beside those of the source


class Schedule:
    """The order in which a run goes through its backgrounds.

    Scenes come in the proportion of their weights at any length of the run; within a scene every background is
    shown once, in an order drawn from the seed, before any is shown again. So a longer run only adds images.

    Args:
        source: the backgrounds.
        recipe: its `backgrounds.scene_mix` gives the weights; without it scenes come as found in the source. With a
            `MixedBackgrounds`, its `backgrounds.procedural_share` of the images, evenly spread, is on procedural ones.
        seed: the run's seed.
    """

    def __init__(self, source: BackgroundSource, recipe: Recipe, seed: int) -> None:
        self._seed = seed
        self._recipe = recipe
        self._sources: tuple[BackgroundSource, ...] = (source,)
        self._share = 0.0
        mix = recipe.backgrounds.scene_mix
        self._orders = [_Order(source, recipe, mix, seed)]
        if isinstance(source, MixedBackgrounds):
            self._sources = (source.main, source.made)
            self._share = recipe.backgrounds.procedural_share
            wanted = mix or {scene: float(source.count(scene) or 1) for scene in source.scenes()}
            known = {scene: weight for scene, weight in wanted.items() if scene in source.made.scenes() and weight > 0}
            self._orders.append(_Order(source.made, recipe, known or None, seed))
        self._phase = stream(seed, "procedural").random()
        # Asked for when images are ordered, when one is made, and when its side is looked up.
        self._known = lru_cache(maxsize=1 << 14)(self._assigned)

    def assignment(self, index: int) -> Assignment:
        """Return where image `index` takes its background."""
        return self._known(index)

    def _assigned(self, index: int) -> Assignment:
        lane, rank = self._lane(index)
        return self._orders[lane].assignment(rank)._replace(made=bool(lane))

    def fallback(self, index: int, attempt: int) -> Assignment:
        """Return another background of the same scene and side, for an image whose own takes no target."""
        assignment = self.assignment(index)
        number = self._orders[assignment.made].sides.fallback(assignment.scene, assignment.number, index, attempt)
        return Assignment(assignment.scene, number, 0, assignment.made)

    def side(self, index: int) -> Side:
        """Return the side of the train/test split that image `index` is on."""
        assignment = self.assignment(index)
        return "train" if self._orders[assignment.made].sides.trains(assignment.scene, assignment.number) else "test"

    def background(self, assignment: Assignment) -> Background:
        """Return the background of an assignment."""
        return self._sources[assignment.made].background(assignment.scene, assignment.number)

    def largest(self, index: int, background: Background, frame: tuple[int, int]) -> tuple[int, int]:
        """Return (width, height) up to which image `index` may be as large as its background, a `frame` (width,
        height).
        """
        sizes, limit = self._recipe.backgrounds.sizes, (self._recipe.width, self._recipe.height)
        fits = frame[0] <= limit[0] and frame[1] <= limit[1]
        if sizes is None or (fits and background.scene_source != "procedural"):
            return limit
        return weighted_choice(stream(self._seed, index, "image size"), sizes)

    def _lane(self, index: int) -> tuple[int, int]:
        """Return 0 for the source or 1 for the procedural one, and how many earlier images are on it."""
        made = math.floor(index * self._share + self._phase)
        is_made = math.floor((index + 1) * self._share + self._phase) > made
        return (1, made) if is_made else (0, index - made)


class _Order:
    """The order in which a run goes through one source."""

    def __init__(self, source: BackgroundSource, recipe: Recipe, mix: Mapping[str, float] | None, seed: int) -> None:
        self._counts = {scene: source.count(scene) for scene in source.scenes()}
        self._seed = seed
        self._scenes, weights = self._weights(mix)
        for scene in self._scenes:
            recipe.row(scene)
        self._order = SceneOrder(weights, stream(seed, "scenes").random())
        largest = max((count or 1 for count in self._counts.values()), default=1)
        self._permutation = lru_cache(maxsize=max(4, min(512, _ORDERED // largest)))(self._draw_permutation)
        self.sides = Sides(source, lambda scene: self._permutation(scene, 0), recipe.train_share, seed)

    def assignment(self, index: int) -> Assignment:
        """Return the background of the image that has `index` others before it on this source."""
        place, rank = self._order.at(index)
        return self._nth(self._scenes[place], rank)

    def _nth(self, scene: str, rank: int) -> Assignment:
        number = self._counts[scene]
        if number is None:
            return Assignment(scene, rank, 0)
        use, place = divmod(rank, number)
        return Assignment(scene, int(self._permutation(scene, use)[place]), use)

    def _draw_permutation(self, scene: str, use: int) -> NDArray[np.int64]:
        return stream(self._seed, "order", scene, use).permutation(self._counts[scene] or 0)

    def _weights(self, mix: Mapping[str, float] | None) -> tuple[list[str], list[float]]:
        if mix is None:
            return list(self._counts), [float(count or 1) for count in self._counts.values()]
        for scene in mix:
            if scene not in self._counts:
                raise InvalidValueError(
                    f"backgrounds.scene_mix must name scenes that the backgrounds show "
                    f"({', '.join(self._counts)}), got {scene}{nearest(scene, self._counts)}"
                )
        return list(mix), list(mix.values())


def crop_corner(
    seed: int, background_id: str, use: int, free: tuple[int, int], index: int, attempt: int
) -> tuple[tuple[int, int], bool]:
    """Return the crop's corner for one use of a background, and whether it shows what one of the uses before has shown.

    The first attempt of each use follows a sequence whose points keep apart; later ones are drawn at random.

    Args:
        seed: the run's seed.
        background_id: the background's id.
        use: how many times the run has shown this background before.
        free: (x, y) largest corner in pixels of the background.
        index: the image's number.
        attempt: 0 for the first crop tried.

    Returns:
        The corner (x, y), and True where the first crop of one of the 4096 uses before has its corner within `NEAR` px.
        False where the background was shown more often than it has crops that are so far apart.
    """
    start = _first_crop(seed, background_id)
    if attempt == 0:
        place = (start[0] + use * _STEP[0]) % 1.0, (start[1] + use * _STEP[1]) % 1.0
    else:
        later = Draws(seed, index, "crop", attempt).random
        place = later(), later()
    corner = int(place[0] * (free[0] + 1)), int(place[1] * (free[1] + 1))
    if use >= (free[0] // NEAR + 1) * (free[1] // NEAR + 1):
        return corner, False
    if attempt == 0:
        earlier = [use - back for back in _steps_back(free) if back <= use]
    else:
        earlier = list(range(max(0, use - _MOST_EARLIER), use))
    for number in earlier:
        x = int((start[0] + number * _STEP[0]) % 1.0 * (free[0] + 1))
        if -NEAR < x - corner[0] < NEAR:
            y = int((start[1] + number * _STEP[1]) % 1.0 * (free[1] + 1))
            if -NEAR < y - corner[1] < NEAR:
                return corner, True
    return corner, False


@lru_cache(maxsize=1024)
def _steps_back(free: tuple[int, int]) -> tuple[int, ...]:
    """Return the numbers of uses after which the sequence of first crops may come near a corner again."""
    steps = np.arange(1, _MOST_EARLIER + 1)
    near = np.ones(len(steps), bool)
    for step, room in zip(_STEP, free, strict=True):
        past = steps * step % 1.0
        near &= np.minimum(past, 1 - past) * (room + 1) < NEAR + 1
    return tuple(steps[near].tolist())


@lru_cache(maxsize=4096)
def _first_crop(seed: int, background_id: str) -> tuple[float, float]:
    """Return where the first crop of a background is, as shares of the free space."""
    numbers = Draws(seed, "crops", background_id)
    return numbers.random(), numbers.random()
