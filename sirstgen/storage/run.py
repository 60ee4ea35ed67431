"""A run in progress: its state inside the dataset folder, what it was started with, and what is finished."""

from __future__ import annotations

import contextlib
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sirstgen.datasets.manifest_file import read_manifest
from sirstgen.datasets.unfinished import INTERRUPTED, JOURNAL, RUN_FOLDER, SHARD_STATE, STATE, read_state
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError, SirstgenWarning
from sirstgen.files.atomic import MANIFEST, write_file
from sirstgen.files.checked_json import checked_text
from sirstgen.files.input_files import parse_json
from sirstgen.files.lock import locked
from sirstgen.files.output import Output, refuse_existing, stage_of
from sirstgen.storage.checksums import SUMS, file_sha256, read_sums
from sirstgen.storage.fingerprint import difference, fingerprint
from sirstgen.storage.journal import Entry, Journal
from sirstgen.storage.libraries import drawn_elsewhere, libraries
from sirstgen.storage.sink import Chunk, FolderSink, Sink, image_id
from sirstgen.synthesis.generator import Generator

LAYOUT = (SUMS, "images", "masks", "shards", "50_50", "img_idx", "targets.jsonl", "README.md", RUN_FOLDER, MANIFEST)
"""Everything of ours in a dataset folder, in the order in which it is removed: what makes the dataset finished goes
first, what makes the folder recognisable last."""

_CHUNK = 32  # images a task
_BLOCK = 8192  # images that are ordered by background together, so that planning a long run needs no time and memory


class FolderRun:
    """The state of a run that writes single files, kept in ``.run.json`` and ``.run`` until the dataset is finished.

    Attributes:
        folder: where the files are written; at the end it is the dataset folder, or takes its place.
        name: of the dataset.
        kept: files of the user that will be moved into the finished folder, and where they are now.
        lock: descriptor of the folder's lock.
        count: images of the finished dataset.
        sink: where workers put images.
        scratch: where files are before they are whole.
        journal: the finished images.
    """

    def __init__(self, output: Output, journal: Journal, state: dict[str, Any]) -> None:
        self.folder = output.work
        self.name = output.folder.resolve().name
        self.kept = output.kept
        self.lock = output.lock
        self.count: int = state["count"]
        self.scratch = self.folder / RUN_FOLDER / "scratch"
        self.sink: Sink = FolderSink(self.folder, self.scratch)
        self.journal = journal
        self._state = state

    @property
    def redraws(self) -> dict[str, int]:
        """For images that a person has rejected, how often; the next redraw draws them differently."""
        redraws: dict[str, int] = self._state["redraws"]
        return redraws

    @classmethod
    def open(cls, generator: Generator, output: Output, count: int, *, resume: bool) -> FolderRun:
        """Begin a run, or continue the one in `output`.

        The state is written before the first image and removed after the last checksum; while it is there, the dataset
        is not finished.

        Raises:
            OutputExistsError: `resume` is given, and what is there is neither a run nor a dataset of ours.
            InvalidValueError: the run there was started with something else, or holds more than `count` images.
            InputError: a finished dataset there is damaged.
        """
        folder, mark = output.work, fingerprint(generator)
        state: dict[str, Any] = {"parts": mark, "count": count, "redraws": {}, "dropped": [], "finished": False}
        state["libraries"] = libraries()
        journal: Journal | None = None
        if resume:
            found = read_state(folder)
            if found is None and (folder / STATE).exists():
                warnings.warn(f"{folder / STATE}: damaged; all images are made again", SirstgenWarning, stacklevel=2)
                (folder / JOURNAL).unlink(missing_ok=True)
            elif found is not None and not found["finished"]:
                refuse_other(output.folder, found["parts"], mark)
                if (folder / JOURNAL).exists():
                    journal = _journal(folder, output.folder, count)
                _warn_of_others(output.folder, found.get("libraries"))
                state = {**found, "count": count, "libraries": libraries()}
            elif (folder / MANIFEST).is_file():
                state["redraws"] = _reopen(output, mark, count)
                state["dropped"] = found["dropped"] if found else []
            elif (folder / SHARD_STATE).is_file():
                raise InvalidValueError(f"cannot resume {output.folder}: it holds shards; give --shard-size")
            elif folder == output.folder:
                refuse_existing(folder)
        own = folder / RUN_FOLDER
        shutil.rmtree(own / "scratch", ignore_errors=True)
        write_file(folder / STATE, checked_text(state))
        (own / "scratch").mkdir(parents=True)
        (folder / SUMS).unlink(missing_ok=True)
        with contextlib.ExitStack() as on_fault:
            run = cls(output, Journal(folder / JOURNAL) if journal is None else journal, state)
            on_fault.callback(run.journal.close)
            run._settle(count)
            on_fault.pop_all()
        return run

    @staticmethod
    def seed_of(folder: Path) -> int | None:
        """Return the seed of the run or dataset in `folder`, so that it can be resumed without --seed."""
        place = stage_of(folder) or folder
        state = read_state(place)
        if state is not None:
            return int(state["parts"]["seed"])
        return read_manifest(place).get("seed") if (place / MANIFEST).exists() else None

    @property
    def done(self) -> int:
        """Images that are finished."""
        return len(self.journal)

    def missing(self, assignment: Callable[[int], tuple[Any, ...]]) -> Iterator[Chunk]:
        """Yield the chunks of images that are not finished.

        Those of one background come together, so that it is decoded once.

        Args:
            assignment: returns which background an image is on.
        """
        number = 0
        for start in range(0, self.count, _BLOCK):
            block = range(start, min(start + _BLOCK, self.count))
            missing = [index for index in block if not self.journal.has(index)]
            missing.sort(key=lambda index: (*assignment(index)[:2], index))
            for first in range(0, len(missing), _CHUNK):
                images = missing[first : first + _CHUNK]
                yield Chunk(number, tuple((index, self.redraws.get(image_id(index), 0)) for index in images))
                number += 1

    def note(self, receipt: Sequence[Entry]) -> None:
        """Note that a worker has written these images."""
        self.journal.add(*receipt)

    def redraw(self, images: Sequence[str] | Mapping[str, int]) -> None:
        """Mark finished images to be drawn again. The same call after an interruption continues it.

        Args:
            images: ids, each to be drawn differently than before; or the redraw number of each image by id, where 0
                draws what a new dataset holds.
        """
        given = dict(images) if isinstance(images, Mapping) else dict.fromkeys(images)
        asked = [[name, given[name]] for name in sorted(given)]
        if self._state["dropped"] == asked:
            return
        numbers = {name: self.redraws.get(name, 0) + 1 if number is None else number for name, number in given.items()}
        for name in numbers:
            self.journal.forget(name)
        self.journal.sync()  # a process killed here has dropped nothing; after the next line, everything
        self._state["dropped"] = asked
        self._state["redraws"] = {name: number for name, number in (self.redraws | numbers).items() if number}
        self._save()

    def finish(self) -> None:
        """Say that the dataset is complete, and remove the run's own files."""
        self.journal.close()
        self._state["finished"] = True
        self._save()
        clear(self.folder)

    def _save(self) -> None:
        write_file(self.folder / STATE, checked_text(self._state))

    def _settle(self, count: int) -> None:
        """Forget images whose files are not what the journal says; remove files beyond the run's end."""
        for entry in self.journal.entries():
            name = f"{entry.id}.png"
            found = file_sha256(self.folder / "images" / name), file_sha256(self.folder / "masks" / name)
            if found != (entry.image_sha256, entry.mask_sha256):
                self.journal.forget(entry.id)
        for part in (self.folder / "images", self.folder / "masks"):
            part.mkdir(exist_ok=True)
            for file in part.glob("[0-9]*.png"):  # of a longer run that was killed before it noted them
                if file.stem.isdecimal() and int(file.stem) > count:
                    file.unlink()


def refuse_started(folder: Path, overwrite: bool = False) -> None:
    """Raise OutputExistsError unless a new run may begin in `folder`.

    Names the process that writes there, or ``--resume`` where a run was interrupted.
    """
    state = read_state(stage_of(folder) or folder)
    if not overwrite and state is not None and not state["finished"]:
        with locked(folder):  # an interrupted run has no process
            pass
        raise OutputExistsError(f"{folder}: {INTERRUPTED}", path=str(folder))
    refuse_existing(folder, overwrite)


def clear(folder: Path) -> None:
    """Remove the files of a finished run from a dataset folder; the state goes last."""
    if (folder / RUN_FOLDER).is_dir():
        shutil.rmtree(folder / RUN_FOLDER)
    (folder / STATE).unlink(missing_ok=True)


def _journal(folder: Path, named: Path, count: int) -> Journal:
    """Return the journal of an unfinished run in `folder`; InvalidValueError where it has more than `count` images."""
    journal = Journal(folder / JOURNAL)
    if journal.last > count:
        journal.close()
        raise _too_few(named, journal.last, count)
    return journal


def _reopen(output: Output, mark: Mapping[str, Any], count: int) -> dict[str, int]:
    """Turn a finished dataset back into a run: the journal from its rows and checksums.

    Returns:
        How often each redrawn image was redrawn.
    """
    folder = output.work
    manifest = read_manifest(folder)
    if "shards" in manifest:
        raise InvalidValueError(
            f"cannot resume {output.folder}: it holds shards; give --shard-size {manifest['shards']['size']}",
            path=str(output.folder),
        )
    refuse_other(output.folder, manifest, mark)
    _warn_of_others(output.folder, manifest.get("libraries"))
    if manifest["count"] > count:
        raise _too_few(output.folder, manifest["count"], count)
    sums = read_sums(folder)
    for name in ("targets.jsonl", MANIFEST):
        if file_sha256(folder / name) != sums.get(name):
            raise InputError.of(
                folder / name,
                f"missing, or changed since the dataset was written (by {SUMS}); put it back, or write a new dataset "
                f"to another --out",
            )
    own = folder / RUN_FOLDER
    own.mkdir(exist_ok=True)
    with (
        (folder / "targets.jsonl").open(encoding="utf-8") as rows,
        (own / "journal.new").open("w", encoding="utf-8", newline="\n") as journal,
    ):
        for line in rows:
            name = parse_json(line)["id"]
            images = sums.get(f"images/{name}.png", ""), sums.get(f"masks/{name}.png", "")
            journal.write(Entry(name, *images, line.rstrip("\n")).line())
    (own / "journal.new").replace(folder / JOURNAL)
    return dict(manifest.get("redrawn", {}))


def _warn_of_others(folder: Path, stated: object) -> None:
    """Warn where the images that are there were drawn on another processor or with other libraries."""
    other = drawn_elsewhere(stated)
    if other is not None:
        warnings.warn(
            f"{folder}: started with {other}; images that are made now may differ by a few gray levels from what they "
            f"would have been there",
            SirstgenWarning,
            stacklevel=3,
        )


def _too_few(folder: Path, held: int, count: int) -> InvalidValueError:
    return InvalidValueError(
        f"n must be at least {held}, as many as {folder} holds, got {count}", name="n", value=count
    )


def refuse_other(folder: Path | str, begun: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise InvalidValueError if the run or dataset in `folder` was started with something else."""
    found = difference(begun, now)
    if found is not None:
        raise InvalidValueError(
            f"cannot resume {folder}: {found}; repeat its command, or give --overwrite or another --out",
            path=str(folder),
        )
