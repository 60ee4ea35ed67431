from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sirstgen.backgrounds.source import Background
from sirstgen.seeding import stream
from sirstgen.synthesis.sides import Sides

groups = st.dictionaries(
    st.sampled_from(["city", "cloud", "sea"]), st.lists(st.integers(0, 9), min_size=1, max_size=30), min_size=1
)
"""For each scene the group of each of its backgrounds; a group may show in several scenes."""


class Grouped:
    """A source of which scenes and groups are known; None stands for an endless scene."""

    def __init__(self, table: dict[str, list[int] | None]) -> None:
        self.table = table

    def scenes(self) -> tuple[str, ...]:
        return tuple(sorted(self.table))

    def count(self, scene: str) -> int | None:
        names = self.table[scene]
        return None if names is None else len(names)

    def background(self, scene: str, number: int) -> Background:
        names = self.table[scene]
        assert names is not None, "an endless scene has no groups to deal out"
        return Background(f"{scene}/{number}", scene, 1.0, "folder", str(names[number]))


def sides(table: Any, share: float = 0.5, seed: int = 0) -> Sides:
    source: Any = Grouped(table)

    def order(scene: str) -> Any:
        return stream(seed, "order", scene, 0).permutation(source.count(scene))

    return Sides(source, order, share, seed)


@given(groups, st.floats(0, 1), st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_groups_stay_whole_and_the_share_is_near(table: dict[str, list[int]], share: float, seed: int) -> None:
    dealt = sides(table, share, seed)
    found: dict[int, set[bool]] = {}
    for scene, names in table.items():
        for number, group in enumerate(names):
            found.setdefault(group, set()).add(dealt.trains(scene, number))
    assert all(len(side) == 1 for side in found.values())
    sizes = Counter(group for names in table.values() for group in names)
    trained = sum(sizes[group] for group, side in found.items() if True in side)
    assert abs(trained - share * sizes.total()) <= len(table) * max(sizes.values())


def test_one_side_may_be_empty() -> None:
    table = {"sea": [0, 1, 1, 2], "cloud": None}
    for share in (0.0, 1.0):
        dealt = sides(table, share)
        assert {dealt.trains(scene, number) for scene in table for number in range(4)} == {bool(share)}
        assert dealt.fallback("cloud", 3, 0, 5) >= 0


def test_every_scene_is_on_both_sides_where_it_can_be_from_the_start() -> None:
    table = {"city": list(range(40)), "sea": list(range(40, 60))}
    for seed in range(8):
        dealt = sides(table, 0.5, seed)
        for scene, names in table.items():
            first = stream(seed, "order", scene, 0).permutation(len(names))
            shown = np.array([dealt.trains(scene, int(number)) for number in first])
            for length in (2, 5, 10, 20):
                assert abs(shown[:length].sum() - length / 2) <= 1


def test_an_endless_scene_keeps_its_share_at_any_length() -> None:
    dealt = sides({"sky": None}, 0.8)
    shown = np.array([dealt.trains("sky", number) for number in range(300)])
    for length in (5, 50, 300):
        assert abs(shown[:length].sum() - 0.8 * length) <= 1


@given(groups, st.integers(0, 99), st.integers(0, 1000))
@settings(deadline=None, max_examples=40)
def test_fallback_backgrounds_stay_on_their_side(table: dict[str, list[int]], seed: int, index: int) -> None:
    dealt = sides({**table, "sky": None}, 0.5, seed)
    for scene in (*table, "sky"):
        side = dealt.trains(scene, 0)
        names = [dealt.fallback(scene, 0, index, attempt) for attempt in range(4, 16)]
        assert {dealt.trains(scene, number) for number in names} == {side}
        alike = sum(dealt.trains(scene, number) == side for number in range(len(table.get(scene, range(12)))))
        assert len(set(names)) >= min(12 if scene != "sky" else 2, alike if scene != "sky" else 2)
        assert names == [dealt.fallback(scene, 0, index, attempt) for attempt in range(4, 16)]
