from __future__ import annotations

import json

import pytest

from sirstgen.storage.fingerprint import PARTS, difference, fingerprint
from sirstgen.synthesis.generator import Generator


def test_a_fingerprint_equals_itself_after_json(small_generator: Generator) -> None:
    mark = fingerprint(small_generator)
    assert tuple(mark) == PARTS
    assert difference(json.loads(json.dumps(mark)), mark) is None


@pytest.mark.parametrize(
    ("begun", "now", "text"),
    [
        ({"seed": 7}, {"seed": 8}, "its seed is 7, this run's is 8"),
        ({"sirstgen": "0.1"}, {"sirstgen": "0.2"}, 'its sirstgen version is "0.1", this run\'s is "0.2"'),
        (
            {"recipe": {"quality": {"border": 2}}},
            {"recipe": {"quality": {"border": 3}}},
            "its recipe.quality.border is 2, this run's is 3",
        ),
        ({"recipe": {}}, {"recipe": {"scr": [4]}}, "its recipe.scr is absent, this run's is [4]"),
        ({"recipe": {"old": 1}}, {"recipe": {}}, "its recipe.old is 1, this run's is absent"),
        (
            {"seed": 7, "recipe": {"scr": 3}},
            {"seed": 8, "recipe": {"scr": 4}},
            "its seed is 7, this run's is 8 (and 1 more: recipe.scr)",
        ),
    ],
)
def test_the_part_that_differs_is_named(begun: dict[str, object], now: dict[str, object], text: str) -> None:
    assert difference(begun, now) == text


def test_a_long_difference_is_one_short_line() -> None:
    begun = {"recipe": {f"entry{number}": list(range(1000)) for number in range(500)}}
    text = difference(begun, {"recipe": {"scr": "x" * 10_000}})
    assert text is not None and len(text) < 300
