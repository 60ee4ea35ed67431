from __future__ import annotations

import json

import numpy as np
import pytest

from sirstgen.errors import InvalidValueError
from sirstgen.plan import ImagePlan
from sirstgen.recipe.recipe import Recipe
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.stages.fixed_pattern import FixedPattern


def offsets(image: np.ndarray, axis: int) -> np.ndarray:
    """Mean of each column (axis 0) or row (axis 1) of an image of level 1000."""
    return image.astype(float).mean(axis=axis) - 1000


@pytest.mark.parametrize("deviation", [0.2, 1.0, 20.0])
def test_columns_and_rows_have_the_deviation_they_state_also_below_one_level(deviation: float) -> None:
    flat = np.full((400, 500), 1000, np.uint16)
    columns, rows = FixedPattern(deviation, 0, 3).apply(flat), FixedPattern(0, deviation, 3).apply(flat)
    assert offsets(columns, 0).std() == pytest.approx(deviation, rel=0.12)
    assert offsets(columns, 1).std() < 0.05
    assert offsets(rows, 1).std() == pytest.approx(deviation, rel=0.12)
    assert offsets(rows, 0).std() < 0.05


def test_a_pattern_is_that_of_its_seed_and_stays_within_black_and_white() -> None:
    image = np.tile(np.array([[0, 255]], np.uint8), (40, 20))
    one, same, other = (FixedPattern(5, 5, seed).apply(image) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert one.dtype == np.uint8
    assert np.array_equal(FixedPattern(0, 0, 1).apply(image), image)


def test_images_have_it_and_are_rebuilt_with_it(small_generator: Generator) -> None:
    recipe = Recipe(width=96, height=80, stages={"fixed_pattern": {"columns": 1, "rows": 0}})
    generator = Generator(recipe, small_generator.backgrounds, seed=0)
    sample = generator[0]
    record = sample.plan.stages["fixed_pattern"]
    assert (record.columns, record.rows) == (1, 0)
    again = generator.render(ImagePlan.from_dict(json.loads(json.dumps(sample.row("1")))))
    assert np.array_equal(again.image, sample.image)
    assert Recipe(stages={"fixed_pattern": {"columns": 0, "rows": 0}}).stages["fixed_pattern"].columns.support == (0, 0)


def test_patterns_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="columns must be from 0 to 50, got 51"):
        Recipe(stages={"fixed_pattern": {"columns": 51}})
    with pytest.raises(InvalidValueError, match="columns and rows of at least 0"):
        FixedPattern(-1, 0, 1)
