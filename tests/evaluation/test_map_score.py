"""One map scored: the adaptive threshold, the curve, and sums of scores."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sirstgen.evaluation.map_score import THRESHOLDS, MapScore


def scene() -> tuple[np.ndarray, np.ndarray]:
    label = np.zeros((20, 20), bool)
    label[3:5, 3:5] = label[12:14, 12:14] = True
    target_map = np.zeros((20, 20), np.float32)
    target_map[3:5, 3:5] = 10  # found
    target_map[12:14, 12:14] = 4  # below 0.7 of the maximum
    target_map[17, 2] = 8  # false
    return target_map, label


def test_counts_at_the_adaptive_threshold() -> None:
    score = MapScore.of(*scene())
    assert score.detected == (True, False)
    assert (score.exact.intersection, score.exact.union, score.exact.false_pixels) == (4, 9, 1)
    assert score.empty_maps == 0


def test_the_ladder_is_in_shares_of_the_maximum() -> None:
    target_map, label = scene()
    roc = MapScore.of(target_map, label).roc
    assert roc.figure("pd")[THRESHOLDS.index(0.3)] == 1
    assert roc.figure("pd")[THRESHOLDS.index(0.5)] == 0.5
    assert np.array_equal(roc.figure("iou"), MapScore.of(target_map * 1e-5, label).roc.figure("iou"))
    assert roc.best_iou == (8 / 9, 0.0)


def test_probabilities_keep_their_own_threshold_and_scale() -> None:
    target_map, label = scene()
    score = MapScore.of(target_map / 20, label, threshold=0.45)
    assert score.exact.predicted_pixels == 4
    assert score.roc.figure("iou")[THRESHOLDS.index(0.5)] == 0


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_empty_map_and_nan_count_as_nothing(value: float) -> None:
    _, label = scene()
    score = MapScore.of(np.full(label.shape, value), label)
    assert score.empty_maps == 1
    assert score.exact.predicted_pixels == 0
    assert score.exact.detected == 0


def test_scores_survive_json_and_add_up() -> None:
    target_map, label = scene()
    one, two = MapScore.of(target_map, label), MapScore.of(label.astype(float), label)
    back = MapScore.from_dict(json.loads(json.dumps(one.to_dict())))
    assert back.to_dict() == one.to_dict()
    total = MapScore.total([one, two])
    assert total.exact.targets == 4
    assert total.exact.detected == 3
    assert total.exact.images == 2
    assert np.array_equal(total.curve, one.curve + two.curve)
    assert total.exact.niou == pytest.approx((4 / 9 + 1) / 2)
