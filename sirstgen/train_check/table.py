"""Table VIII of the DNA-Net paper as data, and the same table from one's own runs.

The paper trains on mixes of real (NUAA-SIRST) and synthetic (NUDT-SIRST) images and tests on the 214 real test images.
Figures are in the paper's units: IoU, nIoU and Pd in percent, Fa in 1e-6.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Literal, Self, get_args

from sirstgen.errors import InvalidValueError
from sirstgen.evaluation.bootstrap import Interval, difference, interval
from sirstgen.evaluation.frame_scores import FrameScores
from sirstgen.evaluation.metrics import DetectionResult

Measure = Literal["iou", "niou", "pd", "fa"]
MEASURES: tuple[Measure, ...] = get_args(Measure)

BOOTSTRAPPED = ("iou", "pd")
"""Measures whose differences between rows are judged."""


class Status(StrEnum):
    """How a run ended; `OK` and `COLLAPSED` have figures, and `OUT_OF_TIME` those of the steps that were taken."""

    OK = "ok"
    COLLAPSED = "collapsed: all background"
    NAN_LOSS = "NaN loss"
    OUT_OF_MEMORY = "out of memory"
    OUT_OF_TIME = "out of time"
    EMPTY_SPLIT = "empty split"
    FAILED = "failed"


@dataclass(frozen=True, order=True)
class TrainingSet:
    """What a row trains on: numbers of real and synthetic images, or any other set by its name.

    Attributes:
        real: real images.
        synthetic: synthetic images.
        name: of another set; empty for the rows of Table VIII.
        surrogate: the real images are of the built-in surrogate domain.
    """

    real: int
    synthetic: int
    name: str = ""
    surrogate: bool = False

    @property
    def label(self) -> str:
        """Its name in the table."""
        real = "surrogate" if self.surrogate else "real"
        parts = [f"{count} {kind}" for count, kind in ((self.real, real), (self.synthetic, "synthetic")) if count]
        counts = " + ".join(parts) or "no images"
        return f"{self.name} ({counts})" if self.name else counts

    @property
    def real_share(self) -> float:
        """Share of real images, 0 to 1; nan for an empty set."""
        total = self.real + self.synthetic
        return self.real / total if total else math.nan


@dataclass(frozen=True)
class Figures:
    """IoU, nIoU and Pd in percent, Fa in 1e-6; nan where undefined or not given."""

    iou: float = math.nan
    niou: float = math.nan
    pd: float = math.nan
    fa: float = math.nan

    @classmethod
    def of(cls, result: DetectionResult) -> Self:
        """Return the figures of a measured result, in the paper's units."""
        return cls(100 * result.iou, 100 * result.niou, 100 * result.pd, 1e6 * result.fa)

    def to_dict(self) -> dict[str, float | None]:
        """Return plain values for JSON, None for nan."""
        return {measure: number_or_null(getattr(self, measure)) for measure in MEASURES}


@dataclass(frozen=True)
class PaperRow:
    """A row of the published table; `figures` by family of detectors (``dnanet``, ``acm``)."""

    training_set: TrainingSet
    figures: Mapping[str, Figures]


def _published(real: int, synthetic: int, dnanet: tuple[float, ...], acm: tuple[float, ...]) -> PaperRow:
    figures = {family: Figures(iou=v[0], pd=v[1], fa=v[2]) for family, v in (("dnanet", dnanet), ("acm", acm))}
    return PaperRow(TrainingSet(real, synthetic), figures)


PAPER = (
    _published(0, 791, (66.84, 95.43, 28.59), (60.43, 91.25, 20.75)),
    _published(42, 749, (70.44, 96.19, 15.40), (63.94, 92.87, 27.37)),
    _published(85, 706, (74.58, 97.43, 7.263), (66.69, 93.67, 16.95)),
    _published(128, 663, (77.23, 98.34, 6.401), (69.29, 95.06, 9.022)),
    _published(213, 0, (77.47, 98.48, 4.223), (70.33, 93.91, 3.728)),
)

PAPER_NOTES = (
    "The paper prints shares of 749 for the synthetic images of rows 2 to 4; the shares fit 791.",
    "Rows 1 to 3 need 791, 749 and 706 synthetic images, more than the 663 of the NUDT-SIRST training set that the "
    "text names; where the others came from is not said.",
    "Fa of DNA-Net in the last row, 4.223, is its value on NUDT-SIRST in Table II; on NUAA-SIRST that table has 2.353.",
    "With 263 test targets Pd moves in steps of 0.38: the printed 97.43, 98.34, 92.87 and 93.67 are no such steps.",
    "Not said: which net of the DNA-Net family (row 5 fits ResNet18), which images were drawn, how many runs, and "
    "whether rows had equal epochs or equal steps.",
    "The authors put the difference between repeats of one training at 1 to 2 points of IoU. Here it was 2 to 5.",
)


@dataclass(frozen=True)
class Run:
    """One training and its test.

    Attributes:
        training_set: what it trained on.
        detector: full name, such as ``dnanet-resnet18`` or ``acm``.
        seed: of weights, draws and order.
        status: how it ended.
        figures: on the test set; all nan unless the status has figures.
        steps: optimiser steps made.
        seconds: training and test, wall clock.
        device: where, in words.
        note: anything a reader should know, such as the reason of a failure.
        scores: counts of every test frame; None where there are none.
    """

    training_set: TrainingSet
    detector: str
    seed: int
    status: Status = Status.OK
    figures: Figures = Figures()
    steps: int = 0
    seconds: float = 0.0
    device: str = ""
    note: str = ""
    scores: FrameScores | None = field(default=None, compare=False, repr=False)

    @property
    def trained(self) -> bool:
        """Whether the training came to its end and was tested."""
        return self.status in (Status.OK, Status.COLLAPSED) and self.steps > 0

    @property
    def family(self) -> str:
        """Which column of the paper's table it belongs to: ``dnanet``, ``acm``, or another that has none."""
        return self.detector.partition("-")[0]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; `from_dict` reads them."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return values | {
            "training_set": asdict(self.training_set),
            "status": str(self.status),
            "figures": self.figures.to_dict(),
            "scores": None if self.scores is None else self.scores.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the run whose `to_dict` gave `data`.

        Raises:
            InvalidValueError: it is not such a thing.
        """
        try:
            figures = {name: math.nan if value is None else float(value) for name, value in data["figures"].items()}
            known = {
                "training_set": TrainingSet(**data["training_set"]),
                "status": Status(data["status"]),
                "figures": Figures(**figures),
                "scores": None if data.get("scores") is None else FrameScores.from_dict(data["scores"]),
            }
            return cls(**(dict(data) | known))
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise InvalidValueError(f"not the record of a run: {fault}") from None


@dataclass(frozen=True)
class Row:
    """All runs of one training set and detector, in the order they were given."""

    training_set: TrainingSet
    detector: str
    runs: tuple[Run, ...]

    @property
    def paper(self) -> Figures | None:
        """The published figures of this row, if the paper has it."""
        published = {row.training_set: row.figures for row in PAPER}
        return published.get(replace(self.training_set, surrogate=False), {}).get(self.runs[0].family)

    @property
    def problems(self) -> dict[str, int]:
        """The number of runs that did not end well, by status."""
        return dict(Counter(str(run.status) for run in self.runs if run.status is not Status.OK))

    @property
    def counted(self) -> list[Run]:
        """The runs that ended well; where there is none, those that ran out of time and were tested as they were."""
        ok = [run for run in self.runs if run.status is Status.OK]
        return ok or [run for run in self.runs if run.status is Status.OUT_OF_TIME]

    @property
    def complete(self) -> bool:
        """Whether any run ended well."""
        return any(run.status is Status.OK for run in self.runs)

    @property
    def scores(self) -> list[FrameScores]:
        """The counts by frame of the runs that are counted."""
        return [run.scores for run in self.counted if run.scores is not None]

    @property
    def iou_interval(self) -> Interval | None:
        """IoU in 0..1 with its bootstrap interval over test frames and repeats; None without counts by frame."""
        return interval(self.scores) if self.scores else None

    def values(self, measure: Measure) -> list[float]:
        """Return the figure of every run that is counted and has one."""
        values = [float(getattr(run.figures, measure)) for run in self.counted]
        return [value for value in values if not math.isnan(value)]

    def mean(self, measure: Measure) -> float:
        """Return the mean over the runs that are counted; nan without any."""
        values = self.values(measure)
        return sum(values) / len(values) if values else math.nan

    def spread(self, measure: Measure) -> float:
        """Return the sample standard deviation over the runs that are counted; nan with fewer than two."""
        values, mean = self.values(measure), self.mean(measure)
        if len(values) < 2:
            return math.nan
        return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


@dataclass(frozen=True)
class Comparison:
    """Two rows of one detector.

    Attributes:
        first, second: the rows.
        differences: for ``iou`` and ``pd``, first minus second in 0..1 with its paired bootstrap interval. Empty where
            a row has fewer than two runs, as the interval would not hold the chance of a training, and where its runs
            ran out of time.
    """

    first: Row
    second: Row
    differences: Mapping[str, Interval]

    @classmethod
    def of(cls, first: Row, second: Row) -> Self:
        """Compare two rows by their runs that have counts for every test frame."""
        one, other = first.scores, second.scores
        if (
            not (first.complete and second.complete)
            or min(len(one), len(other)) < 2
            or len({run.ids for run in (*one, *other)}) > 1
        ):
            return cls(first, second, {})
        return cls(first, second, {measure: difference(one, other, measure) for measure in BOOTSTRAPPED})


@dataclass(frozen=True)
class Table:
    """The table of one's own runs, beside the paper's.

    Attributes:
        runs: in any order; runs of one training set and detector make one row.
        test_set: what was tested on, in words, with the number of images.
        preset: ``paper``, ``quick`` or what the settings are called.
        surrogate: the real images were the built-in surrogate domain; such figures say nothing about real images.
        settings: further lines for the head: equal steps or epochs, input size, convention.
        notes: further lines for the end, such as masks that were resized.
    """

    runs: Sequence[Run]
    test_set: str
    preset: str
    surrogate: bool = False
    settings: Mapping[str, str] | None = None
    notes: Sequence[str] = ()

    @property
    def title(self) -> str:
        """One line that says what this is, and what it is not."""
        domain = "SURROGATE DOMAIN, says nothing about real images" if self.surrogate else f"tested on {self.test_set}"
        return f"Table VIII, preset {self.preset}: {domain}"

    @property
    def rows(self) -> tuple[Row, ...]:
        """One per detector and training set: detectors as they first came, then more real images further down."""
        grouped: dict[tuple[str, TrainingSet], list[Run]] = {}
        for run in self.runs:
            grouped.setdefault((run.detector, run.training_set), []).append(run)
        detectors = list(dict.fromkeys(run.detector for run in self.runs))
        order = sorted(grouped, key=lambda key: (detectors.index(key[0]), key[1].name, key[1]))
        return tuple(Row(key[1], key[0], tuple(grouped[key])) for key in order)

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Each row against the next of its detector, and each but the last two against the last."""
        found = []
        for detector in dict.fromkeys(run.detector for run in self.runs):
            rows = [row for row in self.rows if row.detector == detector]
            found += [Comparison.of(one, other) for one, other in itertools.pairwise(rows)]
            found += [Comparison.of(row, rows[-1]) for row in rows[:-2]]
        return tuple(found)


def number_or_null(value: float) -> float | None:
    """Return a number for JSON: None for nan."""
    return None if math.isnan(value) else value
