"""The parts of a dataset that are scored on their own: by scene, and by kind, area and SCR of the targets (Fig. 12)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sirstgen.datasets.readers import Dataset
from sirstgen.measure.targets import measure_targets

# Area in pixels: up to 9 is a point target of the paper, up to 81 a small one by the definition of SPIE.
AREAS = (1, 10, 26, 50, 82, math.inf)
# Edges are between whole numbers: datasets ask for SCR 3, 4, 5, 6 and meet them up to a few thousandths.
SCRS = (0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 8.5, 10.5, math.inf)


@dataclass(frozen=True)
class Subset:
    """One part of a dataset.

    Attributes:
        axis: "scene", "kind", "area" or "scr".
        name: the part's name along its axis.
        members: for each image that touches the part, which of its targets (raster order) belong to it.
    """

    axis: str
    name: str
    members: Mapping[str, tuple[bool, ...]]

    @property
    def pure_images(self) -> list[str]:
        """Images whose every target belongs to the part: only they can say something about its false alarms."""
        return [image for image, flags in self.members.items() if all(flags)]


def measured_rows(dataset: Dataset, images: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the lines in place of a ``targets.jsonl`` that is not there: area and SCR (Eq. 10) of every target, from
    the pixels.

    The clutter is taken within 20 pixels around the target's box, outside all masks. Labels that are smaller than
    what the targets brighten leave some of that in the clutter, and the SCR comes out lower than it is.
    """
    return {
        image: {
            "targets": [{"area": target.area, "scr": target.scr} for target in measure_targets(*dataset.sample(image))]
        }
        for image in images
    }


def subsets(rows: Mapping[str, Mapping[str, Any]]) -> list[Subset]:
    """Return all parts that hold anything, axis by axis, names in rising order.

    Args:
        rows: lines of ``targets.jsonl`` by image id, or `measured_rows`.
    """
    parts: list[Subset] = []
    scenes = sorted({str(row["scene"]) for row in rows.values() if row.get("scene")})
    for scene in scenes:
        inside = {image: row for image, row in rows.items() if row.get("scene") == scene}
        parts.append(Subset("scene", scene, {image: (True,) * len(row["targets"]) for image, row in inside.items()}))
    kinds = sorted({str(target["kind"]) for row in rows.values() for target in row["targets"] if target.get("kind")})
    parts += [_by_target(rows, "kind", kind, _of_kind(kind)) for kind in kinds]
    for axis, edges in (("area", AREAS), ("scr", SCRS)):
        for low, high in pairwise(edges):
            inside_bin = _in_bin(axis, low, high)
            parts.append(_by_target(rows, axis, _bin_name(axis, low, high), inside_bin))
    return [part for part in parts if part.members]


def _by_target(
    rows: Mapping[str, Mapping[str, Any]], axis: str, name: str, belongs: Callable[[Mapping[str, Any]], bool]
) -> Subset:
    flags = {image: tuple(belongs(target) for target in row["targets"]) for image, row in rows.items()}
    return Subset(axis, name, {image: flag for image, flag in flags.items() if any(flag)})


def _of_kind(kind: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda target: target.get("kind") == kind


def _in_bin(axis: str, low: float, high: float) -> Callable[[Mapping[str, Any]], bool]:
    # SCR may be missing or null where the clutter is flat: such a target is in no bin.
    return lambda target: target.get(axis) is not None and low <= float(target[axis]) < high


def _bin_name(axis: str, low: float, high: float) -> str:
    if math.isinf(high):
        return f"{low:g}+"
    return f"{low:g}-{high - 1:g}" if axis == "area" else f"{low:g}-{high:g}"
