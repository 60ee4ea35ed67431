from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making.clutter import clutter

from sirstgen.errors import InvalidValueError
from sirstgen.measure.scr import excluded, measure_clutter
from sirstgen.plan import BackgroundCrop, ClutterRegion, ImagePlan, TargetPlan
from sirstgen.seeding import stream
from sirstgen.synthesis.canvas import Canvas, TargetRejectedError
from sirstgen.synthesis.optics import background_layer
from sirstgen.synthesis.profile import GaussianComponent, gaussian_profile
from sirstgen.synthesis.rasterise import rasterise
from sirstgen.synthesis.render import Sample, position_in_pixel, render
from sirstgen.synthesis.request import Request
from sirstgen.synthesis.template_profile import template_profile
from sirstgen.synthesis.templates import TemplateLibrary

Plans = tuple[ImagePlan, np.ndarray]


def canvas_of(plan: ImagePlan, background: np.ndarray) -> Canvas:
    """An empty canvas for the images of a plan."""
    size = (plan.width, plan.height)
    return Canvas(background_layer(background, plan.background, size, plan.blur_sigma), plan.clutter_region)


def add(canvas: Canvas, plan: ImagePlan, target: TargetPlan, alone: bool = True) -> None:
    """Add a target to a canvas, as the generator does, or only place it."""
    column, row, phase = position_in_pixel(target.position)
    raster = rasterise(target, phase, plan.blur_sigma, plan.stages, plan.mask_level)
    put = canvas.add if alone else canvas.place
    put(raster, column, row, Request(target.scr, target.contrast, target.polarity))


@st.composite
def plans(draw: st.DrawFn) -> Plans:
    """A random image plan and its background; targets that cannot be drawn are left out."""
    rng = stream(draw(st.integers(0, 10**6)), "plan")
    depth = draw(st.sampled_from([8, 16]))
    height, width = 70, 90
    frame = clutter(int(rng.integers(10**6)), 80, 100, deviation=float(rng.uniform(2, 16)))
    background = frame if depth == 8 else frame.astype(np.uint16) * 257
    crop = draw(st.sampled_from([(0, 0, 90, 70), (7, 5, 90, 70), (0, 0, 100, 80), (10, 10, 60, 45)]))
    plan = ImagePlan(
        background=BackgroundCrop("frame", crop, flip=draw(st.booleans())),
        width=width,
        height=height,
        bit_depth=depth,
        blur_sigma=draw(st.sampled_from([0.2, 0.5, 1.0])),
        mask_level=draw(st.sampled_from([0.1, 0.3, 0.5, 0.9])),
        clutter_region=ClutterRegion(draw(st.sampled_from(["local", "global"])), draw(st.integers(5, 25))),
    )
    canvas, targets = canvas_of(plan, background), []
    for _ in range(draw(st.integers(0, 12))):
        common: dict[str, Any] = {
            "position": (float(rng.uniform(8, width - 8)), float(rng.uniform(8, height - 8))),
            "scr": float(rng.uniform(0.5, 6)),
            "angle": float(rng.uniform(0, 360)),
            "polarity": int(rng.choice([1, -1])),
        }
        if rng.random() < 0.3:
            template = str(rng.choice(["plane/01", "ship/02", "uav/03"]))
            target = TargetPlan("extended", template=template, length=float(rng.uniform(4, 22)), **common)
        else:
            sigma = float(rng.uniform(0.2, 3)), float(rng.uniform(0.2, 3))
            target = TargetPlan("spot", sigma=sigma, **common)
        try:
            add(canvas, plan, target)
        except TargetRejectedError:
            continue
        targets.append(target)
    return replace(plan, targets=tuple(targets)), background


def components(mask: np.ndarray) -> list[set[tuple[int, int]]]:
    """8-connected components as sets of (row, column), in raster order of their first pixels; written out by hand."""
    left = {(int(row), int(column)) for row, column in zip(*np.nonzero(mask), strict=True)}
    found = []
    for start in sorted(left):
        if start not in left:
            continue
        body, edge = {start}, [start]
        left.discard(start)
        while edge:
            row, column = edge.pop()
            for near in [(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]:
                if near in left:
                    left.discard(near)
                    body.add(near)
                    edge.append(near)
        found.append(body)
    return found


def measured(image: np.ndarray, mask: np.ndarray, row: dict[str, Any]) -> list[dict[str, Any]]:
    """What the contract says of each target, from the two images and the row alone, in plain numpy."""
    height, width = image.shape
    reach = row["support_margin"]
    taken = np.zeros(mask.shape, bool)
    for y, x in zip(*np.nonzero(mask), strict=True):
        taken[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = True
    found = []
    for body in components(mask):
        ys, xs = np.array(sorted(body)).T
        x, y = int(xs.min()), int(ys.min())
        w, h = int(xs.max()) - x + 1, int(ys.max()) - y + 1
        region = np.ones(mask.shape, bool)
        if row["clutter_region"]["kind"] == "local":
            grow = row["clutter_region"]["margin"]
            region[:] = False
            region[max(y - grow, 0) : min(y + h + grow, height), max(x - grow, 0) : min(x + w + grow, width)] = True
        around = image[region & ~taken].astype(np.float64)
        levels = image[ys, xs].astype(np.float64)
        found.append(
            {
                "area": len(body),
                "bbox": [x, y, w, h],
                "center": [xs.mean(), ys.mean()],
                "mu_t": levels.mean(),
                "mu_b": around.mean(),
                "sigma_b": around.std(),
                "scr": abs(levels.mean() - around.mean()) / around.std(),
                "saturated": int(((levels == 0) | (levels == (1 << row["bit_depth"]) - 1)).sum()),
            }
        )
    return found


def row_of(sample: Sample) -> dict[str, Any]:
    """The sample's row as it is read from a file."""
    row: dict[str, Any] = json.loads(json.dumps(sample.row("000001")))
    return row


@settings(max_examples=150)
@given(plans())
def test_every_figure_of_a_row_is_found_in_the_files(drawn: Plans) -> None:
    """SCR within half a gray level of the mask's sum; targets are the mask's components in raster order."""
    sample = render(*drawn)
    row = row_of(sample)
    found = measured(sample.image, sample.mask, row)
    assert len(found) == len(row["targets"])
    for target, truth in zip(row["targets"], found, strict=True):
        assert target["area"] == truth["area"]
        assert target["bbox"] == truth["bbox"]
        assert target["saturated"] == truth["saturated"]
        assert target["center"] == pytest.approx(truth["center"], abs=1e-4)
        for name in ("mu_t", "mu_b", "sigma_b", "scr"):
            assert target[name] == pytest.approx(truth[name], rel=1e-7)
        assert abs(truth["scr"] - target["scr_requested"]) <= 0.5 / (truth["area"] * truth["sigma_b"]) + 1e-9
        assert (truth["mu_t"] - truth["mu_b"]) * target["polarity"] > 0
    assert set(np.unique(sample.mask)) <= {0, 255}


def own_contribution(plan: ImagePlan, number: int) -> np.ndarray:
    """blur(B + T) - blur(B) of one target of unit peak on an image-sized layer, the long way round."""
    target = plan.targets[number]
    column, row, phase = position_in_pixel(target.position)
    if target.sigma is not None:
        own = gaussian_profile([GaussianComponent(0.0, 0.0, *target.sigma, target.angle, 1.0)], phase)
    else:
        assert target.template is not None and target.length is not None
        drawing = TemplateLibrary.open().get(target.template)
        own = template_profile(drawing, target.length, target.angle, target.mirror, phase)
    layer = np.zeros((plan.height, plan.width))
    height, width = own.values.shape
    layer[row + own.top : row + own.top + height, column + own.left : column + own.left + width] = own.values
    base = clutter(3, plan.height, plan.width).astype(np.float64)

    def blur(image: np.ndarray) -> np.ndarray:
        axis = np.arange(-2, 3)
        weights = np.exp(-(axis**2) / (2 * plan.blur_sigma**2))
        weights /= weights.sum()
        padded = np.pad(image, 2, mode="reflect")
        rows = sum(weight * padded[i : i + image.shape[0]] for i, weight in enumerate(weights))
        return sum(weight * rows[:, i : i + image.shape[1]] for i, weight in enumerate(weights))  # type: ignore[index]

    return blur(base + 1000 * layer) - blur(base)


@settings(max_examples=60)
@given(plans())
def test_masks_hold_the_pixels_from_the_mask_level_on(drawn: Plans) -> None:
    plan, background = drawn
    sample = render(plan, background)
    union = np.zeros(sample.mask.shape, bool)
    for number in range(len(plan.targets)):
        own = own_contribution(plan, number)
        share = own / own.max()
        edge = np.abs(share - plan.mask_level) < 2e-3  # where single precision may decide
        inside = sample.mask > 0
        reach = share > 0.004  # this target's own part of the image
        assert (inside[reach & ~edge] == (share >= plan.mask_level)[reach & ~edge]).all()
        union |= reach
    assert not sample.mask[~union].any()


@settings(max_examples=100)
@given(plans())
def test_the_support_margin_covers_every_changed_pixel_and_is_reached(drawn: Plans) -> None:
    plan, background = drawn
    sample = render(plan, background)
    changed = sample.image != render(replace(plan, targets=()), background).image
    if not plan.targets:
        assert not changed.any()
        assert sample.support_margin == 0
        return

    def covered(margin: int) -> bool:
        side = 2 * margin + 1
        grown = cv2.dilate(sample.mask, np.ones((side, side), np.uint8)) > 0
        return not (changed & ~grown).any()

    assert covered(sample.support_margin)
    margin = sample.support_margin
    if margin > 0:  # some target reaches it, beyond its own mask, or it is needed for a smaller one that disagrees
        assert not consistent(plan, background, margin, margin - 1) or not consistent(plan, background, margin - 1)


def consistent(plan: ImagePlan, background: np.ndarray, margin: int, reach: int | None = None) -> bool:
    """Whether targets written for a support margin reach at most so far, by default as far as the margin.

    The margin decides the clutter, and that the intensity. Several margins may agree with their own reach.
    """
    side = 2 * (margin if reach is None else reach) + 1
    canvas = canvas_of(plan, background)
    for target in plan.targets:
        add(canvas, plan, target, alone=False)
    for target in canvas.targets:
        raster = target.raster
        around = measure_clutter(canvas.layer, excluded(canvas.masks, margin), target.box, plan.clutter_region)
        mu_t = around.mu_b + target.request.signal(around.sigma_b)
        amplitude = (round(mu_t * raster.area) - target.under_sum) / raster.own_sum
        outside = cv2.dilate(raster.mask, np.ones((side, side), np.uint8)) == 0
        if np.rint(raster.values[outside] * abs(amplitude)).any():
            return False
    return True


@settings(max_examples=60)
@given(plans())
def test_a_row_alone_rebuilds_its_image(drawn: Plans) -> None:
    plan, background = drawn
    sample = render(plan, background)
    again = render(ImagePlan.from_dict(row_of(sample)), background)
    np.testing.assert_array_equal(again.image, sample.image)
    np.testing.assert_array_equal(again.mask, sample.mask)
    assert row_of(again) == row_of(sample)


def test_nothing_but_the_targets_differs_from_the_blurred_crop() -> None:
    background = clutter(1, 60, 60)
    plan = ImagePlan(BackgroundCrop("x", (0, 0, 60, 60)), width=60, height=60, blur_sigma=1.0)
    sample = render(plan, background)
    np.testing.assert_array_equal(sample.image, cv2.GaussianBlur(background, (5, 5), 1.0))
    assert not sample.mask.any()
    assert sample.targets == ()


@pytest.mark.parametrize("flip", [False, True])
def test_crops_are_cut_resized_and_then_mirrored(flip: bool) -> None:
    background = clutter(2, 64, 96)

    def shown(crop: tuple[int, int, int, int]) -> np.ndarray:
        return background_layer(background, BackgroundCrop("x", crop, flip), (32, 32), 0.2)  # no blur in 8 bit

    def mirrored(image: np.ndarray) -> np.ndarray:
        return image[:, ::-1] if flip else image

    np.testing.assert_array_equal(shown((3, 5, 32, 32)), mirrored(background[5:37, 3:35]))
    halved = background[:64, 20:84].reshape(32, 2, 32, 2).mean(axis=(1, 3))
    assert np.abs(shown((20, 0, 64, 64)).astype(float) - mirrored(halved)).max() <= 0.51
    assert shown((0, 0, 16, 16)).shape == (32, 32)
    with pytest.raises(InvalidValueError, match=r"inside its background, got \[70, 0, 32, 32\] in x of 96x64 px"):
        shown((70, 0, 32, 32))


def test_a_background_of_another_depth_is_refused() -> None:
    plan = ImagePlan(BackgroundCrop("x", (0, 0, 32, 32)), width=32, height=32)
    with pytest.raises(InvalidValueError, match=r"must be \(h, w\) uint8 for an image of bit_depth 8, got .* uint16"):
        render(plan, clutter(0, 32, 32).astype(np.uint16))


def test_a_dark_target_is_darker_than_its_background() -> None:
    target = TargetPlan("spot", (40.0, 30.0), 4.0, sigma=(1.5, 1.5), polarity=-1)
    plan = ImagePlan(BackgroundCrop("x", (0, 0, 80, 60)), (target,), width=80, height=60)
    sample = render(plan, clutter(5, 60, 80, deviation=6))
    truth = sample.targets[0]
    assert truth.mu_t < truth.mu_b
    assert truth.amplitude < 0
    assert truth.scr == pytest.approx(4.0, abs=0.5 / (truth.area * truth.sigma_b))


def test_16_bit_images_meet_the_ratio_256_times_closer() -> None:
    target = TargetPlan("spot", (40.0, 30.0), 4.0, sigma=(1.5, 1.5))
    plan = ImagePlan(BackgroundCrop("x", (0, 0, 80, 60)), (target,), width=80, height=60, bit_depth=16)
    sample = render(plan, clutter(5, 60, 80).astype(np.uint16) * 257)
    assert sample.image.dtype == np.uint16
    assert sample.image.max() > 255
    assert abs(sample.targets[0].scr - 4.0) < 1e-4


def test_the_order_of_targets_in_a_plan_changes_nothing() -> None:
    targets = tuple(TargetPlan("spot", (x, y), 3.0, sigma=(1.0, 1.4)) for x, y in ((60.0, 20.0), (20.0, 40.0)))
    plan = ImagePlan(BackgroundCrop("x", (0, 0, 80, 60)), targets, width=80, height=60)
    background = clutter(6, 60, 80)
    one, other = render(plan, background), render(replace(plan, targets=targets[::-1]), background)
    np.testing.assert_array_equal(one.image, other.image)
    assert one.row("1") == other.row("1")


def spot(x: float, y: float, scr: float = 3.0, sigma: tuple[float, float] = (1.5, 1.5)) -> TargetPlan:
    return TargetPlan("spot", (x, y), scr, sigma=sigma)


def half_flat() -> np.ndarray:
    frame = clutter(7, 60, 80)
    frame[:, :60] = 100
    return frame


def bright_place() -> np.ndarray:
    frame = clutter(7, 60, 80)
    frame[25:36, 35:46] = 160
    return frame


@pytest.mark.parametrize(
    ("reason", "targets", "frame", "settings"),
    [
        ("off image", (spot(1, 30),), lambda: clutter(7, 60, 80), {}),
        ("touching", (spot(40, 30), spot(47, 30)), lambda: clutter(7, 60, 80), {}),
        ("fragmented mask", (spot(40.2, 30.4, sigma=(9, 0.05)),), lambda: clutter(7, 60, 80), {"mask_level": 0.9}),
        ("flat clutter", (spot(20, 30),), half_flat, {"clutter_region": ClutterRegion("local", 10)}),
        ("saturated", (spot(40, 30, scr=40.0),), lambda: clutter(7, 60, 80), {}),
        ("invisible contrast", (spot(40, 30, scr=0.01),), bright_place, {}),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_its_reason(
    reason: str, targets: tuple[TargetPlan, ...], frame: Callable[[], np.ndarray], settings: dict[str, Any]
) -> None:
    if reason == "fragmented mask":
        targets = (replace(targets[0], angle=30.0),)
    plan = ImagePlan(BackgroundCrop("x", (0, 0, 80, 60)), targets, width=80, height=60, **settings)
    with pytest.raises(TargetRejectedError) as caught:
        render(plan, frame())
    assert caught.value.data["reason"] == reason
    assert caught.value.data["target"] == len(targets) - 1
    assert str(caught.value).startswith(f"target {len(targets) - 1}: ")


def test_a_plan_is_judged_as_a_whole() -> None:
    """Alone, the second target has a bright patch in its clutter; beside the first, which covers it, it has not."""
    background = clutter(9, 60, 80, deviation=4, mean=60)
    background[26:35, 40:49] = 120
    plan = ImagePlan(
        BackgroundCrop("x", (0, 0, 80, 60)), width=80, height=60, clutter_region=ClutterRegion("local", 40)
    )
    strong, weak = spot(44, 30, scr=25.0, sigma=(4, 4)), spot(20, 30, scr=12.0)
    with pytest.raises(TargetRejectedError, match=r"target 0: .* black or white"):
        render(replace(plan, targets=(weak,)), background)
    one = render(replace(plan, targets=(strong, weak)), background)
    other = render(replace(plan, targets=(weak, strong)), background)
    np.testing.assert_array_equal(one.image, other.image)


def test_bright_and_dark_targets_on_one_canvas_keep_their_ratios() -> None:
    """A target that is added later takes pixels from the clutter of the earlier ones, whose intensities follow."""
    background = clutter(8, 60, 80)
    plan = ImagePlan(BackgroundCrop("x", (0, 0, 80, 60)), width=80, height=60)
    canvas = canvas_of(plan, background)
    add(canvas, plan, spot(30, 30))
    before = canvas.intensities[0].clutter
    add(canvas, plan, replace(spot(46, 30), polarity=-1))
    assert canvas.intensities[0].clutter.pixels < before.pixels
    masks, targets, intensities = canvas.masks.copy(), list(canvas.targets), canvas.intensities
    with pytest.raises(TargetRejectedError):
        add(canvas, plan, spot(40, 12, scr=90.0))
    np.testing.assert_array_equal(canvas.masks, masks)
    assert all(one is other for one, other in zip(canvas.targets, targets, strict=True))
    assert canvas.intensities is intensities


def test_a_margin_far_from_the_first_one_tried_is_found_too() -> None:
    """A strong, wide target whose faint tail reaches far."""
    noise = stream(0, "noise").normal(30000, 1200, (200, 200))
    background = np.clip(noise, 0, 65535).astype(np.uint16)
    target = TargetPlan("spot", (100.0, 100.0), 8.0, sigma=(9.0, 9.0))
    region = ClutterRegion("local", 60)
    plan = ImagePlan(
        BackgroundCrop("x", (0, 0, 200, 200)), (target,), width=200, height=200, bit_depth=16, clutter_region=region
    )
    sample = render(plan, background)
    assert sample.support_margin > 12
    truth = measured(sample.image, sample.mask, row_of(sample))[0]
    assert truth["scr"] == pytest.approx(sample.targets[0].scr, rel=1e-9)
    assert abs(truth["scr"] - 8.0) <= 0.5 / (truth["area"] * truth["sigma_b"]) + 1e-9
    assert math.isfinite(truth["sigma_b"])
