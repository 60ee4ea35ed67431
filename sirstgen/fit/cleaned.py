"""The frames of a labelled set without their targets, as backgrounds: what a fitted recipe is tried out on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress

import numpy as np

from sirstgen.backgrounds.levels import to_bit_depth
from sirstgen.backgrounds.removal import remove_targets
from sirstgen.backgrounds.source import Background
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import GenerationError, InputError, InvalidValueError
from sirstgen.files.images import Gray
from sirstgen.places.classes import PlaceMap


class CleanedFrames:
    """Cleaned frames in memory (a `BackgroundSource`).

    Args:
        frames: (id, scene, pixels) each.
    """

    def __init__(self, frames: Iterable[tuple[str, str, Gray]]) -> None:
        self._pixels: dict[str, Gray] = {}
        self._places: dict[str, PlaceMap] = {}
        self._members: dict[str, list[Background]] = defaultdict(list)
        for key, scene, pixels in frames:
            self._pixels[key] = pixels
            self._members[scene].append(Background(key, scene, 1.0, "labels", key))

    def __len__(self) -> int:
        return len(self._pixels)

    def scenes(self) -> tuple[str, ...]:
        """Return the scenes of the frames, sorted."""
        return tuple(sorted(self._members))

    def count(self, scene: str) -> int | None:
        """Return how many frames of `scene` there are."""
        return len(self._members.get(scene, ()))

    def background(self, scene: str, number: int) -> Background:
        """Return the frame `number` of `scene`; InvalidValueError where there is none."""
        members = self._members.get(scene, [])
        if not 0 <= number < len(members):
            raise InvalidValueError(f"background number must be below {len(members)} for {scene}, got {number}")
        return members[number]

    def find(self, background_id: str) -> Background:
        """Return the frame of that id; InputError where there is none."""
        found = [member for members in self._members.values() for member in members if member.id == background_id]
        if not found:
            raise InputError.of(background_id, "no such cleaned frame")
        return found[0]

    def pixels(self, background: Background, bit_depth: int) -> Gray:
        """Return the frame, (H, W), uint8 or uint16."""
        return to_bit_depth(self._pixels[background.id], bit_depth)

    def places(self, background: Background) -> PlaceMap:
        """Return the frame's place map, by the place network; kept, since a frame is tried with many targets."""
        if background.id not in self._places:
            from sirstgen.places.segment import segment  # brings torch

            self._places[background.id] = segment(self.pixels(background, 8).astype(np.uint8, copy=False))
        return self._places[background.id]

    def describe(self) -> dict[str, object]:
        """Return the description for the manifest."""
        return {"kind": "cleaned", "counts": {scene: len(members) for scene, members in self._members.items()}}


def clean_frames(
    dataset: Dataset, scenes: Iterable[tuple[str, str]], progress: Callable[[int, int], None] | None = None
) -> CleanedFrames:
    """Return the frames of a set that can be cleaned (`sirstgen.backgrounds.removal`); the others are left out.

    Args:
        dataset: labelled frames.
        scenes: (id, scene) of those wanted.
        progress: called with frames done and frames in all.
    """
    wanted = list(scenes)
    frames = []
    for done, (key, scene) in enumerate(wanted, start=1):
        with suppress(GenerationError):  # residue or no donor: another frame serves as well here
            frames.append((key, scene, remove_targets(*dataset.sample(key)).image))
        if progress is not None:
            progress(done, len(wanted))
    return CleanedFrames(frames)
