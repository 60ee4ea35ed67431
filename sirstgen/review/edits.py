"""What rejecting does: a synthetic image is drawn anew in the background, an image of another set is listed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from sirstgen.datasets.lists import read_id_list
from sirstgen.datasets.manifest_file import read_manifest
from sirstgen.errors import InputError, SirstgenError
from sirstgen.files.atomic import write_file
from sirstgen.files.input_files import parse_json
from sirstgen.review.catalogue import Catalogue, stated
from sirstgen.storage.sink import image_id
from sirstgen.storage.writer import redraw
from sirstgen.synthesis.generator import Generator

_UNKNOWN = -1  # redraw number of an image whose redraw failed


class Edits(Protocol):
    """Rejecting images, and taking that back."""

    mode: str

    def reject(self, index: int) -> None:
        """Reject an image; one that is being drawn anew or is listed already stays as it is."""

    def undo(self) -> int | None:
        """Take back the last rejection and return its image; None where there is none."""

    def close(self) -> None:
        """Finish what is begun."""


class Redraws:
    """Rejected images of a synthetic dataset are drawn anew, a batch at a time, in a thread.

    Args:
        catalogue: of the dataset.
        generator: the one that the dataset was made with.
    """

    mode = "redraw"

    def __init__(self, catalogue: Catalogue, generator: Generator) -> None:
        self._catalogue, self._generator = catalogue, generator
        self._folder = catalogue.dataset.folder
        earlier: Mapping[str, int] = read_manifest(self._folder).get("redrawn", {})
        self._numbers = {index: earlier.get(entry.id, 0) for index, entry in enumerate(catalogue.entries)}
        self._highest = dict(self._numbers)
        self._wanted = dict(self._numbers)
        self._rejected: list[tuple[int, int]] = []  # image, its redraw number before
        self._condition = threading.Condition()
        self._drawing: dict[int, int] = {}  # what the thread is at
        self._failed: set[tuple[int, int]] = set()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="redraw")
        self._thread.start()

    def reject(self, index: int) -> None:
        """Have an image drawn anew."""
        with self._condition:
            if self._catalogue.entries[index].state == "pending":
                return
            self._rejected.append((index, self._wanted[index]))
            self._highest[index] += 1
            self._want(index, self._highest[index])

    def undo(self) -> int | None:
        """Have the image of the last rejection restored."""
        with self._condition:
            if not self._rejected:
                return None
            index, number = self._rejected.pop()
            self._want(index, number)
            return index

    def close(self) -> None:
        """Finish the redraws that are asked for and end the thread."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join()

    def _want(self, index: int, number: int) -> None:
        self._wanted[index] = number
        self._failed.discard((index, number))
        done = number == self._numbers[index] and index not in self._drawing
        self._catalogue.update(index, state=self._state(number) if done else "pending", note="")
        self._condition.notify()

    def _state(self, number: int) -> str:
        return "redrawn" if number else ""

    def _work(self) -> None:
        while True:
            with self._condition:
                while not (batch := self._batch()) and not self._closing:
                    self._condition.wait()
                self._drawing = batch
            if not batch:
                return
            entries = self._catalogue.entries
            try:
                redraw(self._generator, self._folder, {entries[index].id: number for index, number in batch.items()})
                rows = self._rows({entries[index].id for index in batch})
            except (SirstgenError, OSError, MemoryError) as error:
                undrawable = error.data if isinstance(error, SirstgenError) and "rejections" in error.data else None
                with self._condition:
                    self._drawing = {}
                    for index, number in batch.items():
                        if undrawable is None:
                            self._numbers[index] = _UNKNOWN
                        elif entries[index].id != image_id(undrawable["index"]):
                            continue  # the dataset is as before; this image is tried again without the other one
                        self._failed.add((index, number))
                        self._catalogue.update(index, state="failed", note=str(error))
                continue
            with self._condition:
                self._drawing = {}
                for index, number in batch.items():
                    self._numbers[index] = number
                    scene, targets = rows[entries[index].id]
                    state = "pending" if self._wanted[index] != number else self._state(number)
                    version = entries[index].version + 1
                    self._catalogue.update(index, scene=scene, targets=targets, state=state, version=version)

    def _batch(self) -> dict[int, int]:
        return {
            index: number
            for index, number in self._wanted.items()
            if number != self._numbers[index] and (index, number) not in self._failed
        }

    def _rows(self, ids: set[str]) -> dict[str, tuple[str, list[dict[str, object]]]]:
        found = {}
        with (self._folder / "targets.jsonl").open(encoding="utf-8") as file:
            for line in file:
                row = parse_json(line)
                if row["id"] in ids:
                    found[row["id"]] = stated(row)
        return found


class RejectionList:
    """Rejected images of any dataset are listed in a file, one id a line; the dataset is not touched.

    Args:
        catalogue: of the dataset.
        file: the list; where it exists, its ids are rejected already.

    Raises:
        InputError: the file cannot be read or names an id that the dataset does not hold.
    """

    mode = "list"

    def __init__(self, catalogue: Catalogue, file: Path) -> None:
        self._catalogue, self._file = catalogue, file
        self._rejected: list[int] = []
        self._lock = threading.Lock()  # the server answers several requests at a time
        if not file.exists():
            return
        places = {entry.id: index for index, entry in enumerate(catalogue.entries)}
        try:
            ids = read_id_list(file, places)
        except InputError as error:
            raise InputError(f"{error}, or choose another --list", **error.data) from None
        for key in ids:
            self._rejected.append(places[key])
            catalogue.update(places[key], state="rejected")

    def reject(self, index: int) -> None:
        """List an image."""
        with self._lock:
            if index not in self._rejected:
                self._write([*self._rejected, index])
                self._catalogue.update(index, state="rejected")

    def undo(self) -> int | None:
        """Take the image that was listed last off the list."""
        with self._lock:
            if not self._rejected:
                return None
            index = self._rejected[-1]
            self._write(self._rejected[:-1])
            self._catalogue.update(index, state="")
            return index

    def close(self) -> None:
        """Do nothing: nothing is unfinished."""

    def _write(self, rejected: list[int]) -> None:
        write_file(self._file, "".join(f"{self._catalogue.entries[index].id}\n" for index in rejected))
        self._rejected = rejected
