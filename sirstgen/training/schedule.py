"""The learning rate of a step."""

from __future__ import annotations

import math
from typing import Literal

Schedule = Literal["cosine", "constant", "thirds"]


def learning_rate(step: int, steps: int, schedule: Schedule, start: float, end: float) -> float:
    """Return the learning rate of `step` out of `steps`, counted from 0.

    ``cosine`` falls from `start` to `end` along half a cosine, as the paper says. ``constant`` stays at `start`, which
    is what the published code does: its cosine scheduler is built and never stepped. ``thirds`` stands at `start`, at
    the geometric mean of both, and at `end`, for a third of the steps each (MDvsFA: a fifth after 10 of 30 epochs).
    """
    if schedule == "constant" or steps < 2:
        return start
    if schedule == "thirds":
        return float(start * (end / start) ** ((3 * step // steps) / 2))
    return end + (start - end) * (1 + math.cos(math.pi * step / (steps - 1))) / 2
