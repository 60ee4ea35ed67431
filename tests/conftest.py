"""What many tests need: small backgrounds, small generators, real data where there is some."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import settings
from making.clutter import clutter

from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.backgrounds.place_maps import place_cache
from sirstgen.backgrounds.scan import digest_of
from sirstgen.places.classes import GROUND, SKY, WATER, encode_places
from sirstgen.recipe.recipe import Recipe
from sirstgen.synthesis.generator import Generator

cv2.setNumThreads(1)
# A loaded machine is no fault. Where CI is set, as CI services do, the examples are the same in every run.
settings.register_profile("sirstgen", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("sirstgen")

SKY_ROWS = {"cloud": 144, "sea": 80, "city": 100}
"""Rows of the small backgrounds that count as sky; below them lies water or ground."""


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of its own, so that tests neither read nor fill the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIRSTGEN_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def background_folder(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> Path:
    """Three frames each of cloud, sea and city, 160x144, in sub-folders by scene; their place maps are in the cache."""
    folder = tmp_path_factory.mktemp("backgrounds")
    for place, scene in enumerate(("cloud", "sea", "city")):
        (folder / scene).mkdir()
        for number in range(3):
            frame = clutter(10 * place + number, 144, 160, deviation=8 + 4 * place)
            cv2.imwrite(str(folder / scene / f"{number}.png"), frame)
            places = np.full(frame.shape, WATER if scene == "sea" else GROUND, dtype=np.uint8)
            places[: SKY_ROWS[scene]] = SKY
            place_cache().put(digest_of(frame).hex(), encode_places(places))
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
