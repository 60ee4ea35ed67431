"""What a detector did on every frame of a test set: the counts from which figures, curves and intervals follow.

The pooled IoU of a small test set is decided by few frames: false alarms in two or three frames can make up half of all
false pixels. So counts are kept by frame, and figures that such frames do not decide are given beside the paper's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.evaluation.map_score import MapScore
from sirstgen.evaluation.metrics import DetectionResult
from sirstgen.evaluation.roc import Roc
from sirstgen.measure.components import find_components, match_targets

COUNTS = (
    "pixels",
    "predicted_pixels",
    "labelled_pixels",
    "missed_pixels",
    "intersection",
    "union",
    "targets",
    "detected",
    "predictions",
    "false_pixels",
)
_OVERLAP = "false_overlap"
COLUMNS = (*COUNTS, _OVERLAP)
"""Columns of `FrameScores.counts`: fields of `DetectionResult`, counted as ``exact``, and the labelled pixels that are
under predictions which match no target."""

FIXED_FA = 10e-6
"""False-alarm rate at which `FrameScores.pd_at_fa` reads the curve."""

FIXED_PD = 0.95
"""Probability of detection at which `FrameScores.fa_at_pd` reads the curve."""


@dataclass(frozen=True, eq=False)
class FrameScores:
    """Counts of one detector on a test set.

    Attributes:
        ids: of the frames.
        counts: (frames, 11) int64, the columns of `COLUMNS`, at a probability of 0.5.
        false_pixels_dnanet: false pixels of the whole set as the DNA-Net code counts them.
        curve: (thresholds, 7) int64, the whole set's counts along `sirstgen.evaluation.map_score.THRESHOLDS`.
    """

    ids: tuple[str, ...]
    counts: NDArray[np.int64]
    false_pixels_dnanet: int
    curve: NDArray[np.int64]

    @classmethod
    def of(cls, frames: Iterable[tuple[str, NDArray[np.floating[Any]], NDArray[np.bool_]]]) -> Self:
        """Count the frames of a test set.

        Args:
            frames: id, logits (H, W) and mask (H, W) bool of each.
        """
        ids, rows, total = [], [], MapScore.total([])
        for key, logits, mask in frames:
            with np.errstate(over="ignore"):
                score = MapScore.of(1 / (1 + np.exp(-logits.astype(np.float64))), mask, threshold=0.5)
            ids.append(key)
            rows.append([*(getattr(score.exact, name) for name in COUNTS), _false_overlap(logits > 0, mask)])
            total = MapScore.total([total, score])
        counts = np.array(rows, np.int64).reshape(-1, len(COLUMNS))
        return cls(tuple(ids), counts, total.published.false_pixels, total.curve)

    def column(self, name: str) -> NDArray[np.int64]:
        """Return one count of every frame, (frames,) int64."""
        return np.asarray(self.counts[:, COLUMNS.index(name)])

    def total(self, name: str) -> int:
        """Return one count of the whole set."""
        return int(self.column(name).sum())

    @property
    def iou(self) -> float:
        """Pooled IoU, Eq. 11, in 0..1."""
        return _ratio(self.total("intersection"), self.total("union"))

    @property
    def frame_iou(self) -> NDArray[np.float64]:
        """IoU of every frame that holds a labelled or predicted pixel, in 0..1."""
        union = self.column("union")
        return self.column("intersection")[union > 0] / union[union > 0]

    @property
    def median_iou(self) -> float:
        """Median of `frame_iou`; nan without such frames."""
        return float(np.median(self.frame_iou)) if len(self.frame_iou) else math.nan

    @property
    def iou_without_false_alarms(self) -> float:
        """Pooled IoU without the predictions that match no target: how well found targets are covered."""
        overlap = self.total(_OVERLAP)
        kept = self.total("intersection") - overlap
        return _ratio(kept, self.total("union") - self.total("false_pixels") + overlap)

    @property
    def fa_dnanet(self) -> float:
        """False-alarm rate as the DNA-Net code counts it, see `sirstgen.evaluation.metrics`."""
        return _ratio(self.false_pixels_dnanet, self.total("pixels"))

    @property
    def roc(self) -> Roc:
        """Measures along the thresholds of the score map."""
        counts: dict[str, Any] = {name: self.total(name) for name in COUNTS}
        exact = DetectionResult(**counts, images=len(self.ids))
        return MapScore(exact, exact, 0, (), self.curve).roc

    def pd_at_fa(self, fa: float = FIXED_FA) -> float:
        """Return the highest Pd of the thresholds whose false-alarm rate is at most `fa`; nan where none is."""
        return max((point.pd for point in self.roc.points if point.fa <= fa), default=math.nan)

    def fa_at_pd(self, pd: float = FIXED_PD) -> float:
        """Return the lowest false-alarm rate of the thresholds whose Pd is at least `pd`; nan where none is."""
        return min((point.fa for point in self.roc.points if point.pd >= pd), default=math.nan)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; `from_dict` reads them."""
        return {
            "columns": list(COLUMNS),
            "frames": dict(zip(self.ids, self.counts.tolist(), strict=True)),
            "false_pixels_dnanet": self.false_pixels_dnanet,
            "curve": self.curve.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the scores whose `to_dict` gave `data`.

        Raises:
            InvalidValueError: other columns, or a row of another length.
        """
        if list(data["columns"]) != list(COLUMNS):
            raise InvalidValueError(f"frame scores must have the columns {', '.join(COLUMNS)}, got {data['columns']}")
        rows: list[Sequence[int]] = list(data["frames"].values())
        if any(len(row) != len(COLUMNS) for row in rows):
            raise InvalidValueError(f"every row of frame scores must hold {len(COLUMNS)} counts")
        counts = np.array(rows, np.int64).reshape(-1, len(COLUMNS))
        curve = np.array(data["curve"], np.int64)
        return cls(tuple(data["frames"]), counts, int(data["false_pixels_dnanet"]), curve)


def _false_overlap(prediction: NDArray[np.bool_], mask: NDArray[np.bool_]) -> int:
    """Return the number of labelled pixels under predicted components that match no target."""
    predicted = find_components(prediction)
    matches = match_targets(find_components(mask).centroids, predicted.centroids, DetectionResult().deviation)
    false = np.ones(len(predicted) + 1, bool)
    false[0] = False
    false[matches[matches >= 0] + 1] = False
    return int(np.count_nonzero(false[predicted.labels] & mask))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
