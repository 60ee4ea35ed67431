"""Which backgrounds are for training and which for testing: decided before anything is rendered."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.source import BackgroundSource
from sirstgen.seeding import stream

Side = Literal["train", "test"]


class Sides:
    """The side of the train/test split that each background of a source is on.

    Depends on the source, the share and the seed alone, so a longer run moves no image to the other side. A group of
    near-duplicates is on one side. Within a scene of a finite source, groups are dealt out to the side that lacks more,
    the largest first and groups of one size in the order in which a run first shows them; the numbers of an endless
    scene alternate.

    Args:
        source: the backgrounds.
        order: gives the numbers of a scene in the order in which a run first shows them.
        share: wanted share of training images, 0 to 1.
        seed: the run's seed.
    """

    def __init__(
        self, source: BackgroundSource, order: Callable[[str], NDArray[np.int64]], share: float, seed: int
    ) -> None:
        self._source, self._order, self._share, self._seed = source, order, share, seed

    def trains(self, scene: str, number: int) -> bool:
        """Return whether background `number` of `scene` is on the training side."""
        if self._source.count(scene) is not None:
            return bool(self._dealt[scene][number])
        phase = self._phase + self._source.scenes().index(scene) * self._share  # successive scenes alternate too
        return math.floor((number + 1) * self._share + phase) > math.floor(number * self._share + phase)

    def fallback(self, scene: str, number: int, index: int, attempt: int) -> int:
        """Return another background of `scene` on the side of `number`, for image `index`.

        In a finite scene the numbers of successive attempts differ until all of the side have been named.
        """
        count, trains = self._source.count(scene), self.trains(scene, number)
        if count is None:
            drawn = stream(self._seed, index, "fallback", attempt).integers(1 << 31, size=64)
            # A share near 0 or 1 may leave no draw on the side; `number` itself always is.
            return next((int(other) for other in drawn if self.trains(scene, int(other)) == trains), number)
        alike = np.flatnonzero(self._dealt[scene] == trains)
        draws = stream(self._seed, index, "fallback")
        start, step = int(draws.integers(len(alike))), int(draws.integers(len(alike))) or 1
        while math.gcd(step, len(alike)) > 1:
            step += 1
        return int(alike[(start + attempt * step) % len(alike)])

    @cached_property
    def _phase(self) -> float:
        return float(stream(self._seed, "split").random())

    @cached_property
    def _dealt(self) -> dict[str, NDArray[np.bool_]]:
        """For each finite scene, by number: whether the background is on the training side."""
        finite = {scene: count for scene in self._source.scenes() if (count := self._source.count(scene))}
        groups = {
            scene: [self._source.background(scene, number).group for number in range(count)]
            for scene, count in finite.items()
        }
        sizes = Counter(group for names in groups.values() for group in names)
        sides: dict[str, bool] = {}
        carried = 0.0  # what the earlier scenes lack in training images, at most half a group
        for scene, names in groups.items():
            first = [names[number] for number in self._order(scene).tolist()]
            dealt = trained = 0
            for group in sorted((name for name in dict.fromkeys(first) if name not in sides), key=lambda g: -sizes[g]):
                size = sizes[group]
                sides[group] = self._share * (dealt + size) - trained + carried >= 0.5 * size
                dealt, trained = dealt + size, trained + size * sides[group]
            carried = min(max(self._share * dealt - trained + carried, -0.5), 0.5) if dealt else carried
        return {scene: np.array([sides[name] for name in names], bool) for scene, names in groups.items()}
