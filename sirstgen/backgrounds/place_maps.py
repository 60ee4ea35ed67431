"""The place maps of a folder's frames: those that a person drew or corrected, else the place network's."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sirstgen.caching import Cache, digest
from sirstgen.errors import InputError
from sirstgen.images import IMAGE_SUFFIXES, Gray, read_bytes
from sirstgen.places.classes import PlaceMap, decode_places, encode_places
from sirstgen.scenes.labels import frame_name


@functools.cache
def place_cache() -> Cache:
    """The maps of the shipped place network that are kept."""
    from sirstgen.places.checkpoint import FILE

    return Cache("places", digest(FILE.read_bytes())[:12], ".png")


@dataclass(slots=True)
class PlaceMaps:
    """Where the maps of a library's frames come from. It pickles; maps are read or computed when asked for.

    Args:
        root: the folder of frames.
        folder: maps as PNG files with the names of the frames, if a person gave some.
    """

    root: Path
    folder: Path | None = None
    _given: dict[str, Path] = field(default_factory=dict)

    def check(self, ids: Iterable[str]) -> None:
        """Find the maps in `folder`.

        Raises:
            InputError: there is no such folder, or a map belongs to none of the frames `ids`.
        """
        if self.folder is None:
            return
        if not self.folder.is_dir():
            raise InputError.of(self.folder, "a folder of place maps is expected, and there is none")
        files = sorted(path for path in self.folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
        self._given = {frame_name(path.relative_to(self.folder).as_posix()): path for path in files}
        stray = sorted(set(self._given) - set(ids))
        if stray:
            raise InputError.of(
                self._given[stray[0]],
                f"a place map of no background ({len(stray)} such of {len(files)}); name maps as their frames",
            )

    def get(self, background_id: str, file: str, frame: Callable[[], Gray]) -> PlaceMap:
        """The map of one frame.

        Args:
            background_id: of the frame.
            file: of the frame, below `root`.
            frame: gives its pixels, (H, W) uint8.

        Raises:
            InputError: the given map cannot be used; names it.
        """
        data, path = self._encoded(background_id, file, frame)
        return decode_places(data, path, frame().shape)

    def prepare(self, frames: Iterable[tuple[str, str, Callable[[], Gray]]]) -> dict[str, object]:
        """Make every map once, so that a run finds them; what they are, for the manifest.

        Args:
            frames: the arguments of `get` for every frame.

        Raises:
            InputError: a given map cannot be used; names it.
        """
        content, counts = hashlib.sha256(), {"file": 0, "network": 0}
        for background_id, file, frame in frames:
            data, path = self._encoded(background_id, file, frame)
            if background_id in self._given:
                decode_places(data, path, frame().shape)
            counts["file" if background_id in self._given else "network"] += 1
            content.update(background_id.encode() + data)
        return {"sources": {name: count for name, count in counts.items() if count}, "digest": content.hexdigest()}

    def _encoded(self, background_id: str, file: str, frame: Callable[[], Gray]) -> tuple[bytes, Path]:
        if background_id in self._given:
            path = self._given[background_id]
            return read_bytes(path), path
        path = self.root / file
        key = digest(read_bytes(path))
        data = place_cache().get(key)
        if data is None:
            from sirstgen.places.segment import segment  # brings torch

            data = encode_places(segment(frame()))
            place_cache().put(key, data)
        return data, path
