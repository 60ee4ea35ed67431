"""What a comparison of two sets found: distances of statistics, two-sample tests, the rows worth looking at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sirstgen.comparison.measures import Measure
from sirstgen.comparison.tables import MeasuredSet

PERCENTILES = (5, 25, 50, 75, 95)

_LEAST_FLOOR = 0.05  # statistics that hardly vary have next to no floor, and would always come first


@dataclass(frozen=True)
class Floor:
    """A figure between random halves of the reference: what no set can be expected to fall below.

    Args:
        mean: over several halvings.
        most: the largest of them.
    """

    mean: float
    most: float


@dataclass(frozen=True)
class StatisticGap:
    """How far two sets are apart in one statistic.

    Args:
        measure: which.
        emd: Earth Mover distance / standard deviation of the reference, on the measure's own scale.
        ks: Kolmogorov-Smirnov distance.
        floor: the KS distance between halves of the reference; None where the reference is too small to halve.
        candidate, reference: percentiles 5, 25, 50, 75, 95 in the measure's unit; NaN where a set has no values.
    """

    measure: Measure
    emd: float
    ks: float
    floor: Floor | None
    candidate: tuple[float, ...]
    reference: tuple[float, ...]

    @property
    def floor_ratio(self) -> float:
        """KS over the floor's mean: how much more the sets differ than chance has it."""
        if math.isnan(self.ks):
            return 0.0
        return self.ks / max(self.floor.mean, _LEAST_FLOOR) if self.floor is not None else self.ks

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON values."""
        return {
            "name": self.measure.name,
            "meaning": self.measure.meaning,
            "scale": "linear" if self.measure.floor is None else "log10",
            "emd": _number(self.emd),
            "ks": _number(self.ks),
            "ks_floor": _floor(self.floor),
            "percentiles": {
                side: {str(at): _number(value) for at, value in zip(PERCENTILES, values, strict=True)}
                for side, values in (("candidate", self.candidate), ("reference", self.reference))
            },
        }


@dataclass(frozen=True)
class Distances:
    """The statistics of targets or of backgrounds, the most discriminative first.

    Args:
        gaps: one a statistic.
        emd, ks: means over the statistics.
        emd_floor, ks_floor: of these means; None where the reference is too small to halve.
    """

    gaps: tuple[StatisticGap, ...]
    emd: float
    ks: float
    emd_floor: Floor | None
    ks_floor: Floor | None

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON values."""
        return {
            "emd": _number(self.emd),
            "emd_floor": _floor(self.emd_floor),
            "ks": _number(self.ks),
            "ks_floor": _floor(self.ks_floor),
            "statistics": [gap.to_dict() for gap in self.gaps],
        }


@dataclass(frozen=True)
class Example:
    """One row of a test.

    Args:
        id: its frame.
        x, y: its middle in the frame as compared, pixels.
        score: probability of being the candidate's, from a forest that had not seen the frame.
    """

    id: str
    x: int
    y: int
    score: float


@dataclass(frozen=True)
class Examples:
    """Rows of both sets side by side, each of another frame.

    Args:
        most_certain: those that the forest is most certain of, (candidate, reference).
        typical: those about whose scores half of their set is, (candidate, reference).
    """

    most_certain: tuple[tuple[Example, Example], ...]
    typical: tuple[tuple[Example, Example], ...]


@dataclass(frozen=True)
class TwoSampleTest:
    """Whether a forest can separate the sets.

    Args:
        name: ``targets``, ``target pixels``, ``background patches`` or ``whole backgrounds``.
        auc: 0.5 if it cannot, 1 if it always can; None where the test was skipped.
        floor: of the AUC between halves of the reference; None where it is too small to halve.
        chance: the AUC that random samples of as many backgrounds exceed once in forty times (Mann-Whitney).
        rows: of the candidate and of the reference, in all.
        importances: columns by their share in the forest's decisions, the largest first.
        skipped: why there is no AUC; empty where there is one.
        examples: None where there are no pictures to show, or the test was skipped.
    """

    name: str
    auc: float | None
    floor: Floor | None
    chance: float | None
    rows: tuple[int, int]
    importances: tuple[tuple[str, float], ...] = ()
    skipped: str = ""
    examples: Examples | None = None

    @property
    def at_floor(self) -> bool:
        """Whether the sets are separable no better than halves of the reference, or than chance has it."""
        if self.auc is None or self.chance is None:
            return False
        return self.auc <= max(self.chance, self.floor.most if self.floor is not None else 0)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON values."""
        return {
            "name": self.name,
            "auc": None if self.auc is None else _number(self.auc),
            "floor": _floor(self.floor),
            "chance": None if self.chance is None else _number(self.chance),
            "at_floor": self.at_floor,
            "rows": {"candidate": self.rows[0], "reference": self.rows[1]},
            "importances": [{"name": name, "share": round(share, 4)} for name, share in self.importances],
            "skipped": self.skipped or None,
        }


@dataclass(frozen=True, repr=False)
class Comparison:
    """A candidate set measured against a reference.

    Args:
        candidate, reference: the sets with all their rows.
        size: side to which frames were resized, pixels; 0 for their own size.
        seed: of all draws.
        targets, backgrounds: distances; of targets None where a set has none.
        tests: the two-sample tests, in a fixed order.
        warnings: what was mended while reading, and what could not be measured.
    """

    candidate: MeasuredSet
    reference: MeasuredSet
    size: int
    seed: int
    targets: Distances | None
    backgrounds: Distances
    tests: tuple[TwoSampleTest, ...]
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        found = ", ".join(f"{test.name} {test.auc:.2f}" for test in self.tests if test.auc is not None)
        return f"Comparison({self.candidate.name!r} with {self.reference.name!r}, AUC: {found})"

    def test(self, name: str) -> TwoSampleTest:
        """Return the test of that name."""
        return next(test for test in self.tests if test.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON values; what does not exist is null."""
        return {
            "candidate": _summary(self.candidate),
            "reference": _summary(self.reference),
            "size": self.size,
            "seed": self.seed,
            "tests": [test.to_dict() for test in self.tests],
            "targets": None if self.targets is None else self.targets.to_dict(),
            "backgrounds": self.backgrounds.to_dict(),
            "warnings": list(self.warnings),
        }


def _summary(measured: MeasuredSet) -> dict[str, Any]:
    return {
        "name": measured.name,
        "images": len(measured.ids),
        "targets": len(measured.targets),
        "groups": len(set(measured.groups)),
    }


def _number(value: float) -> float | None:
    return round(value, 5) if math.isfinite(value) else None


def _floor(floor: Floor | None) -> dict[str, float | None] | None:
    return None if floor is None else {"mean": _number(floor.mean), "max": _number(floor.most)}
