"""The stages that bring images nearer to real ones, drawn from a recipe and rendered together."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from making.clutter import clutter

from sirstgen.backgrounds.mixed import MixedBackgrounds
from sirstgen.errors import InvalidValueError
from sirstgen.measure.targets import measure_targets
from sirstgen.places.classes import SKY
from sirstgen.plan import BackgroundCrop, ImagePlan, TargetPlan
from sirstgen.recipe.recipe import Recipe
from sirstgen.seeding import Draws
from sirstgen.synthesis.areas import Area
from sirstgen.synthesis.frame_analysis import FrameAnalysis
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.placement import OccupiedRegion, Place, PlacementContext, places_beside
from sirstgen.synthesis.rasterise import rasterise, target_profile
from sirstgen.synthesis.render import Sample, position_in_pixel, render
from sirstgen.synthesis.request import Request
from sirstgen.synthesis.sampler import Sampler
from sirstgen.synthesis.stages.extra_gaussians import ExtraGaussians
from sirstgen.synthesis.stages.undershoot import Undershoot
from sirstgen.synthesis.templates import TemplateLibrary

KERNELS = {
    scene: {"kinds": {"point": 0.3, "spot": 0.7}}
    for scene in ("cloud", "sky-clear", "sea", "city", "field", "highlight")
}
LAW = {
    "level": {"lognormal": {"median": 40, "spread": 0.3}},
    "clutter_exponent": 0.24,
    "area_exponent": 0.2,
    "limits": [10, 90],
}
LIT = {
    "contrast": LAW,
    "share_outside_top10": None,
    "stages": {
        "mask_jitter": {"deviation": 0.1},
        "extra_gaussians": {"count": [0, 1, 3]},
        "point_spread": {"sigma": {"between": [0.3, 0.6]}},
        "undershoot": {"depth": [0, 0.3]},
    },
    "position": {"x": {"between": [0.3, 0.7]}, "y": {"between": [0.2, 0.5]}},
    "scenes": KERNELS,
}
LATER = {"stages": {"sensor_noise": {"sigma": 1.5}, "codec": {"share": 0.6, "quality": 60}}}
ALL = LIT | {"stages": LIT["stages"] | LATER["stages"]}  # type: ignore[operator]


def row_of(sample: Sample) -> dict[str, Any]:
    return dict(json.loads(json.dumps(sample.row("1"))))


@pytest.mark.parametrize("entries", [LIT, ALL, LATER], ids=["lit", "all", "later"])
def test_a_row_rebuilds_its_image_and_states_what_the_files_show(entries: dict[str, Any]) -> None:
    generator = Generator(Recipe(width=128, height=128, **entries), seed=5)
    for index in range(8):
        sample = generator[index]
        row = row_of(sample)
        again = generator.render(ImagePlan.from_dict(row))
        np.testing.assert_array_equal(again.image, sample.image)
        np.testing.assert_array_equal(again.mask, sample.mask)
        assert row_of(again)["targets"] == row["targets"]
        found = measure_targets(sample.image, sample.mask != 0, sample.plan.clutter_region, sample.support_margin)
        for target, truth in zip(found, sample.targets, strict=True):
            for name in ("center", "bbox", "area", "mu_t", "mu_b", "sigma_b", "scr", "saturated"):
                assert getattr(target, name) == pytest.approx(getattr(truth, name)), name


def test_a_contrast_is_met_to_half_a_level_of_the_sum_and_follows_its_law() -> None:
    generator = Generator(Recipe(**LIT), seed=1)
    low, high = LAW["limits"]  # type: ignore[misc]
    for index in range(10):
        for truth in generator[index].targets:
            asked = truth.plan.contrast
            assert asked is not None and truth.plan.scr is None
            assert low <= asked <= high
            assert abs(truth.mu_t - truth.mu_b - asked) <= 0.5 / truth.area + 1e-9


def test_a_drawn_contrast_gets_a_place_where_its_scr_is_at_least_one() -> None:
    generator = Generator(Recipe(contrast={"level": 14}), seed=1)
    targets = [target for sample in generator.samples(60) for target in sample.targets]
    assert min(target.scr for target in targets) >= 0.98  # rounding to whole gray levels takes a little
    weaker = Generator(Recipe(scr=0.8, quality={"min_contrast": 1}), seed=1)[0].targets
    assert max(target.scr for target in weaker) < 1  # an SCR that is asked for is what it is


def test_contrast_rises_with_clutter_as_the_exponent_says() -> None:
    recipe = Recipe(contrast={"level": 40, "clutter": 5, "clutter_exponent": 0.5})
    sampler = Sampler(recipe, TemplateLibrary.open(), 0)
    request = sampler.request(sampler.target(0, 0, 0, "sea", 0.5), 20)
    contrasts = [request.settled(sigma_b).contrast for sigma_b in (5.0, 20.0, 1.0, 0.1)]
    assert contrasts == pytest.approx([40, 80, 40 * math.sqrt(0.2), 40 * math.sqrt(0.2)], rel=1e-5)
    assert request.signal(20.0) == pytest.approx(80, rel=1e-5)


def test_16_bit_contrasts_count_levels_of_8_bits() -> None:
    generator = Generator(Recipe(bit_depth=16, contrast={"level": 30}), seed=0)
    truth = generator[0].targets[0]
    assert truth.plan.contrast == pytest.approx(30 * 257)
    assert truth.mu_t - truth.mu_b == pytest.approx(30 * 257, abs=0.5)


def test_irregular_targets_keep_the_asked_area_on_average() -> None:
    stages = {**LIT["stages"], "mask_jitter": None}  # type: ignore[dict-item]
    entries = {**LIT, "stages": stages, "scenes": {scene: {"kinds": {"spot": 1}} for scene in KERNELS}}
    recipe = Recipe(**entries, spot={"area": 30, "aspect": 1.5})
    areas = [truth.area for sample in Generator(recipe, seed=2).samples(25) for truth in sample.targets]
    assert np.mean(areas) == pytest.approx(30, rel=0.06)


def test_formations_keep_together() -> None:
    entries = {"targets_per_image": {3: 1}, "scenes": {scene: {"kinds": {"point": 1}} for scene in KERNELS}}
    together = []
    for share in (0.0, 1.0):
        recipe = Recipe(**entries, contrast={"level": 60}, cluster={"share": share, "distance": 25})
        count = 0
        for sample in Generator(recipe, seed=4).samples(12):
            centres = np.array([truth.center for truth in sample.targets])
            away = np.linalg.norm(centres[:, None] - centres, axis=2) + 1e6 * np.eye(len(centres))
            count += bool((away.min(axis=0) < 27).all())
        together.append(count)
    assert together[0] <= 1 and together[1] >= 7  # where there is room: some leaders stand beside white clouds


def test_a_cluster_stays_in_the_image() -> None:
    frame = clutter(5, 200, 200, deviation=6, mean=100)
    crop = BackgroundCrop("a", (0, 0, 200, 200))
    rules = Recipe(cluster={"share": 1, "distance": 40}).cluster
    raster = rasterise(TargetPlan("spot", (0, 0), 4.0, sigma=(1, 1)), (0.0, 0.0), 0.5, {}, 0.3)
    taken = [OccupiedRegion(10, 12, 22, 24)]
    for index in range(40):
        beside = places_beside(Draws(index, "beside"), rules, [(16.0, 18.0)])
        assert np.hypot(*(np.array(beside) - (16.0, 18.0)).T) == pytest.approx(np.full(len(beside), 40))
        context = PlacementContext(FrameAnalysis(frame), crop, frame, 2, 8.0)
        prospect = context.predict(Request(None, 60.0, 1), raster.area / raster.own_sum, True)
        assert not isinstance(prospect, str)
        place = context.place(Draws(index), raster, prospect, Area(), taken, beside)
        assert isinstance(place, Place)
        assert np.hypot(place.column - 16, place.row - 18) == pytest.approx(40, abs=0.8)


def test_mask_levels_vary_by_target() -> None:
    recipe = Recipe(**{**LIT, "stages": {"mask_jitter": {"deviation": 0.1}}})
    for sample in Generator(recipe, seed=3).samples(6):
        for truth in sample.targets:
            level = truth.plan.stages["mask_jitter"].level
            assert 0.1 <= level <= 0.7
            phase = position_in_pixel(truth.plan.position)[2]
            profile = target_profile(truth.plan, phase, sample.plan.blur_sigma, {}).values
            assert int((profile >= level).sum()) == truth.area


def test_an_undershoot_darkens_the_surround_and_moves_nothing_else() -> None:
    background = np.full((60, 60), 100, np.uint8)
    background[::2] = 102
    target = TargetPlan("spot", (30, 30), contrast=60.0, sigma=(1.5, 1.5))
    plan = ImagePlan(BackgroundCrop("x", (0, 0, 60, 60)), (target,), width=60, height=60, blur_sigma=0.2)
    ringed = replace(target, stages={"undershoot": Undershoot(0.4)})
    plain, dark = (render(replace(plan, targets=(shown,)), background) for shown in (target, ringed))
    assert plain.image.min() >= 100
    assert dark.image.min() < 95
    assert dark.support_margin > plain.support_margin
    assert not (dark.image != background)[:12].any()


def test_extra_gaussians_add_intensity_where_they_are() -> None:
    beside = ExtraGaussians(((4.0 / 1.2, 0.0, 1.0, 0.5),))
    main = TargetPlan("spot", (20, 20), 4.0, sigma=(1.2, 1.2), stages={"extra_gaussians": beside})
    profile = target_profile(main, (0.0, 0.0), 0.2, {})
    at = profile.values[-profile.top, [-profile.left, 4 - profile.left]]
    assert at.tolist() == pytest.approx([1.0, 0.5], abs=0.02)


def test_targets_stand_where_the_recipe_prefers_them() -> None:
    for sample in Generator(Recipe(**LIT), seed=4).samples(8):
        for truth in sample.targets:
            x, y = truth.plan.position
            assert 0.3 * 255 <= x <= 0.7 * 255 and 0.2 * 255 <= y <= 0.5 * 255


class Frames:
    """Two scenes of frames that all differ in size."""

    def __init__(self) -> None:
        from sirstgen.backgrounds.source import Background

        self.all = [Background(f"sea/{n}", "sea", 1.0, "folder", f"sea/{n}") for n in range(4)]

    def scenes(self) -> tuple[str, ...]:
        return ("sea",)

    def count(self, scene: str) -> int:
        return len(self.all)

    def background(self, scene: str, number: int) -> Any:
        return self.all[number]

    def find(self, background_id: str) -> Any:
        return next(background for background in self.all if background.id == background_id)

    def pixels(self, background: Any, bit_depth: int) -> np.ndarray:
        number = int(background.id[-1])
        return clutter(number, 90 + 20 * number, 120 + 30 * number)

    def places(self, background: Any) -> np.ndarray:
        return np.full(self.pixels(background, 8).shape, SKY, np.uint8)

    def describe(self) -> dict[str, object]:
        return {"kind": "folder", "digest": "x"}


def test_whole_frames_are_shown_at_their_own_size_up_to_the_limits() -> None:
    recipe = Recipe(width=160, height=120, backgrounds={"native_size": True})
    sizes = {sample.plan.background.id: sample.image.shape for sample in Generator(recipe, Frames(), seed=0).samples(4)}
    assert sizes == {"sea/0": (90, 120), "sea/1": (110, 150), "sea/2": (120, 160), "sea/3": (120, 160)}


def test_larger_frames_are_cropped_to_a_size_of_the_list() -> None:
    rules = {"native_size": True, "sizes": [[100, 80], [110, 90]]}
    recipe = Recipe(width=160, height=120, backgrounds=rules)
    shapes = {
        sample.plan.background.id: sample.image.shape for sample in Generator(recipe, Frames(), seed=0).samples(4)
    }
    assert (shapes["sea/0"], shapes["sea/1"]) == ((90, 120), (110, 150))
    assert {shapes["sea/2"], shapes["sea/3"]} <= {(80, 100), (90, 110)}


def test_procedural_frames_come_beside_those_of_a_source() -> None:
    rules = {"native_size": True, "procedural_share": 0.25, "sizes": [[96, 80], [128, 100]]}
    generator = Generator(Recipe(width=160, height=120, backgrounds=rules), Frames(), seed=0)
    assert isinstance(generator.backgrounds, MixedBackgrounds)
    samples = [generator[index] for index in range(12)]
    made = [sample for sample in samples if sample.plan.scene_source == "procedural"]
    assert len(made) == 3
    assert {sample.plan.scene for sample in made} == {"sea"}
    assert {sample.image.shape for sample in made} <= {(80, 96), (100, 128)}
    own = [sample.plan.background.id for sample in samples if sample.plan.scene_source == "folder"]
    assert {own.count(name) for name in set(own)} <= {2, 3}
    again = generator.render(ImagePlan.from_dict(row_of(made[0])))
    np.testing.assert_array_equal(again.image, made[0].image)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"contrast": {"level": -3}}, "level must be at least 0, got -3"),
        ({"contrast": {"level": 30, "limits": [9, 4]}}, "limits must be"),
        ({"stages": {"extra_gaussians": {"count": [0, 12]}}}, "count must be from 0 to 11"),
        ({"stages": {"extra_gaussians": {"size": {"normal": {"mean": 1, "sd": 1}}}}}, "size must be positive"),
        ({"stages": {"undershoot": {"depth": [0, 2]}}}, "depth must be from 0 to 0.9, got 2"),
        ({"stages": {"sensor_noise": {"sigma": -1}}}, "sigma must be at least 0"),
        ({"stages": {"codec": {"quality": [0, 50]}}}, "quality must be from 1 to 100"),
        ({"stages": {"codec": {"share": 0.5}}, "bit_depth": 16}, r"stages\.codec needs a bit_depth of 8, got 16"),
        ({"stages": {"point_spread": {"sigma": -1}}}, "sigma must be at least 0"),
        ({"stages": {"undershot": {}}}, r"'undershot' is not registered \(did you mean undershoot\?\)"),
        ({"stages": {"undershoot": {"dept": 1}}}, r"unknown key dept \(did you mean depth\?\)"),
        ({"halo": 0.2}, r"halo is now stages\.undershoot\.depth"),
        ({"position": {"x": 0.5}}, "position.y must be given"),
    ],
)
def test_entries_out_of_range_are_refused(entries: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValueError, match=words):
        Recipe(**entries)


def test_a_complete_recipe_reads_back_as_it_was() -> None:
    recipe = Recipe(**ALL)
    assert Recipe.from_dict(recipe.to_dict()) == recipe
