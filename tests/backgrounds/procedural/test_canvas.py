"""Canvases know what hides the sky; procedural frames deliver their place map."""

from __future__ import annotations

import numpy as np
import pytest

from sirstgen.backgrounds.procedural import SCENES, draw
from sirstgen.backgrounds.procedural.canvas import Canvas
from sirstgen.places.classes import GROUND, SKY, UNKNOWN, WATER


def test_what_is_painted_hides_the_sky() -> None:
    canvas = Canvas(np.full((6, 8), 10, dtype=np.float32))
    canvas.paint(np.ones((3, 8)), 50.0, np.s_[3:6, :], water=True)
    canvas.paint(np.full((6, 1), 0.5), 90.0, np.s_[:, 2:3])
    places = canvas.places()
    assert (places[:3, 3:] == SKY).all() and (places[3:, 3:] == WATER).all() and (places[:, 2] == GROUND).all()
    assert canvas.gray[0, 2] == pytest.approx(50) and canvas.gray[4, 2] == pytest.approx(70)


def test_a_soft_waterline_is_unknown_and_a_thin_veil_is_ground() -> None:
    canvas = Canvas(np.zeros((2, 2), dtype=np.float32))
    canvas.paint(np.array([[0.5, 0.0], [0.0, 0.0]]), 1.0, water=True)
    canvas.paint(np.array([[0.0, 0.0], [0.1, 0.0]]), 1.0)
    assert canvas.places().tolist() == [[UNKNOWN, SKY], [GROUND, SKY]]


def test_moving_a_canvas_moves_its_map() -> None:
    canvas = Canvas(np.zeros((4, 4), dtype=np.float32))
    canvas.paint(np.ones((1, 4)), 9.0, np.s_[3:, :])
    canvas.moved(np.flipud)
    assert (canvas.places()[0] == GROUND).all() and (canvas.gray[0] == 9).all()


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_delivers_its_map(scene: str) -> None:
    found = np.zeros(4)
    for number in range(10):
        frame, places = draw(scene, 5, number, 64, 80)
        assert frame.shape == places.shape and places.dtype == np.uint8
        found += np.bincount(places.ravel(), minlength=4) / places.size / 10
    assert found[UNKNOWN] < 0.06
    assert (found[SKY] > 0.999) == (scene == "cloud")
    assert (found[WATER] > 0.3) == (scene == "sea")
    assert (found[GROUND] > 0.3) == (scene in ("city", "field"))


def test_the_sky_of_a_street_is_smoother_than_what_stands_in_it() -> None:
    rough = {SKY: [], GROUND: []}
    for number in range(8):
        frame, places = draw("city", 1, number, 128, 128)
        step = np.abs(np.diff(frame.astype(float), axis=1))
        for place, values in rough.items():
            inside = (places[:, 1:] == place) & (places[:, :-1] == place)
            if inside.sum() > 500:
                values.append(step[inside].mean())
    assert np.mean(rough[GROUND]) > 2 * np.mean(rough[SKY])
