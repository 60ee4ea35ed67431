"""Where finished images go. A sink does not depend on how they are made, the writer does not depend on files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sirstgen.files.atomic import OpenFolder
from sirstgen.storage.journal import Entry
from sirstgen.synthesis.sides import Side


def image_id(index: int) -> str:
    """Return the id of image `index`: its number from 1, six digits."""
    return f"{index + 1:06d}"


class Finished(NamedTuple):
    """One image as it is stored: its id, side of the split, two PNG files and row (JSON, one line)."""

    id: str
    side: Side
    image: bytes
    mask: bytes
    row: str


class Chunk(NamedTuple):
    """Images that one task makes, as (index, redraw number), and the number of the chunk."""

    number: int
    images: tuple[tuple[int, int], ...]

    @property
    def redrawn(self) -> dict[str, int]:
        """How often a person has rejected an image, by id, for those that one has."""
        return {image_id(index): times for index, times in self.images if times}


class Sink(Protocol):
    """The part of a storage that runs in the workers; small and picklable."""

    def put(self, chunk: Chunk, images: Iterable[Finished]) -> Any:
        """Store the images of `chunk`, each whole or not at all, and return a receipt for the run.

        Args:
            chunk: what is asked for.
            images: the same, made one by one as this iterable is read; need not be read where all is stored already.
        """
        ...


class Run(Protocol):
    """The part of a storage that runs in the process that leads: what is missing, what is there, what closes it."""

    sink: Sink
    count: int
    lock: int | None
    """Descriptor of the output's lock, for `sirstgen.workers.worker_pool`; None where others may write too."""

    @property
    def done(self) -> int:
        """Images that are stored."""
        ...

    def missing(self, assignment: Callable[[int], tuple[Any, ...]]) -> Iterator[Chunk]:
        """Yield what is still to be made; `assignment` returns which background an image is on."""
        ...

    def note(self, receipt: Any) -> None:
        """Note that a worker has stored a chunk."""
        ...


class FolderSink:
    """Images and masks as single files below a folder.

    Args:
        folder: the dataset.
        scratch: an existing folder on the same file system.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        self._folder, self._scratch = folder, scratch

    def put(self, chunk: Chunk, images: Iterable[Finished]) -> list[Entry]:
        """Write both files of each image; return the lines for the journal."""
        entries = []
        with (
            OpenFolder(self._folder / "images") as pictures,
            OpenFolder(self._folder / "masks") as masks,
            OpenFolder(self._scratch) as scratch,
        ):
            for made in images:
                name = f"{made.id}.png"
                pictures.write(name, made.image, scratch)
                masks.write(name, made.mask, scratch)
                image, mask = hashlib.sha256(made.image), hashlib.sha256(made.mask)
                entries.append(Entry(made.id, image.hexdigest(), mask.hexdigest(), made.row))
        return entries
