from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from sirstgen.recipe.distributions import Distribution, Drawn, weighted_choice
from sirstgen.seeding import stream

drawn = TypeAdapter(Drawn)


@pytest.mark.parametrize(
    ("written", "support"),
    [
        (4, (4, 4)),
        ([3, 4, 5, 6], (3, 6)),
        ({"choice": [3, 6], "weights": [0.8, 0.2]}, (3, 6)),
        ({"between": [2, 8]}, (2, 8)),
        ({"normal": {"mean": 4, "sd": 1}, "limits": [2, 8]}, (2, 8)),
        ({"lognormal": {"median": 50, "spread": 0.5}, "limits": [10, 120]}, (10, 120)),
    ],
)
def test_every_form_draws_within_its_support(written: object, support: tuple[float, float]) -> None:
    distribution = drawn.validate_python(written)
    values = [distribution.draw(stream(0, place)) for place in range(300)]
    assert distribution.support == support
    assert support[0] <= min(values) <= max(values) <= support[1]


@pytest.mark.parametrize(
    "written",
    [
        "abc",
        [],
        {},
        {"between": [2, 1]},
        {"choice": [1], "between": [1, 2]},
        {"choice": [1, 2], "weights": [1]},
        {"choice": [1], "weights": [0]},
        {"between": [1, 2], "limits": [1, 2]},
        {"lognormal": {"median": 0, "spread": 1}},
        {"normal": {"mean": 1, "sd": -1}},
        float("nan"),
        {"bewteen": [1, 2]},
    ],
)
def test_wrong_forms_are_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        drawn.validate_python(written)


def test_lognormal_has_the_median_and_spread_it_states() -> None:
    distribution = Distribution.model_validate({"lognormal": {"median": 20, "spread": 0.4}})
    rng = stream(1)
    logs = np.log([distribution.draw(rng) for _ in range(4000)])
    assert np.median(logs) == pytest.approx(np.log(20), abs=0.03)
    assert logs.std() == pytest.approx(0.4, abs=0.02)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=6).filter(lambda w: sum(w) > 0), st.integers(0, 1000))
def test_a_weight_of_nothing_is_never_chosen(weights: list[float], seed: int) -> None:
    chosen = weighted_choice(stream(seed), range(len(weights)), weights)
    assert weights[chosen] > 0


def test_weights_are_kept() -> None:
    rng = stream(2)
    share = np.mean([weighted_choice(rng, "ab", (0.3, 0.7)) == "b" for _ in range(4000)])
    assert share == pytest.approx(0.7, abs=0.03)
