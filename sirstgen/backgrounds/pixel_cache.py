"""Decoded frames of a library, the last ones up to a bound in bytes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from sirstgen.files.gray_scale import Gray


@dataclass(slots=True)
class PixelCache:
    """The frames used last, up to `limit` bytes; travels empty to other processes."""

    limit: int
    used: int = 0
    frames: OrderedDict[tuple[str, int], Gray] = field(default_factory=OrderedDict)

    def get(self, key: tuple[str, int]) -> Gray | None:
        if key in self.frames:
            self.frames.move_to_end(key)
            return self.frames[key]
        return None

    def put(self, key: tuple[str, int], image: Gray) -> None:
        if key in self.frames:
            return
        self.frames[key] = image
        self.used += image.nbytes
        while self.used > self.limit and len(self.frames) > 1:
            self.used -= self.frames.popitem(last=False)[1].nbytes

    def __reduce__(self) -> tuple[Any, ...]:
        return PixelCache, (self.limit,)
