from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sirstgen.seeding import draw_seed, stream

keys = st.lists(st.integers(0, 2**40) | st.text(max_size=8), max_size=4)


@given(st.integers(0, 2**64), keys)
def test_a_stream_depends_on_seed_and_keys_alone(seed: int, key: list[int | str]) -> None:
    assert stream(seed, *key).random(4).tolist() == stream(seed, *key).random(4).tolist()


@given(st.integers(0, 2**64), keys, keys)
def test_other_keys_give_other_numbers(seed: int, one: list[int | str], other: list[int | str]) -> None:
    equal = stream(seed, *one).random() == stream(seed, *other).random()
    assert equal == (one == other)


def test_a_number_and_its_text_are_different_keys() -> None:
    assert stream(0, 1).random() != stream(0, "1").random()


def test_pinned_numbers() -> None:
    """A change here changes every dataset made with a given seed."""
    assert stream(0, 41, "placement").integers(0, 1000, 4).tolist() == [847, 61, 353, 797]


def test_drawn_seeds_differ_and_are_easy_to_retype() -> None:
    seeds = {draw_seed() for _ in range(20)}
    assert len(seeds) > 1
    assert all(0 <= seed < 2**32 for seed in seeds)
