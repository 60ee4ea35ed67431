"""The printed JSON Schema and the loader agree: what one takes the other takes, what one refuses the other refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from making.pages import blocks

from sirstgen.errors import InvalidValueError
from sirstgen.recipe.reading import read_entries
from sirstgen.recipe.recipe import Recipe, schema_text

DOCS = Path(__file__).parents[2] / "docs"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema_text()))

ACCEPTED: list[dict[str, Any]] = [
    {},
    {"scr": 4},
    {"scr": [3, 4.5]},
    {"scr": {"choice": [3, 6], "weights": [0.8, 0.2]}},
    {"scr": {"between": [2, 8]}},
    {"scr": {"normal": {"mean": 4, "sd": 1}, "limits": [2, 8]}},
    {"point": {"area": 5}},
    {"scenes": {"sea": {"kinds": {"point": 1}}}},
    {"scenes": {"sea": {"above_horizon": 0.5}, "desert": {"kinds": {"spot": 1}}}},
    {"classes": {"plane": {"length": [12, 16]}, "ship": {"length": None}}},
    {"targets_per_image": {"0": 1, "2": 3}},
    {"contrast": {"level": 30}},
    {"contrast": None, "position": None},
    {"position": {"x": 0.5, "y": {"quantiles": [0.1, 0.4, 0.9]}}},
    {"backgrounds": {"sizes": [[64, 48], [128, 96]], "scene_mix": {"sea": 1}}},
    {"clutter_region": {"kind": "global"}},
    {"stages": {"undershoot": {}, "codec": {"share": 0.5}, "sensor_noise": None}},
]

BROKEN: list[dict[str, Any]] = [
    {"scrr": 3},
    {"scr": 0},
    {"scr": -1},
    {"scr": "4"},
    {"scr": True},
    {"scr": None},
    {"scr": []},
    {"scr": [3, 0]},
    {"scr": [3, "4"]},
    {"scr": 10**6},
    {"scr": {"betwen": [1, 2]}},
    {"scr": {"between": [1, 2, 3]}},
    {"scr": {"between": [1, 2], "choice": [1]}},
    {"scr": {"choice": [1], "weight": [1]}},
    {"scr": {}},
    {"scr": {"normal": {"mean": 4}, "limits": [2, 8]}},
    {"scr": {"lognormal": {"median": 0, "spread": 1}, "limits": [2, 8]}},
    {"width": 8},
    {"width": 100_000},
    {"width": 100.5},
    {"height": "80"},
    {"bit_depth": 12},
    {"mask_level": 0},
    {"quality": {"min_contrst": 3}},
    {"quality": {"attempts": 10**9}},
    {"quality": 3},
    {"point": {"area": 0}},
    {"point": {"aspect": 0.5}},
    {"spot": None},
    {"scenes": {"sea": {"kids": {"point": 1}}}},
    {"scenes": {"sea": {"kinds": {"dot": 1}}}},
    {"scenes": {"sea": {"kinds": {"point": -1}}}},
    {"scenes": 3},
    {"classes": {"plane": {"where": "skyy"}}},
    {"clutter_region": {"kind": "lokal"}},
    {"clutter_region": {"margin": 0}},
    {"backgrounds": {"flip": "yes"}},
    {"backgrounds": {"sizes": [[64]]}},
    {"contrast": {"clutter": 3}},
    {"position": {"x": 0.5}},
    {"targets_per_image": []},
    {"stages": {"undershot": {}}},
    {"stages": {"undershoot": {"deph": 0.1}}},
    {"stages": {"undershoot": {"depth": 3}}},
    {"stages": {"codec": 3}},
    {"halo": 0.1},
    {"backgrounds": {"whole": True}},
]


def loads(entries: dict[str, Any]) -> bool:
    try:
        Recipe.from_dict(entries)
    except InvalidValueError:
        return False
    return True


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))


@pytest.mark.parametrize("entries", ACCEPTED, ids=json.dumps)
def test_a_recipe_that_loads_is_valid(entries: dict[str, Any]) -> None:
    assert loads(entries)
    VALIDATOR.validate(entries)


@pytest.mark.parametrize("entries", BROKEN, ids=json.dumps)
def test_a_broken_recipe_is_refused_by_both(entries: dict[str, Any]) -> None:
    assert not loads(entries)
    assert not VALIDATOR.is_valid(entries)


def test_the_default_recipe_is_valid() -> None:
    VALIDATOR.validate(Recipe().to_dict())
    VALIDATOR.validate(json.loads(json.dumps(yaml.safe_load(Recipe().to_yaml()))))


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_the_recipes_of_the_pages_are_valid(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "yaml"):
        (tmp_path / "recipe.yaml").write_text(block, encoding="utf-8")
        VALIDATOR.validate(read_entries(tmp_path / "recipe.yaml"))
