"""How far a candidate set is from a reference: distances of statistics and two-sample tests, with their noise floor."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sirstgen.comparison.comparison import (
    PERCENTILES,
    Comparison,
    Distances,
    Example,
    Examples,
    Floor,
    StatisticGap,
    TwoSampleTest,
)
from sirstgen.comparison.distances import earth_mover, kolmogorov_smirnov
from sirstgen.comparison.forests import Forest, Separation, separate
from sirstgen.comparison.groups import grouped
from sirstgen.comparison.measures import BACKGROUND_MEASURES, TARGET_MEASURES, Measure
from sirstgen.comparison.tables import MeasuredSet, Table, measure_set
from sirstgen.datasets.readers import Dataset, check_files
from sirstgen.errors import InvalidValueError
from sirstgen.seeding import stream

LEAST_FRAMES = 10  # of a set, and of a test that has rows in some frames only
TESTS = {
    "targets": "targets",
    "target pixels": "target_pixels",
    "background patches": "patches",
    "whole backgrounds": "backgrounds",
}
"""Names of the tests, and the tables of `MeasuredSet` that they look at."""

_PAIRS = 8
_SHOWN = {"target pixels", "background patches"}
_DISTANCE_HALVES = 20

Halves = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The frames of each half."""


@dataclass(frozen=True)
class Effort:
    """How much work a comparison takes on itself.

    Args:
        trees: in each forest.
        halves: random halvings of the reference, from which the floor of the tests is taken.
        workers: processes for measuring, threads for the forests.
    """

    trees: int = 100
    halves: int = 5
    workers: int = 1

    def __post_init__(self) -> None:
        for name in ("trees", "halves", "workers"):
            if getattr(self, name) < 1:
                raise InvalidValueError(
                    f"{name} must be at least 1, got {getattr(self, name)}", value=getattr(self, name)
                )


def compare(
    candidate: Dataset | Path | str,
    reference: Dataset | Path | str,
    candidate_part: str | None = None,
    reference_part: str | None = None,
    size: int = 256,
    seed: int = 0,
    effort: Effort | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Measure both sets and return how they differ.

    Args:
        candidate: the set in question, such as a synthetic one; a dataset or its folder.
        reference: what it should be like, such as real frames; the noise floor is made from its halves.
        candidate_part, reference_part: ``train`` or ``test`` for one side of a split, None for all frames. So two sides
            of one dataset can be compared.
        size: frames are resized to this square first, as a detector sees them; 0 leaves them as they are.
        seed: of all draws.
        effort: how much work; the defaults if None.
        progress: called with the steps done and the steps in all.

    Raises:
        InvalidValueError: a set has fewer than 10 frames, both have frames in common, a frame is smaller than 32 px, or
            size is neither 0 nor at least 32.
        InputError: a file or list of a set cannot be used.
    """
    effort = effort if effort is not None else Effort()
    if size != 0 and size < 32:
        raise InvalidValueError(f"size must be 0 (as they are) or at least 32 px, got {size}", value=size)
    candidate, reference = Dataset.of(candidate), Dataset.of(reference)
    sides = [(candidate, candidate_part, "candidate"), (reference, reference_part, "reference")]
    ids = [_ids(dataset, part, role) for dataset, part, role in sides]
    if candidate.folder.resolve() == reference.folder.resolve() and (both := set(ids[0]) & set(ids[1])):
        raise InvalidValueError(
            f"candidate and reference must have no frame in common, got {len(both)} of {candidate.name} on both sides; "
            "compare its train with its test part, or another folder"
        )
    check_files([(candidate, ids[0]), (reference, ids[1])])
    steps = _Steps(sum(map(len, ids)) + len(TESTS) * (1 + effort.halves), progress)
    first, second = (
        measure_set(dataset, keys, _name(dataset, part), size, seed, effort.workers, steps.done)
        for (dataset, part, _), keys in zip(sides, ids, strict=True)
    )
    first, second = grouped(first, second)
    depths = [f"{dataset.name}: {line}" for dataset, _, _ in sides if (line := dataset.mixed_depths())]
    notes: list[str] = [*depths, *first.warnings, *second.warnings]
    halvings = _halvings(second, max(effort.halves, _DISTANCE_HALVES), seed)
    targets = None
    if len(first.targets) and len(second.targets):
        targets = _distances(first.targets, second.targets, TARGET_MEASURES, halvings)
    if not halvings:
        notes.append(f"{second.name}: fewer than {2 * LEAST_FRAMES} backgrounds, too few to halve; no noise floor")
    return Comparison(
        candidate=first,
        reference=second,
        size=size,
        seed=seed,
        targets=targets,
        backgrounds=_distances(first.backgrounds, second.backgrounds, BACKGROUND_MEASURES, halvings),
        tests=tuple(_test(name, first, second, halvings[: effort.halves], seed, effort, steps) for name in TESTS),
        warnings=tuple(notes),
    )


class _Steps:
    """Counter of what is done of the whole."""

    def __init__(self, total: int, progress: Callable[[int, int], None] | None) -> None:
        self._total, self._progress, self._count = total, progress, 0

    def done(self, steps: int = 1) -> None:
        self._count += steps
        if self._progress is not None:
            self._progress(self._count, self._total)


def _ids(dataset: Dataset, part: str | None, role: str) -> tuple[str, ...]:
    ids = dataset.ids if part is None else dataset.split(part)
    if len(ids) < LEAST_FRAMES:
        raise InvalidValueError(
            f"each set must have at least {LEAST_FRAMES} frames, the {role} {_name(dataset, part)} has {len(ids)}; "
            "add frames, or take all of them instead of one side of the split",
            value=len(ids),
        )
    return ids


def _name(dataset: Dataset, part: str | None) -> str:
    return dataset.name if part is None else f"{dataset.name} ({part})"


def _halvings(reference: MeasuredSet, count: int, seed: int) -> list[Halves]:
    """Return random halves of the reference's frames, groups kept whole; none where it is too small."""
    groups = np.unique(reference.groups)
    if len(groups) < 2 * LEAST_FRAMES:
        return []
    of_frame = np.array(reference.groups)
    halvings = []
    for number in range(count):
        one = np.isin(of_frame, stream(seed, "halves", number).permutation(groups)[: len(groups) // 2])
        halvings.append((np.flatnonzero(one), np.flatnonzero(~one)))
    return halvings


def _distances(
    candidate: Table, reference: Table, measures: Sequence[Measure], halvings: Sequence[Halves]
) -> Distances:
    emd, ks = _apart(candidate, reference, measures)
    floors = [_apart(reference.of_frames(one), reference.of_frames(two), measures) for one, two in halvings]
    gaps = [
        StatisticGap(
            measure=measure,
            emd=float(emd[at]),
            ks=float(ks[at]),
            floor=_floor([float(half_ks[at]) for _, half_ks in floors]),
            candidate=_percentiles(candidate.values[:, at]),
            reference=_percentiles(reference.values[:, at]),
        )
        for at, measure in enumerate(measures)
    ]
    return Distances(
        gaps=tuple(sorted(gaps, key=lambda gap: -gap.floor_ratio)),
        emd=_mean(emd),
        ks=_mean(ks),
        emd_floor=_floor([_mean(half_emd) for half_emd, _ in floors]),
        ks_floor=_floor([_mean(half_ks) for _, half_ks in floors]),
    )


def _apart(
    candidate: Table, reference: Table, measures: Sequence[Measure]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Earth Mover distance over the reference's deviation, and KS, of each measure.

    NaN where a set has no values.
    """
    emd, ks = np.full(len(measures), np.nan), np.full(len(measures), np.nan)
    for at, measure in enumerate(measures):
        one, two = (measure.scaled(_finite(table.values[:, at])) for table in (candidate, reference))
        if not one.size or not two.size:
            continue
        # A statistic that is constant in the reference is measured by the spread of both sets.
        spread = float(two.std()) or float(np.concatenate([one, two]).std()) or 1.0
        emd[at], ks[at] = earth_mover(one, two) / spread, kolmogorov_smirnov(one, two)
    return emd, ks


def _test(
    name: str,
    first: MeasuredSet,
    second: MeasuredSet,
    halvings: Sequence[Halves],
    seed: int,
    effort: Effort,
    steps: _Steps,
) -> TwoSampleTest:
    candidate, reference = (getattr(side, TESTS[name]) for side in (first, second))
    rows = (len(candidate), len(reference))
    held = [len({side.groups[at] for at in table.frame}) for side, table in ((first, candidate), (second, reference))]
    if min(held) < LEAST_FRAMES:
        steps.done(1 + effort.halves)
        name_of_few = (first if held[0] < LEAST_FRAMES else second).name
        what = "frames of different background with such rows in each set"
        skipped = f"needs {LEAST_FRAMES} {what}, {name_of_few} has {min(held)}"
        return TwoSampleTest(name, None, None, None, rows, skipped=skipped)
    forest = Forest(trees=effort.trees, workers=effort.workers)
    found = separate(candidate, reference, first.groups, second.groups, forest, stream(seed, name))
    steps.done()
    floors = []
    for number, halves in enumerate(halvings):
        one, two = (reference.of_frames(half) for half in halves)
        if min(len(np.unique(one.frame)), len(np.unique(two.frame))) >= LEAST_FRAMES:
            draw = stream(seed, name, "floor", number)
            floors.append(separate(one, two, second.groups, second.groups, forest, draw).auc)
        steps.done()
    steps.done(effort.halves - len(halvings))
    order = np.argsort(-found.importances, kind="stable")
    return TwoSampleTest(
        name=name,
        auc=found.auc,
        floor=_floor(floors),
        chance=0.5 + 2 * math.sqrt((2 * min(held) + 1) / 12) / min(held),
        rows=rows,
        importances=tuple((candidate.names[at], float(found.importances[at])) for at in order[:10]),
        examples=_examples(found, candidate, reference, first, second) if name in _SHOWN else None,
    )


def _examples(
    found: Separation, candidate: Table, reference: Table, first: MeasuredSet, second: MeasuredSet
) -> Examples:
    one, two = found.candidate_scores, found.reference_scores
    middle = [np.abs(scores - np.nanmedian(scores)) for scores in (one, two)]
    most_certain = [_chosen(-one, one, candidate, first), _chosen(two, two, reference, second)]
    typical = [_chosen(middle[0], one, candidate, first), _chosen(middle[1], two, reference, second)]
    return Examples(tuple(zip(*most_certain, strict=False)), tuple(zip(*typical, strict=False)))


def _chosen(
    order: NDArray[np.float64], scores: NDArray[np.float64], table: Table, measured: MeasuredSet
) -> list[Example]:
    """Return the first rows by `order`, one a frame; rows without score are left out."""
    found: dict[int, Example] = {}
    for at in np.argsort(order, kind="stable").tolist():
        frame = int(table.frame[at])
        if math.isfinite(scores[at]) and frame not in found:
            x, y = table.place[at].tolist()
            found[frame] = Example(measured.ids[frame], x, y, float(scores[at]))
        if len(found) == _PAIRS:
            break
    return list(found.values())


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


def _percentiles(values: NDArray[np.float64]) -> tuple[float, ...]:
    finite = _finite(values)
    return tuple(np.percentile(finite, PERCENTILES).tolist()) if finite.size else (math.nan,) * len(PERCENTILES)


def _mean(values: NDArray[np.float64]) -> float:
    finite = _finite(values)
    return float(finite.mean()) if finite.size else math.nan


def _floor(values: Sequence[float]) -> Floor | None:
    finite = [value for value in values if math.isfinite(value)]
    return Floor(float(np.mean(finite)), max(finite)) if finite else None
