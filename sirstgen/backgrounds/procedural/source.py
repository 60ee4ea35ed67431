"""An endless source of procedural backgrounds."""

from __future__ import annotations

from dataclasses import dataclass, field

from sirstgen.backgrounds.levels import to_bit_depth
from sirstgen.backgrounds.procedural import SCENES, check_request, draw
from sirstgen.backgrounds.procedural.canvas import Drawn
from sirstgen.backgrounds.source import Background
from sirstgen.errors import InputError
from sirstgen.files.images import Gray
from sirstgen.places.classes import PlaceMap


@dataclass(eq=False)
class ProceduralBackgrounds:
    """Frames made on demand (a `BackgroundSource`); no two numbers share a group, for nothing is shot twice.

    Args:
        seed: non-negative whole number; other seeds give other frames under the same ids.
        height: of every frame, pixels.
        width: of every frame, pixels.
    """

    seed: int
    height: int
    width: int
    _last: tuple[str, Drawn] | None = field(default=None, init=False, repr=False)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.seed, self.height, self.width)

    def scenes(self) -> tuple[str, ...]:
        """Return the five scenes, sorted."""
        return SCENES

    def count(self, scene: str) -> int | None:
        """Return None, as the number is unlimited; InvalidValueError for an unknown scene."""
        self.background(scene, 0)
        return None

    def background(self, scene: str, number: int) -> Background:
        """Return background `number` of `scene`; errors as `sirstgen.backgrounds.procedural.generate`."""
        check_request(scene, self.seed, number, self.height, self.width)
        name = f"procedural/{scene}/{number:06d}"
        return Background(name, scene, scene_confidence=1.0, scene_source="procedural", group=name)

    def find(self, background_id: str) -> Background:
        """Return the background of an id such as ``procedural/sea/000123``; InputError for any other form."""
        parts = background_id.split("/")
        if len(parts) == 3 and parts[0] == "procedural" and parts[1] in SCENES and parts[2].isdecimal():
            return self.background(parts[1], int(parts[2]))
        raise InputError.of(
            background_id, f"no procedural background; ids are procedural/<{'|'.join(SCENES)}>/<number>"
        )

    def pixels(self, background: Background, bit_depth: int) -> Gray:
        """Return the frame, (height, width); frames have 8 bits, spread out where 16 are asked for."""
        return to_bit_depth(self._drawn(background).frame, bit_depth)

    def places(self, background: Background) -> PlaceMap:
        """Return the frame's place map, exact: what hides the sky was recorded while it was drawn."""
        return self._drawn(background).places

    def _drawn(self, background: Background) -> Drawn:
        """Return the frame and its map; the last one is kept, since both are asked for in turn."""
        if self._last is None or self._last[0] != background.id:
            number = int(background.id.rpartition("/")[2])
            self._last = background.id, draw(background.scene, self.seed, number, self.height, self.width)
            for kept in self._last[1]:
                kept.setflags(write=False)
        return self._last[1]

    def describe(self) -> dict[str, object]:
        """Return what the manifest states."""
        return {"kind": "procedural", "seed": self.seed, "height": self.height, "width": self.width}
