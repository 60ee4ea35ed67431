"""Writing a dataset folder: in parallel, atomically, and so that a killed run goes on where it was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path

from sirstgen.atomic import write_file
from sirstgen.datasets.unfinished import RUN_FOLDER, read_state
from sirstgen.errors import InvalidValueError, OutputExistsError
from sirstgen.output import output_folder
from sirstgen.png import encode_png
from sirstgen.storage.journal import Entry
from sirstgen.storage.manifest import write_closing_files
from sirstgen.storage.owned import owned_files
from sirstgen.storage.run import Run, image_id, read_manifest
from sirstgen.synthesis.generator import Generator
from sirstgen.workers import as_finished, worker_pool

Progress = Callable[[int, int], None]
"""Called with (images finished, images in all) whenever a part of the work is done."""

_CHUNK = 32  # images a task
_BLOCK = 1 << 14  # images that are planned at a time


def write_dataset(
    generator: Generator,
    out: str | Path,
    count: int,
    *,
    workers: int = 1,
    executor: Executor | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Writes images 0 to `count` - 1 of a generator as a dataset folder, which is named after its last component.

    The bytes depend on the generator and the folder's name, not on workers, executor, order or interruptions.

    Args:
        generator: recipe, backgrounds, templates and seed.
        out: the folder; made if missing.
        count: images, at least 1.
        workers: processes; 1 works in this one.
        executor: any `concurrent.futures` executor in place of processes of our own; its workers must see `out`.
        resume: go on with an unfinished run, or add images to a finished one.
        overwrite: remove the sirstgen dataset that is there.
        progress: told how far the work is.

    Returns:
        The folder.

    Raises:
        InvalidValueError: a wrong argument; a run to be resumed that was made from something else.
        OutputExistsError: `out` is not empty and neither `resume` nor `overwrite` is given.
        GenerationError: an image cannot be made, or the disk is full. What is written stays; resume goes on.
    """
    if count < 1:
        raise InvalidValueError(f"n must be at least 1 image, got {count}", name="n", value=count)
    if workers < 1:
        raise InvalidValueError(f"workers must be at least 1, got {workers}", name="workers", value=workers)
    if resume and overwrite:
        raise InvalidValueError("resume and overwrite must not both be given: the one keeps what the other removes")
    folder = Path(out)
    if not resume and not overwrite and read_state(folder) is not None:
        raise OutputExistsError(
            f"{folder}: holds an interrupted run; --resume goes on with it, --overwrite begins anew", path=str(folder)
        )
    with output_folder(folder, owned_files, overwrite=overwrite, resume=resume) as output:
        run = Run.open(generator, output, count, resume=resume)
        _complete(generator, run, count, workers, executor, progress, output.lock)
    return folder


def redraw(
    generator: Generator,
    folder: str | Path,
    ids: Sequence[str],
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Removes images of a finished dataset that a person rejects and draws others in their place, under the same ids.

    Args:
        generator: the one the dataset was made with.
        folder: the dataset.
        ids: the images to be replaced.
        workers: processes.
        progress: told how far the work is.

    Raises:
        InvalidValueError: an id that the dataset does not hold, or another generator.
        InputError: not a finished dataset.
        GenerationError: an image cannot be made, or the disk is full. The same call goes on where this one ended.
    """
    folder = Path(folder)
    count = read_manifest(folder)["count"]
    known = {image_id(index) for index in range(count)}
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise InvalidValueError(f"ids must be from 000001 to {image_id(count - 1)}, got {', '.join(unknown)}")
    with output_folder(folder, owned_files, resume=True) as output:
        run = Run.open(generator, output, count, resume=True)
        run.redraw(list(dict.fromkeys(ids)))
        _complete(generator, run, count, workers, None, progress, output.lock)
    return folder


def _complete(
    generator: Generator,
    run: Run,
    count: int,
    workers: int,
    executor: Executor | None,
    progress: Progress | None,
    lock: int | None,
) -> None:
    """Make the images that are missing, write the closing files and end the run."""
    with contextlib.closing(run.journal):
        if progress:
            progress(len(run.journal), count)
        if len(run.journal) < count:
            with _making(generator, executor, workers, lock) as making:
                for entries in making(_tasks(generator, run, count)):
                    for entry in entries:
                        run.journal.add(entry)
                    if progress:
                        progress(len(run.journal), count)
        write_closing_files(run, generator, count)
    run.finish()


def _tasks(generator: Generator, run: Run, count: int) -> Iterator[Task]:
    """The images that are missing, as (index, redraw), some at a time; planned as they are asked for."""
    for start in range(0, count, _BLOCK):
        missing = [index for index in range(start, min(start + _BLOCK, count)) if not run.journal.has(index)]
        # Images of one background are made together, so that it is decoded once.
        missing.sort(key=lambda index: (*generator.slot(index)[:2], index))
        for chunk in range(0, len(missing), _CHUNK):
            images = missing[chunk : chunk + _CHUNK]
            yield str(run.folder), [(index, run.redraws.get(image_id(index), 0)) for index in images]


Task = tuple[str, list[tuple[int, int]]]
Making = Callable[[Iterable[Task]], Iterator[list[Entry]]]
"""Gives the entries of each task, in the order in which they are finished."""


@contextlib.contextmanager
def _making(generator: Generator, executor: Executor | None, workers: int, lock: int | None) -> Iterator[Making]:
    if executor is not None:
        content = pickle.dumps(generator)
        yield lambda tasks: as_finished(executor, _make_sent, ((content, task) for task in tasks))
    elif workers == 1:
        yield lambda tasks: (_make(generator, *task) for task in tasks)
    else:
        with worker_pool(workers, lock=lock, begin=_receive, arguments=(generator,)) as pool:
            yield lambda tasks: as_finished(pool, _make_received, tasks)


_received: Generator | None = None  # in a worker process: the run's generator
_loaded = threading.local()  # generators keep caches, which threads must not share


def _receive(generator: Generator) -> None:
    global _received
    _received = generator


def _make_received(task: Task) -> list[Entry]:
    """Make and write some images; runs in a process that has the run's generator."""
    assert _received is not None
    return _make(_received, *task)


def _make_sent(sent: tuple[bytes, Task]) -> list[Entry]:
    """Make and write some images; runs in a foreign executor's worker, which is sent the generator with every task."""
    content, task = sent
    if getattr(_loaded, "content", None) != content:
        _loaded.generator, _loaded.content = pickle.loads(content), content
    return _make(_loaded.generator, *task)


def _make(generator: Generator, place: str, images: Sequence[tuple[int, int]]) -> list[Entry]:
    """Makes and writes some images, given as (index, take)."""
    folder = Path(place)
    scratch = folder / RUN_FOLDER / "scratch"
    entries = []
    for index, take in images:
        name = image_id(index)
        sample = generator.make(index, take)
        image, mask = encode_png(sample.image), encode_png(sample.mask)
        write_file(folder / "images" / f"{name}.png", image, scratch)
        write_file(folder / "masks" / f"{name}.png", mask, scratch)
        row = json.dumps(sample.row(name), separators=(",", ":"))
        entries.append(Entry(name, hashlib.sha256(image).hexdigest(), hashlib.sha256(mask).hexdigest(), row))
    return entries
