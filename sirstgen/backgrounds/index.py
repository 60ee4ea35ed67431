"""What was seen of the frames of a large folder, kept in the user's cache: they are decoded once, not at each start."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.duplicates import SIDE
from sirstgen.files.caching import Cache, digest_of
from sirstgen.files.gray_scale import GrayScale

LEAST = 256
"""Folders of fewer frames get no index: decoding them takes a second or two."""

_VERSION = "4"  # of the form; an index of another version is not seen


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at a file has found.

    Args:
        size: of the file, bytes.
        changed: when it was changed last, ns.
        bits: 8 or 16; 0 where the frame cannot be decoded.
        shape: (height, width) of the frame, pixels; (0, 0) where it cannot be decoded.
        digest: of the gray levels, 16 bytes.
        thumbnail: see `sirstgen.backgrounds.duplicates`; None where there is too little texture.
        reason, detail: why it cannot be a background of any size; empty where it can.
    """

    size: int
    changed: int
    bits: int
    shape: tuple[int, int]
    digest: bytes
    thumbnail: NDArray[np.int8] | None
    reason: str
    detail: str


@dataclass(slots=True)
class FrameIndex:
    """What was seen of each file of a folder, by its path below the folder.

    Attributes:
        scale: the gray scale on which the frames were seen.
        seen: by POSIX path.
        unchanged: whether the kept index says all of this already.
        kept_groups: the latest groups of near-duplicates, behind what they depend on.
    """

    scale: GrayScale
    seen: dict[str, Seen] = field(default_factory=dict)
    unchanged: bool = False
    kept_groups: tuple[str, NDArray[np.int32]] = ("", np.zeros(0, np.int32))

    @classmethod
    def read(cls, folder: Path) -> FrameIndex | None:
        """Return the index kept of `folder`; None where there is none, or none that this version can use."""
        kept = _cache().get(_key(folder))
        if kept is None:
            return None
        with np.load(io.BytesIO(kept), allow_pickle=False) as data:
            head = json.loads(bytes(data["head"]))
            index = cls(GrayScale.from_dict(head["scale"]))
            index.kept_groups = head["groups"], data["groups"]
            thumbnails, digests = iter(data["thumbnails"]), data["digests"].tobytes()
            columns = (data[name].tolist() for name in ("size", "changed", "bits", "height", "width", "textured"))
            rows = zip(head["files"], head["faults"], *columns, strict=True)
            for number, (file, fault, size, changed, bits, height, width, textured) in enumerate(rows):
                digest = digests[16 * number : 16 * number + 16]
                thumb = next(thumbnails) if textured else None
                index.seen[file] = Seen(size, changed, bits, (height, width), digest, thumb, *fault)
            return index

    def write(self, folder: Path) -> bool:
        """Keep the index of `folder`; False where the cache cannot be written to."""
        rows = list(self.seen.values())
        textured = [row.thumbnail for row in rows if row.thumbnail is not None]
        head = {
            "scale": self.scale.to_dict(),
            "groups": self.kept_groups[0],
            "files": list(self.seen),
            "faults": [[row.reason, row.detail] for row in rows],
        }
        file = io.BytesIO()
        np.savez(
            file,
            head=np.frombuffer(json.dumps(head).encode(), np.uint8),
            size=np.array([row.size for row in rows], np.int64),
            changed=np.array([row.changed for row in rows], np.int64),
            bits=np.array([row.bits for row in rows], np.uint8),
            height=np.array([row.shape[0] for row in rows], np.int32),
            width=np.array([row.shape[1] for row in rows], np.int32),
            digests=np.frombuffer(b"".join(row.digest for row in rows), np.uint8),
            textured=np.array([row.thumbnail is not None for row in rows], np.uint8),
            thumbnails=np.stack(textured) if textured else np.zeros((0, SIDE * SIDE), np.int8),
            groups=self.kept_groups[1],
        )
        return _cache().put(_key(folder), file.getvalue())

    def groups(self, key: str) -> list[int] | None:
        """Return the groups of near-duplicates that were found for `key`; None where they are not known."""
        return self.kept_groups[1].tolist() if key == self.kept_groups[0] else None

    def keep_groups(self, key: str, groups: Sequence[int]) -> None:
        """Keep the groups of near-duplicates found for `key`."""
        self.unchanged = self.unchanged and key == self.kept_groups[0]
        self.kept_groups = key, np.array(groups, np.int32)


def _cache() -> Cache:
    return Cache("frames", _VERSION, ".npz")


def _key(folder: Path) -> str:
    return digest_of(os.fsencode(folder.resolve()))


def groups_key(ids: Sequence[str], digests: Sequence[bytes], linked: Sequence[tuple[int, int]]) -> str:
    """Return what the groups of near-duplicates among frames depend on."""
    total = hashlib.sha256(repr((list(ids), list(linked))).encode())
    total.update(b"".join(digests))
    return total.hexdigest()
