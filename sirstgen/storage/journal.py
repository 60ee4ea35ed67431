"""The journal of a run: which images are finished, so that a run can be killed at any moment and go on.

One line per finished image: id, checksum of the image, checksum of the mask, its row; tab-separated. A later line for
the same id replaces the earlier one; a line with nothing behind the id takes it back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sirstgen.atomic import write_all, writing


class Entry(NamedTuple):
    """One finished image."""

    id: str
    image_sha256: str
    mask_sha256: str
    row: str  # JSON, one line

    def line(self) -> str:
        """As it stands in the journal."""
        return "\t".join(self) + "\n"


class Journal:
    """Entries on disk in the order of their arrival; offsets alone are kept in memory.

    Args:
        path: the journal's file; made if missing. A last line cut off by a crash is dropped.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offsets: dict[str, int] = {}
        self._end = 0
        if path.exists():
            with path.open("rb") as file:
                for raw in file:
                    if not raw.endswith(b"\n") or raw.count(b"\t") != 3:
                        break
                    image_id, _, rest = raw.partition(b"\t")
                    if rest.strip():
                        self._offsets[image_id.decode()] = self._end
                    else:
                        self._offsets.pop(image_id.decode(), None)
                    self._end += len(raw)
            with path.open("r+b") as file:
                file.truncate(self._end)
        self._file = path.open("ab", buffering=0)

    def add(self, entry: Entry) -> None:
        """Notes an image as finished; replaces what was noted for its id."""
        self._offsets[entry.id] = self._append(entry)

    def forget(self, image_id: str) -> None:
        """The image is not finished after all."""
        if self._offsets.pop(image_id, None) is not None:
            self._append(Entry(image_id, "", "", ""))

    def _append(self, entry: Entry) -> int:
        data, start = entry.line().encode(), self._end
        with writing(self._path):
            write_all(self._file, data)
        self._end += len(data)
        return start

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def ids(self) -> list[str]:
        """The ids of all finished images, in order."""
        return sorted(self._offsets, key=int)

    def entries(self) -> Iterator[Entry]:
        """All finished images in the order of their ids; read from disk one by one."""
        with self._path.open("rb") as file:
            for image_id in self.ids():
                file.seek(self._offsets[image_id])
                name, image, mask, row = file.readline().decode().rstrip("\n").split("\t")
                yield Entry(name, image, mask, row)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def file_sha256(path: Path) -> str | None:
    """SHA-256 of a file in hexadecimal; None where there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
