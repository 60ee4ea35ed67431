"""The pieces that landscapes are drawn from: ground, outlines, plants, walls."""

from __future__ import annotations

import numpy as np
import pytest

from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.backgrounds.procedural.facades import facade, hang, mast, rectangle
from sirstgen.backgrounds.procedural.perspective import Road, ground_texture, relative_depth, winding_strip
from sirstgen.backgrounds.procedural.silhouettes import below, ridge_line, tilted, town_line
from sirstgen.backgrounds.procedural.strokes import draw, polygon, stroke, winter_tree
from sirstgen.backgrounds.procedural.vegetation import bare_tree, broadleaf, bush, conifer, plant
from sirstgen.seeding import stream


def test_ground_is_squeezed_towards_the_horizon() -> None:
    texture = ground_texture(stream(1), 240, 320, 60.0, [(20.0, 1.0), (60.0, 1.0), (180.0, 1.0)], focal=200.0)
    assert not texture[:61].any()

    def turns(rows: slice) -> float:
        columns = texture[rows] - texture[rows].mean(axis=0)
        return float((np.diff(np.sign(columns), axis=0) != 0).mean())

    assert turns(slice(95, 125)) > 1.5 * turns(slice(200, 240))


def test_relative_depth_runs_from_the_horizon_to_the_bottom_row() -> None:
    depth = relative_depth(101, 50.0)[:, 0]
    assert depth[:51].max() == 0
    assert depth[75] == pytest.approx(0.5)
    assert depth[100] == 1


def test_a_track_stays_on_the_ground() -> None:
    cover = winding_strip(stream(5), 200, 300, 40.0, half_width=9.0)
    assert cover[:41].max() == 0
    assert cover.min() == 0
    assert 0.9 < cover.max() <= 1


def test_a_road_shows_at_each_pixel_the_place_that_is_seen_there() -> None:
    road = Road(horizon=50.0, centre=70.0, focal=130.0, turn=0.3, bend=0.01)
    along, across, away = np.broadcast_arrays(*road.ground(120, 140))
    for y, x in ((60, 20), (90, 70), (119, 130)):
        np.testing.assert_allclose(road.seen(along[y, x], across[y, x]), [x, y], atol=1e-3)
        assert road.away(along[y, x], across[y, x]) == pytest.approx(away[y, x], rel=1e-4)
    assert road.seen(20.0, 0.0, 1.0)[1] == pytest.approx(50)  # as high as the camera


def test_strokes_have_the_area_that_their_thickness_gives() -> None:
    for thick in (0.5, 1.0, 4.0):
        canvas = Canvas(np.zeros((40, 60), dtype=np.float32))
        draw(canvas, [stroke([[10.0, 20.0], [50.0, 20.0]], thick)], 10.0)
        assert canvas.gray[:, 15:45].sum(axis=0) == pytest.approx(10 * thick, rel=0.15)
    canvas = Canvas(np.zeros((40, 60), dtype=np.float32))
    draw(canvas, [polygon([[10, 10], [20, 10], [20, 20], [10, 20]]), stroke([[-90, -9], [-80, -9]], 2.0)], 10.0)
    assert canvas.gray.sum() == pytest.approx(10 * 11 * 11, rel=0.1)


def test_a_winter_tree_stands_on_its_foot_and_is_as_tall_as_asked() -> None:
    canvas = Canvas(np.zeros((120, 120), dtype=np.float32))
    draw(canvas, winter_tree(stream(6), (60.0, 110.0), 80.0, 0.4), 10.0)
    rows = np.flatnonzero(canvas.solid.max(axis=1) > 0)
    assert 24 <= rows.min() <= 34 and 109 <= rows.max() <= 113


def test_outlines_lie_between_0_and_1_and_fill_what_is_below() -> None:
    for line in (ridge_line(stream(2), 77, 2.2), town_line(stream(2), 77, 6.0)):
        assert line.shape == (77,)
        assert line.min() == 0
        assert line.max() == pytest.approx(1)
    np.testing.assert_allclose(below(np.full(3, 4.0), 9)[:, 1], [0, 0, 0, 0, 0.5, 1, 1, 1, 1])


def test_tilt_leaves_the_middle_column_and_lowers_the_right_side() -> None:
    scene = below(np.full(101, 50.0), 100)
    rows = 100 - tilted(Canvas(scene), 0.1).gray.sum(axis=0)
    assert rows[50] == pytest.approx(100 - scene[:, 50].sum(), abs=0.1)
    assert rows[90] - rows[10] == pytest.approx(8, abs=0.3)


@pytest.mark.parametrize("kind", [bush, broadleaf, conifer])
def test_plants_stand_on_their_foot_and_touch_nothing_else(kind: object) -> None:
    canvas = Canvas(np.zeros((80, 80), dtype=np.float32))
    plant(canvas, [kind(stream(3))], [(40.0, 60.0, 20.0, 100.0)], contrast=5.0)  # type: ignore[operator]
    scene = canvas.gray
    rows, columns = np.nonzero(np.abs(scene) > 1)
    assert 40 <= rows.min() <= rows.max() < 60
    assert 30 <= columns.min() <= columns.max() < 50
    assert scene[40:60, 30:50].max() > 80


def test_plants_outside_the_frame_are_cut() -> None:
    canvas = Canvas(np.zeros((32, 32), dtype=np.float32))
    plant(canvas, [bush(stream(4))], [(-40.0, 10.0, 9.0, 50.0), (31.0, 34.0, 12.0, 50.0), (5.0, -3.0, 6.0, 50.0)], 1.0)
    scene = canvas.gray
    assert scene[20:, 20:].max() > 10
    assert not scene[:15].any()


def test_a_bare_tree_grows_up_from_its_foot() -> None:
    cover = bare_tree(stream(6), 120, 120, (60.0, 110.0), tall=80.0)
    rows = np.nonzero(cover.max(axis=1) > 0)[0]
    assert rows.max() in range(108, 113)
    assert rows.min() < 70
    assert cover.max() <= 1


def test_a_wall_repeats_its_storeys() -> None:
    rhythm = 0
    for number in range(10):
        profile = facade(stream(7, number), 240, 160, 24.0).mean(axis=1)
        spectrum = np.abs(np.fft.rfft((profile - profile.mean()) * np.hanning(240)))
        rhythm += spectrum[10] > 3 * np.median(spectrum[3:40])
    assert rhythm >= 6


def test_a_hung_wall_covers_its_corners_and_no_more() -> None:
    canvas = Canvas(np.zeros((60, 60), dtype=np.float32))
    corners = np.array([[10, 20], [40, 10], [40, 50], [10, 40]], dtype=np.float32)
    hang(canvas, np.full((30, 30), 7, dtype=np.float32), corners)
    scene = canvas.gray
    np.testing.assert_allclose(scene[26:36, 14:36], 7, rtol=1e-5)
    assert not scene[:, :8].any()
    assert not scene[:, 43:].any()


def test_rectangles_and_masts_keep_their_place_and_their_area() -> None:
    canvas = Canvas(np.zeros((20, 30), dtype=np.float32))
    rectangle(canvas, 5.0, 5.0, 10.0, 9.0, 10.0)
    assert canvas.gray.sum() == pytest.approx(10 * 5 * 4)
    rectangle(canvas, 50.0, 5.0, 60.0, 9.0, 10.0)
    assert canvas.gray.sum() == pytest.approx(10 * 5 * 4)
    canvas = Canvas(np.zeros((20, 30), dtype=np.float32))
    mast(canvas, 15.0, 18.0, 4.0, 0.5, 10.0)
    pole = canvas.gray
    assert pole[4:18, 15] == pytest.approx(5.0)
    assert pole[:4].max() == 0
