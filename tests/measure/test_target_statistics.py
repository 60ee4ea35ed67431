"""Targets of known size, place and spread are measured as they are."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
from numpy.typing import NDArray

from sirstgen.measure.target_statistics import target_statistics


def bump(
    sigma: tuple[float, float] = (2.0, 1.5),
    angle: float = 0.0,
    center: tuple[float, float] = (40, 30),
    peak: float = 100.0,
    size: tuple[int, int] = (80, 100),
) -> NDArray[np.float64]:
    y, x = np.mgrid[: size[0], : size[1]].astype(float)
    turn = math.radians(angle)
    u = (x - center[0]) * math.cos(turn) + (y - center[1]) * math.sin(turn)
    v = (y - center[1]) * math.cos(turn) - (x - center[0]) * math.sin(turn)
    return peak * np.exp(-0.5 * ((u / sigma[0]) ** 2 + (v / sigma[1]) ** 2))


def frame(rise: NDArray[np.float64], level: float = 50.0) -> NDArray[np.uint8]:
    return np.rint(np.clip(level + rise, 0, 255)).astype(np.uint8)


@pytest.mark.parametrize("angle", [0, 30, -60, 85])
def test_a_gaussian_is_found_again(angle: float) -> None:
    rise = bump((2.4, 1.4), angle)
    (found,) = target_statistics(frame(rise), rise > 30)
    assert found.fit_major == pytest.approx(2.4, abs=0.15) and found.fit_minor == pytest.approx(1.4, abs=0.1)
    turned = (found.fit_angle - angle + 90) % 180 - 90
    assert abs(turned) < 4
    assert found.fit_residual < 0.03 and found.maxima == 1
    assert found.peak == pytest.approx(100, abs=2) and found.mask_level == pytest.approx(0.3, abs=0.06)
    assert found.center == pytest.approx((40, 30), abs=0.3) and found.ring == pytest.approx(50, abs=0.5)
    assert found.x == pytest.approx(40.5 / 100, abs=0.01) and found.y == pytest.approx(30.5 / 80, abs=0.01)
    assert found.border == pytest.approx(30, abs=0.3) and found.count == 1 and math.isnan(found.neighbour)
    assert found.outside[0] > found.outside[1] > found.outside[2] and found.inside[2] < 1


def test_the_profile_is_the_level_by_distance_from_the_border() -> None:
    image = np.full((60, 60), 40, np.uint8)
    image[20:31, 20:31] = 140
    image[19, 20:31] = 60  # one side of the first step outside
    mask = np.zeros(image.shape, bool)
    mask[20:31, 20:31] = True
    (found,) = target_statistics(image, mask)
    assert found.inside == (1, 1, 1) and found.area == 121 and found.bbox == (20, 20, 11, 11)
    assert found.outside[0] == pytest.approx(0.2 * 11 / 48, abs=0.005) and found.outside[1:] == (0, 0, 0)
    assert found.aspect == pytest.approx(1) and found.contrast == 100 and found.spread == 0
    assert found.clutter == 0 and found.scr == math.inf and found.saturated == 0 and found.brighter == 0


def test_dark_targets_have_negative_contrast_and_the_same_shape() -> None:
    rise = bump()
    (bright,), (dark,) = target_statistics(frame(rise, 120), rise > 30), target_statistics(frame(-rise, 120), rise > 30)
    assert dark.contrast == pytest.approx(-bright.contrast) and dark.peak == pytest.approx(-bright.peak)
    for name in ("outside", "sigma_major", "fit_minor", "mask_level", "edge", "undershoot", "fit_residual"):
        assert getattr(dark, name) == pytest.approx(getattr(bright, name), abs=1e-6), name


def test_neighbours_are_left_out_of_the_ring() -> None:
    rise = bump(center=(40, 30)) + bump(center=(52, 30), peak=150)
    alone = bump(center=(40, 30))
    first, second = target_statistics(frame(rise), rise > 35)
    (single,) = target_statistics(frame(alone), alone > 35)
    assert first.count == second.count == 2 and first.neighbour == second.neighbour == pytest.approx(12, abs=0.3)
    left = min(first, second, key=lambda found: found.center[0])
    assert left.ring == pytest.approx(single.ring, abs=1.5) and left.contrast == pytest.approx(single.contrast, abs=3)


def test_a_sharpened_frame_has_an_undershoot() -> None:
    plain = bump((1.5, 1.5))
    sharpened = plain - 0.25 * bump((3.5, 3.5))
    (without,), (with_halo,) = (target_statistics(frame(rise, 100), plain > 30) for rise in (plain, sharpened))
    assert without.undershoot == pytest.approx(0, abs=0.01) and with_halo.undershoot < -0.05


def test_two_lobes_are_two_maxima_and_no_gaussian() -> None:
    rise = bump((1.2, 1.2), center=(40, 30)) + bump((1.2, 1.2), center=(44, 30), peak=80)
    (found,) = target_statistics(frame(rise), rise > 15)
    assert found.maxima == 2 and found.fit_residual > 0.1 and found.aspect > 1.5 and abs(found.angle) < 5


def test_ripples_around_a_target_are_roughness() -> None:
    rise = bump()
    checks = 3.0 * (np.indices(rise.shape).sum(axis=0) % 2)
    (smooth,), (rippled,) = (target_statistics(frame(shown), rise > 30) for shown in (rise, rise + checks))
    assert rippled.roughness[0] > smooth.roughness[0] and rippled.roughness[1] > smooth.roughness[1] + 0.05


def test_sixteen_bits_say_the_same() -> None:
    rise = bump()
    eight = frame(rise)
    (a,), (b,) = target_statistics(eight, rise > 30), target_statistics(eight.astype(np.uint16) * 257, rise > 30)
    np.testing.assert_allclose(*(np.hstack(list(asdict(found).values())) for found in (a, b)), rtol=1e-9)


def test_targets_at_the_frame_s_edge_and_frames_without_background() -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    corner = np.zeros((8, 8), bool)
    corner[0, 0] = True
    (found,) = target_statistics(image, corner)
    assert found.border == 0 and found.area == 1 and found.aspect == 1
    (full,) = target_statistics(image, np.ones((8, 8), bool))
    assert full.area == 64 and math.isnan(full.clutter) and math.isnan(full.outside[0])
    assert target_statistics(image, np.zeros((8, 8), bool)) == []


def test_touching_boxes_are_told_apart() -> None:
    mask = np.zeros((30, 30), bool)
    mask[10, 10:16] = mask[10:16, 10] = True  # an L whose box holds the second
    mask[13:15, 13:15] = True
    image = np.full((30, 30), 20, np.uint8)
    image[mask] = 200
    first, second = target_statistics(image, mask)
    assert (first.area, second.area) == (11, 4) and first.contrast == second.contrast == 180
