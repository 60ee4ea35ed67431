"""Intervals of figures on a small test set: frames, and repeats of a training, drawn with replacement.

The bootstrap (Efron, 1979) repeats the test on sets of frames drawn from the test set. In a comparison of two training
sets the same drawn frames judge both (a paired bootstrap), and the repeats of each are drawn too, so that the interval
holds both the choice of test frames and the chance of a training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.evaluation.frame_scores import FrameScores
from sirstgen.seeding import stream

DRAWS = 2000
LEVEL = 0.95


class Interval(NamedTuple):
    """A figure with its interval at `LEVEL`; all in 0..1 or differences of such."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval is on one side of 0."""
        return self.low > 0 or self.high < 0


MEASURES = ("iou", "pd")
_PARTS = {"iou": ("intersection", "union"), "pd": ("detected", "targets")}


def interval(runs: Sequence[FrameScores], measure: str = "iou") -> Interval:
    """Return the mean of a measure over the repeats of a training, and its interval over test frames and repeats.

    Args:
        runs: the repeats, tested on the same frames.
        measure: ``iou`` (Eq. 11) or ``pd`` (Eq. 12), both pooled over the frames.
    """
    values = _drawn(runs, measure, _frame_weights(runs[0]), "first")
    return _interval(_mean(runs, measure), values)


def difference(first: Sequence[FrameScores], second: Sequence[FrameScores], measure: str = "iou") -> Interval:
    """Return the difference of a measure between two trainings, first minus second, and its interval.

    Args:
        first: the repeats of one training.
        second: those of another, tested on the same frames in the same order.
        measure: see `interval`.

    Raises:
        InvalidValueError: the frames differ.
    """
    if any(run.ids != first[0].ids for run in (*first, *second)):
        raise InvalidValueError("a paired bootstrap needs runs that were tested on the same frames")
    weights = _frame_weights(first[0])
    values = _drawn(first, measure, weights, "first") - _drawn(second, measure, weights, "second")
    return _interval(_mean(first, measure) - _mean(second, measure), values)


def _frame_weights(run: FrameScores) -> NDArray[np.float64]:
    """Return how often each frame is drawn, (draws, frames)."""
    frames = len(run.ids)
    if frames == 0:
        raise InvalidValueError("a bootstrap needs at least one test frame")
    rng = stream(0, "bootstrap", "frames")
    return rng.multinomial(frames, np.full(frames, 1 / frames), size=DRAWS).astype(np.float64)


def _drawn(runs: Sequence[FrameScores], measure: str, weights: NDArray[np.float64], side: str) -> NDArray[np.float64]:
    """Return the measure of every draw of frames, averaged over drawn repeats, (draws,)."""
    part, whole = _PARTS[measure]
    totals = np.stack([weights @ run.column(whole) for run in runs], axis=1)
    parts = np.stack([weights @ run.column(part) for run in runs], axis=1)
    values = np.divide(parts, totals, out=np.full_like(parts, np.nan), where=totals > 0)
    if len(runs) == 1:
        return np.asarray(values[:, 0])
    chosen = stream(0, "bootstrap", "repeats", side).integers(len(runs), size=values.shape)
    return np.asarray(np.take_along_axis(values, chosen, axis=1).mean(axis=1))


def _mean(runs: Sequence[FrameScores], measure: str) -> float:
    part, whole = _PARTS[measure]
    values = [run.total(part) / run.total(whole) if run.total(whole) else math.nan for run in runs]
    return float(np.mean(values))


def _interval(value: float, values: NDArray[np.float64]) -> Interval:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Interval(value, math.nan, math.nan)
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))
