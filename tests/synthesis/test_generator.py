from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from making.clutter import clutter

from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.backgrounds.procedural.source import ProceduralBackgrounds
from sirstgen.errors import GenerationError, InvalidValueError
from sirstgen.places.classes import LEVELS, SKY, WATER
from sirstgen.plan import ImagePlan
from sirstgen.recipe.recipe import Recipe
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.render import Sample


def equal(one: Sample, other: Sample) -> bool:
    same = np.array_equal(one.image, other.image) and np.array_equal(one.mask, other.mask)
    return same and one.row("x") == other.row("x")


def frames(folder: Path, *images: np.ndarray) -> BackgroundLibrary:
    """A library of the scene ``cloud`` over `images`."""
    (folder / "cloud").mkdir(parents=True)
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / "cloud" / f"{number}.png"), image)
    return BackgroundLibrary.open(folder)


def test_an_image_alone_is_the_image_in_order_and_after_travelling(
    small_generator: Generator, background_folder: Path
) -> None:
    in_order = list(small_generator.samples(8))
    fresh = Generator(small_generator.recipe, BackgroundLibrary.open(background_folder), seed=0)
    travelled = pickle.loads(pickle.dumps(small_generator))
    for index in (7, 2, 5):
        assert equal(fresh[index], in_order[index])
        assert equal(travelled[index], in_order[index])
        assert fresh.plan(index).index == index
    assert equal(next(small_generator.samples(1, start=5)), in_order[5])
    assert equal(next(iter(small_generator)), in_order[0])


def test_numbers_of_any_whole_type_give_a_row_that_is_json(small_generator: Generator) -> None:
    assert equal(small_generator[np.int64(3)], small_generator[3])  # type: ignore[index]
    assert type(small_generator[np.int64(3)].plan.index) is int  # type: ignore[index]


def test_another_seed_gives_other_images(small_generator: Generator) -> None:
    other = Generator(small_generator.recipe, small_generator.backgrounds, seed=1)
    for index in range(4):
        assert not np.array_equal(other[index].image, small_generator[index].image)
    drawn = Generator(small_generator.recipe, small_generator.backgrounds)
    assert equal(drawn[0], Generator(small_generator.recipe, small_generator.backgrounds, seed=drawn.seed)[0])


def test_a_plan_is_rendered_to_the_same_image(small_generator: Generator) -> None:
    for index in range(6):
        sample = small_generator[index]
        assert equal(small_generator.render(small_generator.plan(index)), uncounted(sample))
        assert np.array_equal(small_generator.render(ImagePlan.from_dict(sample.row("x"))).image, sample.image)


def uncounted(sample: Sample) -> Sample:
    return Sample(sample.plan, sample.image, sample.mask, sample.targets, sample.support_margin)


def test_a_later_take_draws_differently_and_always_the_same(small_generator: Generator) -> None:
    takes = [small_generator.make(3, take) for take in range(4)]
    for number, take in enumerate(takes):
        assert equal(small_generator.make(3, number), take)
        assert not any(np.array_equal(take.image, other.image) for other in takes[:number])


def test_the_wished_quality_is_kept(background_folder: Path) -> None:
    recipe = Recipe(width=96, height=80, quality={"min_contrast": 15, "border": 6})
    generator = Generator(recipe, BackgroundLibrary.open(background_folder), seed=4)
    for sample in generator.samples(15):
        assert len(sample.targets) >= 1
        for target in sample.targets:
            assert target.amplitude >= 15
            x, y, w, h = target.bbox
            assert min(x, y, 96 - x - w, 80 - y - h) >= 6
            assert target.saturated == 0 or sample.image.max() == 255


def test_16_bit_images_come_from_the_same_draws(background_folder: Path, small_generator: Generator) -> None:
    deep = Generator(Recipe(width=96, height=80, bit_depth=16), small_generator.backgrounds, seed=0)
    sample = deep[0]
    assert sample.image.dtype == np.uint16
    assert sample.plan.background == small_generator[0].plan.background
    for target in sample.targets:
        assert abs(target.scr - target.plan.scr) <= 0.5 / (target.area * target.sigma_b) + 1e-9


def test_backgrounds_are_shown_once_before_any_twice(small_generator: Generator) -> None:
    shown = [sample.plan.background.id for sample in small_generator.samples(9)]
    assert len(set(shown)) == 9


def test_where_a_background_takes_nothing_another_of_its_scene_does(tmp_path: Path) -> None:
    """Nearly flat frames pass for backgrounds, but no target on them has the asked SCR and can be seen."""
    calm = [clutter(n, 80, 100, deviation=0.4, mean=80 + 9 * n) for n in range(3)]
    library = frames(tmp_path, *calm, clutter(9, 80, 100))
    # On one side of the split alone there would be no background that serves; points and spots need no place.
    spots = {"cloud": {"kinds": {"point": 0.5, "spot": 0.5}}}
    recipe = Recipe(width=96, height=80, scr=[3], train_share=1, scenes=spots)
    generator = Generator(recipe, library, seed=0)
    for sample in generator.samples(4):
        assert sample.plan.background.id == "cloud/3"
    assert generator[1].rejections or generator[2].rejections
    assert set(generator[1].rejections) | set(generator[2].rejections) >= {"invisible contrast"}


def test_where_no_background_takes_anything_the_reasons_are_told(tmp_path: Path) -> None:
    library = frames(tmp_path, *[clutter(n, 80, 100, deviation=0.4, mean=80 + 9 * n) for n in range(3)])
    generator = Generator(Recipe(width=96, height=80, scr=[3]), library, seed=0)
    with pytest.raises(
        GenerationError, match=r"image 5: no background of scene cloud .*invisible contrast \d+.*higher scr"
    ):
        generator[5]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scr": [500]}, "saturated.*lower scr"),
        ({"classes": {"plane": {"length": 300}, "uav": {"length": 300}}}, "no room.*smaller or fewer targets"),
        ({"targets_per_image": {90: 1.0}}, "no room.*smaller or fewer targets"),
    ],
)
def test_what_fits_nowhere_ends_with_the_way_out(
    small_generator: Generator, changes: dict[str, object], message: str
) -> None:
    kinds = {scene: {"kinds": {"extended": 1.0}, "classes": {"plane": 1.0}} for scene in ("cloud", "sea", "city")}
    entries = changes if "classes" not in changes else {**changes, "scenes": kinds}
    generator = Generator(Recipe(width=96, height=80, **entries), small_generator.backgrounds, seed=0)
    with pytest.raises(GenerationError, match=message):
        generator[0]


def test_ships_and_planes_keep_to_their_places(tmp_path: Path) -> None:
    frame = clutter(1, 200, 200, deviation=5, mean=120).astype(int)
    frame[:110] -= 60
    places = np.full(frame.shape, WATER, np.uint8)
    places[:110] = SKY
    for folder, data in (("frames", frame.astype(np.uint8)), ("maps", LEVELS[places])):
        (tmp_path / folder / "sea").mkdir(parents=True)
        cv2.imwrite(str(tmp_path / folder / "sea" / "a.png"), data)
    row = {"kinds": {"extended": 1.0}, "classes": {"ship": 0.5, "plane": 0.5}}
    recipe = Recipe(width=160, height=160, scenes={"sea": row}, targets_per_image={2: 1.0})
    library = BackgroundLibrary.open(tmp_path / "frames", places=tmp_path / "maps")
    generator = Generator(recipe, library, seed=0)
    seen = set()
    for sample in generator.samples(12):
        line = 110 - sample.plan.background.crop[1]
        for target in sample.targets:
            assert target.plan.template is not None
            cls = target.plan.template.split("/")[0]
            seen.add(cls)
            top, bottom = target.bbox[1], target.bbox[1] + target.bbox[3]
            assert top >= line if cls == "ship" else bottom <= line
    assert seen == {"ship", "plane"}


def test_an_endless_source_never_repeats_itself() -> None:
    recipe = Recipe(width=64, height=64, backgrounds={"scene_mix": {"sea": 0.5, "cloud": 0.5}})
    generator = Generator(recipe, ProceduralBackgrounds(3, 64, 64), seed=0)
    samples = list(generator.samples(6))
    assert len({sample.plan.background.id for sample in samples}) == 6
    assert {sample.plan.scene_source for sample in samples} == {"procedural"}
    assert equal(generator.make(4), samples[4])


def test_a_new_scene_needs_a_row_and_nothing_else(tmp_path: Path, background_folder: Path) -> None:
    (tmp_path / "desert").mkdir()
    cv2.imwrite(str(tmp_path / "desert" / "1.png"), clutter(1, 80, 100))
    library = BackgroundLibrary.open(tmp_path)
    with pytest.raises(InvalidValueError, match=r"got desert; .*add a row scenes\.desert to the recipe"):
        Generator(Recipe(width=96, height=80), library)
    row = {"kinds": {"spot": 1.0}}
    generator = Generator(Recipe(width=96, height=80, scenes={"desert": row}), library, seed=0)
    assert generator[0].plan.scene == "desert"
    assert {target.plan.kind for target in generator[0].targets} == {"spot"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": -1}, "seed must not be negative, got -1"),
        ({"index": -2}, "index .* got -2"),
        ({"index": "1"}, "index must be a whole number, got '1'"),
    ],
)
def test_wrong_numbers_are_refused(small_generator: Generator, settings: dict[str, int], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        Generator(small_generator.recipe, small_generator.backgrounds, seed=settings.get("seed", 0))[
            settings.get("index", 0)
        ]
