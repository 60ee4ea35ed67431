from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sirstgen.errors import InputError, InvalidValueError
from sirstgen.recipe.messages import RENAMED
from sirstgen.recipe.recipe import Recipe, schema_text

weights = st.floats(0.01, 5)
numbers = st.floats(1, 50)
distributions = (
    numbers
    | st.lists(numbers, min_size=1, max_size=3)
    | st.fixed_dictionaries({"between": st.tuples(st.floats(1, 5), st.floats(5, 50)).map(list)})
    | st.just({"lognormal": {"median": 9, "spread": 0.3}, "limits": [4, 20]})
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "width": st.integers(16, 999),
        "bit_depth": st.sampled_from([8, 16]),
        "scr": st.lists(st.floats(0.1, 50), min_size=1, max_size=4),
        "mask_level": st.floats(0.05, 1),
        "dark_share": st.floats(0, 1),
        "point": st.fixed_dictionaries(
            {}, optional={"area": distributions, "aspect": st.just({"between": [1.0, 1.5]})}
        ),
        "spot": st.fixed_dictionaries({"area": distributions}),
        "targets_per_image": st.dictionaries(st.integers(0, 9), weights, min_size=1),
        "clutter_region": st.fixed_dictionaries({"kind": st.sampled_from(["local", "global"])}),
        "scenes": st.fixed_dictionaries({"desert": st.fixed_dictionaries({"kinds": st.just({"point": 1.0})})}),
    },
)


@given(entries)
def test_a_recipe_survives_its_mapping_and_its_text(given_entries: dict[str, Any]) -> None:
    recipe = Recipe.from_dict(given_entries)
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    assert Recipe.from_dict(yaml.safe_load(recipe.to_yaml())) == recipe


def test_the_default_has_a_reason_for_every_row() -> None:
    recipe = Recipe()
    assert set(recipe.scenes) == {"cloud", "sky-clear", "sea", "city", "field", "highlight"}
    assert all(row.reason for row in recipe.scenes.values())
    assert "ship" not in recipe.row("cloud").classes
    assert "plane" not in recipe.row("city").classes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scrr: 3", r"unknown key scrr \(did you mean scr\?\).*r\.yaml: scrr"),
        ("scr: 0", "scr must be positive, got 0"),
        ("scr: abc", "got 'abc' .r.yaml: scr"),
        ("blur_sigma: [-1, 0.5]", "blur_sigma must be positive, got -1"),
        ("quality: {min_contrst: 3}", "unknown key min_contrst .did you mean min_contrast"),
        ("scenes: {cloud: {kids: {point: 1}}}", "unknown key kids .did you mean kinds"),
        ("classes: {plane: {were: sky}}", "unknown key were .did you mean where"),
        ("scenes: {sea: {classes: {shipp: 1}}}", "shipp.*did you mean ship"),
        ("point: {area: 0}", "area must be positive"),
        ("bit_depth: 12", "8 or 16, got 12"),
        ("scenes: {sea: {kinds: {point: 0}}}", "weights must not all be 0, got .*scenes.sea.kinds"),
        ("scenes: {lake: {kinds: {extended: 1}}}", "classes must be given where extended .*r.yaml: scenes.lake"),
        ("scr: {normal: {mean: 4, sd: 1}}", r"without limits \(add limits"),
        ("scr: {betwen: [1, 2]}", "unknown key betwen .did you mean between"),
        ("width: 8", "width must be at least 16, got 8 .r.yaml: width"),
        ("width: 99999", "width must be at most 8192, got 99999"),
        ("scenes: 3", "scenes must be a table of keys, got 3"),
        ("spot:", "spot must be a table of keys, got None"),
        ("targets_per_image: {101: 1}", "a key of targets_per_image must be at most 100, got 101"),
    ],
)
def test_faults_name_key_value_and_nearest_spelling(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(InvalidValueError, match=message):
        Recipe.load(path)


@pytest.mark.parametrize(
    ("name", "text"), [("r.yaml", "a: [1"), ("r.toml", "a = "), ("r.yaml", "- 1"), ("r.yaml", "\0")]
)
def test_files_that_are_no_recipe_are_named(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=name):
        Recipe.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml"):
        Recipe.load(tmp_path / "none.yaml")


def test_toml_and_yaml_mean_the_same(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text("scr = [4]\n[quality]\nmin_contrast = 3.0\n")
    (tmp_path / "r.yaml").write_text("scr: [4]\nquality: {min_contrast: 3.0}\n")
    assert Recipe.load(tmp_path / "r.toml") == Recipe.load(tmp_path / "r.yaml")


def test_a_row_keeps_what_the_file_does_not_name() -> None:
    recipe = Recipe.from_dict({"scenes": {"cloud": {"kinds": {"point": 1.0}}}})
    assert recipe.row("cloud").kinds == {"point": 1.0}
    assert recipe.row("cloud").classes == Recipe().row("cloud").classes
    assert recipe.row("sea") == Recipe().row("sea")


def test_a_change_of_a_section_keeps_the_rest_of_the_files(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("backgrounds: {flip: false, max_enlargement: 1.5}\npoint: {area: 5}\n", encoding="utf-8")
    recipe = Recipe.load(file, backgrounds={"procedural_share": 0.5}, width=128)
    assert (recipe.backgrounds.flip, recipe.backgrounds.max_enlargement) == (False, 1.5)
    assert (recipe.backgrounds.procedural_share, recipe.width) == (0.5, 128)


def test_a_number_replaces_the_default_number_whatever_its_form() -> None:
    recipe = Recipe(point={"area": {"between": [4, 9]}}, spot={"area": 30})
    assert recipe.point.area.support == (4, 9)
    assert recipe.spot.area.support == (30, 30)
    assert recipe.point.aspect == Recipe().point.aspect


def test_an_unknown_scene_says_how_to_add_it() -> None:
    with pytest.raises(InvalidValueError, match=r"cloudy \(did you mean cloud\?\); .* add a row scenes\.cloudy"):
        Recipe().row("cloudy")


def test_the_schema_is_published() -> None:
    schema = json.loads(schema_text())
    assert {"scr", "scenes", "quality"} <= set(schema["properties"])


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_key_of_version_0_2_is_answered_with_its_new_name(old: str, new: str) -> None:
    entries: Any = 1
    for key in reversed(old.split(".")):
        entries = {key: entries}
    with pytest.raises(InvalidValueError, match=f"{old} is now {new}"):
        Recipe(**entries)
