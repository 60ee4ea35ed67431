"""What a review shows: the images of a dataset, their targets and their state, and what has changed since when."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sirstgen.datasets.readers import Dataset
from sirstgen.measure.targets import measure_targets

STATED = ("kind", "template", "center", "bbox", "area", "scr_requested", "scr", "mu_t", "mu_b", "sigma_b", "saturated")
"""What is shown of a target's entry in ``targets.jsonl``."""

Target = dict[str, Any]


@dataclass
class Entry:
    """One image.

    Attributes:
        id: of the image.
        scene: empty where no line states it.
        targets: None until they are known.
        state: "", "pending" (being drawn anew), "redrawn", "rejected" (listed) or "failed".
        note: why it failed.
        version: rises whenever the image's pixels change.
        changed: number of the change that touched it last.
    """

    id: str
    scene: str = ""
    targets: list[Target] | None = None
    state: str = ""
    note: str = ""
    version: int = 0
    changed: int = 0


@dataclass
class Catalogue:
    """All images of a dataset, safe to use from several threads.

    Args:
        dataset: any dataset that can be read.
    """

    dataset: Dataset
    entries: list[Entry] = field(init=False)
    complete: bool = field(init=False)

    def __post_init__(self) -> None:
        rows = self.dataset.truth()
        self.entries = [Entry(key) for key in self.dataset.ids]
        for entry in self.entries:
            if entry.id in rows:
                entry.scene, entry.targets = stated(rows[entry.id])
        self.complete = all(entry.targets is not None for entry in self.entries)
        self._changes = 0
        self._lock = threading.Lock()

    def update(self, index: int, **values: Any) -> None:
        """Set fields of an image's entry as one change."""
        with self._lock:
            self._changes += 1
            for name, value in values.items():
                setattr(self.entries[index], name, value)
            self.entries[index].changed = self._changes

    def since(self, change: int) -> tuple[int, list[list[Any]]]:
        """Return the number of the last change and the summaries of all images that changed after `change`.

        Args:
            change: -1 for all images.
        """
        with self._lock:
            changed = [index for index, entry in enumerate(self.entries) if entry.changed > change]
            return self._changes, [self._summary(index) for index in changed]

    def targets(self, index: int) -> list[Target]:
        """Return the targets of an image: as its line states them, else measured.

        Raises:
            InputError: the image or mask cannot be read.
        """
        known = self.entries[index].targets
        return known if known is not None else self.measure(index)

    def measure(self, index: int) -> list[Target]:
        """Return the targets of an image, measured in its pixels, and keep them.

        Raises:
            InputError: the image or mask cannot be read.
        """
        found = [
            {
                "center": [round(float(value), 2) for value in target.center],
                "bbox": list(target.bbox),
                "area": target.area,
                "scr": _finite(target.scr),
                "mu_t": _finite(target.mu_t),
                "mu_b": _finite(target.mu_b),
                "sigma_b": _finite(target.sigma_b),
            }
            for target in measure_targets(*self.dataset.sample(self.entries[index].id))
        ]
        self.update(index, targets=found)
        return found

    def _summary(self, index: int) -> list[Any]:
        """Return index, id, scene, state, note, version, and kind, area and SCR of each target."""
        entry = self.entries[index]
        targets = None
        if entry.targets is not None:
            targets = [[target.get("kind", ""), target.get("area"), target.get("scr")] for target in entry.targets]
        return [index, entry.id, entry.scene, entry.state, entry.note, entry.version, targets]


def stated(row: Mapping[str, Any]) -> tuple[str, list[Target]]:
    """Return scene and targets of a line of ``targets.jsonl``."""
    targets = [{name: entry[name] for name in STATED if name in entry} for entry in row.get("targets", ())]
    return str(row.get("scene", "")), targets


def _finite(value: float) -> float | None:
    return round(value, 4) if abs(value) < float("inf") else None
