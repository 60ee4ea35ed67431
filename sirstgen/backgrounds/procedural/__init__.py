"""Backgrounds made by formula, one module per scene; enough variety to train on where no real frames are at hand.

Some arguments are the same in all of these modules and not described again: `rng` is where every random value comes
from, `height` and `width` are those of the frame or field in pixels, and `scene` is the canvas that is drawn on.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural.canvas import Drawn
from sirstgen.errors import InvalidValueError
from sirstgen.seeding import stream

SCENES = ("city", "cloud", "field", "highlight", "sea")
MIN_SIDE, MAX_SIDE = 32, 4096


def generate(scene: str, seed: int, number: int, height: int, width: int) -> NDArray[np.uint8]:
    """Return frame `number` of a scene: the same pixels for the same arguments, in any order and process.

    Args:
        scene: one of `SCENES`.
        seed: non-negative whole number.
        number: which frame, from 0.
        height: pixels, 32 to 4096.
        width: pixels, 32 to 4096.

    Returns:
        (height, width), uint8.

    Raises:
        InvalidValueError: an unknown scene, a negative seed or number, a side out of range.
    """
    return draw(scene, seed, number, height, width).frame


def draw(scene: str, seed: int, number: int, height: int, width: int) -> Drawn:
    """Return frame `number` of a scene with its place map; arguments and errors as `generate`."""
    check_request(scene, seed, number, height, width)
    module = import_module(f"{__name__}.{scene}")
    drawn: Drawn = module.generate(stream(seed, scene, number), height, width)
    return drawn


def check_request(scene: str, seed: int, number: int, height: int, width: int) -> None:
    """Raise InvalidValueError where `generate` could not make the frame; arguments as there."""
    if scene not in SCENES:
        raise InvalidValueError(f"scene must be one of {', '.join(SCENES)}, got {scene!r}", value=scene, allowed=SCENES)
    for name, value in (("seed", seed), ("number", number)):
        if value < 0:
            raise InvalidValueError(f"{name} must be at least 0, got {value}", name=name, value=value)
    for name, value in (("height", height), ("width", width)):
        if not MIN_SIDE <= value <= MAX_SIDE:
            raise InvalidValueError(
                f"{name} must be from {MIN_SIDE} to {MAX_SIDE}, got {value}", name=name, value=value
            )
