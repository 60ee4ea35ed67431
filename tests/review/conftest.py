"""A small synthetic dataset, and a foreign one of the same images."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sirstgen.recipe.recipe import Recipe
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.sources import open_backgrounds

COUNT = 6


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    mix = {"scene_mix": {"cloud": 1, "sea": 1}}
    recipe = Recipe(width=64, height=64, scr=[3, 6], quality={"min_contrast": 2}, backgrounds=mix)
    generator = Generator(recipe, seed=1, backgrounds=open_backgrounds("procedural", recipe, seed=1))
    return write_dataset(generator, tmp_path_factory.mktemp("review") / "small", COUNT)


@pytest.fixture
def folder(made_once: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made_once, tmp_path / "small"))


@pytest.fixture
def foreign(made_once: Path, tmp_path: Path) -> Path:
    for part in ("images", "masks"):
        shutil.copytree(made_once / part, tmp_path / "foreign" / part)
    return tmp_path / "foreign"
