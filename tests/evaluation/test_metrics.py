from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from sirstgen.errors import InvalidValueError
from sirstgen.evaluation.metrics import DetectionMetrics, DetectionResult, adaptive_threshold
from sirstgen.evaluation.roc import RocMetrics
from sirstgen.measure.components import find_components, match_targets

CONVENTIONS = ("exact", "dnanet", "basicirstd")
masks = hnp.arrays(bool, (16, 16), elements=st.booleans(), fill=st.just(False))
pairs = st.tuples(masks, masks)


def mask(*rectangles: tuple[int, int, int, int]) -> np.ndarray:
    """A 256x256 mask with rectangles of height, width, top, left."""
    image = np.zeros((256, 256), dtype=bool)
    for height, width, top, left in rectangles:
        image[top : top + height, left : left + width] = True
    return image


def measure(prediction: np.ndarray, label: np.ndarray, convention: str = "exact", **options) -> DetectionResult:
    metrics = DetectionMetrics(convention, **options)
    metrics.update(prediction, label)
    return metrics.result()


GRAY = mask((2, 2, 60, 60)).astype(float)
GRAY[60, 60] = 0.6

# name: label, prediction, IoU, Pd, false pixels as the DNA-Net code counts them, false pixels counted exactly
CASES = {
    "A": (mask((3, 3, 10, 10), (2, 2, 100, 100)), mask((3, 3, 10, 11), (2, 2, 200, 200)), 6 / 20, 1 / 2, 4, 4),
    "B equal areas": (
        mask((3, 3, 10, 10)),
        mask((3, 3, 10, 10), (3, 3, 150, 150), (3, 3, 200, 50)),
        9 / 27,
        1.0,
        0,
        18,
    ),
    "C deviation 3": (mask((1, 1, 50, 50)), mask((1, 1, 50, 53)), 0.0, 0.0, 1, 1),
    "C2 deviation 2.83": (mask((1, 1, 50, 50)), mask((1, 1, 52, 52)), 0.0, 1.0, 0, 0),
    "D merged": (mask((1, 1, 50, 50), (1, 1, 50, 54)), mask((1, 5, 50, 50)), 0.4, 1 / 2, 0, 0),
    "E greedy": (mask((1, 1, 50, 50), (1, 1, 50, 54)), mask((1, 1, 50, 52), (1, 1, 49, 48)), 0.0, 1.0, 0, 0),
    "F fragments": (mask((1, 6, 50, 50)), mask((1, 3, 50, 50), (1, 2, 50, 54)), 5 / 6, 1.0, 2, 2),
    "G diagonal": (mask((1, 1, 60, 60), (1, 1, 61, 61)), mask((1, 1, 60, 60), (1, 1, 61, 61)), 1.0, 1.0, 0, 0),
    "H gray label": (GRAY, mask((2, 2, 60, 60)), 0.6, 1.0, 0, 0),
}


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("case", CASES)
def test_hand_made_cases(case: str, convention: str) -> None:
    label, prediction, iou, pd, false_published, false_exact = CASES[case]
    result = measure(prediction, label, convention)
    assert result.iou == iou
    assert result.pd == pd
    assert result.false_pixels == (false_published if convention == "dnanet" else false_exact)
    assert result.fa == result.false_pixels / 65536


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(("empty", "niou"), [("skip", 0.5), ("zero", 0.25), ("one", 0.75)])
def test_case_i_two_images(convention: str, empty: str, niou: float) -> None:
    metrics = DetectionMetrics(convention, empty=empty)
    assert metrics.update(mask((3, 3, 10, 11)), mask((3, 3, 10, 10))).tolist() == [True]
    assert metrics.update(mask(), mask()).tolist() == []
    result = metrics.result()
    assert (result.iou, result.pd, result.fa, result.niou) == (0.5, 1.0, 0.0, niou)
    assert result.pixel_accuracy == 6 / 9


@pytest.mark.parametrize(("case", "accuracy"), [("A", 6 / 13), ("F fragments", 5 / 6), ("H gray label", 3 / 4)])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_pixel_accuracy(case: str, accuracy: float, convention: str) -> None:
    label, prediction = CASES[case][:2]
    assert measure(prediction, label, convention).pixel_accuracy == accuracy


def test_fa_of_the_published_figures() -> None:
    label, prediction = CASES["A"][:2]
    assert measure(prediction, label).fa * 1e6 == pytest.approx(61.0352, abs=1e-4)
    label, prediction = CASES["B equal areas"][:2]
    assert measure(prediction, label).fa * 1e6 == pytest.approx(274.6582, abs=1e-4)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32, "0/255", "float 0..255"])
def test_a_label_means_the_same_in_every_encoding(kind: object) -> None:
    label, prediction = CASES["A"][:2]
    if kind == "0/255":
        encoded = label.astype(np.uint8) * 255
    elif kind == "float 0..255":
        encoded = label.astype(np.float64) * 255
    else:
        encoded = label.astype(kind)
    for convention in CONVENTIONS:
        assert measure(prediction, encoded, convention) == measure(prediction, label, convention)


def test_gray_targets_by_dialect() -> None:
    faint = mask((3, 3, 10, 10)).astype(np.uint8) * 200
    faint[100, 100] = 255
    prediction = mask((3, 3, 10, 10), (1, 1, 100, 100))
    assert measure(prediction, faint, "exact").targets == 2
    # Cast to whole numbers, as published, the gray target is no target and its prediction a false alarm.
    assert measure(prediction, faint, "basicirstd").targets == 1
    assert measure(prediction, faint, "basicirstd").false_pixels == 9


def test_scores_need_a_threshold_and_it_is_strict() -> None:
    scores = np.zeros((8, 8))
    scores[2, 2], scores[5, 5] = 0.5, 0.75
    label = np.zeros((8, 8), dtype=bool)
    label[5, 5] = True
    assert measure(scores, label, threshold=0.5).iou == 1
    with pytest.raises(InvalidValueError, match="give a threshold"):
        measure(scores, label)


def test_images_of_any_size_share_one_denominator() -> None:
    metrics = DetectionMetrics()
    small, large = np.zeros((5, 7), dtype=bool), np.zeros((30, 11), dtype=bool)
    small[0, 0] = True
    metrics.update(small, np.zeros_like(small))
    metrics.update(large, large)
    assert metrics.result().fa == 1 / (35 + 330)


def test_without_targets_the_figures_are_undefined_not_an_error() -> None:
    result = measure(mask(), mask())
    assert math.isnan(result.pd)
    assert math.isnan(result.iou)
    assert math.isnan(result.niou)
    assert math.isnan(result.pixel_accuracy)
    assert result.fa == 0
    assert math.isnan(DetectionMetrics().result().fa)
    assert result.to_dict()["pd"] is None


@pytest.mark.parametrize(
    ("prediction", "label", "message"),
    [
        (np.zeros((4, 4), bool), np.zeros((4, 5), bool), "same size"),
        (np.zeros((1, 4, 4), bool), np.zeros((4, 4), bool), "height, width"),
        (np.full((4, 4), np.nan), np.zeros((4, 4), bool), "nan"),
        (np.zeros((4, 4), bool), np.full((4, 4), 3), "0..255"),
        (np.zeros((4, 4), bool), np.full((4, 4), -1.0), "0..255"),
        (np.zeros((4, 4), bool), np.full((4, 4), 65535), "0..255"),
        (np.array([["a"]]), np.zeros((1, 1), bool), "numbers"),
    ],
)
def test_what_cannot_be_counted_is_named(prediction: np.ndarray, label: np.ndarray, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        measure(prediction, label)


def test_settings_are_checked() -> None:
    for options in ({"convention": "dna"}, {"deviation": 0}, {"deviation": math.nan}, {"empty": "none"}):
        with pytest.raises(InvalidValueError):
            DetectionMetrics(**options)
    with pytest.raises(InvalidValueError, match="deviation"):
        DetectionMetrics(deviation=2).merge(DetectionMetrics(deviation=3))


def test_components_come_in_raster_order_of_their_first_pixels() -> None:
    image = mask((3, 1, 4, 200), (4, 4, 5, 10), (1, 1, 4, 220), (1, 1, 0, 255), (1, 1, 1, 0), (1, 1, 0, 30))
    components = find_components(image)
    assert components.centroids.tolist() == [[30, 0], [255, 0], [0, 1], [200, 5], [220, 4], [11.5, 6.5]]
    assert components.areas.tolist() == [1, 1, 1, 3, 1, 16]
    assert [int(components.labels[round(y), round(x)]) for x, y in components.centroids] == [1, 2, 3, 4, 5, 6]
    assert np.count_nonzero(components.labels) == image.sum()


@given(masks)
def test_components_agree_with_scipy(image: np.ndarray) -> None:
    labels, count = ndimage.label(image, structure=np.ones((3, 3)))
    expected = [
        (*np.argwhere(labels == k)[0], *np.argwhere(labels == k).mean(axis=0)[::-1]) for k in range(1, count + 1)
    ]
    components = find_components(image)
    assert components.areas.sum() == image.sum()
    np.testing.assert_allclose(components.centroids, np.reshape([e[2:] for e in sorted(expected)], (-1, 2)), rtol=1e-12)


def test_the_first_prediction_is_taken_not_the_nearest() -> None:
    targets = np.array([[10.0, 10.0], [12.0, 10.0]])
    predictions = np.array([[12.0, 9.0], [10.0, 10.0]])
    assert match_targets(targets, predictions).tolist() == [0, 1]
    assert match_targets(targets, np.zeros((0, 2))).tolist() == [-1, -1]


@given(masks)
def test_a_perfect_prediction_has_perfect_figures(label: np.ndarray) -> None:
    result = measure(label, label)
    if label.any():
        assert (result.iou, result.niou, result.pixel_accuracy) == (1, 1, 1)
        assert (result.pd, result.fa) == (1, 0)
    else:
        assert result.fa == 0


@settings(max_examples=50)
@given(st.lists(pairs, min_size=1, max_size=6), st.randoms(use_true_random=False), st.sampled_from(CONVENTIONS))
def test_merging_in_any_order_gives_the_same_bits(images: list, random, convention: str) -> None:
    whole = DetectionMetrics(convention)
    parts = []
    for prediction, label in images:
        whole.update(prediction, label)
        part = DetectionMetrics(convention)
        part.update(prediction, label)
        parts.append(pickle.loads(pickle.dumps(part)))
    random.shuffle(parts)
    assert DetectionMetrics(convention).merge(*parts).result() == whole.result()


@given(pairs, st.floats(0.5, 8), st.floats(0.5, 8))
def test_the_exact_false_area_is_at_least_the_published_one(pair, one: float, other: float) -> None:
    exact, published = (measure(*pair, convention, deviation=one) for convention in ("exact", "dnanet"))
    assert exact.false_pixels >= published.false_pixels
    assert exact.detected == published.detected


@given(st.integers(0, 15), st.integers(0, 15), masks, st.floats(0.5, 20), st.floats(0.5, 20))
def test_pd_of_a_single_target_grows_with_the_deviation(x: int, y: int, prediction, one: float, other: float) -> None:
    label = np.zeros((16, 16), dtype=bool)
    label[y, x] = True
    near, far = (measure(prediction, label, deviation=d).detected for d in sorted((one, other)))
    assert near <= far


@settings(max_examples=60)
@given(pairs, st.integers(0, 9), st.integers(0, 9))
def test_moving_the_image_changes_nothing(pair, dx: int, dy: int) -> None:
    def moved(image: np.ndarray) -> np.ndarray:
        canvas = np.zeros((28, 28), dtype=bool)
        canvas[1 + dy : 17 + dy, 1 + dx : 17 + dx] = image
        return canvas

    def still(image: np.ndarray) -> np.ndarray:
        return np.pad(image, ((1, 11), (1, 11)))

    for convention in CONVENTIONS:
        assert measure(*map(moved, pair), convention) == measure(*map(still, pair), convention)


def test_roc_of_case_a() -> None:
    label, prediction = CASES["A"][:2]
    roc = RocMetrics()
    roc.update(prediction * 0.95, label)
    curve = roc.result()
    tpr, fpr = curve.figure("tpr"), curve.figure("fpr")
    assert tpr[1:10] == pytest.approx(np.full(9, 6 / 13))
    assert fpr[1:10] == pytest.approx(np.full(9, 7 / 65523))
    assert fpr[5] == pytest.approx(1.068e-4, abs=1e-7)
    assert (tpr[10], fpr[10], curve.figure("pd")[10]) == (0, 0, 0)
    assert curve.figure("pd")[5] == 0.5
    assert curve.figure("fa")[5] == 4 / 65536
    assert curve.best_iou == (0.3, 0.0)
    assert curve.auc == pytest.approx((1 + 6 / 13 - 7 / 65523) / 2, abs=1e-6)
    published = RocMetrics(convention="dnanet")
    published.update(prediction * 0.95, label)
    assert published.result().figure("tpr")[5] == 6 / 13.001


def test_roc_merges_and_checks_thresholds() -> None:
    rng = np.random.default_rng(3)
    images = [(rng.random((20, 30)), rng.random((20, 30)) > 0.97) for _ in range(4)]
    whole, left, right = RocMetrics([0.2, 0.9]), RocMetrics([0.2, 0.9]), RocMetrics([0.2, 0.9])
    for index, image in enumerate(images):
        whole.update(*image)
        (left if index % 2 else right).update(*image)
    assert left.merge(right).result() == whole.result()
    single = DetectionMetrics(threshold=0.9)
    for image in images:
        single.update(*image)
    assert whole.result().points[1] == single.result()
    assert len(whole.result().to_dict()["points"]) == 2
    with pytest.raises(InvalidValueError):
        left.merge(RocMetrics([0.2]))
    with pytest.raises(InvalidValueError):
        RocMetrics([0.5, 0.5])


def test_adaptive_threshold_is_eq_14() -> None:
    bright = np.zeros((10, 10))
    bright[4, 4] = 10
    assert adaptive_threshold(bright) == 7
    even = np.linspace(0.9, 1.0, 100).reshape(10, 10)
    assert adaptive_threshold(even) == pytest.approx(0.5 * even.std() + even.mean())
    assert not (np.zeros((4, 4)) > adaptive_threshold(np.zeros((4, 4)))).any()
    bright[0, 0], bright[0, 1] = np.nan, np.inf
    assert adaptive_threshold(bright) == 7
