"""What every classical detector must do, whatever its method."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirstgen.detectors.classical import REGISTRY, named, names
from sirstgen.errors import InvalidValueError
from sirstgen.evaluation.metrics import adaptive_threshold

SMALL = {"mslstipt": {"tile": 24}}
FILTERS = ("top-hat", "new-top-hat", "max-median", "tllcm", "wslcm")
LOW_RANK = ("ipi", "nram", "ript", "pstnn", "mslstipt")
DOT = np.outer([1, 2, 1], [1, 2, 1]) / 4


def dot_on_ramp(height: int = 64, width: int = 72, row: int = 30, column: int = 41) -> np.ndarray:
    """A 3x3 Gaussian dot of 80 gray levels on a ramp with a little sensor noise."""
    rng = np.random.default_rng(5)
    image = 60 + 0.3 * np.arange(height)[:, None] + 0.2 * np.arange(width)[None, :]
    image = image + rng.normal(0, 0.5, (height, width))
    image[row - 1 : row + 2, column - 1 : column + 2] += 80 * DOT
    return np.clip(np.rint(image), 0, 255)


def empty(target_map: np.ndarray) -> bool:
    return not (target_map > adaptive_threshold(target_map)).any()


@pytest.mark.parametrize("name", names())
def test_a_dot_on_a_ramp_is_found_and_nothing_else(name: str) -> None:
    image = dot_on_ramp()
    target_map = REGISTRY[name](image, **SMALL.get(name, {}))
    assert target_map.dtype == np.float32
    assert target_map.shape == image.shape
    assert target_map.min() >= 0
    rows, columns = np.nonzero(target_map > adaptive_threshold(target_map))
    assert rows.size
    assert np.abs(rows - 30).max() <= 1
    assert np.abs(columns - 41).max() <= 1


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("level", [0.0, 100.3, 255.0])
def test_flat_and_black_images_give_an_empty_map(name: str, level: float) -> None:
    target_map = REGISTRY[name](np.full((40, 44), level))
    assert np.array_equal(target_map, np.zeros((40, 44), np.float32))
    assert empty(target_map)


@pytest.mark.parametrize("name", names())
def test_large_black_areas_never_give_nan(name: str) -> None:
    image = dot_on_ramp()
    image[:, :36] = 0
    assert np.isfinite(REGISTRY[name](image, **SMALL.get(name, {}))).all()


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (12, 17), (3, 60)])
def test_images_smaller_than_a_patch_work(name: str, shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 256, shape).astype(float)
    target_map = REGISTRY[name](image)
    assert target_map.shape == shape
    assert np.isfinite(target_map).all()


@pytest.mark.parametrize("name", LOW_RANK)
def test_an_edge_alone_peaks_lower_than_a_dot(name: str) -> None:
    edge = np.full((128, 128), 60.0)
    edge[:, 64:] = 75
    edge = np.rint(edge + np.random.default_rng(2).normal(0, 1, edge.shape))
    dotted = edge.copy()
    dotted[20:23, 10:13] += 80 * DOT
    quiet, loud = (REGISTRY[name](image, **SMALL.get(name, {})) for image in (edge, dotted))
    assert quiet.max() < loud[20:23, 10:13].max()


@pytest.mark.parametrize("name", FILTERS)
@given(down=st.integers(-6, 6), right=st.integers(-6, 6))
@settings(max_examples=5, deadline=None)
def test_filters_commute_with_shifts(name: str, down: int, right: int) -> None:
    image = np.random.default_rng(7).integers(0, 256, (64, 60)).astype(float)
    shifted = np.roll(image, (down, right), axis=(0, 1))
    margin = 26  # the largest window is 33 pixels wide
    inner = np.s_[margin:-margin, margin:-margin]
    expected = np.roll(REGISTRY[name](image), (down, right), axis=(0, 1))
    assert np.allclose(REGISTRY[name](shifted)[inner], expected[inner], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", names())
def test_the_image_is_left_alone_and_the_map_is_repeatable(name: str) -> None:
    image = dot_on_ramp(40, 40, 20, 20)
    before = image.copy()
    first = REGISTRY[name](image)
    assert np.array_equal(image, before)
    assert np.array_equal(first, REGISTRY[name](image))


def test_whole_number_images_are_taken() -> None:
    image = dot_on_ramp()
    assert np.array_equal(REGISTRY["top-hat"](image.astype(np.uint8)), REGISTRY["top-hat"](image))


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (np.zeros((3, 4, 5)), "gray"),
        (np.zeros((0, 4)), "not empty"),
        (np.full((4, 4), np.nan), "finite"),
        (np.zeros((4, 4), complex), "real"),
    ],
)
def test_what_is_no_gray_image_is_refused(image: np.ndarray, told: str) -> None:
    with pytest.raises(InvalidValueError, match=told):
        REGISTRY["top-hat"](image)


def test_names_are_forgiving_and_wrong_ones_are_told() -> None:
    assert named("Top_Hat") is REGISTRY["top-hat"]
    with pytest.raises(InvalidValueError, match="did you mean 'wslcm'"):
        named("wslcn")
    with pytest.raises(InvalidValueError, match="takes size"):
        REGISTRY["top-hat"](np.zeros((4, 4)), radius=2)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("top-hat", {"size": 4}),
        ("new-top-hat", {"outer": 5, "inner": 9}),
        ("max-median", {"length": 0}),
        ("tllcm", {"cells": (8,)}),
        ("wslcm", {"largest": 26}),
        ("pstnn", {"step": 0}),
        ("ipi", {"aggregate": "mode"}),
    ],
)
def test_settings_out_of_range_are_refused(name: str, wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidValueError, match=str(next(iter(wrong.values()))).strip("(),")):
        REGISTRY[name](dot_on_ramp(20, 20, 10, 10), **wrong)


def test_importing_the_registry_loads_no_method() -> None:
    code = (
        "import sys, sirstgen.detectors.classical as c; print([m for m in sys.modules if 'classical.' in m or m in {}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code.format(("torch", "scipy", "cv2", "numpy"))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
