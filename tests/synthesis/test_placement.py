from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from making.clutter import clutter

from sirstgen.places.classes import GROUND, SKY, WATER
from sirstgen.plan import BackgroundCrop, TargetPlan
from sirstgen.seeding import Draws
from sirstgen.synthesis.areas import AREAS, MAYBE_SKY, Area
from sirstgen.synthesis.frame_analysis import FrameAnalysis
from sirstgen.synthesis.placement import OccupiedRegion, Place, PlacementContext
from sirstgen.synthesis.rasterise import RasterisedTarget, rasterise
from sirstgen.synthesis.request import Request

SIDE = 160


def two_regions() -> np.ndarray:
    """Sky over water: the horizon at row 100."""
    frame = clutter(1, SIDE, SIDE, deviation=5, mean=110).astype(int)
    frame[:100] -= 60
    return np.clip(frame, 0, 255).astype(np.uint8)


def ground(
    frame: np.ndarray,
    crop: tuple[int, int, int, int] | None = None,
    flip: bool = False,
    border: int = 2,
    map_of: np.ndarray | None = None,
    **settings: object,
) -> PlacementContext:
    x, y, width, height = crop or (0, 0, frame.shape[1], frame.shape[0])
    layer = frame[y : y + height, x : x + width]
    layer = np.ascontiguousarray(layer[:, ::-1] if flip else layer)
    shown = BackgroundCrop("x", (x, y, width, height), flip)
    analysis = FrameAnalysis(frame, None if map_of is None else lambda: map_of)
    return PlacementContext(analysis, shown, layer, border, 4.0, **settings)  # type: ignore[arg-type]


def target(radius: int = 6) -> RasterisedTarget:
    """A Gaussian target whose window reaches about this far from its position."""
    plan = TargetPlan("spot", (0, 0), 4.0, sigma=(radius / 4, radius / 4))
    return rasterise(plan, (0.0, 0.0), 0.2, {}, 0.3)


def placed(
    on: PlacementContext,
    numbers: Draws,
    raster: RasterisedTarget,
    area: Area,
    taken: Sequence[OccupiedRegion],
    request: Request,
    outside_top10: bool | None,
) -> Place | str:
    prospect = on.predict(request, raster.area / raster.own_sum, outside_top10)
    return prospect if isinstance(prospect, str) else on.place(numbers, raster, prospect, area, taken)


def places(on: PlacementContext, number: int = 60, **settings: object) -> np.ndarray:
    usual = {"raster": target(), "area": Area(), "taken": (), "request": times(5.0), "outside_top10": False}
    found = [placed(on, Draws(0, "place", i), **{**usual, **settings}) for i in range(number)]  # type: ignore[arg-type]
    return np.array([place[:2] for place in found if not isinstance(place, str)])


def times(scr: float) -> Request:
    """A target of this signal-to-clutter ratio, dark where it is negative."""
    return Request(abs(scr), None, 1 if scr > 0 else -1)


def sky_over_water() -> np.ndarray:
    """The place map of `two_regions`."""
    found = np.full((SIDE, SIDE), WATER, np.uint8)
    found[:100] = SKY
    return found


def test_ships_are_on_the_water_and_planes_in_the_sky() -> None:
    context = ground(two_regions(), map_of=sky_over_water())
    sky, water, anywhere = (
        places(context, area=AREAS[where], outside_top10=None)  # type: ignore[index]
        for where in ("sky", "water", "any")
    )
    assert len(sky) == len(water) == 60
    assert (sky[:, 1] < 100 - 6).all()
    assert (water[:, 1] > 99 + 6).all()
    assert (anywhere[:, 1] < 100).any() and (anywhere[:, 1] > 100).any()


def test_a_crop_without_water_has_no_room_and_a_frame_without_ground_says_so() -> None:
    above = ground(two_regions(), crop=(0, 0, SIDE, 80), map_of=sky_over_water())
    assert placed(above, Draws(0), target(), AREAS["water"], (), times(5.0), False) == "no room"
    assert placed(above, Draws(0), target(), AREAS["ground"], (), times(5.0), False) == "no ground"
    assert len(places(above, area=AREAS["sky"])) == 60


def test_where_nothing_is_known_only_what_may_be_anywhere_stands() -> None:
    unknown = ground(two_regions())
    assert placed(unknown, Draws(0), target(), AREAS["sky"], (), times(5.0), False) == "no sky"
    assert len(places(unknown, area=MAYBE_SKY)) == len(places(unknown, area=AREAS["any"])) == 60


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_all_of_a_target_lies_in_its_place_in_mirrored_and_resized_crops_too(flip: bool, scale: float) -> None:
    frame = clutter(2, SIDE, SIDE, deviation=5, mean=110)
    map_of = np.full((SIDE, SIDE), GROUND, np.uint8)
    cv2.circle(map_of, (90, 60), 45, SKY, -1)
    x, y, side = 20, 10, 128
    layer = cv2.resize(frame[y : y + side, x : x + side], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    layer = np.ascontiguousarray(layer[:, ::-1] if flip else layer)
    seen = cv2.resize(
        np.ascontiguousarray(map_of[y : y + side, x : x + side]), layer.shape[::-1], interpolation=cv2.INTER_NEAREST
    )
    seen = seen[:, ::-1] if flip else seen
    shown = BackgroundCrop("x", (x, y, side, side), flip)
    context = PlacementContext(FrameAnalysis(frame, lambda: map_of), shown, layer, 2, 4.0)
    found = places(context, area=AREAS["sky"])
    assert len(found) == 60 and np.ptp(found[:, 0]) > 10 * scale
    for column, row in found.astype(int):
        window = OccupiedRegion.of(target(), column, row)
        assert (seen[window.top : window.bottom, window.left : window.right] == SKY).all()


def test_targets_keep_inside_and_apart() -> None:
    frame = clutter(3, 60, 90)
    taken = (OccupiedRegion(25, 25, 36, 36), OccupiedRegion(52, 12, 69, 29))
    found = places(ground(frame, border=4), number=200, taken=taken)
    assert len(found) > 100
    assert (found >= 10).all()
    assert (found[:, 0] <= 89 - 10).all() and (found[:, 1] <= 59 - 10).all()
    for other in taken:
        x, y = (other.left + other.right - 1) / 2, (other.top + other.bottom - 1) / 2
        assert (np.abs(found - (x, y)).max(axis=1) > (other.right - other.left) / 2 + 6).all()
    crowd = (OccupiedRegion(0, 0, 90, 60),)
    assert placed(ground(frame), Draws(0), target(), Area(), crowd, times(5.0), False) == "no room"
    assert placed(ground(frame), Draws(0), target(44), Area(), (), times(5.0), False) == "no room"


def test_dim_targets_are_looked_for_dim_places() -> None:
    frame = clutter(4, SIDE, SIDE, deviation=6, mean=80)
    frame[:, 80:] += 90
    dim, bright = (places(ground(frame), outside_top10=wish, request=times(4.0), number=100) for wish in (True, False))
    assert (dim[:, 0] < 90).mean() > 0.9
    assert (bright[:, 0] > 70).mean() > 0.9


def test_what_no_place_can_take_is_told() -> None:
    frame = clutter(5, SIDE, SIDE, deviation=12)
    assert placed(ground(frame), Draws(0), target(), Area(), (), times(60.0), False) == "saturated"
    assert placed(ground(frame), Draws(0), target(), Area(), (), times(-60.0), True) == "saturated"
    calm = clutter(5, SIDE, SIDE, deviation=0.3)
    assert placed(ground(calm), Draws(0), target(), Area(), (), times(3.0), False) == "invisible contrast"


def test_global_clutter_is_predicted_from_the_whole_image() -> None:
    """Calm on the left and rough on the right: locally too calm on the left, but not against the whole image."""
    frame = clutter(6, SIDE, SIDE, deviation=0.3, mean=100)
    frame[:, 120:] = clutter(7, SIDE, 40, deviation=25, mean=100)
    local = placed(ground(frame), Draws(0), target(), Area(), (OccupiedRegion(74, 0, 160, 160),), times(3.0), False)
    whole = placed(
        ground(frame, region="global"),
        Draws(0),
        target(),
        Area(),
        (OccupiedRegion(74, 0, 160, 160),),
        times(3.0),
        False,
    )
    assert local == "no room"
    assert not isinstance(whole, str)
