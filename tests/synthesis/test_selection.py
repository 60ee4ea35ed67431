"""Some classes and kinds alone; what a run is warned of."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sirstgen.backgrounds.procedural.source import ProceduralBackgrounds
from sirstgen.errors import InvalidValueError
from sirstgen.places.classes import SKY
from sirstgen.recipe.recipe import Recipe
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.sampler import check_classes
from sirstgen.synthesis.selection import crowded, with_only
from sirstgen.synthesis.sources import open_backgrounds
from sirstgen.synthesis.templates import TemplateLibrary


def test_only_what_is_asked_for_is_drawn() -> None:
    source = ProceduralBackgrounds(0, 96, 96)
    recipe = with_only(Recipe(width=96, height=96), source, ["plane", "uav"], ["extended"])
    samples = list(Generator(recipe, source, seed=1).samples(6))
    classes = {(target.plan.template or "none").split("/")[0] for sample in samples for target in sample.targets}
    assert classes <= {"plane", "uav"}


def test_scenes_without_such_targets_get_no_images() -> None:
    recipe = with_only(Recipe(), ProceduralBackgrounds(0, 64, 64), ["ship"], ["extended"])
    assert recipe.backgrounds.scene_mix == {"sea": 1.0}
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    kept = with_only(Recipe(), ProceduralBackgrounds(0, 64, 64), ["ship"], None)
    assert kept.backgrounds.scene_mix is None and set(kept.scenes["city"].kinds) == {"point", "spot"}


@pytest.mark.parametrize(
    ("classes", "kinds", "said"),
    [
        (["shop"], None, "--classes must be of plane, uav, ship, got 'shop'.*ship"),
        (None, ["dot"], "--kinds must be of point, spot, extended, got 'dot'"),
        (["ship"], ["extended"], r"no scene of the backgrounds \(cloud\) holds such targets"),
    ],
)
def test_what_cannot_be_drawn_is_named(
    classes: list[str] | None, kinds: list[str] | None, said: str, background_folder: Path
) -> None:
    source = open_backgrounds(background_folder / "cloud", Recipe(width=96, height=80), scene="cloud")
    with pytest.raises(InvalidValueError, match=said):
        with_only(Recipe(), source, classes, kinds)


def test_a_class_without_templates_says_what_to_do() -> None:
    recipe = Recipe(classes={"kite": {}}, scenes={"cloud": {"classes": {"kite": 1.0}}})
    with pytest.raises(InvalidValueError, match=r"Put PNGs into a folder <templates>/kite and give --templates"):
        check_classes(recipe, TemplateLibrary.open())


def test_own_templates_come_beside_the_builtin_ones(tmp_path: Path) -> None:
    (tmp_path / "kite").mkdir()
    drawing = np.zeros((20, 20), np.uint8)
    drawing[5:15, 5:15] = 200
    cv2.imwrite(str(tmp_path / "kite" / "a.png"), drawing)
    both = TemplateLibrary.with_builtin(tmp_path)
    assert set(both.classes) == {"kite", "plane", "ship", "uav"}
    assert len(both) == len(TemplateLibrary.open()) + 1


def test_many_images_a_background_are_said_beforehand(background_folder: Path) -> None:
    source = open_backgrounds(background_folder, Recipe(width=96, height=80))
    assert crowded(source, Recipe(), 300) == []
    assert "56 images share a background (500 images, 9 frames)" in crowded(source, Recipe(), 500)[0]
    assert crowded(ProceduralBackgrounds(0, 64, 64), Recipe(), 10**6) == []


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_aircraft_lies_on_ground_walls_or_trees(seed: int) -> None:
    rows = {scene: {"kinds": {"extended": 1.0}} for scene in ("city", "field")}
    recipe = Recipe(scenes=rows, backgrounds={"scene_mix": {"city": 1, "field": 1}})
    generator = Generator(recipe, open_backgrounds(recipe=recipe), seed=seed)
    for sample in generator.samples(12):
        plan = sample.plan
        x, y, width, height = plan.background.crop
        places = generator.backgrounds.places(generator.backgrounds.find(plan.background.id))
        seen = cv2.resize(
            np.ascontiguousarray(places[y : y + height, x : x + width]),
            (plan.width, plan.height),
            interpolation=cv2.INTER_NEAREST,
        )
        seen = seen[:, ::-1] if plan.background.flip else seen
        assert (seen[sample.mask > 0] == SKY).all()
