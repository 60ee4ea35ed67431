"""The place maps of a folder's frames: those that a person drew or corrected, else the place network's."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sirstgen.errors import InputError
from sirstgen.files.caching import Cache, digest_of
from sirstgen.files.gray_scale import Gray
from sirstgen.files.image_files import check_folder, images_by_id
from sirstgen.files.input_files import read_bytes
from sirstgen.places.classes import WEIGHTS, PlaceMap, decode_places, encode_places
from sirstgen.scenes.labels import WEIGHTS as ENCODER_WEIGHTS


@functools.cache
def place_cache() -> Cache:
    """Return the maps of the shipped place network that are kept."""
    return Cache("places", digest_of(WEIGHTS.read_bytes() + ENCODER_WEIGHTS.read_bytes())[:12], ".png")


@dataclass(slots=True)
class PlaceMaps:
    """Where the maps of a library's frames come from. It pickles; maps are read or computed when asked for.

    Args:
        folder: maps as PNG files with the names of the frames, if a person gave some.
    """

    folder: Path | None = None
    _given: dict[str, Path] = field(default_factory=dict)

    def check(self, ids: Iterable[str]) -> None:
        """Find the maps in `folder`.

        Raises:
            InputError: there is no such folder, or a map belongs to none of the images `ids`.
        """
        if self.folder is None:
            return
        check_folder(self.folder, "place maps")
        self._given = images_by_id(self.folder)
        stray = sorted(set(self._given) - set(ids))
        if stray:
            raise InputError.of(
                self._given[stray[0]],
                f"a place map of no background ({len(stray)} such of {len(self._given)}); name maps as their frames",
            )

    def get(self, background_id: str, digest: str, frame: Callable[[], Gray]) -> PlaceMap:
        """Return the map of one frame.

        Args:
            background_id: of the frame.
            digest: of its gray levels (`sirstgen.backgrounds.scan.Frame`).
            frame: gives its pixels, (H, W) uint8.

        Raises:
            InputError: the given map cannot be used; names it.
        """
        data, path = self._encoded(background_id, digest, frame)
        return decode_places(data, path, frame().shape)

    def prepare(self, frames: Iterable[tuple[str, str, Callable[[], Gray]]]) -> dict[str, object]:
        """Make every map once, so that a run finds them; what they are, for the manifest.

        Args:
            frames: the arguments of `get` for every frame.

        Raises:
            InputError: a given map cannot be used; names it.
        """
        content, counts = hashlib.sha256(), {"file": 0, "network": 0}
        for background_id, digest, frame in frames:
            data, path = self._encoded(background_id, digest, frame)
            if background_id in self._given:
                decode_places(data, path, frame().shape)
            counts["file" if background_id in self._given else "network"] += 1
            content.update(background_id.encode() + data)
        return {"sources": {name: count for name, count in counts.items() if count}, "digest": content.hexdigest()}

    def _encoded(self, background_id: str, digest: str, frame: Callable[[], Gray]) -> tuple[bytes, Path]:
        if background_id in self._given:
            path = self._given[background_id]
            return read_bytes(path), path
        data = place_cache().get(digest)
        if data is None:
            from sirstgen.places.segment import segment  # brings torch

            data = encode_places(segment(frame().astype(np.uint8, copy=False)))
            place_cache().put(digest, data)
        return data, Path(background_id)
