"""The quick detectors on the 214 test frames of NUAA-SIRST: the figures that were measured once stay as they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sirstgen.datasets.readers import Dataset
from sirstgen.detectors.classical import named
from sirstgen.evaluation.metrics import DetectionMetrics, adaptive_threshold

DATA = Path(os.environ.get("SIRSTGEN_TEST_DATA", "")) / "nuaa-sirst"


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.skipif(
    not os.environ.get("SIRSTGEN_TEST_DATA") or not DATA.is_dir(),
    reason="needs nuaa-sirst/ in the folder that SIRSTGEN_TEST_DATA names",
)
@pytest.mark.parametrize(
    ("name", "iou", "pd", "fa"),
    [
        ("top-hat", 15.65, 80.23, 141.8),
        ("new-top-hat", 21.87, 86.69, 8.4),
        ("max-median", 4.45, 69.96, 26.5),
        ("tllcm", 11.17, 80.61, 4.3),
        ("wslcm", 11.68, 78.71, 6.6),
        ("pstnn", 23.09, 77.95, 24.4),
    ],
)
def test_figures_on_nuaa(name: str, iou: float, pd: float, fa: float) -> None:
    dataset, metrics = Dataset.open(DATA), DetectionMetrics()
    for key in dataset.split("test"):
        image, mask = dataset.sample(key)
        target_map = named(name)(image)
        metrics.update(target_map > adaptive_threshold(target_map), mask)
    result = metrics.result()
    assert result.images == 214
    assert result.targets == 263
    assert 100 * result.iou == pytest.approx(iou, abs=0.2)
    assert 100 * result.pd == pytest.approx(pd, abs=0.5)
    assert 1e6 * result.fa == pytest.approx(fa, abs=1)
