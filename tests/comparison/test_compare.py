"""Sets made alike are not told apart, and what was changed in one of them is found."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from making.frame_sets import write_set
from PIL import Image

from sirstgen.comparison.compare import TESTS, Effort, compare
from sirstgen.comparison.comparison import Comparison, Floor, TwoSampleTest
from sirstgen.comparison.forests import Forest, separate
from sirstgen.comparison.tables import measure_set
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InvalidValueError
from sirstgen.seeding import stream

QUICK = Effort(trees=20, halves=1)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return write_set(tmp_path_factory.mktemp("sets") / "reference", 0)


def run(candidate: Dataset, reference: Dataset, size: int = 0) -> Comparison:
    return compare(candidate, reference, size=size, effort=QUICK)


def test_sets_made_alike_are_at_the_floor(reference: Dataset, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    found = compare(
        write_set(tmp_path / "alike", 1),
        reference,
        size=0,
        effort=QUICK,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert [test.name for test in found.tests] == list(TESTS)
    for test in found.tests:
        assert test.auc is not None and test.floor is not None and test.floor.most >= test.floor.mean
        assert 0.2 < test.auc < 0.75
        assert sum(share for _, share in test.importances) <= 1
    assert found.targets is not None and found.targets.ks < 0.3 and found.backgrounds.ks < 0.35
    assert steps[-1][0] == steps[-1][1] == 48 + 4 * 2
    told = json.loads(json.dumps(found.to_dict()))
    assert told["candidate"] == {"name": "alike", "images": 24, "targets": len(found.candidate.targets), "groups": 24}
    assert told["tests"][0]["auc"] == pytest.approx(found.tests[0].auc, abs=1e-4)
    assert told["targets"]["statistics"][0]["percentiles"]["reference"].keys() == {"5", "25", "50", "75", "95"}


def test_noise_is_found_in_backgrounds(reference: Dataset, tmp_path: Path) -> None:
    draw = np.random.default_rng(5)
    noisy = write_set(tmp_path / "noisy", 1, change=lambda image: image + draw.normal(0, 4, image.shape))
    found = run(noisy, reference)
    for name in ("background patches", "whole backgrounds"):
        test = found.test(name)
        assert test.auc is not None and test.auc > 0.95 and not test.at_floor
    first = {gap.measure.name for gap in found.backgrounds.gaps[:6]}
    assert first & {"noise_sigma", "residual_std"}
    noise = next(gap for gap in found.backgrounds.gaps if gap.measure.name == "noise_sigma")
    assert noise.ks == 1 and noise.candidate[2] > 2 * noise.reference[2] and noise.floor_ratio > 2


def test_faint_targets_are_found_and_shown(reference: Dataset, tmp_path: Path) -> None:
    faint = write_set(tmp_path / "faint", 1, change=lambda image: 90 + (image - 90) * 0.4)
    found = run(faint, reference)
    pixels = found.test("target pixels")
    assert pixels.auc is not None and pixels.auc > 0.9
    assert pixels.examples is not None and len(pixels.examples.most_certain) == len(pixels.examples.typical) == 8
    theirs, ours = zip(*pixels.examples.most_certain, strict=True)
    assert min(example.score for example in theirs) > 0.5 > max(example.score for example in ours)
    assert len({example.id for example in theirs}) == 8
    contrast = next(gap for gap in found.targets.gaps if gap.measure.name == "contrast") if found.targets else None
    assert contrast is not None and contrast.emd > 1 and contrast.candidate[2] < contrast.reference[2] / 2


def test_chance_alone_is_no_difference() -> None:
    test = TwoSampleTest("targets", 0.55, Floor(0.49, 0.51), 0.556, (200, 200))
    assert test.at_floor and not replace(test, auc=0.56).at_floor
    assert replace(test, auc=0.58, floor=Floor(0.5, 0.6)).at_floor and replace(test, floor=None).at_floor
    assert not replace(test, auc=None).at_floor


def test_results_depend_on_the_seed_only(reference: Dataset, tmp_path: Path) -> None:
    candidate = write_set(tmp_path / "other", 2, frames=12)
    little = Effort(trees=10, halves=1)
    one, again = (compare(candidate, reference, size=0, effort=little).to_dict() for _ in range(2))
    assert one == again
    other = compare(candidate, reference, size=0, seed=1, effort=little).to_dict()
    assert other.pop("seed") == 1 and other["tests"] != one["tests"]


def test_processes_and_threads_change_nothing(reference: Dataset) -> None:
    one, two = (measure_set(reference, reference.ids, "set", 0, 0, workers) for workers in (1, 2))
    for name in TESTS.values():
        table, other = getattr(one, name), getattr(two, name)
        np.testing.assert_array_equal(table.values, other.values)
        np.testing.assert_array_equal(table.place, other.place)
    halves = one.backgrounds.of_frames(np.arange(12)), one.backgrounds.of_frames(np.arange(12, 24))
    scores = [
        separate(*halves, one.groups, one.groups, Forest(trees=20, workers=workers), stream(0, "test")).candidate_scores
        for workers in (1, 2)
    ]
    np.testing.assert_array_equal(*scores)


def test_frames_are_resized_first(reference: Dataset, tmp_path: Path) -> None:
    found = run(write_set(tmp_path / "other", 2, frames=12), reference, size=48)
    assert found.reference.backgrounds.place[0].tolist() == [24, 24]
    native = measure_set(reference, reference.ids, "set", 0, 0)
    at = native.targets.names.index("area")
    assert np.median(found.reference.targets.values[:, at]) < np.median(native.targets.values[:, at]) / 2


def test_without_targets_their_tests_are_skipped(reference: Dataset, tmp_path: Path) -> None:
    found = run(write_set(tmp_path / "empty", 3, frames=12, targets=0), reference)
    assert found.targets is None
    assert "needs 10 frames" in found.test("targets").skipped and "empty has 0" in found.test("targets").skipped
    assert found.test("whole backgrounds").auc is not None
    json.dumps(found.to_dict(), allow_nan=False)


def test_small_references_have_no_floor(reference: Dataset, tmp_path: Path) -> None:
    small = write_set(tmp_path / "small", 3, frames=12)
    found = run(reference, small)
    assert all(test.floor is None and test.auc is not None and test.chance is not None for test in found.tests)
    assert "no noise floor" in found.warnings[-1]
    assert found.backgrounds.ks_floor is None and found.backgrounds.gaps[0].floor is None


def test_one_background_in_all_frames_cannot_be_tested(reference: Dataset, tmp_path: Path) -> None:
    candidate = write_set(tmp_path / "one", 4, frames=12)
    rows = [{"id": key, "background": {"id": "sky", "group": "sky"}} for key in candidate.ids]
    (tmp_path / "one" / "targets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = run(candidate, reference)
    assert all("different background" in test.skipped and "one has 1" in test.skipped for test in found.tests)


def test_frames_harvested_from_the_reference_belong_to_its_groups(reference: Dataset, tmp_path: Path) -> None:
    candidate = write_set(tmp_path / "harvested", 4, frames=12)
    rows = [{"id": key, "background": {"group": f"sea/{reference.ids[-1 - int(key)]}"}} for key in candidate.ids]
    (tmp_path / "harvested" / "targets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = run(candidate, reference)
    assert set(found.candidate.groups) <= set(found.reference.groups)


def test_what_is_refused(reference: Dataset, tmp_path: Path) -> None:
    few = write_set(tmp_path / "few", 3, frames=4)
    with pytest.raises(InvalidValueError, match=r"at least 10 frames, the candidate few has 4; add frames"):
        compare(few, reference)
    with pytest.raises(InvalidValueError, match=r"the reference few has 4"):
        compare(reference, few)
    with pytest.raises(InvalidValueError, match=r"no frame in common, got 24 of reference"):
        compare(reference, reference)
    with pytest.raises(InvalidValueError, match=r"size must be 0 .* got 16"):
        compare(reference, few, size=16)
    with pytest.raises(InvalidValueError, match=r"trees must be at least 1, got 0"):
        Effort(trees=0)


def test_frames_below_a_patch_are_named(reference: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    write_set(folder, 3, frames=12)
    for name in ("images", "masks"):
        picture = Image.open(folder / name / "007.png").resize((30, 30), Image.Resampling.NEAREST)
        picture.save(folder / name / "007.png")
    with pytest.raises(InvalidValueError, match=r"tiny, 007: a background must be .* at least 32x32"):
        run(Dataset.open(folder), reference)


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.skipif("SIRSTGEN_TEST_DATA" not in os.environ, reason="SIRSTGEN_TEST_DATA names no folder of real frames")
def test_real_training_and_test_frames_are_at_the_floor_and_noise_is_not(tmp_path: Path) -> None:
    real = Dataset.open(Path(os.environ["SIRSTGEN_TEST_DATA"]) / "nuaa-sirst")
    found = compare(real, real, "train", "test")
    for test in found.tests:
        assert test.auc is not None and 0.42 < test.auc < 0.58
    for name in ("images", "masks"):
        (tmp_path / "noisy" / name).mkdir(parents=True)
    draw = np.random.default_rng(0)
    for key in real.split("test"):
        image, mask = real.sample(key)
        noisy = np.clip(np.rint(image + draw.normal(0, 2, image.shape)), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(tmp_path / "noisy" / "images" / f"{key}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "noisy" / "masks" / f"{key}.png")
    noise = compare(Dataset.open(tmp_path / "noisy"), real, None, "train")
    assert all((noise.test(name).auc or 0) > 0.98 for name in ("background patches", "whole backgrounds"))
