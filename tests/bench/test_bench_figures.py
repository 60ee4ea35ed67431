"""The figures of a bench are written whole, and what cannot be drawn is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sirstgen.bench import BenchResult
from sirstgen.bench.figures import draw_roc, draw_scr
from sirstgen.bench.overlay import DetectorMap, draw_overlay
from sirstgen.bench.results import Scored
from sirstgen.bench.subsets import subsets
from sirstgen.detectors.classical import named
from sirstgen.errors import InvalidValueError
from sirstgen.evaluation.map_score import MapScore
from sirstgen.figures.surfaces import draw_surfaces


def make_result() -> BenchResult:
    detectors = (named("top-hat"), named("max-median"))
    label = np.zeros((24, 24), bool)
    label[5:7, 5:7] = label[15:17, 15:17] = True
    target_map = label * np.linspace(1, 2, 24)
    scored = {(d.name, "a"): Scored("a", d.name, 0.01, MapScore.of(target_map, label)) for d in detectors}
    rows = {"a": {"scene": "sea", "targets": [{"kind": "point", "area": 4, "scr": scr} for scr in (2.5, 9.0)]}}
    return BenchResult("dots", ("a",), detectors, scored, tuple(subsets(rows)))


def test_roc_and_scr_are_drawn(tmp_path: Path) -> None:
    result = make_result()
    draw_roc(result, tmp_path / "roc.png")
    draw_scr(result, tmp_path / "scr.png")
    for name in ("roc.png", "scr.png"):
        with Image.open(tmp_path / name) as picture:
            assert np.asarray(picture.convert("L")).std() > 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["roc.png", "scr.png"]


def test_targets_without_scr_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="dots has none"):
        draw_scr(replace(make_result(), parts=()), tmp_path / "scr.png")


def one_dot() -> tuple[np.ndarray, np.ndarray, list[DetectorMap]]:
    image = np.random.default_rng(0).normal(90, 4, (40, 60))
    mask = np.zeros(image.shape, bool)
    mask[20:22, 30:32] = True
    image[mask] += 70
    return image, mask, [DetectorMap.of(named(name), image) for name in ("top-hat", "tllcm")]


def colours(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_an_overlay_shows_the_image_and_every_map_with_the_target_enlarged(tmp_path: Path) -> None:
    image, mask, maps = one_dot()
    draw_overlay(image, mask, maps, tmp_path / "over.png")
    red, green, blue = np.moveaxis(colours(tmp_path / "over.png"), 2, 0)
    assert ((red - green > 150) & (red > 200)).any()
    assert (green - red > 100).any()
    assert ((red > 240) & (green > 190) & (blue < 100)).any()  # the frame of the enlarged part
    draw_overlay(image, np.zeros_like(mask), maps, tmp_path / "none.png")
    red, green, _ = np.moveaxis(colours(tmp_path / "none.png"), 2, 0)
    assert not (green - red > 100).any()


def test_surfaces_keep_point_targets(tmp_path: Path) -> None:
    image = np.zeros((200, 130))
    image[77, 41] = 50  # one pixel of many that share a cell
    mask = image > 0
    draw_surfaces(image, mask, [DetectorMap("map", image.astype(np.float32), 25.0, 50.0)], tmp_path / "surfaces.png")
    red, green, blue = np.moveaxis(colours(tmp_path / "surfaces.png"), 2, 0)
    for third in np.array_split(np.arange(red.shape[1]), 3):  # the top of the colour scale is dark red
        assert ((red[:, third] > 90) & (green[:, third] < 60) & (blue[:, third] < 60)).any()
