"""Stage ``uneven_radiance``: templates of one drawing differ, kernels stay as they are."""

from __future__ import annotations

import numpy as np
import pytest

from sirstgen.errors import InvalidValueError
from sirstgen.recipe.recipe import Recipe
from sirstgen.synthesis.profile import Profile
from sirstgen.synthesis.sampler import Sampler
from sirstgen.synthesis.stages.uneven_radiance import UnevenRadiance
from sirstgen.synthesis.templates import TemplateLibrary


def test_the_exponent_spreads_hot_and_cool_parts_and_the_slope_warms_one_side() -> None:
    profile = Profile(np.array([[2.0, 1.0, 2.0]]), 4, 5)
    hot = UnevenRadiance(2.0, 0.0, 0.0).apply(profile)
    np.testing.assert_allclose(hot.values, [[1, 0.25, 1]])
    assert (hot.left, hot.top) == (4, 5)
    warm = UnevenRadiance(1.0, 0.2, 180.0).apply(profile).values[0]
    change = 0.2 / np.sqrt(2)
    np.testing.assert_allclose(warm, [1 + change, 0.5, 1 - change])


def test_every_template_of_the_default_recipe_gets_one_and_no_kernel_does() -> None:
    sampler = Sampler(Recipe(), TemplateLibrary.open(), 3)
    drawn = [sampler.target(index, 0, 0, "cloud", 0.5) for index in range(60)]
    assert {draw.kind for draw in drawn} == {"point", "spot", "extended"}
    for draw in drawn:
        assert set(draw.stages) == ({"uneven_radiance", "defocus"} if draw.kind == "extended" else set())
    assert not any(
        Sampler(Recipe(stages={}), TemplateLibrary.open(), 3).target(index, 0, 0, "cloud", 0.5).stages
        for index in range(60)
    )


@pytest.mark.parametrize("values", [(0.0, 0.1, 0.0), (1.0, 0.95, 0.0), (1.0, 0.1, float("nan"))])
def test_values_that_cannot_be_drawn_are_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(InvalidValueError, match="uneven_radiance"):
        UnevenRadiance(*values)
