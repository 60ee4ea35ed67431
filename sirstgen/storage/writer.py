"""Writing a dataset folder: in parallel, atomically, and so that a killed run can be resumed."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from sirstgen.checks import whole
from sirstgen.datasets.manifest_file import read_manifest
from sirstgen.errors import GenerationError, InvalidValueError
from sirstgen.files.output import output_folder
from sirstgen.plan import ImagePlan
from sirstgen.storage.cluster import as_finished_on_cluster, is_dask_client
from sirstgen.storage.job import Job, make, work
from sirstgen.storage.manifest import write_closing_files
from sirstgen.storage.owned import owned_files
from sirstgen.storage.run import FolderRun, refuse_started
from sirstgen.storage.sink import Chunk, Run, Sink, image_id
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.planned import PlannedGenerator
from sirstgen.workers import as_finished, check_workers, worker_pool

Progress = Callable[[int, int], None]
"""Called with (images finished, images in all) whenever a part of the work is done."""


def write_dataset(
    source: Generator | Sequence[ImagePlan],
    out: str | Path,
    count: int | None = None,
    *,
    workers: int = 1,
    executor: Executor | Any | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write images 0 to `count` - 1 of a generator, or given plans, as a dataset folder named after its last component.

    The bytes depend on the generator and the folder's name, not on workers, executor, order or interruptions.

    Args:
        source: a generator, or plans over the built-in backgrounds and templates (`PlannedGenerator` for others).
        out: the folder; made if missing.
        count: images, at least 1; all by default where plans are given.
        workers: processes; 1 works in this one.
        executor: any `concurrent.futures` executor or a Dask client in their place; its workers must see `out`.
        resume: continue an unfinished run, or add images to a finished one.
        overwrite: replace the sirstgen dataset that is there when the new one is whole; files of the user stay.
        progress: called as the work advances.

    Returns:
        The folder.

    Raises:
        InvalidValueError: a wrong argument; a run to be resumed that was made from something else.
        OutputExistsError: `out` is not empty and neither `resume` nor `overwrite` is given.
        GenerationError: an image cannot be made, or the disk is full. What is written stays; resume continues.
    """
    generator = source if isinstance(source, Generator) else PlannedGenerator(source)
    count = _count(generator, count)
    if count < 1:
        raise InvalidValueError(f"n must be at least 1 image, got {count}", name="n", value=count)
    check_workers(workers)
    if resume and overwrite:
        raise InvalidValueError("resume and overwrite must not both be given: the one keeps what the other removes")
    folder = Path(out)
    if not resume:
        refuse_started(folder, overwrite)
    with output_folder(folder, owned_files, overwrite=overwrite, resume=resume) as output:
        run = FolderRun.open(generator, output, count, resume=resume)
        _complete(generator, run, workers, executor, progress)
    return folder


def redraw(
    generator: Generator,
    folder: str | Path,
    ids: Sequence[str] | Mapping[str, int],
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Remove images of a finished dataset that a person rejects and draw others in their place, under the same ids.

    Args:
        generator: the one the dataset was made with.
        folder: the dataset.
        ids: the images to be replaced, or the redraw number of each, 0 or more. Without numbers, each is one more than
            before; an interrupted call that is repeated draws the same. 0 restores the first image.
        workers: processes.
        progress: called as the work advances.

    Raises:
        InvalidValueError: an id that the dataset does not hold, a number that is none, another generator, plans, or no
            workers.
        InputError: not a finished dataset.
        GenerationError: an image cannot be made: the dataset is as it was before. Or the disk is full: the same call
            continues where this one ended.
    """
    check_workers(workers)
    if isinstance(generator, PlannedGenerator):
        raise InvalidValueError("images that were made from plans cannot be drawn again; change their plans")
    folder = Path(folder)
    manifest = read_manifest(folder)
    count = manifest["count"]
    known = {image_id(index) for index in range(count)}
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise InvalidValueError(f"ids must be from 000001 to {image_id(count - 1)}, got {', '.join(unknown)}")
    if isinstance(ids, Mapping):
        ids = {name: whole(f"the redraw number of {name}", number) for name, number in ids.items()}
    for name, number in ids.items() if isinstance(ids, Mapping) else ():
        if number < 0:
            raise InvalidValueError(f"the redraw number of {name} must not be negative, got {number}")
    sharded, earlier = "shards" in manifest, manifest.get("redrawn", {})
    if sharded and not isinstance(ids, Mapping):
        ids = {name: earlier.get(name, 0) + 1 for name in ids}
    try:
        _redraw(generator, folder, count, ids, sharded, workers, progress)
    except GenerationError as error:
        if "rejections" in error.data:  # an image that cannot be made would not be made by another call either
            before = {name: earlier.get(name, 0) for name in ids}
            _redraw(generator, folder, count, before, sharded, workers, progress)
        raise
    return folder


def _redraw(
    generator: Generator,
    folder: Path,
    count: int,
    ids: Sequence[str] | Mapping[str, int],
    sharded: bool,
    workers: int,
    progress: Progress | None,
) -> None:
    if sharded:
        from sirstgen.storage.shard_writer import redraw_shards

        assert isinstance(ids, Mapping)
        redraw_shards(generator, folder, ids, workers=workers, progress=progress)
        return
    with output_folder(folder, owned_files, resume=True) as output:
        run = FolderRun.open(generator, output, count, resume=True)
        run.redraw(ids)
        _complete(generator, run, workers, None, progress)


def _count(generator: Generator, count: int | None) -> int:
    """Return the number of images to write."""
    if not isinstance(generator, PlannedGenerator):
        if count is None:
            raise InvalidValueError("count must be given: a generator is endless", name="count")
        return whole("n", count)
    if count is not None and whole("n", count) > len(generator):
        raise InvalidValueError(
            f"n must be at most {len(generator)}, as many as there are plans, got {count}", name="n"
        )
    return len(generator) if count is None else whole("n", count)


def _complete(
    generator: Generator, run: FolderRun, workers: int, executor: Executor | Any | None, progress: Progress | None
) -> None:
    """Make the images that are missing, write the closing files and end the run."""
    with contextlib.closing(run.journal):
        make_missing(generator, run, workers, executor, progress)
        write_closing_files(run, generator)
    run.finish()


def make_missing(
    generator: Generator, run: Run, workers: int, executor: Executor | Any | None, progress: Progress | None
) -> None:
    """Make the images that a run lacks, in worker processes or in this one."""
    missing = run.missing(generator.assignment)
    first = next(missing, None)
    if progress:
        progress(run.done, run.count)
    if first is None:
        return
    chunks = itertools.chain((first,), missing)
    with _workers(executor, workers, run.lock) as pool:
        for receipt in _receipts(generator, run.sink, chunks, pool):
            run.note(receipt)
            if progress:
                progress(run.done, run.count)


def _receipts(generator: Generator, sink: Sink, chunks: Iterator[Chunk], pool: Any | None) -> Iterator[Any]:
    if pool is None:
        return (make(generator, sink, chunk) for chunk in chunks)
    task = functools.partial(work, Job.of(generator, sink))
    if is_dask_client(pool):
        return as_finished_on_cluster(pool, task, chunks)
    return as_finished(pool, task, chunks)


@contextlib.contextmanager
def _workers(executor: Any | None, workers: int, lock: int | None) -> Iterator[Any | None]:
    if executor is not None or workers == 1:
        yield executor
        return
    with worker_pool(workers, lock) as pool:
        yield pool
