"""The frames of a dataset as every export format needs them: pixels, part of the split, targets with their figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.datasets.readers import Dataset
from sirstgen.datasets.split import PARTS
from sirstgen.errors import InputError
from sirstgen.files.images import Gray
from sirstgen.measure.components import find_components
from sirstgen.measure.scr import Box
from sirstgen.measure.targets import measure_targets

ALL, UNLISTED = "all", "unlisted"
"""Parts of images of a dataset without split lists, and of images that no list names."""


@dataclass(frozen=True, slots=True)
class ExportTarget:
    """One 8-connected component of a mask.

    Args:
        bbox: (x, y, width, height), pixels.
        center: (x, y) centroid of its pixels, pixels.
        area: pixels.
        scr: Eq. 10, as the dataset states it, else as measured; None where the clutter is flat.
        kind: ``point``, ``spot`` or ``extended``; None where the dataset does not state it.
        mask: (height, width) bool, the target's own pixels within `bbox`.
    """

    bbox: Box
    center: tuple[float, float]
    area: int
    scr: float | None
    kind: str | None
    mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ExportFrame:
    """One image of the dataset.

    Args:
        id: of the image.
        part: ``train``, ``test``, `ALL` or `UNLISTED`.
        image: (H, W) uint8 or uint16, as stored.
        mask: (H, W) bool.
        targets: one a component of the mask, in raster order.
        scene: the scene class; None where the dataset does not state it.
        row: the image's line of ``targets.jsonl``; None where there is none.
    """

    id: str
    part: str
    image: Gray
    mask: NDArray[np.bool_]
    targets: tuple[ExportTarget, ...]
    scene: str | None
    row: Mapping[str, Any] | None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height), pixels."""
        height, width = self.image.shape
        return width, height


def parts_of(dataset: Dataset) -> dict[str, str]:
    """Return the part of each image, by id: ``train`` or ``test`` as listed, else `UNLISTED`; `ALL` without lists."""
    parts: dict[str, str] = {}
    for part in PARTS:
        try:
            parts.update(dict.fromkeys(dataset.split(part), part))
        except InputError:  # this dataset has no such list, or an empty one
            continue
    return {key: parts.get(key, UNLISTED if parts else ALL) for key in dataset.ids}


def read_frames(dataset: Dataset, parts: Mapping[str, str]) -> Iterator[ExportFrame]:
    """Yield every image of `dataset`, in id order, each read when it is asked for.

    Raises:
        InputError: a file cannot be read.
    """
    rows = dataset.truth()
    for key in dataset.ids:
        image, mask = dataset.sample(key)
        row = rows.get(key)
        targets = _targets(image, mask, row or {})
        scene = None if row is None else row.get("scene")
        yield ExportFrame(key, parts[key], image, mask, targets, None if scene is None else str(scene), row)


def _targets(image: Gray, mask: NDArray[np.bool_], row: Mapping[str, Any]) -> tuple[ExportTarget, ...]:
    entries = [entry for entry in row.get("targets", ()) if entry.get("bbox") and entry.get("area")]
    stated = {(*entry["bbox"], entry["area"]): entry for entry in entries}
    labels = find_components(mask).labels
    targets = []
    for number, found in enumerate(measure_targets(image, mask), start=1):
        x, y, width, height = found.bbox
        entry = stated.get((*found.bbox, found.area), {})
        scr = float(found.scr if entry.get("scr") is None else entry["scr"])
        own = labels[y : y + height, x : x + width] == number
        finite = scr if np.isfinite(scr) else None
        targets.append(ExportTarget(found.bbox, found.center, found.area, finite, entry.get("kind"), own))
    return tuple(targets)
