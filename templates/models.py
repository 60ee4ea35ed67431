"""The planes, ships and UAVs that the templates show.

Relative radiance: engines, exhaust and motors near 1, hulls and fuselages warm, wings cooler. Thin
parts are drawn stouter than life and hot spots stay moderate, so that at 7 to 40 px the pixels above 0.3 of the peak
form one piece that still looks like the object.
"""

from __future__ import annotations

import math

from solid import Model

ROTOR = 0.14  # of turning blades, which hide little of the sky
WAKE = 0.14  # of disturbed water behind a ship


def airliner() -> Model:
    """Two engines under swept wings; hot engines, warm fuselage, cold-soaked wings."""
    plane = Model()
    plane.wings([(14, 4, -2), (-8, 4, -2), (-28, 46, 3), (-16, 46, 3)], 0.55, 4.5)
    plane.wings([(-36, 2, 3), (-46, 2, 3), (-53, 18, 4), (-46, 18, 4)], 0.55, 3)
    plane.plate([(-32, 0, 5), (-47, 0, 5), (-54, 0, 22), (-46, 0, 22)], 0.58, 3)
    plane.tube(
        [
            (-52, 0, 3, 2, 0.66),
            (-34, 0, 1, 5.5, 0.7),
            (25, 0, 0, 6.5, 0.74),
            (42, 0, -1, 5.2, 0.7),
            (51, 0, -2, 1.5, 0.66),
        ]
    )
    for y in (17, -17):
        plane.tube([(12, y, -6, 3.8, 0.8), (-2, y, -6, 3.4, 1.0)])
        plane.plume((-2, y, -6), 16, 3, 0.85)
        plane.glow((0, y, -4), 9, 0.3)
    plane.glow((-4, 0, 0), 14, 0.25)
    return plane


def fighter() -> Model:
    """One hot nozzle with afterburner, delta wings, a single fin."""
    plane = Model()
    plane.wings([(18, 4, 0), (-34, 4, 0), (-38, 33, -1), (-26, 33, -1)], 0.55, 3)
    plane.wings([(-38, 4, 0), (-50, 4, 0), (-55, 20, 0), (-48, 20, 0)], 0.58, 3)
    plane.plate([(-22, 0, 5), (-46, 0, 5), (-54, 0, 24), (-44, 0, 24)], 0.58, 3)
    plane.tube(
        [(-50, 0, 0, 5.5, 0.95), (-38, 0, 0, 6.5, 0.78), (8, 0, 0, 7, 0.66), (24, 0, 1, 5, 0.62), (50, 0, 0, 0.8, 0.6)]
    )
    plane.tube([(8, 0, 6, 2, 0.6), (16, 0, 6.5, 3, 0.6), (26, 0, 4, 2, 0.6)])
    plane.plume((-50, 0, 0), 26, 5, 0.95)
    plane.glow((-44, 0, 0), 16, 0.35)
    return plane


def light_plane() -> Model:
    """A high wing, one piston engine in the nose."""
    plane = Model()
    plane.wings([(18, 0, 9), (2, 0, 9), (4, 52, 10), (15, 52, 10)], 0.56, 3)
    plane.wings([(-38, 1, 3), (-48, 1, 3), (-48, 18, 3), (-41, 18, 3)], 0.56, 3)
    plane.plate([(-34, 0, 4), (-48, 0, 3), (-50, 0, 20), (-42, 0, 20)], 0.56, 3)
    plane.glow((22, 0, 0), 14, 0.3)
    plane.tube(
        [
            (-48, 0, 3, 4.6, 0.64),
            (-10, 0, 1, 7, 0.66),
            (12, 0, 1, 8, 0.68),
            (24, 0, -1, 6.5, 0.95),
            (32, 0, -1, 4.5, 1.0),
        ]
    )
    return plane


def transport() -> Model:
    """Four turboprops on a straight high wing."""
    plane = Model()
    plane.wings([(14, 0, 7), (-4, 0, 7), (-4, 60, 7), (7, 60, 7)], 0.58, 4)
    plane.wings([(-40, 2, 6), (-53, 2, 6), (-53, 24, 6), (-43, 24, 6)], 0.6, 4)
    plane.plate([(-34, 0, 6), (-53, 0, 6), (-57, 0, 30), (-46, 0, 30)], 0.58, 3)
    plane.tube(
        [(-54, 0, 7, 3, 0.62), (-30, 0, 2, 7, 0.66), (30, 0, 0, 8, 0.7), (44, 0, -1, 6.5, 0.66), (51, 0, -3, 2, 0.62)]
    )
    for y in (20, -20, 40, -40):
        plane.tube([(22, y, 5, 2.5, 0.85), (16, y, 5, 4, 0.95), (-6, y, 5, 3.5, 1.0)])
        plane.plume((-6, y, 5), 10, 2.5, 0.8)
        plane.glow((4, y, 6), 7, 0.3)
    return plane


def _hull(
    length: float, beam: float, height: float, *, rake: float = 8.0, level: float = 0.62, deck: float = 0.55
) -> Model:
    """A ship's hull, stern at -length/2, with a raked bow."""
    half, wide = length / 2, beam / 2
    low = [(-half, -wide), (half - 22 - rake, -wide), (half - rake, 0), (half - 22 - rake, wide), (-half, wide)]
    high = [(-half, -wide), (half - 20, -wide), (half, 0), (half - 20, wide), (-half, wide)]
    ship = Model()
    ship.prism(low, high, (0, height), level, deck)
    return ship


def container_ship() -> Model:
    """Stacks of cool containers, the house and a hot funnel aft."""
    ship = _hull(104, 17, 9)
    for x, z in ((-20, 15), (-6, 17), (8, 18), (22, 16), (33, 14)):
        ship.box((x - 6.5, x + 6.5), 8, (9, z), 0.5, 0.48)
    ship.box((-40, -29), 8, (9, 24), 0.72, 0.68)
    ship.box((-47, -41), 5, (9, 21), 0.98, 1.0)
    ship.glow((-38, 0, 8), 14, 0.35)
    ship.wake(-52, 18, 34, WAKE)
    return ship


def tanker() -> Model:
    """A long low deck with pipes, house and funnel at the stern."""
    ship = _hull(108, 18, 9, level=0.6, deck=0.52)
    ship.box((-36, 34), 2, (9, 11.5), 0.55, 0.55)
    ship.box((-8, 0), 3, (9, 15), 0.58, 0.56)
    ship.box((-44, -33), 8, (9, 23), 0.72, 0.7)
    ship.box((-50, -45), 4, (9, 21), 0.98, 1.0)
    ship.glow((-42, 0, 8), 14, 0.35)
    ship.wake(-54, 18, 26, WAKE)
    return ship


def frigate(under_way: bool = True) -> Model:
    """A lean warship: gun, stepped superstructure, mast, hot funnel amidships."""
    ship = _hull(106, 13, 8, rake=12)
    ship.box((-36, -14), 5, (8, 16), 0.64, 0.6)
    ship.box((-12, -2), 4.5, (8, 21), 0.95, 1.0)
    ship.glow((-8, 0, 8), 16, 0.35)
    ship.box((0, 24), 5.5, (8, 17), 0.68, 0.62)
    ship.box((6, 20), 4.5, (17, 22), 0.7, 0.64)
    ship.tube([(9, 0, 20, 4.5, 0.64), (8, 0, 32, 2.4, 0.6)])
    ship.tube([(-24, 0, 15, 3, 0.6), (-24, 0, 24, 2, 0.56)])
    ship.tube([(33, 0, 9, 3, 0.58), (33, 0, 11, 3, 0.58), (41, 0, 12.5, 1.4, 0.56)])
    if under_way:
        ship.wake(-53, 15, 40, WAKE)
    return ship


def fishing_boat() -> Model:
    """Wheelhouse forward over a warm engine, net gallows aft."""
    ship = _hull(90, 26, 13, rake=12, level=0.6)
    ship.prism([(40, 11), (16, 11), (16, -11), (40, -11)], [(45, 8), (16, 8), (16, -8), (45, -8)], (13, 19), 0.6, 0.56)
    ship.box((0, 20), 8, (13, 33), 0.78, 0.72)
    ship.box((-9, -1), 4, (13, 36), 0.98, 1.0)
    ship.glow((-2, 0, 12), 14, 0.35)
    ship.tube([(9, 0, 32, 3.5, 0.68), (9, 0, 46, 2.4, 0.62)])
    ship.plate([(-26, 0, 12), (-40, 0, 12), (-42, 0, 28), (-38, 0, 28)], 0.62, 4)
    return ship


def ferry(under_way: bool = True) -> Model:
    """High decks of warm windows from bow to stern and a broad funnel."""
    ship = _hull(104, 20, 10, level=0.58)
    ship.box((-48, 34), 9.5, (10, 19), 0.7, 0.6)
    ship.box((-44, 28), 9, (19, 25), 0.74, 0.62)
    ship.box((-34, 20), 8, (25, 29), 0.68, 0.6)
    ship.box((-26, -15), 5, (29, 38), 0.95, 1.0)
    ship.glow((-20, 0, 16), 20, 0.3)
    if under_way:
        ship.wake(-52, 22, 34, WAKE)
    return ship


def tug() -> Model:
    """Short and high, with twin hot funnels behind the bridge."""
    ship = _hull(80, 30, 14, rake=6, level=0.62)
    ship.box((-14, 22), 11, (14, 26), 0.7, 0.64)
    ship.box((2, 18), 8, (26, 39), 0.74, 0.66)
    for y in (6, -6):
        ship.tube([(-9, y, 24, 4.4, 0.9), (-9, y, 37, 4, 1.0)])
    ship.glow((-8, 0, 16), 16, 0.35)
    ship.tube([(10, 0, 38, 3.5, 0.66), (10, 0, 50, 2.4, 0.6)])
    return ship


def motor_boat() -> Model:
    """An open hull, a windscreen, hot outboard engines and a planing trim."""
    ship = _hull(84, 26, 13, rake=16, level=0.58, deck=0.6)
    ship.prism(
        [(22, 10), (-14, 10), (-14, -10), (22, -10)], [(8, 8), (-12, 8), (-12, -8), (8, -8)], (13, 25), 0.66, 0.62
    )
    ship.box((-50, -38), 8, (2, 19), 0.96, 1.0)
    ship.glow((-40, 0, 8), 12, 0.35)
    ship.wake(-48, 24, 50, WAKE)
    return ship


def sailing_boat() -> Model:
    """A warm hull under sails that are little warmer than the sky behind them."""
    ship = _hull(80, 20, 11, rake=14, level=0.8, deck=0.75)
    ship.box((-16, 12), 6, (11, 16), 0.85, 0.8)
    ship.plate([(6, 0, 10), (6, 0, 92), (-36, 0, 20), (-38, 0, 12)], 0.55, 3)
    ship.plate([(9, 0, 14), (9, 0, 78), (36, 0, 12)], 0.52, 3)
    return ship


def multicopter(arms: int) -> Model:
    """A warm body and battery, an arm and a hot motor for each rotor."""
    drone = Model()
    reach, radius = (46.0, 21.0) if arms == 4 else (50.0, 18.0)
    drone.box((-15, 17), 12, (-5, 6), 0.8, 0.84)
    drone.box((-9, 9), 6, (-12, -5), 0.75, 0.75)
    drone.glow((0, 0, 0), 12, 0.35)
    for arm in range(arms):
        turn = math.radians(360 / arms * (arm + 0.5))
        x, y = reach * math.cos(turn), reach * math.sin(turn)
        drone.tube([(0, 0, 0, 5.5, 0.78), (x, y, 1, 5, 0.78)])
        drone.tube([(x, y, -4, 5.5, 0.95), (x, y, 6, 5, 1.0)])
        drone.disc((x, y, 8), radius, ROTOR, 1.5)
    for y in (14, -14):
        for x in (10, -10):
            drone.tube([(x, 0.6 * y, -4, 3, 0.62), (x, y, -22, 3, 0.6)])
        drone.tube([(-14, y, -22, 3, 0.6), (14, y, -22, 3, 0.6)])
    return drone


def surveyor() -> Model:
    """A long-endurance UAV: high-aspect wing, V tail, engine and propeller at the back."""
    drone = Model()
    drone.wings([(10, 0, 2), (-7, 0, 2), (-5, 58, 4), (6, 58, 4)], 0.64, 4)
    drone.wings([(-34, 0, 2), (-46, 0, 2), (-50, 22, 18), (-42, 22, 18)], 0.6, 3.5)
    drone.glow((-36, 0, 1), 13, 0.3)
    drone.tube(
        [
            (-48, 0, 1, 5, 1.0),
            (-34, 0, 1, 5.5, 0.95),
            (-20, 0, 0, 5, 0.7),
            (28, 0, 0, 5.5, 0.66),
            (42, 0, 2, 7, 0.68),
            (52, 0, 0, 3, 0.64),
        ]
    )
    return drone


def flying_wing() -> Model:
    """A tailless delta with a buried jet."""
    drone = Model()
    drone.wings([(40, 0, 0), (-24, 0, 0), (-10, 10, 0), (-34, 52, 0), (-22, 52, 0)], 0.6, 5)
    drone.tube([(38, 0, 1, 3, 0.62), (10, 0, 3, 9, 0.7), (-14, 0, 2, 7, 0.85), (-24, 0, 1, 5, 1.0)])
    drone.plume((-24, 0, 1), 16, 4.5, 0.9)
    drone.glow((-12, 0, 1), 14, 0.4)
    return drone


def helicopter_uav() -> Model:
    """One main rotor over an egg-shaped body with a hot exhaust, tail boom and tail rotor."""
    drone = Model()
    drone.glow((-4, 0, 6), 12, 0.3)
    drone.tube([(-12, 0, 4, 5, 0.72), (-34, 0, 6, 5.2, 0.68), (-62, 0, 8, 4.6, 0.66)])
    drone.plate([(-58, 0, 2), (-66, 0, 0), (-68, 0, 22), (-60, 0, 20)], 0.62, 3)
    drone.tube([(-16, 0, 0, 7, 0.74), (6, 0, -2, 13, 0.74), (22, 0, -4, 8, 0.68), (30, 0, -6, 3, 0.64)])
    drone.tube([(-10, 0, 10, 5, 1.0), (2, 0, 11, 5, 0.9)])
    drone.tube([(2, 0, 8, 6, 0.8), (2, 0, 22, 5, 0.78)])
    drone.disc((2, 0, 22), 52, ROTOR, 4)
    drone.tube([(2, 0, 22, 5, 0.8), (2, 0, 25, 5, 0.8)])
    for y in (11, -11):
        drone.tube([(4, 0.6 * y, -10, 3.6, 0.66), (4, y, -22, 3.6, 0.64)])
        drone.tube([(-14, y, -22, 3.2, 0.62), (24, y, -22, 3.2, 0.62)])
    return drone
