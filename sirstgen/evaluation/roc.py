"""Receiver operating curves: Pd against Fa (Fig. 12), and pixel-level TPR against FPR, over score thresholds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.evaluation.metrics import Convention, DetectionMetrics, DetectionResult, Label, count_image, foreground

# The eleven bins of the published ROC, for probabilities.
PUBLISHED_THRESHOLDS = tuple(step / 10 for step in range(11))


@dataclass(frozen=True)
class Roc:
    """The measures at every threshold.

    Attributes:
        thresholds: ascending; a pixel is target when its score is strictly above.
        points: the counts and figures at each threshold.
    """

    thresholds: tuple[float, ...]
    points: tuple[DetectionResult, ...]

    def figure(self, name: str) -> NDArray[np.float64]:
        """Return a figure (``pd``, ``fa``, ``tpr``, ``fpr``, ``iou``, ``niou``) at every threshold, (thresholds,)
        float64.
        """
        return np.array([getattr(point, name) for point in self.points], dtype=np.float64)

    @property
    def auc(self) -> float:
        """Area under the pixel-level TPR over FPR, by trapezoids, closed at (0, 0) and (1, 1); nan where undefined."""
        fpr = np.concatenate([[1.0], self.figure("fpr"), [0.0]])
        tpr = np.concatenate([[1.0], self.figure("tpr"), [0.0]])
        return float(np.sum((fpr[:-1] - fpr[1:]) * (tpr[:-1] + tpr[1:]) / 2))

    @property
    def best_iou(self) -> tuple[float, float]:
        """The highest pooled IoU over the thresholds and the (lowest) threshold that gives it; optimistic by design."""
        iou = self.figure("iou")
        if np.isnan(iou).all():
            return math.nan, math.nan
        best = int(np.nanargmax(iou))
        return float(iou[best]), self.thresholds[best]

    def to_dict(self) -> dict[str, Any]:
        """Return thresholds and the figures at each, for JSON."""
        rows = [
            {"threshold": threshold} | point.to_dict()
            for threshold, point in zip(self.thresholds, self.points, strict=True)
        ]
        return {"auc": None if math.isnan(self.auc) else self.auc, "points": rows}


class RocMetrics:
    """Counter of the measures at several score thresholds at once; keeps counts, never images.

    Args:
        thresholds: ascending, at least one; by default the published bins 0, 0.1, ..., 1 for probabilities.
        convention: as in `DetectionMetrics`; ``dnanet`` adds 0.001 to the denominators of TPR and FPR as published.
        deviation: as in `DetectionMetrics`, pixels.
    """

    def __init__(
        self,
        thresholds: Sequence[float] = PUBLISHED_THRESHOLDS,
        convention: Convention = "exact",
        deviation: float = 3.0,
    ) -> None:
        self.thresholds = tuple(float(threshold) for threshold in thresholds)
        if not self.thresholds or any(b <= a for a, b in zip(self.thresholds, self.thresholds[1:], strict=False)):
            raise InvalidValueError(f"thresholds must be one or more ascending numbers, got {list(thresholds)}")
        self._points = [DetectionMetrics(convention, deviation).result() for _ in self.thresholds]

    def update(self, scores: ArrayLike, label: ArrayLike) -> None:
        """Count one image at every threshold.

        Args:
            scores: (H, W) real numbers on the scale of the thresholds.
            label: (H, W) bool, 0/1 or 0..255.
        """
        known = Label.read(label, self._points[0].convention)
        for index, threshold in enumerate(self.thresholds):
            mask = foreground(scores, threshold)
            self._points[index] += count_image(mask, known, self._points[index])[0]

    def merge(self, *others: RocMetrics) -> Self:
        """Add what `others` have counted at the same thresholds."""
        for other in others:
            if other.thresholds != self.thresholds:
                raise InvalidValueError("curves are merged only when their thresholds are the same")
            self._points = [mine + theirs for mine, theirs in zip(self._points, other._points, strict=True)]
        return self

    def result(self) -> Roc:
        """Return the curves over all images so far."""
        return Roc(self.thresholds, tuple(self._points))
