"""A run that writes shards: what it was begun with, which shards are missing, and how it ends.

Any number of commands on any number of machines may work on one run, each on shards of its own or on the same ones: a
shard depends on the run and its number alone, so whoever writes it last changes nothing. In a folder they hold its lock
together; a command that begins, changes, replaces or finishes the run holds it alone. A URL has no lock.
"""

from __future__ import annotations

import contextlib
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from sirstgen.atomic import MANIFEST, writing
from sirstgen.datasets.unfinished import RUN_FOLDER, SHARD_STATE
from sirstgen.datasets.unfinished import STATE as FOLDER_STATE
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError, SirstgenWarning
from sirstgen.lock import LOCK, locked
from sirstgen.output import begin_replacement, recover, refuse_existing, stage_of
from sirstgen.storage.checksums import SUMS
from sirstgen.storage.fingerprint import fingerprint
from sirstgen.storage.owned import owned_files
from sirstgen.storage.place import SCRATCH, LocalPlace, Place, open_place, read, write
from sirstgen.storage.run import LAYOUT, refuse_other
from sirstgen.storage.shards import RECORDS, SHARDS, Record, ShardFile, ShardSink, record_name, record_text
from sirstgen.storage.sink import Chunk, Sink, image_id
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.sides import Side

STATE = SHARD_STATE

PATIENCE = 10.0
"""Seconds for which a command waits where another one begins or finishes the run that it works on."""

_PAUSE = 0.05


@dataclass(frozen=True)
class ShardState:
    """What all commands that work on a run agree on.

    Args:
        count: images of the finished dataset.
        size: images a shard; the last one may hold fewer.
        redrawn: for images that a person has rejected, how often, by id.
        parts: the fingerprint of the generator.
    """

    count: int
    size: int
    redrawn: dict[str, int]
    parts: dict[str, Any]

    @property
    def shards(self) -> int:
        """How many shards the dataset has."""
        return -(-self.count // self.size)

    def images(self, number: int) -> range:
        """The indices of the images of a shard."""
        return range(number * self.size, min((number + 1) * self.size, self.count))

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"count": self.count, "size": self.size, "redrawn": self.redrawn, "fingerprint": self.parts}

    @classmethod
    def read(cls, place: Place) -> Self | None:
        """The state of the run that is under way at `place`; None where there is none, or a damaged one."""
        data = read(place, STATE)
        if data is None:
            return None
        try:
            entry = json.loads(data)
            return cls(int(entry["count"]), int(entry["size"]), dict(entry["redrawn"]), dict(entry["fingerprint"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            return None


class ShardRun:
    """A command's part of a run that writes shards.

    Attributes:
        place: where the shards are written; at the end it is the dataset, or takes its place.
        state: what all commands agree on.
        numbers: the shards that this command makes.
        lock: descriptor of the lock that it shares with others.
        count: images in them.
        done: of these, how many are stored.
        notices: what was found damaged and made anew.
    """

    def __init__(self, place: Place, state: ShardState, numbers: Sequence[int], lock: int | None = None) -> None:
        self.place = place
        self.state = state
        self.numbers = numbers
        self.count = sum(len(state.images(number)) for number in (numbers if len(numbers) < state.shards else ()))
        self.count = self.count or state.count
        self.done = 0
        self.notices: list[str] = []
        self.sink: Sink = ShardSink(str(place))
        self.lock = lock

    @classmethod
    @contextlib.contextmanager
    def open(
        cls,
        generator: Generator,
        where: str | Path,
        count: int,
        size: int,
        numbers: Sequence[int] | None = None,
        resume: bool = False,
        overwrite: bool = False,
        redrawn: Mapping[str, int] | None = None,
    ) -> Iterator[Self]:
        """Begin a run, or join the one at `where`; nobody else changes it while the block lasts.

        Args:
            generator: recipe, backgrounds, templates and seed.
            where: path or URL.
            count: images of the whole dataset.
            size: images a shard.
            numbers: the shards to make; all of them if None. A command that names shards joins a run of the same kind
                that is under way without being told to resume.
            resume: go on with a run, or add images to a finished dataset.
            overwrite: replace the sirstgen dataset that is there.
            redrawn: images to be drawn again: the redraw number of each, by id; 0 draws what a new dataset holds.

        Raises:
            OutputExistsError: there is something at `where` that may not be replaced, or others work on it and the run
                would be begun or changed.
            InvalidValueError: the run there was begun with something else; a number that is out of range.
        """
        asked = _Asked(
            ShardState(count, size, {}, fingerprint(generator)),
            joining=(resume or numbers is not None) and not overwrite,
            resume=resume,
            overwrite=overwrite,
            redrawn=redrawn or {},
            side=generator.side,
        )
        wanted = range(asked.state.shards) if numbers is None else sorted(set(numbers))
        for number in wanted if numbers is not None else ():
            if not 0 <= number < asked.state.shards:
                raise InvalidValueError(
                    f"shards must be from 0 to {asked.state.shards - 1} ({count} images, {size} a shard), got {number}",
                    name="shards",
                    value=number,
                )
        place = open_place(where)
        if not isinstance(place, LocalPlace):
            yield cls(place, _begun(place, asked, str(place)), wanted)
            return
        folder = place.folder
        deadline = time.monotonic() + PATIENCE
        with contextlib.ExitStack() as held:
            while True:
                state = _joinable(working_place(folder), asked, folder)
                if state is None:
                    state = _begun_alone(folder, asked, asked.joining and time.monotonic() < deadline)
                if state is not None:
                    lock = held.enter_context(locked(folder, shared=True, patience=PATIENCE))
                    place = working_place(folder)
                    if ShardState.read(place) == state:
                        break
                    held.close()  # another command has changed it before this one had its part of the lock
                    if not asked.joining or time.monotonic() > deadline:
                        raise OutputExistsError(f"{folder}: another command began a run there", path=str(folder))
                time.sleep(_PAUSE)
            yield cls(place, state, wanted, lock)

    def missing(self, assignment: Callable[[int], tuple[Any, ...]]) -> Iterator[Chunk]:
        """One chunk a shard; what is there already and whole is found out by the worker that is given it."""
        redrawn = self.state.redrawn
        for number in self.numbers:
            yield Chunk(number, tuple((i, redrawn.get(image_id(i), 0)) for i in self.state.images(number)))

    def note(self, receipt: Record) -> None:
        """A worker has stored a shard, or found it whole."""
        self.done += receipt.images
        if receipt.notice:
            self.notices.append(receipt.notice)


@dataclass(frozen=True)
class _Asked:
    """The run that a command asks for; the arguments of `ShardRun.open`."""

    state: ShardState
    joining: bool
    resume: bool
    overwrite: bool
    redrawn: Mapping[str, int]
    side: Callable[[int], Side]


def working_place(folder: Path) -> LocalPlace:
    """Where the shards of a folder are written: in it, or in the folder that will replace it."""
    return LocalPlace(stage_of(folder) or folder, folder.resolve().name)


def _joinable(place: Place, asked: _Asked, where: Path) -> ShardState | None:
    """The state of the run at `place` if this command can work on it as it is; None if it would change it."""
    begun = ShardState.read(place) if asked.joining and not asked.redrawn else None
    if begun is None:
        return None
    return begun if _joined(where, begun, asked.state, asked.resume) == begun else None


def _begun_alone(folder: Path, asked: _Asked, patient: bool) -> ShardState | None:
    """The state of the run that this command has begun or changed; None where others hold the lock and it may wait."""
    with contextlib.ExitStack() as alone:
        try:
            alone.enter_context(locked(folder))
        except OutputExistsError:
            if patient:
                return None
            raise
        alone.enter_context(writing(folder, inside=True))
        refuse_existing(folder, overwrite=True)
        recover(folder.resolve())
        return _begun(working_place(folder), asked, folder)


def _begun(place: Place, asked: _Asked, where: str | Path) -> ShardState:
    """Write and return the state of a run that is begun, joined or made of a finished dataset at `place`."""
    there = [name for name in (STATE, MANIFEST, FOLDER_STATE) if asked.joining and read(place, name) is not None]
    begun = ShardState.read(place) if STATE in there else None
    state = asked.state
    if begun is not None:
        state = _joined(where, begun, state, asked.resume)
    elif STATE in there:
        warnings.warn(f"{where}/{STATE}: damaged; all shards are made again", SirstgenWarning, stacklevel=5)
        place.remove(SHARDS)
        place.remove(RUN_FOLDER)
    elif MANIFEST in there:
        state = _reopened(place, state, asked, where)
    elif FOLDER_STATE in there:
        raise _single_files(where)
    elif isinstance(where, Path):
        place = _room(where, asked)
    else:
        _empty(place, asked.overwrite)
    if asked.redrawn:
        redrawn = state.redrawn | dict(asked.redrawn)
        state = replace(state, redrawn={name: number for name, number in redrawn.items() if number})
    write(place, STATE, json.dumps(state.to_dict()) + "\n")
    return state


def _room(folder: Path, asked: _Asked) -> Place:
    """Where to write the new content of a folder that holds nothing, or a dataset that may be replaced."""
    if asked.joining and stage_of(folder) is not None:  # a replacement, killed before it wrote its state
        return working_place(folder)
    names = set(LocalPlace(folder).names("")) - {LOCK}
    if names == {RUN_FOLDER} and set(LocalPlace(folder).names(RUN_FOLDER)) <= {SCRATCH}:
        return LocalPlace(folder)  # a run killed in its first moments leaves a file in the making and nothing else
    if not asked.overwrite and names & {STATE.partition("/")[0], FOLDER_STATE}:
        raise OutputExistsError(
            f"{folder}: holds an interrupted run; --resume goes on with it, --overwrite begins anew", path=str(folder)
        )
    refuse_existing(folder, asked.overwrite)
    begin_replacement(folder, owned_files)
    return working_place(folder)


def _joined(where: str | Path, begun: ShardState, asked: ShardState, resume: bool) -> ShardState:
    """The state of the run at a place after this command has joined it."""
    refuse_other(where, begun.parts, asked.parts)
    _same_size(where, begun.size, asked.size)
    if asked.count == begun.count:
        return begun
    if not resume or asked.count < begun.count:
        rule = f"at least {begun.count}, as" if resume else f"{begun.count}, as"
        raise InvalidValueError(
            f"n must be {rule} the run in {where} was begun with, got {asked.count}", name="n", value=asked.count
        )
    return ShardState(asked.count, begun.size, begun.redrawn, begun.parts)


def _reopened(place: Place, state: ShardState, asked: _Asked, where: str | Path) -> ShardState:
    """Turn a finished dataset back into a run: the records of its shards from manifest, lists and rows."""
    manifest = read_shard_manifest(place)
    shards = manifest.get("shards")
    if shards is None:
        raise _single_files(where)
    refuse_other(where, manifest, state.parts)
    _same_size(where, shards["size"], state.size)
    held = ShardState(manifest["count"], state.size, dict(manifest.get("redrawn", {})), state.parts)
    if not asked.resume and state.count != held.count:
        raise OutputExistsError(f"{where}: holds a finished dataset of {held.count} images; --resume adds to it")
    state = _joined(where, held, state, resume=True)
    place.remove(RUN_FOLDER)
    restore_records(place, held, [ShardFile.from_dict(entry) for entry in shards["files"]], asked.side)
    place.remove(SUMS)
    return state


def _single_files(where: str | Path) -> InvalidValueError:
    return InvalidValueError(
        f"cannot resume {where}: it holds single files, not shards; leave --shard-size out, or choose another --out"
    )


def restore_records(place: Place, state: ShardState, files: Sequence[ShardFile], side: Callable[[int], Side]) -> None:
    """Write the records of all shards of a finished dataset again; `side` tells the side that an image is on."""
    try:
        by_number = {number: list(group) for number, group in groupby(sorted(files, key=_order), lambda f: f.number)}
        with place.open("targets.jsonl") as rows:
            for number in range(state.shards):
                record = Record(number, len(state.images(number)), files=by_number.get(number, []))
                lines = []
                for index in state.images(number):
                    name, text = image_id(index), rows.readline().decode().rstrip("\n")
                    row = json.loads(text)
                    if row["id"] != name:
                        raise ValueError(f"line {index + 1} of targets.jsonl is of {row['id']}")
                    if name in state.redrawn:
                        record.redrawn[name] = state.redrawn[name]
                    record.scenes[row["scene"]] += 1
                    record.rejections.update(row["rejections"])
                    lines.append(f"{name}\t{side(index)}\t{text}")
                write(place, record_name(number), record_text(record, lines))
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise InputError.of(
            str(place), f"its lists and targets.jsonl do not fit together ({error}); make it again with --overwrite"
        ) from None


def read_shard_manifest(place: Place) -> dict[str, Any]:
    """The ``dataset.json`` at a place.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    data = read(place, MANIFEST)
    try:
        manifest = json.loads(data) if data is not None else None
    except (ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict) or "count" not in manifest:
        raise InputError.of(str(place), f"its {MANIFEST} is missing or no manifest of a sirstgen dataset")
    return manifest


def records_there(place: Place, state: ShardState) -> set[int]:
    """The numbers of the shards that have a record."""
    names = (name.removesuffix(".tsv") for name in place.names(RECORDS))
    return {int(name) for name in names if name.isdecimal() and int(name) < state.shards}


def _order(file: ShardFile) -> tuple[int, str]:
    return file.number, file.split


def _same_size(where: str | Path, begun: int, asked: int) -> None:
    if begun != asked:
        raise InvalidValueError(f"cannot resume {where}: its shard size is {begun}, this run's is {asked}")


def _empty(place: Place, overwrite: bool) -> None:
    """Make room at a URL that holds nothing, or a dataset that may be overwritten: it is removed."""
    names = place.names("")
    blank = names == [RUN_FOLDER] and set(place.names(RUN_FOLDER)) <= {SCRATCH}
    if blank or not names:
        return
    begun, ours = read(place, STATE) is not None, MANIFEST in names
    if not overwrite:
        way_out = "--resume goes on with it, --overwrite begins anew" if begun else "choose another --out"
        raise OutputExistsError(
            f"{place}: {'holds an interrupted run' if begun else 'is not empty'}; {way_out}", path=str(place)
        )
    if not begun and not ours:
        raise OutputExistsError(f"{place}: only a dataset is overwritten, there is no {MANIFEST}; empty it yourself")
    for name in LAYOUT:
        if name in names:
            place.remove(name)


def numbers_in_words(numbers: Sequence[int]) -> str:
    """Sorted numbers as ranges: ``3, 7-9``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def seed_at(where: str | Path) -> int | None:
    """The seed of the run or the dataset at a place, so that it can go on without being told again."""
    place = open_place(where)
    place = working_place(place.folder) if isinstance(place, LocalPlace) else place
    begun = ShardState.read(place)
    parts: Mapping[str, Any] | None = begun.parts if begun is not None else None
    if parts is None and read(place, MANIFEST) is not None:
        parts = read_shard_manifest(place)
    seed = parts.get("seed") if parts is not None else None
    return int(seed) if seed is not None else None
