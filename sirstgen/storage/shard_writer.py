"""Writing a dataset as WebDataset shards: alone, beside other commands and machines, to a folder or a bucket."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from sirstgen.checks import whole
from sirstgen.datasets.split import PARTS
from sirstgen.datasets.unfinished import RUN_FOLDER
from sirstgen.errors import (
    GenerationError,
    InputError,
    InvalidValueError,
    OutputExistsError,
    SirstgenError,
    SirstgenWarning,
)
from sirstgen.files.atomic import MANIFEST, sync_disk, writing
from sirstgen.files.lock import locked
from sirstgen.files.output import end_replacement, recover
from sirstgen.storage.checksums import SUMS, sum_line
from sirstgen.storage.manifest import card, manifest
from sirstgen.storage.owned import owned_files
from sirstgen.storage.place import LocalPlace, Place, open_place, read, write
from sirstgen.storage.shard_run import PATIENCE, ShardRun
from sirstgen.storage.shard_state import (
    STATE,
    ShardState,
    numbers_in_words,
    read_shard_manifest,
    records_there,
    working_place,
)
from sirstgen.storage.shards import SHARDS, read_record
from sirstgen.storage.writer import Progress, make_missing
from sirstgen.synthesis.generator import Generator


def write_shards(
    generator: Generator,
    out: str | Path,
    count: int,
    shard_size: int,
    *,
    shards: Sequence[int] | None = None,
    workers: int = 1,
    executor: Executor | Any | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any] | None:
    """Write images 0 to `count` - 1 of a generator as WebDataset shards, or some shards of them.

    Shard k holds images k * `shard_size` to (k + 1) * `shard_size` - 1 in two files, ``shards/train-<k>.tar`` and
    ``shards/test-<k>.tar``. It depends on the generator, `shard_size` and k alone.

    Args:
        generator: recipe, backgrounds, templates and seed.
        out: path, or a URL that fsspec opens.
        count: images of the whole dataset, at least 1.
        shard_size: images a shard, at least 1; the last one may hold fewer.
        shards: make these alone, of a run that other commands work on too; shards that are there and whole are kept.
        workers: processes; 1 works in this one.
        executor: any `concurrent.futures` executor or a Dask client in their place; its workers must reach `out`.
        resume: continue an unfinished run, or add images to a finished one.
        overwrite: replace the sirstgen dataset that is there when all new shards are; files of the user stay. At a URL
            the old dataset is removed first.
        progress: called as the work advances.

    Returns:
        The manifest where all shards are there now and the dataset is finished; else None.

    Raises:
        InvalidValueError: a wrong argument; a run to be resumed that was made from something else.
        OutputExistsError: `out` is not empty and neither `shards`, `resume` nor `overwrite` is given, or other commands
            write there and the run would be started again or changed.
        InputError: `out` cannot be used: no credentials, no such bucket.
        GenerationError: an image cannot be made, a worker is unfit, the disk is full, the connection is lost. Shards
            that are whole stay; resume continues.
    """
    count, shard_size, workers = whole("n", count), whole("shard_size", shard_size), whole("workers", workers)
    shards = None if shards is None else [whole("shards", number) for number in shards]
    for name, value in (("n", count), ("shard_size", shard_size), ("workers", workers)):
        if value < 1:
            raise InvalidValueError(f"{name} must be at least 1, got {value}", name=name, value=value)
    if resume and overwrite:
        raise InvalidValueError("resume and overwrite must not both be given: the one keeps what the other removes")
    with ShardRun.open(generator, out, count, shard_size, shards, resume, overwrite) as run:
        there = _make(generator, run, workers, executor, progress)
    return _finish(out, PATIENCE) if there else None


def redraw_shards(
    generator: Generator,
    out: str | Path,
    numbers: Mapping[str, int],
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any] | None:
    """Draw images of a finished dataset of shards anew, under the same ids; their shards are written again.

    Args:
        generator: the one the dataset was made with.
        out: the dataset.
        numbers: the redraw number of each image, by id.
        workers: processes.
        progress: called as the work advances.
    """
    stated = read_shard_manifest(open_place(out))
    count, size = stated["count"], stated["shards"]["size"]
    with ShardRun.open(generator, out, count, size, resume=True, redrawn=numbers) as run:
        there = _make(generator, run, workers, None, progress)
    return _finish(out, PATIENCE) if there else None


def finish_shards(out: str | Path) -> dict[str, Any]:
    """Write the files that close a dataset of shards, when all shards are there; return its manifest.

    Raises:
        InputError: there is no run of shards at `out`.
        OutputExistsError: other commands write there.
        GenerationError: shards are missing; says which.
    """
    made = _finish(out)
    assert made is not None
    return made


def _finish(out: str | Path, patience: float = 0.0) -> dict[str, Any] | None:
    """Finish the shards; return None where others, one of which will finish, still write after `patience` seconds."""
    place = open_place(out)
    if not isinstance(place, LocalPlace):
        return _closed(place)
    with contextlib.ExitStack() as alone:
        try:
            alone.enter_context(locked(place.folder, patience=patience))
        except OutputExistsError:
            if not patience:
                raise
            return None
        with writing(place.folder, inside=True):
            recover(place.folder.resolve())
        made = _closed(working_place(place.folder))
        end_replacement(place.folder, owned_files)
        return made


def _closed(place: Place) -> dict[str, Any]:
    """Return the manifest of a dataset of shards after its closing files are written."""
    state = ShardState.read(place)
    if state is None:
        if read(place, STATE) is not None:
            raise InputError.of(f"{place}/{STATE}", "damaged; sirstgen synth --resume makes all shards again")
        return read_shard_manifest(place)  # finished already
    there = records_there(place, state)
    files = {f"{SHARDS}/{name}" for name in place.names(SHARDS)}
    missing = sorted(set(range(state.shards)) - there)
    if missing:
        raise _missing(place, state, missing)
    with contextlib.ExitStack() as closing:
        rows = closing.enter_context(place.new_file("targets.jsonl"))
        lists = {
            (part, name): closing.enter_context(place.new_file(name))
            for part in PARTS
            for name in (f"50_50/{part}.txt", f"img_idx/{part}_{place.name}.txt")
        }
        scenes: Counter[str] = Counter()
        rejections: Counter[str] = Counter()
        split: Counter[str] = Counter()
        listed = []
        for number in range(state.shards):
            found = read_record(place, number)
            if found is None or found[0].images != len(state.images(number)):
                missing.append(number)
                continue
            record, lines = found
            if any(file.name not in files for file in record.files):
                missing.append(number)
            scenes.update(record.scenes)
            rejections.update(record.rejections)
            listed += record.files
            sides: dict[str, list[str]] = {part: [] for part in PARTS}
            texts = []
            for line in lines:
                name, side, row = line.split("\t", 2)
                texts.append(row + "\n")
                sides[side].append(name + "\n")
            rows.write("".join(texts).encode())
            for (part, _), file in lists.items():
                file.write("".join(sides[part]).encode())
            split.update({part: len(ids) for part, ids in sides.items()})
        if missing:
            raise _missing(place, state, missing)
    targets = sum(file.targets for file in listed)
    made = manifest(place.name, state.parts, state.count, targets, scenes, rejections, split, state.redrawn)
    made["shards"] = {"size": state.size, "count": state.shards, "files": [file.to_dict() for file in listed]}
    sums = {file.name: file.sha256 for file in listed} | {name: file.sha256 for (_, name), file in lists.items()}
    sums["targets.jsonl"] = rows.sha256
    sums["README.md"] = write(place, "README.md", card(made))
    sums[MANIFEST] = write(place, MANIFEST, json.dumps(made, indent=2) + "\n")
    if isinstance(place, LocalPlace):
        sync_disk(place.folder)
    write(place, SUMS, "".join(sum_line(sums[name], name) for name in sorted(sums)))
    place.remove(STATE)
    place.remove(RUN_FOLDER)
    return made


def _make(generator: Generator, run: ShardRun, workers: int, executor: Any | None, progress: Progress | None) -> bool:
    """Make the shards of a run that are missing; return whether all are there then."""
    try:
        make_missing(generator, run, workers, executor, progress)
        for notice in run.notices:
            warnings.warn(f"{run.place}: {notice}; it is made anew", SirstgenWarning, stacklevel=4)
        return len(records_there(run.place, run.state)) == run.state.shards or _finished_by_others(run)
    except SirstgenError:
        if not _finished_by_others(run):
            raise
        return True


def _finished_by_others(run: ShardRun) -> bool:
    """Return whether another command has finished the dataset while this one made a shard that was there."""
    with contextlib.suppress(SirstgenError):
        if read(run.place, STATE) is None and read_shard_manifest(run.place)["count"] >= run.state.count:
            run.place.remove(RUN_FOLDER)
            return True
    return False


def _missing(place: Place, state: ShardState, numbers: Sequence[int]) -> GenerationError:
    words = numbers_in_words(sorted(set(numbers)))
    return GenerationError(
        f"{place}: {len(set(numbers))} of {state.shards} shards are missing ({words}); make them with --shards {words}",
        missing=sorted(set(numbers)),
    )
