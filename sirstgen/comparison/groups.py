"""Which frames of two sets show the same background and so must stay in one fold of a test."""

from __future__ import annotations

from dataclasses import replace

from sirstgen.backgrounds.duplicates import group_duplicates
from sirstgen.comparison.tables import MeasuredSet


def grouped(first: MeasuredSet, second: MeasuredSet) -> tuple[MeasuredSet, MeasuredSet]:
    """Return both sets with groups that hold in both: frames of one stated group or id, or with similar thumbnails.

    Frames of one sequence on both sides of a comparison would mislead a forest that has learned one of them with its
    side: it then calls the other one of that side, and the AUC falls below 0.5.
    """
    stated = [*first.groups, *second.groups]
    earliest: dict[str, int] = {}
    linked = [(earliest.setdefault(group, number), number) for number, group in enumerate(stated)]
    roots = group_duplicates([*first.thumbnails, *second.thumbnails], linked)
    names = tuple(stated[root] for root in roots)
    count = len(first.ids)
    return replace(first, groups=names[:count]), replace(second, groups=names[count:])
