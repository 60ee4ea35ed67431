from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirstgen.measure.scr import Clutter, clutter_region, clutter_without, excluded, measure_clutter, signal_to_clutter
from sirstgen.plan import ClutterRegion
from sirstgen.seeding import stream
from sirstgen.synthesis.intensity import clipped_amplitude, place_gray_levels

regions = st.builds(ClutterRegion, kind=st.sampled_from(["local", "global"]), margin=st.integers(1, 30))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int, int]]:
    """An image, the masks of some targets in it, and the box of one of them."""
    rng = stream(draw(st.integers(0, 10**6)))
    height, width = draw(st.integers(4, 50)), draw(st.integers(4, 50))
    depth = draw(st.sampled_from([np.uint8, np.uint16]))
    image = rng.integers(0, np.iinfo(depth).max, (height, width), endpoint=True).astype(depth)
    masks = np.zeros((height, width), np.uint8)
    for _ in range(draw(st.integers(1, 3))):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        w, h = int(rng.integers(1, min(5, width - x) + 1)), int(rng.integers(1, min(5, height - y) + 1))
        masks[y : y + h, x : x + w] = 255
    return image, masks, (x, y, w, h)


def naive_clutter(
    image: np.ndarray, masks: np.ndarray, bbox: tuple[int, int, int, int], region: ClutterRegion, support_margin: int
) -> list[int]:
    """The clutter region's pixels by the letter of the contract, pixel by pixel."""
    height, width = image.shape
    x, y, w, h = bbox
    kept = []
    for row in range(height):
        for column in range(width):
            inside = region.kind == "global" or (
                x - region.margin <= column < x + w + region.margin and y - region.margin <= row < y + h + region.margin
            )
            near = masks[
                max(row - support_margin, 0) : row + support_margin + 1,
                max(column - support_margin, 0) : column + support_margin + 1,
            ]
            if inside and not near.any():
                kept.append(int(image[row, column]))
    return kept


@given(scenes(), regions, st.integers(0, 15))
def test_clutter_is_what_the_contract_says(
    scene: tuple[np.ndarray, np.ndarray, tuple[int, int, int, int]], region: ClutterRegion, support_margin: int
) -> None:
    image, masks, bbox = scene
    found = measure_clutter(image, excluded(masks, support_margin), bbox, region)
    kept = naive_clutter(image, masks, bbox, region, support_margin)
    assert found.pixels == len(kept)
    if kept:
        assert found.mu_b == pytest.approx(np.mean(kept), rel=1e-12)
        assert found.sigma_b == pytest.approx(np.std(kept), rel=1e-9, abs=1e-9)
    else:
        assert math.isnan(found.mu_b)
        assert found.sigma_b == 0


@given(scenes(), regions, st.integers(0, 15))
def test_sums_over_the_region_give_the_same_figures_for_every_margin(
    scene: tuple[np.ndarray, np.ndarray, tuple[int, int, int, int]], region: ClutterRegion, support_margin: int
) -> None:
    image, masks, bbox = scene
    everywhere = (0, 0, image.shape[1], image.shape[0])
    found = clutter_without(image, masks, [everywhere], clutter_region(image, bbox, region), support_margin)
    direct = measure_clutter(image, excluded(masks, support_margin), bbox, region)
    assert found == direct or (found.pixels == direct.pixels == 0)


def test_a_nearly_flat_16_bit_image_keeps_its_deviation() -> None:
    image = np.full((600, 600), 65000, np.uint16)
    image[300, 300] = 65001
    clutter = measure_clutter(image, np.zeros(image.shape, bool), (0, 0, 1, 1), ClutterRegion("global"))
    share = 1 / image.size
    assert clutter.sigma_b == pytest.approx(math.sqrt(share * (1 - share)), rel=1e-12)


@given(
    st.lists(st.floats(-50, 300), min_size=1, max_size=60),
    st.floats(-1, 1),
)
def test_gray_levels_sum_exactly_and_stay_within_one(values: list[float], off: float) -> None:
    wanted = np.array(values)
    required = math.floor(wanted.sum() + off) if off < 0 else math.ceil(wanted.sum() + off)
    if abs(required - wanted.sum()) > 1:
        required = round(wanted.sum())
    levels = place_gray_levels(wanted, required)
    assert int(levels.sum()) == required
    assert np.abs(levels - wanted).max() <= 1 + 1e-9


def test_the_largest_remainders_get_the_missing_levels() -> None:
    np.testing.assert_array_equal(place_gray_levels(np.array([1.2, 1.7, 1.1]), 4), [1, 2, 1])
    np.testing.assert_array_equal(place_gray_levels(np.array([-1.5, 2.0, 3.5]), 4), [-1, 2, 3])


def test_flat_clutter_has_no_finite_ratio() -> None:
    assert signal_to_clutter(10, Clutter(5.0, 0.0, 9)) == math.inf


@given(
    st.lists(st.tuples(st.floats(0, 255), st.floats(0.05, 1)), min_size=1, max_size=40),
    st.floats(0.02, 0.98),
    st.sampled_from([1, -1]),
)
def test_clipped_amplitudes_meet_any_sum_that_the_pixels_can_have(
    pixels: list[tuple[float, float]], share: float, sign: int
) -> None:
    under, own = np.array(pixels).T
    end = 255 * len(pixels) if sign > 0 else 0
    required = round(under.sum() + share * (end - under.sum()))
    if sign * (required - under.sum()) <= 0:
        return
    found = clipped_amplitude(required, under, own, (required - under.sum()) / own.sum(), 255)
    assert np.clip(under + found * own, 0, 255).sum() == pytest.approx(required, abs=1e-6)
