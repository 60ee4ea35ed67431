"""What cameras and recorders add to drawn scenes."""

from __future__ import annotations

import numpy as np

from sirstgen.backgrounds.procedural import camera
from sirstgen.seeding import stream


def ridge() -> np.ndarray:
    """Dark sky over brighter land, gray levels."""
    scene = np.full((96, 120), 60, np.float32)
    scene[60:] = 110
    return scene + stream(0, "grain").normal(0, 2, scene.shape).astype(np.float32)


def test_an_overdriven_ridge_is_white_with_a_hard_edge() -> None:
    frame = camera.finish(stream(1), ridge(), noise=0.3, overdriven=1, sharpened=0, enlarged=0)
    plain = camera.finish(stream(1), ridge(), noise=0.3, overdriven=0, sharpened=0, enlarged=0)
    assert (frame[64:] >= 250).mean() > 0.5 and frame[:56].max() < 128
    assert plain.max() < 180


def test_a_clear_sky_stays_clear_under_any_gain() -> None:
    sky = 80 + np.linspace(0, 6, 96, dtype=np.float32)[:, np.newaxis] * np.ones(120, np.float32)
    frame = camera.finish(stream(2), sky, noise=0.3, overdriven=1, sharpened=0, enlarged=0)
    assert frame.max() < 120


def test_sharpening_leaves_rims_along_edges_and_noise_as_it_is() -> None:
    frame = np.full((64, 80), 80, np.uint8)
    frame[:, 40:] = 150
    frame[::7, ::5] += 1
    sharp = camera._sharpened(frame, 1.5, 1.2)
    assert sharp[:, 38:40].min() < 70 and sharp[:, 40:42].max() > 160
    assert np.array_equal(sharp[:, :30], frame[:, :30])
