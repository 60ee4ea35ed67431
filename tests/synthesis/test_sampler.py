from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirstgen.errors import InvalidValueError
from sirstgen.plan import TargetPlan
from sirstgen.recipe.recipe import Recipe
from sirstgen.seeding import stream
from sirstgen.synthesis.areas import AREAS, Area
from sirstgen.synthesis.rasterise import rasterise
from sirstgen.synthesis.sampler import Sampler, kernel_sigma
from sirstgen.synthesis.templates import Template, TemplateLibrary

BLOCK = np.ones((4, 8))


def library(**scenes: tuple[str, ...]) -> TemplateLibrary:
    return TemplateLibrary({f"kite/{name}": Template(f"kite/{name}", "kite", BLOCK, at) for name, at in scenes.items()})


def desert(**changes: object) -> Recipe:
    row = {"kinds": {"extended": 1.0}, "classes": {"kite": 1.0}, **changes}
    entries = {"scenes": {"desert": row}, "classes": {"kite": {"where": "any", "length": [9], "tilt": 10}}}
    recipe = Recipe(**entries)
    return recipe.model_copy(update={"scenes": {"desert": recipe.scenes["desert"]}})


@pytest.mark.parametrize(
    ("area", "blur"), [(6, 0.2), (9, 0.2), (6, 0.5), (9, 0.5), (14, 0.5), (14, 1.0), (25, 1.0), (49, 1.0)]
)
def test_kernels_get_the_asked_area_on_average(area: int, blur: float) -> None:
    rng = stream(0, "area", area)
    areas = []
    for _ in range(60):
        sigma = kernel_sigma(area, float(rng.uniform(1, 1.6)), 0.3, blur)
        target = TargetPlan("spot", (0.0, 0.0), 3.0, sigma=sigma, angle=float(rng.uniform(0, 180)))
        x, y = rng.uniform(-0.5, 0.5, 2)
        areas.append(rasterise(target, (float(x), float(y)), blur, {}, 0.3).area)
    assert np.mean(areas) == pytest.approx(area, rel=0.12)


@given(st.floats(0.5, 500), st.floats(1, 5), st.floats(0.01, 1), st.floats(0.05, 3))
def test_kernels_are_real_whatever_is_asked(area: float, aspect: float, level: float, blur: float) -> None:
    along, across = kernel_sigma(area, aspect, level, blur)
    assert 0.3 <= across <= along < math.inf


def test_targets_depend_on_their_own_number_alone() -> None:
    sampler = Sampler(Recipe(), TemplateLibrary.open(), 5)
    alone = sampler.target(41, 2, 0, "sea", 0.5)
    for index in range(20):
        sampler.target(index, 0, 0, "city", 1.0)
    assert sampler.target(41, 2, 0, "sea", 0.5) == alone
    assert Sampler(Recipe(), TemplateLibrary.open(), 6).target(41, 2, 0, "sea", 0.5) != alone


def test_a_later_attempt_keeps_kind_and_ratio_and_a_later_retry_does_not() -> None:
    sampler = Sampler(Recipe(scr={"between": [3, 6]}, dark_share=0.5), TemplateLibrary.open(), 0)
    for index in range(30):
        first, later = (sampler.target(index, 0, attempt, "sea", 0.5) for attempt in (0, 1))
        assert (first.kind, first.level, first.polarity) == (later.kind, later.level, later.polarity)
        assert first != later
        assert sampler.target(index, 0, 0, "sea", 0.5, retry=1).level != first.level


def test_weights_of_the_row_are_kept() -> None:
    recipe = Recipe(dark_share=0.25)
    sampler = Sampler(recipe, TemplateLibrary.open(), 0)
    drawn = [sampler.target(index, 0, 0, "sea", 0.5) for index in range(3000)]
    kinds = Counter(target.kind for target in drawn)
    for kind, weight in recipe.row("sea").kinds.items():
        assert kinds[kind] / 3000 == pytest.approx(weight / sum(recipe.row("sea").kinds.values()), abs=0.03)
    assert np.mean([target.polarity == -1 for target in drawn]) == pytest.approx(0.25, abs=0.03)
    assert {target.template.split("/")[0] for target in drawn if target.template} == {"ship", "plane", "uav"}
    counts = Counter(sampler.image(index, "sea")[1] for index in range(3000))
    for number, weight in recipe.targets_per_image.items():
        assert counts[number] / 3000 == pytest.approx(weight / sum(recipe.targets_per_image.values()), abs=0.03)
    outside = np.mean([target.outside_top10 for target in drawn])
    assert outside == pytest.approx(recipe.share_outside_top10, abs=0.03)


def test_a_new_scene_is_a_row_of_the_recipe() -> None:
    sampler = Sampler(desert(targets_per_image={3: 1.0}), library(a=(), b=()), 0)
    target = sampler.target(0, 0, 0, "desert", 0.5)
    assert target.template in ("kite/a", "kite/b")
    assert (target.length, target.angle) == (9.0, 10.0)
    assert sampler.image(0, "desert")[1] == 3
    assert target.area_of_map == Area()
    assert max(sampler.rasterised(target, 0.5, {})[1].values.shape) > 9


def test_templates_are_drawn_where_they_belong_and_those_of_anywhere_too() -> None:
    sampler = Sampler(desert(), library(anywhere=(), dunes=("desert",), ocean=("sea",)), 0)
    drawn = {sampler.target(index, 0, 0, "desert", 0.5).template for index in range(60)}
    assert drawn == {"kite/anywhere", "kite/dunes"}
    elsewhere = Sampler(desert(), library(ocean=("sea",)), 0)
    assert elsewhere.target(0, 0, 0, "desert", 0.5).template == "kite/ocean"


def test_where_a_crop_lacks_a_place_only_classes_of_other_places_are_drawn() -> None:
    entries = {"scenes": {"sea": {"kinds": {"extended": 1}, "classes": {"ship": 0.5, "plane": 0.5}}}}
    sampler = Sampler(Recipe(**entries), TemplateLibrary.open(), 0)
    sky, water = AREAS["sky"], AREAS["water"]
    for lacking, cls in (((sky,), {"ship"}), ((water,), {"plane"}), ((), {"ship", "plane"})):
        lacks = dict.fromkeys(lacking, "none here").get
        drawn = [sampler.target(index, 0, 0, "sea", 0.5, 0, lacks) for index in range(20)]
        assert {target.template.split("/")[0] for target in drawn} == cls  # type: ignore[union-attr]
    assert sampler.target(0, 0, 0, "sea", 0.5, 0, lambda area: "none here") in (sky, water)


def test_a_class_without_templates_is_refused_at_once() -> None:
    with pytest.raises(
        InvalidValueError, match=r"must have templates, got kite \(scenes\.desert\.classes\); there are plane"
    ):
        Sampler(desert(), TemplateLibrary.open(), 0)


def test_a_row_may_have_sizes_of_its_own() -> None:
    row = {"kinds": {"point": 1.0}, "classes": {}, "point": {"area": 30, "aspect": 1}}
    recipe = Recipe(scenes={"desert": row})
    sampler = Sampler(recipe, TemplateLibrary.open(), 0)
    own, usual = (sampler.target(0, 0, 0, scene, 0.5) for scene in ("desert", "cloud"))
    assert own.sigma == kernel_sigma(30, 1, recipe.mask_level, 0.5)
    assert usual.sigma != own.sigma
