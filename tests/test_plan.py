from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirstgen.errors import InvalidValueError
from sirstgen.plan import BackgroundCrop, ClutterRegion, ImagePlan, TargetPlan

finite = st.floats(-1e4, 1e4)
positive = st.floats(0.01, 1e3)
kernels = st.builds(
    TargetPlan,
    kind=st.sampled_from(["point", "spot"]),
    position=st.tuples(finite, finite),
    scr=positive,
    sigma=st.tuples(positive, positive),
    angle=finite,
    polarity=st.sampled_from([1, -1]),
)
extended = st.builds(
    TargetPlan,
    kind=st.just("extended"),
    position=st.tuples(finite, finite),
    scr=positive,
    template=st.just("plane/01"),
    length=positive,
    mirror=st.booleans(),
)
plans = st.builds(
    ImagePlan,
    background=st.builds(
        BackgroundCrop,
        id=st.text(max_size=9),
        crop=st.just((1, 2, 64, 64)),
        flip=st.booleans(),
        group=st.text(max_size=3),
    ),
    targets=st.lists(kernels | extended, max_size=3).map(tuple),
    index=st.integers(0, 10**6),
    bit_depth=st.sampled_from([8, 16]),
    blur_sigma=positive,
    mask_level=st.floats(0.01, 1),
    clutter_region=st.builds(ClutterRegion, kind=st.sampled_from(["local", "global"]), margin=st.integers(1, 99)),
)


@given(plans)
def test_a_plan_survives_its_row(plan: ImagePlan) -> None:
    assert ImagePlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"kind": "blob"}, "kind"),
        ({"scr": 0}, "scr"),
        ({"scr": float("nan")}, "scr"),
        ({"sigma": None}, "sigma"),
        ({"sigma": (1.0, -1.0)}, "sigma"),
        ({"polarity": 0}, "polarity"),
        ({"position": (float("inf"), 0.0)}, "position"),
        ({"template": "plane/01"}, "template"),
        ({"kind": "extended", "sigma": None}, "template"),
        ({"kind": "extended", "sigma": None, "template": "plane/01", "length": 0.0}, "length"),
    ],
)
def test_a_wrong_target_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    right: dict[str, Any] = {"kind": "spot", "position": (5.0, 5.0), "scr": 3.0, "sigma": (1.0, 1.0)}
    with pytest.raises(InvalidValueError, match=named):
        TargetPlan(**{**right, **changes})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"width": 8}, "image size"),
        ({"width": 10**12}, "image size"),
        ({"bit_depth": 12}, "bit_depth"),
        ({"blur_sigma": 0.0}, "blur_sigma"),
        ({"mask_level": 0.0}, "mask_level"),
        ({"index": -1}, "index"),
        ({"clutter_region": "local"}, "clutter_region must be a ClutterRegion, got local"),
    ],
)
def test_a_wrong_image_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidValueError, match=named):
        ImagePlan(BackgroundCrop("x", (0, 0, 64, 64)), **changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"background": None}, "right kind"),
        ({"background": {"id": "x"}}, "must hold 'crop'"),
        ({"background": {"id": "x", "crop": [1, 2, 3]}}, "right kind.*not enough values"),
        ({"targets": [{"kind": "spot"}]}, "must hold 'position'"),
        ({"targets": [{"kind": "spot", "position": 3, "scr_requested": 4}]}, "right kind"),
        (
            {"targets": [{"kind": "spot", "position": [3, 4], "scr_requested": "4", "sigma": [1, 1]}]},
            "scr must be a finite number, got '4'",
        ),
        ({"clutter_region": {"kind": "local", "margins": 3}}, "right kind.*margins"),
        ({"width": "256"}, "width must be a whole number, got '256'"),
        ({"mask_level": 2.0}, r"mask_level must be in \(0, 1\], got 2.0"),
    ],
)
def test_a_wrong_row_is_refused_with_the_fault(changes: dict[str, Any], named: str) -> None:
    row = ImagePlan(BackgroundCrop("x", (0, 0, 64, 64))).to_dict()
    with pytest.raises(InvalidValueError, match=named):
        ImagePlan.from_dict(row | changes)


def test_a_row_without_background_says_so() -> None:
    with pytest.raises(InvalidValueError, match="must hold 'background'"):
        ImagePlan.from_dict({"targets": [], "clutter_region": {}})


def test_plain_values_stand_for_what_they_mean() -> None:
    round_kernel = TargetPlan("spot", [3, np.float32(4)], scr=np.int64(4), sigma=1.5)  # type: ignore[arg-type]
    assert round_kernel == TargetPlan("spot", (3.0, 4.0), scr=4.0, sigma=(1.5, 1.5))
    plan = ImagePlan(BackgroundCrop("x", [0, 0, 64, 64]), [round_kernel], width=np.int64(64))  # type: ignore[arg-type]
    assert plan == ImagePlan(BackgroundCrop("x", (0, 0, 64, 64)), (round_kernel,), width=64)
    assert ImagePlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TargetPlan("spot", (1, 2), scr="4", sigma=1), "scr must be a finite number, got '4'"),
        (lambda: TargetPlan("spot", 3, scr=4, sigma=1), r"position must be \(x, y\), got 3"),
        (lambda: TargetPlan("spot", (1, 2), scr=4, sigma="wide"), "sigma must be two positive lengths"),
        (lambda: TargetPlan("spot", (1, 2), scr=4, sigma=True), "sigma must be two positive lengths"),
        (lambda: TargetPlan("spot", (1, 2), scr=4, sigma=1, angle=None), "angle must be a number"),
        (lambda: TargetPlan("extended", (1, 2), scr=4, template=["plane/03"], length=9), "template must be the id"),
        (lambda: ClutterRegion(margin="20"), "clutter_region.margin must be a whole number, got '20'"),
        (lambda: ClutterRegion(margin=20.5), "clutter_region.margin must be a whole number, got 20.5"),
        (lambda: BackgroundCrop("x", 3), "background.crop must be four whole numbers"),
        (lambda: BackgroundCrop("x", (0, 0, 1.5, 2)), "background.crop must be four whole numbers"),
        (lambda: BackgroundCrop(3, (0, 0, 4, 2)), "background.id must be text"),
        (lambda: ImagePlan("cloud/0001"), "background must be a BackgroundCrop, got cloud/0001"),
        (lambda: ImagePlan(BackgroundCrop("x", (0, 0, 9, 9)), targets=[3]), "targets must be TargetPlan objects"),
        (lambda: ImagePlan(BackgroundCrop("x", (0, 0, 9, 9)), bit_depth="8"), "bit_depth must be a whole number"),
        (lambda: ImagePlan(BackgroundCrop("x", (0, 0, 9, 9)), blur_sigma="1"), "blur_sigma must be a finite number"),
    ],
)
def test_values_of_another_type_are_one_error(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        make()
