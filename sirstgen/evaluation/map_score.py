"""One target map against its label: the counts at the detector's threshold, and at a fixed set of thresholds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sirstgen.evaluation.metrics import DetectionMetrics, DetectionResult, adaptive_threshold
from sirstgen.evaluation.roc import Roc, RocMetrics

# Shares of a map's maximum. The lowest are close together: WSLCM and TLLCM maps span many decades.
THRESHOLDS = (0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 0.025, *(step / 20 for step in range(1, 20)))

_COUNTS = tuple(
    field.name for field in fields(DetectionResult) if field.name not in ("convention", "deviation", "empty")
)
_CURVE_COUNTS = (
    "predicted_pixels",
    "intersection",
    "union",
    "missed_pixels",
    "detected",
    "predictions",
    "false_pixels",
)


@dataclass(frozen=True)
class MapScore:
    """What one map, or a set of maps, counts.

    Attributes:
        exact: counts at the detector's threshold, every false pixel counted.
        published: the same in DNA-Net's convention, see `sirstgen.evaluation.metrics`.
        empty_maps: maps without a pixel above the threshold.
        detected: for each labelled target in raster order, whether it was found; empty for a sum.
        curve: (thresholds, 7) int64, the counts named in `_CURVE_COUNTS` at each of `THRESHOLDS`.
    """

    exact: DetectionResult
    published: DetectionResult
    empty_maps: int
    detected: tuple[bool, ...]
    curve: NDArray[np.int64]

    @classmethod
    def of(
        cls, target_map: NDArray[np.floating[Any]], label: NDArray[np.bool_], threshold: float | None = None
    ) -> Self:
        """Score one map.

        Args:
            target_map: (H, W), zero or above; what is not finite counts as zero.
            label: (H, W) bool.
            threshold: None for a classical map: the adaptive threshold, Eq. 14, and thresholds in shares of the map's
                maximum. A number for a map of probabilities: that threshold, and the thresholds as they are.
        """
        scores = np.where(np.isfinite(target_map), target_map, 0.0).astype(np.float64)
        level = adaptive_threshold(scores) if threshold is None else threshold
        exact = DetectionMetrics("exact", threshold=level)
        published = DetectionMetrics("dnanet", threshold=level)
        detected = exact.update(scores, label)
        published.update(scores, label)
        highest = scores.max()
        curve = RocMetrics(THRESHOLDS)
        curve.update(scores / highest if threshold is None and highest > 0 else scores, label)
        counted = [[getattr(point, name) for name in _CURVE_COUNTS] for point in curve.result().points]
        return cls(
            exact.result(),
            published.result(),
            int(exact.result().predicted_pixels == 0),
            tuple(bool(found) for found in detected),
            np.array(counted, np.int64),
        )

    @classmethod
    def total(cls, scores: Iterable[MapScore]) -> Self:
        """Return the sum of the scores of several maps."""
        exact, published = DetectionResult(), DetectionResult(convention="dnanet")
        empty_maps, counted = 0, np.zeros((len(THRESHOLDS), len(_CURVE_COUNTS)), np.int64)
        for score in scores:
            exact, published = exact + score.exact, published + score.published
            empty_maps += score.empty_maps
            counted += score.curve
        return cls(exact, published, empty_maps, (), counted)

    @property
    def roc(self) -> Roc:
        """The measures along the thresholds; nIoU is not among them."""
        whole = replace(self.exact, iou_sum=0)
        rows: list[dict[str, Any]] = [dict(zip(_CURVE_COUNTS, map(int, row), strict=True)) for row in self.curve]
        return Roc(THRESHOLDS, tuple(replace(whole, **row) for row in rows))

    def to_dict(self) -> dict[str, Any]:
        """Return all counts as whole numbers, for JSON; `from_dict` reads them back."""
        return {
            "exact": [getattr(self.exact, name) for name in _COUNTS],
            "published": [getattr(self.published, name) for name in _COUNTS],
            "empty_maps": self.empty_maps,
            "detected": [int(found) for found in self.detected],
            "curve": self.curve.tolist(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return a score from what `to_dict` gave."""
        return cls(
            DetectionResult(**dict(zip(_COUNTS, data["exact"], strict=True))),
            DetectionResult(convention="dnanet", **dict(zip(_COUNTS, data["published"], strict=True))),
            data["empty_maps"],
            tuple(map(bool, data["detected"])),
            np.array(data["curve"], np.int64),
        )
