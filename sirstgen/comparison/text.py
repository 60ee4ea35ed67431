"""A comparison of two sets as text: the tests, the mean distances, the most tell-tale statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sirstgen.comparison.comparison import Comparison, Distances, Floor, StatisticGap, TwoSampleTest
from sirstgen.comparison.tables import MeasuredSet

_SHOWN = 8  # statistics of each kind; all are in the JSON


def comparison_text(found: Comparison) -> str:
    """The figures of a comparison for a terminal."""
    width = max(len(found.candidate.name), len(found.reference.name))
    frames = f"squashed to {found.size}x{found.size}" if found.size else "at their own size"
    lines = [
        f"candidate  {_side(found.candidate, width)}",
        f"reference  {_side(found.reference, width)}",
        f"frames {frames}, seed {found.seed}",
        "",
        *_aligned([["two-sample test", "AUC", "floor", "max", "", "what tells them apart"], *map(_test, found.tests)]),
        "AUC 0.5: a forest cannot tell the sets apart, 1: it always can; floor: halves of the reference, mean and max",
        "",
        *_aligned(
            [["distances", "EMD", "floor", "max", "KS", "floor", "max"]]
            + ([] if found.targets is None else [_distances("targets", found.targets)])
            + [_distances("backgrounds", found.backgrounds)]
        ),
        "means over the statistics; EMD in standard deviations of the reference",
    ]
    for title, distances in (("targets", found.targets), ("backgrounds", found.backgrounds)):
        if distances is not None:
            head = [f"{title}, most tell-tale first", "KS", "floor", "EMD", "candidate 5/25/50/75/95 %", "reference"]
            lines += ["", *_aligned([head, *(_gap(gap) for gap in distances.gaps[:_SHOWN])])]
    return "\n".join([*lines, *([""] if found.warnings else []), *found.warnings])


def quantile_text(values: Sequence[float]) -> str:
    """Percentiles in few digits, such as ``1.2 / 3.4 / 5 / 7.1 / 12``."""
    if any(math.isnan(value) for value in values):
        return "-"
    return " / ".join(
        "0" if abs(value) < 1e-6 else f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}" for value in values
    )


def _side(side: MeasuredSet, width: int) -> str:
    backgrounds = len(set(side.groups))
    return f"{side.name.ljust(width)}  {len(side.ids)} images of {backgrounds} backgrounds, {len(side.targets)} targets"


def _test(test: TwoSampleTest) -> list[str]:
    if test.auc is None:
        return [f"  {test.name}", "-", "-", "-", "skipped:", test.skipped]
    verdict = "at the floor" if test.at_floor else "told apart"
    return [
        f"  {test.name}",
        f"{test.auc:.3f}",
        *_two(test.floor, 3),
        verdict,
        ", ".join(name for name, _ in test.importances[:4]),
    ]


def _distances(title: str, distances: Distances) -> list[str]:
    return [
        f"  {title}",
        _figure(distances.emd),
        *_two(distances.emd_floor, 2),
        _figure(distances.ks),
        *_two(distances.ks_floor, 2),
    ]


def _gap(gap: StatisticGap) -> list[str]:
    return [
        f"  {gap.measure.meaning}",
        _figure(gap.ks),
        _two(gap.floor, 2)[0],
        _figure(gap.emd),
        quantile_text(gap.candidate),
        quantile_text(gap.reference),
    ]


def _two(floor: Floor | None, digits: int) -> list[str]:
    return ["-", "-"] if floor is None else [f"{floor.mean:.{digits}f}", f"{floor.most:.{digits}f}"]


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    return ["".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
