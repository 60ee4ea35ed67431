"""A comparison of two sets as tables and text: the tests, the mean distances, the most discriminative statistics."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from sirstgen.comparison.comparison import PERCENTILES, Comparison, Distances, Floor, StatisticGap, TwoSampleTest
from sirstgen.comparison.measures import BACKGROUND_MEASURES, TARGET_MEASURES
from sirstgen.comparison.tables import MeasuredSet
from sirstgen.pages.fonts import shortened
from sirstgen.pages.table import WIDTH, Grid

_NAMED = 3  # statistics of a test
_SHOWN = 8  # statistics of each kind in the text; all are in the JSON and on the page

AUC_NOTE = (
    "AUC of random forests on frames they have not seen. 0.5: they cannot separate the sets; 1: they always can. "
    "Floor: the same between random halves of the reference, mean and maximum."
)
DISTANCE_NOTE = "Means over the statistics. EMD in standard deviations of the reference."


def comparison_text(found: Comparison) -> str:
    """Return the figures of a comparison for a terminal, 80 columns wide at most."""
    parts = ["\n".join(f"{name}: {value}" for name, value in summary(found))]
    parts += [tests_grid(found).text(), _wrapped(AUC_NOTE), distances_grid(found).text(), DISTANCE_NOTE]
    parts += [
        statistics_grid(title, distances, _SHOWN, slice(1, 4)).text()
        for title, distances in (("Targets", found.targets), ("Backgrounds", found.backgrounds))
        if distances is not None
    ]
    return "\n\n".join([*parts, *(["\n".join(found.warnings)] if found.warnings else [])])


def summary(found: Comparison) -> list[tuple[str, str]]:
    """Return what was compared, as names and values."""
    frames = f"resized to {found.size}x{found.size}" if found.size else "at their own size"
    return [
        ("candidate", _side(found.candidate)),
        ("reference", _side(found.reference)),
        ("frames", frames),
        ("seed", str(found.seed)),
    ]


def tests_grid(found: Comparison) -> Grid:
    """Return the two-sample tests, a row each; an AUC above the floor is marked."""
    rows = [_test(test) for test in found.tests]
    marked = {(at, 1) for at, test in enumerate(found.tests) if test.auc is not None and not test.at_floor}
    head = ["test", "AUC", "floor, mean", "floor, max", "result", "most discriminative statistics"]
    return Grid(head, rows, "Two-sample tests", frozenset(marked))


def distances_grid(found: Comparison) -> Grid:
    """Return the mean distances of targets and backgrounds."""
    kinds = (("targets", found.targets), ("backgrounds", found.backgrounds))
    rows = [_distances(title, distances) for title, distances in kinds if distances is not None]
    head = ["", "EMD", "floor, mean", "floor, max", "KS", "floor, mean", "floor, max"]
    return Grid(head, rows, "Mean distances")


def statistics_grid(
    title: str, distances: Distances, most: int | None = None, percentiles: slice = slice(None)
) -> Grid:
    """Return the statistics of one kind, the most discriminative first, `most` of them or all.

    Args:
        title: of the kind.
        distances: the statistics.
        most: number of rows at most.
        percentiles: which of the five are shown.
    """
    head = ["statistic", "KS", "floor", "EMD", "candidate", "reference"]
    rows = [_gap(gap, percentiles) for gap in distances.gaps[:most]]
    shown = " / ".join(str(level) for level in list(PERCENTILES)[percentiles])
    return Grid(head, rows, f"{title}: most discriminative statistics, percentiles {shown}")


def quantile_text(values: Sequence[float]) -> str:
    """Return percentiles in few digits, such as ``1.2 / 3.4 / 5 / 7.1 / 12``."""
    if any(math.isnan(value) for value in values):
        return "-"
    return " / ".join(
        "0" if abs(value) < 1e-6 else f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}" for value in values
    )


def _side(side: MeasuredSet) -> str:
    backgrounds = len(set(side.groups))
    name = shortened(side.name)
    return f"{name}, {len(side.ids)} images of {backgrounds} backgrounds, {len(side.targets)} targets"


def _test(test: TwoSampleTest) -> list[str]:
    if test.auc is None:
        return [test.name, "-", "-", "-", "skipped", test.skipped]
    result = "at the floor" if test.at_floor else "separable"
    named = "; ".join(f"{_meaning(test, name)} {100 * share:.0f} %" for name, share in test.importances[:_NAMED])
    return [test.name, f"{test.auc:.3f}", *_two(test.floor, 3), result, named]


def _meaning(test: TwoSampleTest, name: str) -> str:
    """Return what a column of a test is, in words; columns of the patches have their name only."""
    measures = {"targets": TARGET_MEASURES, "whole backgrounds": BACKGROUND_MEASURES}.get(test.name, ())
    return next((measure.meaning for measure in measures if measure.name == name), name.replace("_", " "))


def _distances(title: str, distances: Distances) -> list[str]:
    emd, ks = _two(distances.emd_floor, 2), _two(distances.ks_floor, 2)
    return [title, _figure(distances.emd), *emd, _figure(distances.ks), *ks]


def _gap(gap: StatisticGap, percentiles: slice) -> list[str]:
    figures = [_figure(gap.ks), _two(gap.floor, 2)[0], _figure(gap.emd)]
    return [
        gap.measure.meaning,
        *figures,
        quantile_text(gap.candidate[percentiles]),
        quantile_text(gap.reference[percentiles]),
    ]


def _two(floor: Floor | None, digits: int) -> list[str]:
    return ["-", "-"] if floor is None else [f"{floor.mean:.{digits}f}", f"{floor.most:.{digits}f}"]


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, WIDTH))
