"""Counts frame by frame, and the figures and intervals that follow from them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from sirstgen.errors import InvalidValueError
from sirstgen.evaluation.bootstrap import difference, interval
from sirstgen.evaluation.frame_scores import COUNTS, FrameScores
from sirstgen.evaluation.metrics import DetectionMetrics
from sirstgen.seeding import stream


def maps(
    seed: int, frames: int = 12, *, miss: float = 0.2, false: float = 0.2
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    found = []
    for number in range(frames):
        rng = stream(seed, number)
        logits, mask = np.full((40, 40), -6.0), np.zeros((40, 40), bool)
        mask[8:12, 8:12] = True
        if rng.random() > miss:
            logits[8:11, 8:12] = 3.0
        if rng.random() < false:
            logits[30:33, 30:33] = 1.0
        found.append((f"{number:02d}", logits, mask))
    return found


def test_figures_equal_those_of_the_metrics() -> None:
    scored = maps(1)
    metrics = DetectionMetrics(threshold=0.0)
    for _, logits, mask in scored:
        metrics.update(logits, mask)
    expected, scores = metrics.result(), FrameScores.of(scored)
    assert scores.iou == expected.iou
    for name in COUNTS:
        assert scores.total(name) == getattr(expected, name)


def test_false_alarms_are_left_out_where_the_figure_says_so() -> None:
    scores = FrameScores.of(maps(2, miss=0.0, false=1.0))
    assert scores.iou == 12 / (16 + 9)
    assert scores.iou_without_false_alarms == 12 / 16
    assert scores.median_iou == 12 / 25
    assert scores.fa_at_pd() == 0  # false alarms have lower scores than targets
    assert scores.pd_at_fa() == 1


def test_without_a_threshold_that_reaches_it_there_is_no_figure() -> None:
    scores = FrameScores.of(maps(2, miss=1.0, false=0.0))
    assert math.isnan(scores.fa_at_pd())


def test_scores_travel_as_json() -> None:
    scores = FrameScores.of(maps(3))
    back = FrameScores.from_dict(json.loads(json.dumps(scores.to_dict())))
    assert back.ids == scores.ids
    np.testing.assert_array_equal(back.counts, scores.counts)
    np.testing.assert_array_equal(back.curve, scores.curve)
    with pytest.raises(InvalidValueError, match="must have the columns"):
        FrameScores.from_dict({**scores.to_dict(), "columns": ["pixels"]})


def test_an_interval_holds_its_figure_and_narrows_with_frames() -> None:
    few, many = (interval([FrameScores.of(maps(4, frames))]) for frames in (12, 200))
    assert few.low <= few.value <= few.high
    assert many.high - many.low < few.high - few.low
    assert interval([FrameScores.of(maps(4))]) == few  # no chance beside the seed


def test_a_difference_is_shown_where_its_interval_excludes_zero() -> None:
    good, poor = (FrameScores.of(maps(5, 60, miss=miss, false=0.0)) for miss in (0.0, 0.6))
    apart = difference([good], [poor])
    assert apart.excludes_zero
    assert apart.low > 0
    same = difference([good], [good])
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert not same.excludes_zero


def test_the_spread_of_repeats_widens_the_interval() -> None:
    runs = [FrameScores.of(maps(6, 60, miss=miss, false=0.0)) for miss in (0.0, 0.5)]
    other = [FrameScores.of(maps(7, 60, miss=0.25, false=0.0))]
    both = difference(runs, other)
    assert both.high - both.low > difference(runs[:1], other).high - difference(runs[:1], other).low


def test_runs_of_different_frames_are_not_compared() -> None:
    with pytest.raises(InvalidValueError, match="same frames"):
        difference([FrameScores.of(maps(1, 5))], [FrameScores.of(maps(1, 6))])


def test_a_false_alarm_over_a_target_is_left_out_whole() -> None:
    logits, mask = np.full((40, 40), -6.0), np.zeros((40, 40), bool)
    mask[18:22, 18:22] = True
    logits[0:30, 0:40] = 3.0  # covers the target, its centroid lies elsewhere
    scores = FrameScores.of([("0", logits, mask)])
    assert scores.total("detected") == 0
    assert scores.total("false_overlap") == 16
    assert scores.iou_without_false_alarms == 0
