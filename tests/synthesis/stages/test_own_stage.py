"""A stage from outside of the package: recipe file, JSON Schema, plan, row, worker processes, rebuild, and its lack."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sirstgen.errors import InvalidValueError
from sirstgen.plan import BackgroundCrop, ImagePlan
from sirstgen.recipe.recipe import Recipe
from sirstgen.stages import find_stage, register_stage, registered_stages
from sirstgen.synthesis.stages.codec import Codec, CodecEntry

EXAMPLES = Path(__file__).parents[3] / "examples"
CODE = "from sirstgen.cli import main; main()"


def sirstgen(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_stage_of_ones_own_goes_everywhere(tmp_path: Path, background_folder: Path) -> None:
    (tmp_path / "own_stage.py").write_text((EXAMPLES / "own_stage.py").read_text())
    (tmp_path / "recipe.yaml").write_text("width: 96\nheight: 80\nstages: {vignetting: {strength: 0.3}, codec: {}}\n")
    known = ("--import", "own_stage")
    shown = sirstgen(*known, "synth", "--recipe", "recipe.yaml", "--print-recipe", folder=tmp_path).stdout
    assert "vignetting" in shown and "0.3" in shown
    schema = json.loads(sirstgen(*known, "synth", "--print-schema", folder=tmp_path).stdout)
    assert "VignettingEntry" in schema["$defs"]
    source = ("--backgrounds", background_folder)
    made = sirstgen(
        *known, "synth", "--recipe", "recipe.yaml", "--n", 6, "--seed", 1, "--workers", 2, "--out", "set", *source,
        folder=tmp_path,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    row = json.loads((tmp_path / "set" / "targets.jsonl").read_text().splitlines()[0])
    assert row["stages"]["vignetting"] == {"strength": 0.3} and list(row["stages"]) == ["vignetting", "codec"]
    again = sirstgen(*known, "verify", "set", "--rebuild", *source, folder=tmp_path)
    assert again.returncode == 0 and "6 images rendered again" in again.stdout
    without = sirstgen("verify", "set", "--rebuild", *source, folder=tmp_path)
    assert without.returncode == 2 and without.stderr.count("\n") == 1
    assert "stage 'vignetting' is not registered; import the module that registers it" in without.stderr
    lacking = sirstgen("--import", "no_such_module", "verify", "set", folder=tmp_path)
    assert lacking.returncode == 2 and "--import no_such_module: cannot be imported" in lacking.stderr


def test_names_slots_and_places_are_checked() -> None:
    for wrong, words in (
        ({"name": "two words"}, "must be a Python identifier"),
        ({"slot": "picture"}, "slot must be one of components"),
        ({"before": "nothing"}, "before must name another registered stage, got nothing"),
        ({"per": "target"}, "per must be image for the slot image"),
    ):
        settings = {"name": "mine", "slot": "image", "entry": CodecEntry, "record": Codec, **wrong}
        with pytest.raises(InvalidValueError, match=words):
            register_stage(settings.pop("name"), **settings)  # type: ignore[arg-type]
    assert "mine" not in registered_stages()
    before = list(registered_stages())
    for neighbour in ("nothing", "codec"):  # a stage that could not be replaced is still there
        with pytest.raises(InvalidValueError, match="before must name another registered stage"):
            register_stage("codec", slot="image", entry=CodecEntry, record=Codec, before=neighbour)
    assert list(registered_stages()) == before


def test_records_stand_where_they_belong() -> None:
    crop = BackgroundCrop("a", (0, 0, 64, 64))
    plan = ImagePlan(crop, stages={"codec": Codec(60)})
    assert plan.finished_later and ImagePlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan
    for stages, words in (
        ({"codec": 3}, "must be a Codec on the image"),
        ({"undershoot": Codec(60)}, "must be a Undershoot on the target"),
        ({"blur": Codec(60)}, "stage 'blur' is not registered"),
    ):
        with pytest.raises(InvalidValueError, match=words):
            ImagePlan(crop, stages=stages)
    with pytest.raises(InvalidValueError, match="must be 8 with the stage codec, got 16"):
        ImagePlan(crop, bit_depth=16, stages={"codec": Codec(60)})
    row = plan.to_dict()
    for stages, words in (
        ({"codec": {"quality": 60, "colour": 1}}, "must hold phase, quality, scope alone"),
        ({"undershoot": {"depth": 0.2}}, "must be on the target, not on the image"),
        ({"codec": {"quality": 0}}, "codec.quality must be from 1 to 100"),
    ):
        with pytest.raises(InvalidValueError, match=words):
            ImagePlan.from_dict(row | {"stages": stages})


def test_entries_follow_the_order_of_the_registry() -> None:
    recipe = Recipe(stages={"codec": {}, "mask_jitter": {}, "undershoot": None})
    assert list(recipe.stages) == ["mask_jitter", "codec"]
    assert find_stage("codec").bit_depths == (8,)
