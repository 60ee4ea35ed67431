"""A run that writes shards: what it was started with, which shards are missing, and how it ends.

Any number of commands on any number of machines may work on one run, each on shards of its own or on the same ones: a
shard depends on the run and its number alone, so a second process that writes it changes nothing. In a folder they hold
its lock together; a command that begins, changes, replaces or finishes the run holds it alone. A URL has no lock.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from sirstgen.datasets.unfinished import INTERRUPTED, RUN_FOLDER
from sirstgen.datasets.unfinished import STATE as FOLDER_STATE
from sirstgen.errors import InvalidValueError, OutputExistsError, SirstgenWarning
from sirstgen.files.atomic import MANIFEST, writing
from sirstgen.files.checked_json import checked_text
from sirstgen.files.lock import LOCK, locked
from sirstgen.files.output import begin_replacement, recover, refuse_existing, stage_of
from sirstgen.storage.checksums import SUMS
from sirstgen.storage.fingerprint import fingerprint
from sirstgen.storage.owned import owned_files
from sirstgen.storage.place import SCRATCH, LocalPlace, Place, open_place, read, write
from sirstgen.storage.run import LAYOUT, refuse_other
from sirstgen.storage.shard_state import STATE, ShardState, read_shard_manifest, restore_records, working_place
from sirstgen.storage.shards import SHARDS, Record, ShardFile, ShardSink
from sirstgen.storage.sink import Chunk, Sink, image_id
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.sides import Side

PATIENCE = 10.0
"""Seconds for which a command waits where another one begins or finishes the run that it works on."""

_STEP = 0.1  # seconds between two checks of the other commands


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
        some = len(numbers) < state.shards
        self.count = sum(len(state.images(number)) for number in numbers) if some else state.count
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
                that is under way, without `resume`.
            resume: continue a run, or add images to a finished dataset.
            overwrite: replace the sirstgen dataset that is there.
            redrawn: images to be drawn again: the redraw number of each, by id; 0 draws what a new dataset holds.

        Raises:
            OutputExistsError: there is something at `where` that may not be replaced, or others work on it and the run
                would be begun or changed.
            InvalidValueError: the run there was started with something else; a number that is out of range.
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
        last = max(int(PATIENCE / _STEP), 1) - 1
        with contextlib.ExitStack() as held:
            for attempt in range(last + 1):
                state = _joinable(working_place(folder), asked, folder)
                if state is None:
                    state = _begun_alone(folder, asked, patient=asked.joining and attempt < last)
                if state is None:
                    continue
                lock = held.enter_context(locked(folder, shared=True, patience=PATIENCE))
                place = working_place(folder)
                if ShardState.read(place) == state:
                    break
                held.close()  # another command has changed it before this one had its part of the lock
            else:
                raise OutputExistsError(f"{folder}: another command has begun a run there", path=str(folder))
            yield cls(place, state, wanted, lock)

    def missing(self, assignment: Callable[[int], tuple[Any, ...]]) -> Iterator[Chunk]:
        """Yield one chunk a shard; the worker that is given it checks whether it is there already."""
        redrawn = self.state.redrawn
        for number in self.numbers:
            yield Chunk(number, tuple((i, redrawn.get(image_id(i), 0)) for i in self.state.images(number)))

    def note(self, receipt: Record) -> None:
        """Note that a worker has stored a shard, or found it whole."""
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


def _joinable(place: Place, asked: _Asked, where: Path) -> ShardState | None:
    """Return the state of the run at `place` if this command can work on it as it is; None if it would change it."""
    begun = ShardState.read(place) if asked.joining and not asked.redrawn else None
    if begun is None:
        return None
    return begun if _joined(where, begun, asked.state, asked.resume) == begun else None


def _begun_alone(folder: Path, asked: _Asked, patient: bool) -> ShardState | None:
    """Return the state of the run that this command has begun or changed.

    None where others hold the lock and it may wait.
    """
    with contextlib.ExitStack() as alone:
        try:
            alone.enter_context(locked(folder, patience=_STEP))
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
    write(place, STATE, checked_text(state.to_dict()))
    return state


def _room(folder: Path, asked: _Asked) -> Place:
    """Return where to write the new content of a folder that holds nothing, or a dataset that may be replaced."""
    if asked.joining and stage_of(folder) is not None:  # a replacement, killed before it wrote its state
        return working_place(folder)
    names = set(LocalPlace(folder).names("")) - {LOCK}
    if names == {RUN_FOLDER} and set(LocalPlace(folder).names(RUN_FOLDER)) <= {SCRATCH}:
        return LocalPlace(folder)  # a run killed in its first moments leaves a file in the making and nothing else
    if not asked.overwrite and names & {STATE.partition("/")[0], FOLDER_STATE}:
        raise OutputExistsError(f"{folder}: {INTERRUPTED}", path=str(folder))
    refuse_existing(folder, asked.overwrite)
    begin_replacement(folder, owned_files)
    return working_place(folder)


def _joined(where: str | Path, begun: ShardState, asked: ShardState, resume: bool) -> ShardState:
    """Return the state of the run at a place after this command has joined it."""
    refuse_other(where, begun.parts, asked.parts)
    _same_size(where, begun.size, asked.size)
    if asked.count == begun.count:
        return begun
    if not resume or asked.count < begun.count:
        rule = f"at least {begun.count}, as" if resume else f"{begun.count}, as"
        raise InvalidValueError(
            f"n must be {rule} the run in {where} was started with, got {asked.count}", name="n", value=asked.count
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
        raise OutputExistsError(
            f"{place}: {INTERRUPTED if begun else 'is not empty; choose another --out'}", path=str(place)
        )
    if not begun and not ours:
        raise OutputExistsError(f"{place}: only a dataset is overwritten, there is no {MANIFEST}; empty it yourself")
    for name in LAYOUT:
        if name in names:
            place.remove(name)
