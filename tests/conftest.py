"""What many tests need: small backgrounds, small generators, real data where there is some."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import pytest
from hypothesis import settings
from making.clutter import clutter

from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.recipe.recipe import Recipe
from sirstgen.synthesis.generator import Generator

cv2.setNumThreads(1)
settings.register_profile("sirstgen", deadline=None)  # a loaded machine is no fault
settings.load_profile("sirstgen")


@pytest.fixture(scope="session")
def background_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames each of cloud, sea and city, 160x144, in sub-folders by scene."""
    folder = tmp_path_factory.mktemp("backgrounds")
    for place, scene in enumerate(("cloud", "sea", "city")):
        (folder / scene).mkdir()
        for number in range(3):
            frame = clutter(10 * place + number, 144, 160, deviation=8 + 4 * place)
            cv2.imwrite(str(folder / scene / f"{number}.png"), frame)
    return folder


@pytest.fixture(scope="session")
def small_generator(background_folder: Path) -> Generator:
    """96x80 images over `background_folder`, seed 0."""
    recipe = Recipe(width=96, height=80)
    return Generator(recipe, BackgroundLibrary.open(background_folder), seed=0)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real datasets; skips where SIRSTGEN_TEST_DATA does not name one."""
    folder = os.environ.get("SIRSTGEN_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SIRSTGEN_TEST_DATA names no folder with nuaa-sirst, nudt-sirst and sirst-v2-backgrounds")
    return Path(folder)
