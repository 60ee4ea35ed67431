"""A dataset opened to draw its images again: what its manifest states may be anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sirstgen.backgrounds.procedural.make import make
from sirstgen.cli import app
from sirstgen.errors import InputError
from sirstgen.recipe.recipe import Recipe
from sirstgen.storage.reopen import reopen_generator
from sirstgen.storage.run import FolderRun
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.sources import open_backgrounds
from sirstgen.verification.verify import verify


def test_a_dataset_with_place_maps_of_its_own_can_be_drawn_again(tmp_path: Path) -> None:
    frames, maps = tmp_path / "frames", tmp_path / "maps"
    make(frames, ["cloud", "sea"], 2, 96, 96, 0, places=maps)
    recipe = Recipe(width=64, height=64)
    source = open_backgrounds(frames, recipe, places=maps)
    out = write_dataset(Generator(recipe, source, seed=1), tmp_path / "set", 3)
    words = f"preview {out} --drop 000002 --backgrounds {frames} --places {maps} --out {tmp_path / 'sheet.png'}"
    result = CliRunner().invoke(app, words.split())
    assert result.exit_code == 0, result.stderr
    assert json.loads((out / "dataset.json").read_text())["redrawn"] == {"000002": 1}
    assert verify(out, reopen_generator(out, frames, places=maps)) == []


@pytest.mark.parametrize("stated", ["builtin", [1], 3, None])
def test_backgrounds_that_are_no_table_are_one_line(small_generator: Generator, tmp_path: Path, stated: object) -> None:
    write_dataset(small_generator, tmp_path / "set", 1)
    file = tmp_path / "set" / "dataset.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "backgrounds": stated}))
    with pytest.raises(InputError, match="backgrounds: Input should be a valid dictionary"):
        reopen_generator(tmp_path / "set")


def test_a_seed_that_is_no_number_is_one_line(small_generator: Generator, tmp_path: Path) -> None:
    write_dataset(small_generator, tmp_path / "set", 1)
    file = tmp_path / "set" / "dataset.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "seed": [7]}))
    with pytest.raises(InputError, match="seed: Input should be a valid integer"):
        FolderRun.seed_of(tmp_path / "set")


def test_a_name_that_the_disk_refuses_is_shown_in_part() -> None:
    result = CliRunner().invoke(app, ["stats", "a: " * 2000])
    assert result.exit_code == 2
    assert len(result.stderr) < 1200
