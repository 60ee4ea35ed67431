"""Targets as bodies and saturated sensors show them: clipped, with a wide component, white in the middle."""

from __future__ import annotations

import numpy as np
import pytest
from making.clutter import clutter

from sirstgen.errors import InvalidValueError
from sirstgen.plan import BackgroundCrop, ImagePlan, TargetPlan
from sirstgen.recipe.recipe import Recipe
from sirstgen.synthesis.canvas import TargetRejectedError
from sirstgen.synthesis.intensity import clipped_amplitude
from sirstgen.synthesis.rasterise import target_profile
from sirstgen.synthesis.render import render
from sirstgen.synthesis.sampler import Sampler
from sirstgen.synthesis.stages.saturation_clip import SaturationClip
from sirstgen.synthesis.stages.wide_component import WideComponent
from sirstgen.synthesis.templates import TemplateLibrary


def spot(**more: object) -> TargetPlan:
    return TargetPlan("spot", (40.0, 32.0), **{"contrast": 60.0, "sigma": (3.0, 2.5), **more})  # type: ignore[arg-type]


def clipped(level: float) -> dict[str, object]:
    return {"saturation_clip": SaturationClip(level)}


def test_a_clipped_target_has_a_flat_top_and_a_steeper_border() -> None:
    whole, cut = (target_profile(spot(stages=stages), (0.0, 0.0), 0.2, {}).values for stages in ({}, clipped(0.5)))
    assert whole.max() == cut.max() == 1
    assert (cut > 0.99).sum() > 10 > (whole > 0.99).sum()
    assert (cut >= 0.3).sum() > (whole >= 0.3).sum()
    with pytest.raises(InvalidValueError, match="level must be in"):
        clipped(0.0)


def test_plans_keep_the_clip_and_what_may_be_white() -> None:
    plan = ImagePlan(
        BackgroundCrop("a", (0, 0, 80, 64)), (spot(stages=clipped(0.6)),), width=80, height=64, max_saturated=0.4
    )
    assert ImagePlan.from_dict(plan.to_dict()) == plan


def test_a_saturated_target_keeps_its_contrast() -> None:
    background = clutter(3, 64, 80, deviation=6, mean=150)
    crop = BackgroundCrop("a", (0, 0, 80, 64))
    target = spot(contrast=80.0)
    with pytest.raises(TargetRejectedError, match="beyond black or white"):
        render(ImagePlan(crop, (target,), width=80, height=64), background)
    sample = render(ImagePlan(crop, (target,), width=80, height=64, max_saturated=0.9), background)
    truth = sample.targets[0]
    assert truth.saturated > 3 and sample.image[sample.mask > 0].max() == 255
    assert abs(truth.mu_t - truth.mu_b - 80) <= 0.5 / truth.area
    with pytest.raises(TargetRejectedError, match="of the mask black or white"):
        render(ImagePlan(crop, (target,), width=80, height=64, max_saturated=0.05), background)
    with pytest.raises(TargetRejectedError, match="beyond black or white"):
        render(ImagePlan(crop, (spot(contrast=130.0),), width=80, height=64, max_saturated=0.9), background)


@pytest.mark.parametrize("sign", [1, -1])
def test_clipped_amplitude_meets_the_sum(sign: int) -> None:
    own = np.array([1.0, 0.9, 0.6, 0.3])
    under = np.full(4, 200.0 if sign > 0 else 50.0)
    required = 980 if sign > 0 else 40
    first = (required - under.sum()) / own.sum()
    found = clipped_amplitude(required, under, own, first, 255)
    assert np.clip(under + found * own, 0, 255).sum() == pytest.approx(required, abs=1e-6)
    assert abs(found) > abs(first)
    assert np.isinf(clipped_amplitude(1100, under, own, first, 255))


def test_larger_targets_are_clipped_lower_and_keep_steep_borders() -> None:
    gradients = {}
    for exponent in (0.0, 0.8):
        for area in (20, 150):
            recipe = Recipe(
                contrast={"level": 60},
                stages={"saturation_clip": {"level": 1, "exponent": exponent}},
                scenes={"cloud": {"kinds": {"spot": 1}}},
                spot={"area": area, "aspect": 1.2, "angle": 0},
            )
            sampler = Sampler(recipe, TemplateLibrary.open(), 1)
            target, raster = sampler.rasterised(sampler.target(0, 0, 0, "cloud", 0.2), 0.2, {})
            clip = target.stages.get("saturation_clip")
            assert (clip.level if clip else 1) == pytest.approx(min(1, (20 / area) ** exponent), abs=1e-6)
            values = raster.values
            assert raster.area == pytest.approx(area, rel=0.08 if clip else 0.15)
            gradients[exponent, area] = np.abs(np.diff(values, axis=1)).max()
    assert gradients[0.8, 20] == gradients[0.0, 20] > 2 * gradients[0.0, 150]
    assert gradients[0.8, 150] == pytest.approx(gradients[0.8, 20], rel=0.35)


def test_extra_gaussians_stay_at_the_border_of_what_a_clip_leaves() -> None:
    rules = {"count": 1, "offset": 1.0, "size": 0.5, "weight": 1.0}
    distances = []
    for exponent in (0.0, 1.0):
        recipe = Recipe(
            contrast={"level": 60},
            stages={"extra_gaussians": rules, "saturation_clip": {"level": 1, "exponent": exponent}},
            scenes={"cloud": {"kinds": {"spot": 1}}},
            spot={"area": 200, "aspect": 1},
        )
        target = Sampler(recipe, TemplateLibrary.open(), 1).target(0, 0, 0, "cloud", 0.2)
        u, v, _, _ = target.stages["extra_gaussians"].gaussians[0]
        distances.append(float(np.hypot(u, v)))
    assert distances[0] == pytest.approx(1.0, rel=0.01)
    assert distances[1] == pytest.approx(np.sqrt(1 + np.log(0.1) / np.log(0.3)), rel=0.01)


def test_faint_wide_components_take_no_more_room_than_they_change() -> None:
    stages = {
        "extra_gaussians": {"count": [0, 4]},
        "wide_component": {"peak": [0.05, 0.15]},
        "saturation_clip": {"level": {"between": [0.4, 1.6]}, "exponent": 0.8},
    }
    recipe = Recipe(contrast={"level": 60}, stages=stages, scenes={"cloud": {"kinds": {"spot": 1}}})
    sampler = Sampler(recipe, TemplateLibrary.open(), 1)
    for index in range(60):
        target, raster = sampler.rasterised(sampler.target(index, 0, 0, "cloud", 0.5), 0.5, {})
        assert target.sigma is not None
        assert max(raster.values.shape) / 2 < 3.5 + 3.3 * 3 * max(
            target.sigma
        )  # what the whole of the widest would take


def test_the_recipe_draws_clips_and_wide_components() -> None:
    stages = {"saturation_clip": {"level": 0.6}, "wide_component": {"peak": 0.1, "size": 2.5}}
    recipe = Recipe(contrast={"level": 60}, stages=stages, scenes={"cloud": {"kinds": {"spot": 1}}})
    target = Sampler(recipe, TemplateLibrary.open(), 1).target(0, 0, 0, "cloud", 0.2)
    assert list(target.stages) == ["wide_component", "saturation_clip"]
    assert target.stages["saturation_clip"].level == 0.6
    assert target.stages["wide_component"] == WideComponent(0.06, 2.5)  # of the clipped top
    weak = Recipe(stages={"saturation_clip": {"level": 1.4}})
    assert Sampler(weak, TemplateLibrary.open(), 1).target(0, 0, 0, "cloud", 0.2).stages == {}
