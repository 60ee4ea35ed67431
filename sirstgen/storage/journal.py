"""The journal of a run: which images are finished, so that a run can be killed at any moment and resumed.

One line per finished image: id, checksum of the image, checksum of the mask, its row, checksum of the line so far;
separated by tabs. A later line for the same id replaces the earlier one; a line without row takes it back.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from array import array
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from sirstgen.errors import SirstgenWarning
from sirstgen.files.atomic import write_all, writing

_NOT_THERE = -1


class Entry(NamedTuple):
    """One finished image."""

    id: str
    image_sha256: str
    mask_sha256: str
    row: str  # JSON, one line

    def line(self) -> str:
        """Return the entry as a line of the journal."""
        text = "\t".join(self)
        return f"{text}\t{_checksum(text)}\n"

    @classmethod
    def of_line(cls, line: bytes) -> Entry | None:
        """Return the entry of a line; None where the line is damaged."""
        try:
            text, _, checksum = line.decode().removesuffix("\n").rpartition("\t")
            entry = cls(*text.split("\t"))
            sound = checksum == _checksum(text) and int(entry.id) > 0 and line.endswith(b"\n")
        except (ValueError, TypeError):
            return None
        return entry if sound else None


class Journal:
    """Entries on disk in the order of their arrival; eight bytes an image are kept in memory.

    Args:
        path: the journal's file; made if missing. A last line that a crash has cut off is dropped; other damaged lines
            are reported in a `SirstgenWarning`, and their images count as not made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offsets = array("q")  # by number of the image, from 0
        self._count = 0
        self._end = 0
        damaged = 0
        if path.exists():
            with path.open("rb") as file:
                for raw in file:
                    if not raw.endswith(b"\n"):
                        break
                    entry = Entry.of_line(raw)
                    if entry is None:
                        damaged += 1
                    else:
                        self._set(entry.id, self._end if entry.row else _NOT_THERE)
                    self._end += len(raw)
            with path.open("r+b") as file:
                file.truncate(self._end)
        if damaged:
            warnings.warn(
                f"{path}: {damaged} damaged lines; their images are made again", SirstgenWarning, stacklevel=2
            )
        self._file = path.open("ab", buffering=0)

    def add(self, *entries: Entry) -> None:
        """Record images as finished, in one write; replaces earlier records of their ids."""
        for entry, offset in zip(entries, self._append(*entries), strict=True):
            self._set(entry.id, offset)

    def forget(self, image_id: str) -> None:
        """Note that the image is not finished after all."""
        if image_id in self:
            self._set(image_id, _NOT_THERE)
            self._append(Entry(image_id, "", "", ""))

    def _append(self, *entries: Entry) -> list[int]:
        """Write the lines of entries; return where each begins."""
        lines = [entry.line().encode() for entry in entries]
        with writing(self._path):
            write_all(self._file, b"".join(lines))
        *starts, self._end = accumulate(map(len, lines), initial=self._end)
        return starts

    def _set(self, image_id: str, offset: int) -> None:
        index = int(image_id) - 1
        missing = index + 1 - len(self._offsets)
        if missing > 0:
            self._offsets.extend(array("q", [_NOT_THERE]) * missing)
        self._count += (offset != _NOT_THERE) - (self._offsets[index] != _NOT_THERE)
        self._offsets[index] = offset

    def has(self, index: int) -> bool:
        """Return whether image `index` (from 0) is finished."""
        return index < len(self._offsets) and self._offsets[index] != _NOT_THERE

    def __contains__(self, image_id: str) -> bool:
        return self.has(int(image_id) - 1)

    def __len__(self) -> int:
        return self._count

    @property
    def last(self) -> int:
        """The number, from 1, of the last finished image; 0 where there is none."""
        return next((index + 1 for index in reversed(range(len(self._offsets))) if self.has(index)), 0)

    def entries(self) -> Iterator[Entry]:
        """Yield all finished images in the order of their ids; read from disk one by one."""
        with self._path.open("rb") as file:
            for offset in self._offsets:
                if offset != _NOT_THERE:
                    file.seek(offset)
                    entry = Entry.of_line(file.readline())
                    assert entry is not None, "checked when the journal was opened"
                    yield entry

    def sync(self) -> None:
        """Make what was noted so far survive a power cut."""
        with writing(self._path):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
