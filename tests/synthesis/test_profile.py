"""Profiles: Gaussian kernels and templates, averaged over pixels."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.synthesis.profile import FAINT, MAX_EXTENT, GaussianComponent, Profile, gaussian_profile
from sirstgen.synthesis.template_profile import template_profile
from sirstgen.synthesis.templates import Template, TemplateLibrary

LIBRARY = TemplateLibrary.open()

places = st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
sigmas = st.floats(0.4, 6)  # thinner ones lie inside one pixel, whose centre then is the centroid
angles = st.floats(-360, 720)
lengths = st.floats(4, 40)
drawings = st.sampled_from([template.id for template in LIBRARY]).map(LIBRARY.get)


def gaussian_at(phase: tuple[float, float], sigma: tuple[float, float], angle: float) -> Profile:
    return gaussian_profile([GaussianComponent(0.0, 0.0, *sigma, angle, 1.0)], phase)


def template_at(
    template: Template, phase: tuple[float, float], length: float, angle: float, mirror: bool = False
) -> Profile:
    return template_profile(template, length, angle, mirror, phase)


def on_canvas(stamp: Profile, left: int, top: int, width: int, height: int) -> NDArray[np.float64]:
    canvas = np.zeros((height, width))
    h, w = stamp.values.shape
    canvas[stamp.top - top : stamp.top - top + h, stamp.left - left : stamp.left - left + w] = stamp.values
    return canvas


def distance(first: Profile, second: Profile) -> float:
    """Largest difference of two stamps, wherever their windows end."""
    left, top = min(first.left, second.left), min(first.top, second.top)
    right = max(s.left + s.values.shape[1] for s in (first, second))
    bottom = max(s.top + s.values.shape[0] for s in (first, second))
    frames = [on_canvas(s, left, top, right - left, bottom - top) for s in (first, second)]
    return float(np.abs(frames[0] - frames[1]).max())


def centroid(stamp: Profile) -> tuple[float, float]:
    rows, columns = np.mgrid[: stamp.values.shape[0], : stamp.values.shape[1]]
    mass = stamp.values.sum()
    x = float((columns * stamp.values).sum() / mass) + stamp.left
    return x, float((rows * stamp.values).sum() / mass) + stamp.top


def assert_well_formed(stamp: Profile) -> None:
    values = stamp.values
    assert values.dtype == np.float64
    assert values.max() == 1.0
    assert values.min() >= 0.0
    assert values[values > 0].min() >= FAINT
    for edge in (values[0], values[-1], values[:, 0], values[:, -1]):
        assert edge.any(), "the window is the box of what is not zero"


@given(places, sigmas, sigmas, angles)
def test_gaussian_is_well_formed_and_centred(
    position: tuple[float, float], along: float, across: float, angle: float
) -> None:
    stamp = gaussian_at(position, (along, across), angle)
    assert_well_formed(stamp)
    assert centroid(stamp) == pytest.approx(position, abs=0.05)


@given(places, lengths, angles, drawings, st.booleans())
@settings(max_examples=60)
def test_template_is_well_formed(
    position: tuple[float, float], length: float, angle: float, template: Template, mirror: bool
) -> None:
    stamp = template_at(template, position, length, angle, mirror)
    assert_well_formed(stamp)
    assert max(stamp.values.shape) <= length * math.sqrt(2) + 2


@given(st.floats(2, 8), st.floats(2, 8), angles)
def test_sum_of_a_wide_gaussian_is_its_integral(along: float, across: float, angle: float) -> None:
    total = float(gaussian_at((0.0, 0.0), (along, across), angle).values.sum())
    kept = 1 - FAINT  # what lies under the cut is that share of a Gaussian's volume
    assert total == pytest.approx(2 * math.pi * along * across * kept, rel=0.03)


@given(places, sigmas, sigmas, angles)
def test_half_a_turn_changes_no_gaussian(
    position: tuple[float, float], along: float, across: float, angle: float
) -> None:
    first = gaussian_at(position, (along, across), angle)
    allowed = FAINT + 0.001  # a value at the cut may be kept in one and not in the other
    assert distance(first, gaussian_at(position, (along, across), angle + 180)) <= allowed
    assert distance(first, gaussian_at(position, (across, along), angle + 90)) <= allowed


def test_a_quarter_turn_turns_towards_y() -> None:
    wide = gaussian_at((0.0, 0.0), (4.0, 1.0), 0.0)
    tall = gaussian_at((0.0, 0.0), (4.0, 1.0), 90.0)
    np.testing.assert_allclose(tall.values, wide.values.T, atol=1e-12)
    slanted = gaussian_at((0.0, 0.0), (4.0, 1.0), 45.0)
    rows, columns = np.nonzero(slanted.values > 0.5)
    assert np.corrcoef(rows, columns)[0, 1] > 0.5, "clockwise on screen: down to the right"


def brute_gaussian(stamp: Profile, position: tuple[float, float], sigma: tuple[float, float], angle: float) -> Profile:
    n, (h, w) = 80, stamp.values.shape
    inside = (np.arange(n) + 0.5) / n - 0.5
    x = (np.arange(w)[:, None] + stamp.left + inside).ravel() - position[0]
    y = (np.arange(h)[:, None] + stamp.top + inside).ravel()[:, None] - position[1]
    turn = math.radians(angle)
    u, v = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    density = np.exp(-0.5 * (u / sigma[0]) ** 2 - 0.5 * (v / sigma[1]) ** 2)
    mean = density.reshape(h, n, w, n).mean(axis=(1, 3))
    return Profile(mean / mean.max(), stamp.left, stamp.top)


@pytest.mark.parametrize("sigma", [(0.15, 0.3), (0.3, 0.3), (0.45, 0.9), (1.4, 0.8), (3.5, 1.2), (5.0, 0.2)])
@pytest.mark.parametrize("angle", [0.0, 17.0, 90.0, 135.0])
def test_gaussian_equals_brute_force(sigma: tuple[float, float], angle: float) -> None:
    position = (0.37, 0.19)
    stamp = gaussian_at(position, sigma, angle)
    assert distance(stamp, brute_gaussian(stamp, position, sigma, angle)) < FAINT + 0.001


def brute_template(
    template: Template, position: tuple[float, float], length: float, angle: float, mirror: bool
) -> Profile:
    """Area average over 32 x 32 points a pixel of the drawing at its full size, by formulas of its own."""
    n, reach = 32, math.ceil(0.75 * length) + 2
    left, top = math.floor(position[0]) - reach, math.floor(position[1]) - reach
    points = (np.arange((2 * reach + 1) * n) + 0.5) / n - 0.5
    x, y = points + left - position[0], (points + top - position[1])[:, None]
    height, width = template.radiance.shape
    scale, turn = max(height, width) / length, math.radians(angle)
    u = (x * math.cos(turn) + y * math.sin(turn)) * scale * (-1 if mirror else 1) + width / 2 - 0.5
    v = (y * math.cos(turn) - x * math.sin(turn)) * scale + height / 2 - 0.5
    dense = cv2.remap(template.radiance, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
    mean = dense.reshape(2 * reach + 1, n, 2 * reach + 1, n).mean(axis=(1, 3))
    return Profile(mean / mean.max(), left, top)


@pytest.mark.parametrize("name", ["plane/02", "plane/06", "ship/01", "ship/13", "uav/01", "uav/07"])
@pytest.mark.parametrize(
    ("length", "angle", "mirror"), [(5.0, 20.0, False), (9.0, 0.0, True), (16.3, 211.0, True), (27.0, -73.0, False)]
)
def test_template_equals_brute_force(name: str, length: float, angle: float, mirror: bool) -> None:
    position = (-0.37, 0.18)
    template = LIBRARY.get(name)
    stamp = template_at(template, position, length, angle, mirror)
    assert distance(stamp, brute_template(template, position, length, angle, mirror)) < 0.025


def test_template_length_is_the_longer_side() -> None:
    bar = Template("bar/01", "bar", np.ones((40, 200)))
    stamp = template_at(bar, (0.0, 0.0), 21.0, 0.0)
    assert stamp.values.sum(axis=1).max() == pytest.approx(21.0, abs=0.05)
    assert stamp.values.sum() == pytest.approx(21.0 * 21.0 / 5.0, rel=0.01)
    assert centroid(stamp) == pytest.approx((0.0, 0.0), abs=0.01)
    upright = template_at(bar, (0.0, 0.0), 21.0, 90.0)
    np.testing.assert_allclose(upright.values, stamp.values.T, atol=0.01)


def test_template_turns_clockwise_and_mirrors_before_turning() -> None:
    arrow = np.full((20, 100), 0.5)
    arrow[:, 80:] = 1.0  # the bright end points right
    template = Template("arrow/01", "arrow", arrow)
    down = template_at(template, (0.0, 0.0), 20.0, 90.0)
    assert down.values[-3:].mean() > 1.5 * down.values[:3].mean()
    up = template_at(template, (0.0, 0.0), 20.0, 90.0, mirror=True)
    assert up.values[:3].mean() > 1.5 * up.values[-3:].mean()


@pytest.mark.parametrize("cls", ["plane", "ship", "uav"])
def test_every_template_is_one_piece_at_the_mask_level(cls: str) -> None:
    """At 0.3 of the peak, after the weakest blur of the paper, no template falls apart at 7 to 40 px."""
    generator = np.random.default_rng(3)
    for template in LIBRARY.of_class(cls):
        for length in np.geomspace(7, 40, 24):
            turn, x, y = generator.uniform(0, 360), *generator.uniform(-0.5, 0.5, 2)
            stamp = template_at(template, (x, y), float(length), turn, mirror=bool(generator.integers(2)))
            padded = cv2.copyMakeBorder(stamp.values, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
            blurred = cv2.GaussianBlur(padded, (5, 5), 0.2)
            mask = (blurred >= 0.3 * blurred.max()).astype(np.uint8)
            pieces = cv2.connectedComponents(mask, connectivity=8)[0] - 1
            assert pieces == 1, f"{template.id} at {length:.1f} px, {turn:.0f} degrees"


def test_very_thin_gaussians_are_drawn() -> None:
    for sigma in ((1e-300, 1e-300), (1e-9, 3.0)):
        assert_well_formed(gaussian_at((0.5, 0.25), sigma, 31.0))


def test_what_is_wider_than_any_small_target_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="sigma must be at most"):
        gaussian_at((0.0, 0.0), (MAX_EXTENT, 1.0), 0.0)
    with pytest.raises(InvalidValueError, match="length must be at most"):
        template_at(LIBRARY.get("ship/01"), (0.0, 0.0), 2 * MAX_EXTENT, 0.0)


def test_a_sum_has_the_weights_of_its_parts() -> None:
    parts = [GaussianComponent(0.0, 0.0, 0.6, 0.6, 0.0, 1.0), GaussianComponent(6.0, 0.0, 2.0, 0.8, 30.0, 0.5)]
    profile = gaussian_profile(parts)
    row = profile.values[-profile.top]
    assert row[-profile.left] == pytest.approx(1.0, abs=0.02)
    assert row[6 - profile.left] == pytest.approx(0.5, abs=0.02)
