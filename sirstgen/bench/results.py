"""What a bench found: figures per detector, on the whole dataset and on its parts, as a dict and as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sirstgen.bench.subsets import Subset
from sirstgen.errors import InputError
from sirstgen.evaluation.map_score import THRESHOLDS, MapScore
from sirstgen.pages.table import Grid

IOU_TITLE = "IoU, per cent, of the images that hold nothing else"

_COLUMNS = (
    ("IoU %", "iou", 100, 2),
    ("nIoU %", "niou", 100, 2),
    ("Pd %", "pd", 100, 2),
    ("Fa 1e-6", "fa", 1e6, 1),
    ("Fa as published", "fa_as_published", 1e6, 1),
    ("best IoU %", "best_iou", 100, 2),
    ("AUC", "auc", 1, 3),
)
"""Title, figure, factor and digits of the columns of `BenchResult.grid`."""


class MapSource(Protocol):
    """What can be benched: a `ClassicalDetector`, or anything picklable of this shape."""

    @property
    def name(self) -> str:
        """What it is called in commands and files."""

    @property
    def title(self) -> str:
        """What it is called in tables."""

    @property
    def citation(self) -> str:
        """Where it was published."""

    @property
    def threshold(self) -> float | None:
        """Level above which a pixel is target; None for the adaptive threshold, Eq. 14."""

    def __call__(self, image: ArrayLike) -> NDArray[np.float32]:
        """Return the target map (H, W) of an image (H, W) in gray levels 0..255."""


@dataclass(frozen=True)
class Scored:
    """A detector's map of one image, scored.

    Attributes:
        image: id.
        detector: name.
        seconds: processor time that the map took.
        score: the counts.
    """

    image: str
    detector: str
    seconds: float
    score: MapScore


@dataclass(frozen=True)
class BenchResult:
    """All scores of a bench.

    Attributes:
        dataset: name of the dataset.
        images: ids, in order.
        detectors: what was benched, in order.
        scored: by detector's name and image id.
        parts: subsets of the dataset.
        measured: the dataset does not state its targets; their area and SCR were measured in the pixels.
    """

    dataset: str
    images: tuple[str, ...]
    detectors: tuple[MapSource, ...]
    scored: Mapping[tuple[str, str], Scored]
    parts: tuple[Subset, ...]
    measured: bool = False

    @property
    def parts_title(self) -> str:
        """What `parts_grid` shows of Pd, in words."""
        source = " (area and SCR measured: there is no targets.jsonl)" if self.measured else ""
        return f"Pd, per cent, of the targets of each part{source}"

    def whole(self, detector: str) -> MapScore:
        """Return the counts of a detector over all images."""
        return self._total(detector, self.images)

    def seconds(self, detector: str) -> float:
        """Return the mean processor time of a map."""
        return float(np.mean([self.scored[detector, image].seconds for image in self.images]))

    def figures(self, detector: str) -> dict[str, Any]:
        """Return every figure over all images; None where undefined."""
        total = self.whole(detector)
        best, level = total.roc.best_iou
        return _without_nan(
            {
                **_scores(total),
                "fa_as_published": total.published.fa,
                "best_iou": best,
                "best_iou_threshold": level,
                "empty_maps": total.empty_maps,
                "seconds": self.seconds(detector),
            }
        )

    def part_figures(self, detector: str, part: Subset) -> dict[str, Any]:
        """Return the figures of one part: Pd over its targets, the others over the images that hold nothing else."""
        own = [(self.scored[detector, image].score.detected, flags) for image, flags in part.members.items()]
        found = [hit for detected, flags in own for hit, flag in zip(detected, flags, strict=True) if flag]
        pure = part.pure_images
        scores = _scores(self._total(detector, pure))
        scores |= {"targets": len(found), "pd": sum(found) / len(found) if found else math.nan}
        return _without_nan({"axis": part.axis, "part": part.name, "images": len(pure), **scores})

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values. Fa is a share of all pixels (papers print it times 1e6)."""
        return {
            "dataset": self.dataset,
            "images": len(self.images),
            "parts_measured": self.measured,
            "detectors": [
                {
                    "name": detector.name,
                    "title": detector.title,
                    "citation": detector.citation,
                    "whole": self.figures(detector.name),
                    "parts": [self.part_figures(detector.name, part) for part in self.parts],
                    "roc": self._curve(detector.name),
                }
                for detector in self.detectors
            ],
        }

    def grid(self) -> Grid:
        """Return the figures over all images as a table."""
        head = ("method", *(title for title, *_ in _COLUMNS), "empty", "s/image")
        rows = []
        for detector in self.detectors:
            f = self.figures(detector.name)
            figures = (_number(f[name], factor, digits) for _, name, factor, digits in _COLUMNS)
            rows.append((detector.title, *figures, str(f["empty_maps"]), _number(f["seconds"], 1, 4)))
        return Grid(head, rows, f"{self.dataset}: {len(self.images)} images")

    def parts_grid(self, figure: str = "pd") -> Grid:
        """Return one figure (``pd`` or ``iou``, per cent) of every detector on every part as a table."""
        head = ("part", "images", "targets", *(detector.title for detector in self.detectors))
        rows = []
        for part in self.parts:
            columns = [self.part_figures(detector.name, part) for detector in self.detectors]
            counts = (str(columns[0]["images"]), str(columns[0]["targets"]))
            values = (_number(column[figure], 100, 1) for column in columns)
            rows.append((f"{part.axis} {part.name}", *counts, *values))
        return Grid(head, rows, self.parts_title if figure == "pd" else IOU_TITLE)

    def _total(self, detector: str, images: Iterable[str]) -> MapScore:
        return MapScore.total(self.scored[detector, image].score for image in images)

    def _curve(self, detector: str) -> dict[str, list[float | None]]:
        roc = self.whole(detector).roc
        curve: dict[str, list[float | None]] = {"threshold": list(THRESHOLDS)}
        for name in ("pd", "fa", "tpr", "fpr", "iou"):
            curve[name] = [None if math.isnan(value) else float(value) for value in roc.figure(name)]
        return curve


def check_rows(rows: Mapping[str, Mapping[str, Any]], scored: Iterable[Scored]) -> None:
    """Raise InputError where ``targets.jsonl`` states another number of targets than the mask holds."""
    for entry in scored:
        if entry.image in rows and len(rows[entry.image]["targets"]) != len(entry.score.detected):
            raise InputError.of(
                "targets.jsonl",
                f"image {entry.image}: {len(rows[entry.image]['targets'])} targets are stated, the mask holds "
                f"{len(entry.score.detected)}; run verify on the dataset",
            )


def _scores(total: MapScore) -> dict[str, Any]:
    exact = total.exact
    counts = {"images": exact.images, "targets": exact.targets, "detected": exact.detected}
    return counts | {"iou": exact.iou, "niou": exact.niou, "pd": exact.pd, "fa": exact.fa, "auc": total.roc.auc}


def _without_nan(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in figures.items()}


def _number(value: float | None, factor: float, digits: int) -> str:
    return "-" if value is None else f"{value * factor:.{digits}f}"
