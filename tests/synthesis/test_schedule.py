from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirstgen.backgrounds.source import Background
from sirstgen.errors import InvalidValueError
from sirstgen.recipe.recipe import Recipe
from sirstgen.synthesis.schedule import NEAR, Assignment, Schedule, crop_corner


class Counted:
    """A source that knows how many backgrounds it has; no two are near-duplicates."""

    def __init__(self, **counts: int | None) -> None:
        self.counts = counts

    def scenes(self) -> tuple[str, ...]:
        return tuple(sorted(self.counts))

    def count(self, scene: str) -> int | None:
        return self.counts[scene]

    def background(self, scene: str, number: int) -> Background:
        return Background(f"{scene}/{number}", scene, 1.0, "folder", f"{scene}/{number}")

    def pixels(self, *arguments: object) -> Any:
        raise AssertionError("a schedule needs no pixels")

    find = describe = pixels


def schedule(seed: int = 0, mix: dict[str, float] | None = None, **counts: int | None) -> Schedule:
    recipe = Recipe(backgrounds={"scene_mix": mix} if mix else {})
    return Schedule(Counted(**counts), recipe, seed)  # type: ignore[arg-type]


@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9))
def test_every_background_is_shown_once_before_any_is_shown_again(seed: int, clouds: int, seas: int) -> None:
    plan = schedule(seed, cloud=clouds, sea=seas)
    slots = [plan.assignment(index) for index in range(5 * (clouds + seas))]
    for scene, number in (("cloud", clouds), ("sea", seas)):
        shown = [slot for slot in slots if slot.scene == scene]
        for use in range(len(shown) // number):
            part = shown[use * number : (use + 1) * number]
            assert sorted(slot.number for slot in part) == list(range(number))
            assert {slot.use for slot in part} == {use}


def test_asking_in_any_order_gives_the_same_slots() -> None:
    forwards, backwards = schedule(cloud=5, sea=3, city=None), schedule(cloud=5, sea=3, city=None)
    indices = [0, 1, 7, 4095, 4096, 9000]
    assert [forwards.assignment(i) for i in indices] == [backwards.assignment(i) for i in indices[::-1]][::-1]
    assert [schedule(1, cloud=50).assignment(i) for i in range(20)] != [
        schedule(2, cloud=50).assignment(i) for i in range(20)
    ]


def test_scenes_come_in_the_wished_proportion_at_any_length() -> None:
    plan = schedule(mix={"cloud": 0.5, "sea": 0.3, "city": 0.2, "field": 0}, cloud=4, sea=2, city=9, field=3)
    scenes = np.array([plan.assignment(index).scene for index in range(1000)])
    for length in (20, 100, 1000):
        for scene, share in (("cloud", 0.5), ("sea", 0.3), ("city", 0.2), ("field", 0.0)):
            assert abs((scenes[:length] == scene).mean() - share) <= 1.5 / length**0.5 * share + 1 / length


def test_without_a_wish_scenes_come_as_they_are_found() -> None:
    plan = schedule(cloud=30, sea=10)
    assert np.mean([plan.assignment(index).scene == "sea" for index in range(400)]) == pytest.approx(0.25, abs=0.01)


def test_a_wish_for_what_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"\(cloud, sea\), got seas \(did you mean sea\?\)"):
        schedule(mix={"seas": 1}, cloud=1, sea=1)
    with pytest.raises(InvalidValueError, match=r"got clouds .*add a row scenes\.clouds"):
        schedule(clouds=1)
    assert schedule(mix={"sea": 1}, unheard_of=4, sea=1).assignment(3).scene == "sea"


def test_spares_are_of_the_same_scene_and_differ_while_they_can() -> None:
    plan = schedule(cloud=6, sea=3, city=None)
    for index in range(12):
        scene = plan.assignment(index).scene
        spares = [plan.fallback(index, attempt) for attempt in range(4, 10)]
        assert {slot.scene for slot in spares} == {scene}
        assert {side_of(plan, slot) for slot in spares} == {plan.side(index)}
        assert len({slot.number for slot in spares}) >= {"cloud": 3, "sea": 1, "city": 6}[scene]
        assert spares == [plan.fallback(index, attempt) for attempt in range(4, 10)]


def side_of(plan: Schedule, slot: Assignment) -> str:
    return "train" if plan._orders[slot.made].sides.trains(slot.scene, slot.number) else "test"


@given(st.integers(0, 999), st.integers(0, 30), st.integers(0, 200), st.integers(0, 200), st.integers(0, 3))
def test_crops_lie_inside_and_repetitions_are_noticed(seed: int, use: int, x: int, y: int, attempt: int) -> None:
    corner, repeated = crop_corner(seed, "a", use, (x, y), 5, attempt)
    assert 0 <= corner[0] <= x
    assert 0 <= corner[1] <= y
    earlier = [crop_corner(seed, "a", before, (x, y), 5, 0)[0] for before in range(use)]
    near = any(max(abs(corner[0] - c[0]), abs(corner[1] - c[1])) < NEAR for c in earlier)
    full = use >= (x // NEAR + 1) * (y // NEAR + 1)
    assert repeated == (near and not full)


def test_a_background_that_was_shown_very_often_costs_no_more() -> None:
    for attempt in (0, 1):
        corner, repeated = crop_corner(0, "a", 10**9, (256, 256), 5, attempt)
        assert min(corner) >= 0 and max(corner) <= 256 and not repeated


def test_first_crops_keep_apart() -> None:
    corners = np.array([crop_corner(3, "a", use, (256, 256), use, 0)[0] for use in range(16)])
    gaps = np.abs(corners[:, None] - corners[None]).max(axis=2)[~np.eye(16, dtype=bool)]
    assert gaps.min() > 20
