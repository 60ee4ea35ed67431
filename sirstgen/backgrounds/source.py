"""What the synthesis asks of backgrounds, be they a folder of frames or made on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sirstgen.files.images import Gray
from sirstgen.places.classes import PlaceMap


@dataclass(frozen=True, slots=True)
class Background:
    """What a plan needs to know of one background frame.

    Attributes:
        id: POSIX path below its folder without suffix (``sea/0007``), or ``procedural/<scene>/<number>``.
        scene: its scene class.
        scene_confidence: 0 to 1; 1 where a person or a generator said so.
        scene_source: who said so: ``cnn``, ``folder``, ``labels`` or ``procedural``.
        group: near-duplicates share a group, and a group stays on one side of a train/test split.
    """

    id: str
    scene: str
    scene_confidence: float
    scene_source: str
    group: str


class BackgroundSource(Protocol):
    """Where backgrounds come from. Numbers run from 0 within a scene and mean the same frame in every process."""

    def scenes(self) -> tuple[str, ...]:
        """Return the scenes it has backgrounds of, sorted."""
        ...

    def count(self, scene: str) -> int | None:
        """Return the number of backgrounds of `scene`; None where it is unlimited."""
        ...

    def background(self, scene: str, number: int) -> Background:
        """Return background `number` of `scene`; InvalidValueError where there is none."""
        ...

    def find(self, background_id: str) -> Background:
        """Return the background of that id; InputError where there is none."""
        ...

    def pixels(self, background: Background, bit_depth: int) -> Gray:
        """Return the whole frame, (H, W), uint8 or uint16 for `bit_depth` 8 or 16. Not to be written to."""
        ...

    def places(self, background: Background) -> PlaceMap:
        """Return which pixels of the frame show sky, water or ground, (H, W) uint8 (`sirstgen.places.classes`)."""
        ...

    def describe(self) -> dict[str, object]:
        """Return what the manifest states: kind, counts per scene, faults by reason. No absolute paths."""
        ...
