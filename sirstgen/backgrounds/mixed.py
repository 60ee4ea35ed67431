"""Backgrounds of a source and procedural ones beside them, as one source."""

from __future__ import annotations

from dataclasses import dataclass

from sirstgen.backgrounds.procedural.source import ProceduralBackgrounds
from sirstgen.backgrounds.source import Background, BackgroundSource
from sirstgen.files.images import Gray
from sirstgen.places.classes import PlaceMap


@dataclass(eq=False)
class MixedBackgrounds:
    """A source with a procedural one beside it (a `BackgroundSource`); scenes and numbers are those of the first.

    Args:
        main: asked first; its ids do not begin with ``procedural/``.
        made: the procedural ones.
    """

    main: BackgroundSource
    made: ProceduralBackgrounds

    def scenes(self) -> tuple[str, ...]:
        """Return the scenes of the first source."""
        return self.main.scenes()

    def count(self, scene: str) -> int | None:
        """Return the number of backgrounds of `scene` in the first source."""
        return self.main.count(scene)

    def background(self, scene: str, number: int) -> Background:
        """Return background `number` of `scene` of the first source."""
        return self.main.background(scene, number)

    def find(self, background_id: str) -> Background:
        """Return the background of that id, of either; InputError where there is none."""
        return self._source(background_id).find(background_id)

    def pixels(self, background: Background, bit_depth: int) -> Gray:
        """Return the whole frame, (H, W), uint8 or uint16."""
        return self._source(background.id).pixels(background, bit_depth)

    def places(self, background: Background) -> PlaceMap:
        """Return the frame's place map."""
        return self._source(background.id).places(background)

    def _source(self, background_id: str) -> BackgroundSource:
        return self.made if background_id.startswith("procedural/") else self.main

    def describe(self) -> dict[str, object]:
        """Return what the manifest states: that of the first source, with the other one as ``procedural``."""
        return {**self.main.describe(), "procedural": self.made.describe()}
