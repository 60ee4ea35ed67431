"""A run in progress: its folder inside the dataset, what was begun with what, and what is finished."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sirstgen.atomic import MANIFEST, refuse_existing, write_file
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError
from sirstgen.storage.checksums import SUMS
from sirstgen.storage.fingerprint import difference, fingerprint
from sirstgen.storage.journal import Entry, Journal, file_sha256
from sirstgen.storage.sink import Chunk, FolderSink, Sink, image_id
from sirstgen.synthesis.generator import Generator

RUN_FOLDER = ".run"
LAYOUT = (SUMS, "images", "masks", "shards", "50_50", "img_idx", "targets.jsonl", "README.md", RUN_FOLDER, MANIFEST)
"""Everything of ours in a dataset folder, in the order in which it is removed: what makes the dataset finished goes
first, what makes the folder recognisable last."""

_FINGERPRINT = "fingerprint"
SHARD_STATE = "shards.json"
"""A run that writes shards has this file in its run folder, in place of a fingerprint."""
_CHUNK = 32  # images a task
_BLOCK = 8192  # images that are ordered by background together, so that planning a long run needs no time and memory


class FolderRun:
    """The state of a run that writes single files, kept in ``<dataset>/.run`` until the dataset is finished.

    Attributes:
        folder: the dataset folder.
        count: images of the finished dataset.
        sink: where workers put images.
        scratch: where files are before they are whole.
        journal: the finished images.
        takes: for images that a person has rejected, how often; the next take draws them differently.
    """

    def __init__(self, folder: Path, count: int, journal: Journal, takes: dict[str, int]) -> None:
        self.folder = folder
        self.count = count
        self.scratch = folder / RUN_FOLDER / "scratch"
        self.sink: Sink = FolderSink(folder, self.scratch)
        self.journal = journal
        self.takes = takes

    @classmethod
    def open(cls, generator: Generator, folder: Path, count: int, resume: bool, overwrite: bool) -> FolderRun:
        """Begins a run, or goes on with the one in `folder`.

        The file ``.run/fingerprint`` says that a run has begun and is not finished; it comes before the first image
        and goes after the last checksum.

        Raises:
            OutputExistsError: there is something in `folder` that may not be replaced.
            InvalidValueError: the run in `folder` was begun with something else, or holds more than `count` images.
        """
        own = folder / RUN_FOLDER
        mark = fingerprint(generator)
        if not resume:
            make_room(folder, overwrite)
        elif (own / _FINGERPRINT).is_file():
            refuse_other(folder, _read_parts(own / _FINGERPRINT), mark)
        elif (folder / MANIFEST).is_file():
            _reopen(folder, mark, count)
        else:
            make_room(folder, overwrite=False)
        scratch = own / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        write_file(own / "seed", str(generator.seed), scratch)
        write_file(own / _FINGERPRINT, json.dumps(mark), scratch)
        (folder / SUMS).unlink(missing_ok=True)
        with contextlib.ExitStack() as on_fault:
            run = cls(folder, count, Journal(own / "journal.tsv"), _read_takes(folder))
            on_fault.callback(run.journal.close)
            run._settle(count)
            on_fault.pop_all()
        return run

    @staticmethod
    def seed_of(folder: Path) -> int | None:
        """The seed of the run or dataset in `folder`, so that it can go on without being told again."""
        begun = folder / RUN_FOLDER / "seed"
        if begun.exists():
            return int(begun.read_text())
        seed = read_manifest(folder).get("seed") if (folder / MANIFEST).exists() else None
        return None if seed is None else int(seed)

    @property
    def done(self) -> int:
        """Images that are finished."""
        return len(self.journal)

    def missing(self, assignment: Callable[[int], tuple[Any, ...]]) -> Iterator[Chunk]:
        """Chunks of images that are not finished; those of one background come together, so that it is decoded once.

        Args:
            assignment: tells which background an image is on.
        """
        number = 0
        for start in range(0, self.count, _BLOCK):
            block = range(start, min(start + _BLOCK, self.count))
            missing = [index for index in block if image_id(index) not in self.journal]
            missing.sort(key=lambda index: (*assignment(index)[:2], index))
            for first in range(0, len(missing), _CHUNK):
                images = missing[first : first + _CHUNK]
                yield Chunk(number, tuple((index, self.takes.get(image_id(index), 0)) for index in images))
                number += 1

    def note(self, receipt: Sequence[Entry]) -> None:
        """A worker has written these images."""
        for entry in receipt:
            self.journal.add(entry)

    def redraw(self, numbers: Mapping[str, int]) -> None:
        """Have images drawn again.

        Args:
            numbers: the redraw number of each image, by id; 0 draws what a new dataset holds.
        """
        for name in numbers:
            self.journal.forget(name)
        self.takes = {name: number for name, number in (self.takes | dict(numbers)).items() if number}
        write_file(self.folder / RUN_FOLDER / "takes.json", json.dumps(self.takes), self.scratch)

    def finish(self) -> None:
        """The dataset is complete: its run folder goes."""
        self.journal.close()
        (self.folder / RUN_FOLDER / _FINGERPRINT).unlink()
        shutil.rmtree(self.folder / RUN_FOLDER)

    def _settle(self, count: int) -> None:
        """Images whose files are not what the journal says are made again; files beyond the run's end are removed."""
        ids = self.journal.ids()
        if ids and int(ids[-1]) > count:
            raise _too_few(self.folder, int(ids[-1]), count)
        for entry in self.journal.entries():
            whole = (
                file_sha256(self.folder / "images" / f"{entry.id}.png") == entry.image_sha256
                and file_sha256(self.folder / "masks" / f"{entry.id}.png") == entry.mask_sha256
            )
            if not whole:
                self.journal.forget(entry.id)
        for part in (self.folder / "images", self.folder / "masks"):
            part.mkdir(exist_ok=True)
            for file in part.glob("[0-9]*.png"):  # of a longer run that was killed before it noted them
                if file.stem.isdecimal() and int(file.stem) > count:
                    file.unlink()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The ``dataset.json`` of a finished dataset.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    try:
        manifest = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError.of(folder, f"not a finished sirstgen dataset ({error})") from None
    if not isinstance(manifest, dict) or "count" not in manifest:
        raise InputError.of(folder / "dataset.json", "not the manifest of a sirstgen dataset")
    return manifest


def make_room(folder: Path, overwrite: bool) -> None:
    """Removes the dataset or the interrupted run in `folder` where that is allowed, and nothing else."""
    begun = any((folder / RUN_FOLDER / name).is_file() for name in (_FINGERPRINT, SHARD_STATE))
    if begun and not overwrite:
        raise OutputExistsError(
            f"{folder}: holds an interrupted run; --resume goes on with it, --overwrite begins anew", path=str(folder)
        )
    # A run killed in its first moments leaves nothing but an empty run folder.
    blank = folder.is_dir() and all(part.name == RUN_FOLDER for part in folder.iterdir())
    if not begun and not blank:
        refuse_existing(folder, overwrite)
    for name in LAYOUT:
        part = folder / name
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


def _reopen(folder: Path, mark: Mapping[str, Any], count: int) -> None:
    """Turns a finished dataset back into a run: the journal from its rows and checksums."""
    manifest = read_manifest(folder)
    if "shards" in manifest:
        raise InvalidValueError(
            f"cannot resume {folder}: it holds shards; give --shard-size {manifest['shards']['size']}", path=str(folder)
        )
    refuse_other(folder, manifest, mark)
    if manifest["count"] > count:
        raise _too_few(folder, manifest["count"], count)
    own = folder / RUN_FOLDER
    own.mkdir(exist_ok=True)
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        with (folder / "targets.jsonl").open(encoding="utf-8") as rows, (own / "journal.new").open("w") as journal:
            for line in rows:
                name = json.loads(line)["id"]
                entry = Entry(name, sums[f"images/{name}.png"], sums[f"masks/{name}.png"], line.rstrip("\n"))
                journal.write(entry.line())
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise InputError.of(
            folder, f"{SUMS} and targets.jsonl do not fit together ({error}); make the dataset again with --overwrite"
        ) from None
    (own / "takes.json").write_text(json.dumps(manifest.get("redrawn", {})))
    (own / "journal.new").replace(own / "journal.tsv")


def _too_few(folder: Path, held: int, count: int) -> InvalidValueError:
    return InvalidValueError(
        f"n must be at least {held}, as many as {folder} holds, got {count}", name="n", value=count
    )


def _read_parts(file: Path) -> dict[str, Any]:
    """The fingerprint of an interrupted run."""
    try:
        parts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError.of(file, f"cannot be read ({error}); begin anew with --overwrite") from None
    if not isinstance(parts, dict):
        raise InputError.of(file, "not the fingerprint of a run; begin anew with --overwrite")
    return parts


def refuse_other(folder: Path | str, begun: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """InvalidValueError if the run or dataset in `folder` was begun with something else."""
    found = difference(begun, now)
    if found is not None:
        raise InvalidValueError(
            f"cannot resume {folder}: {found}; repeat its command, or give --overwrite or another --out",
            path=str(folder),
        )


def _read_takes(folder: Path) -> dict[str, int]:
    path = folder / RUN_FOLDER / "takes.json"
    takes: Mapping[str, int] = json.loads(path.read_text()) if path.exists() else {}
    return dict(takes)
