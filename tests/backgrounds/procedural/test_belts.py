"""Belts of trees, strips of scrub and rows of low houses: where they stand and what they leave free."""

from __future__ import annotations

import numpy as np
import pytest

from sirstgen.backgrounds.procedural.belts import crowns, far_belt, roadside_belt, thicket
from sirstgen.backgrounds.procedural.buildings import low_blocks, parapet
from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.backgrounds.procedural.meadow import scrub_strips
from sirstgen.backgrounds.procedural.perspective import Road
from sirstgen.seeding import stream


def empty() -> Canvas:
    """A canvas of sky at level 0."""
    return Canvas(np.zeros((120, 160), dtype=np.float32))


@pytest.mark.parametrize("bare", [0.0, 0.5, 1.0])
def test_a_thicket_is_closed_at_its_foot_open_at_its_tips_and_nowhere_else(bare: float) -> None:
    canvas = empty()
    foot, top = np.full(160, 90.0), np.full(160, 50.0)
    top[100:] = 95.0
    thicket(stream(1), canvas, foot, top, 100.0, 10.0, bare)
    assert canvas.solid[86:89, :95].mean() > 0.9
    assert canvas.solid[86:89, :95].mean() > canvas.solid[54:60, :95].mean()
    assert not canvas.solid[:40].any() and not canvas.solid[94:].any() and not canvas.solid[:, 100:].any()


def test_a_thicket_without_columns_changes_nothing() -> None:
    canvas = empty()
    thicket(stream(1), canvas, np.full(160, 50.0), np.full(160, 50.0), 100.0, 10.0, 0.5)
    assert not canvas.solid.any()


def test_crowns_have_the_pitch_that_is_asked_for() -> None:
    heights = crowns(stream(2), np.arange(400.0), 20.0)
    assert heights.shape == (400,) and heights.min() > 0 and heights.max() <= 1
    valleys = np.flatnonzero((heights[1:-1] < heights[:-2]) & (heights[1:-1] <= heights[2:])) + 1
    assert len(valleys) >= 10
    assert {int(place) % 20 for place in valleys} <= {0, 19, 1}


def test_a_belt_along_a_road_stands_on_its_side_and_shrinks_towards_the_vanishing_point() -> None:
    road = Road(horizon=50.0, centre=80.0, focal=120.0, turn=0.0, bend=0.0)
    canvas = empty()
    roadside_belt(stream(3), canvas, road, 4.0, 80.0)
    assert not canvas.solid[:, :78].any()
    covered = (canvas.solid > 0.5).sum(axis=0)
    assert covered[140:].mean() > 2 * covered[90:110].mean() > 0


def test_a_far_belt_stands_on_its_foot() -> None:
    canvas = empty()
    far_belt(stream(4), canvas, 70.0, 20.0, 80.0)
    rows = np.flatnonzero(canvas.solid.max(axis=1) > 0)
    assert 45 <= rows.min() < 65 and 68 <= rows.max() <= 70


def test_scrub_lies_on_the_ground_and_leaves_a_part_of_it_bare() -> None:
    canvas = empty()
    scrub_strips(stream(5), canvas, 60.0, 30.0, 8.0, 12)
    assert not canvas.solid[:50].any()
    assert 0.02 < (canvas.solid[60:] > 0.5).mean() < 0.8


def test_low_houses_fill_the_rows_between_the_farthest_and_the_nearest() -> None:
    canvas = empty()
    low_blocks(stream(6), canvas, 60.0, 132.0, 80.0, 20.0)
    assert (canvas.solid[64:] > 0.5).mean() > 0.7
    assert not canvas.solid[:30].any()


def test_a_parapet_is_in_front_of_the_foot_of_the_frame_only() -> None:
    for number in range(6):
        canvas = empty()
        parapet(stream(7, number), canvas, 90.0, 80.0)
        assert canvas.solid[95:].mean() > 0.2
        assert not canvas.solid[:60].any()
