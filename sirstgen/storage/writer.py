"""Writing a dataset folder: in parallel, atomically, and so that a killed run goes on where it was."""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path

from sirstgen.atomic import write_file, writing
from sirstgen.errors import InvalidValueError
from sirstgen.png import encode_png
from sirstgen.storage.journal import Entry
from sirstgen.storage.manifest import write_closing_files
from sirstgen.storage.run import RUN_FOLDER, Run, generator_file, image_id, read_manifest
from sirstgen.synthesis.generator import Generator
from sirstgen.workers import as_finished, worker_pool

Progress = Callable[[int, int], None]
"""Called with (images finished, images in all) whenever a part of the work is done."""

_CHUNK = 32


def write_dataset(
    generator: Generator,
    out: str | Path,
    count: int,
    *,
    workers: int = 1,
    executor: Executor | None = None,
    resume: bool = False,
    overwrite: bool = False,
    train_share: float = 0.5,
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
        train_share: share of the images in the training split, 0 to 1; whole backgrounds go to one side.
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
    if not 0 <= train_share <= 1:
        raise InvalidValueError(f"train_share must be between 0 and 1, got {train_share}", name="train_share")
    if resume and overwrite:
        raise InvalidValueError("resume and overwrite must not both be given: the one keeps what the other removes")
    folder = Path(out)
    with writing(folder, inside=True):
        run = Run.open(generator, folder, count, resume, overwrite)
        _complete(generator, run, count, train_share, workers, executor, progress)
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
    manifest = read_manifest(folder)
    count = manifest["count"]
    known = {image_id(index) for index in range(count)}
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise InvalidValueError(f"ids must be from 000001 to {image_id(count - 1)}, got {', '.join(unknown)}")
    with writing(folder, inside=True):
        run = Run.open(generator, folder, count, resume=True, overwrite=False)
        run.redraw(list(dict.fromkeys(ids)), manifest.get("redrawn", {}))
        _complete(generator, run, count, manifest["train_share"], workers, None, progress)
    return folder


def _complete(
    generator: Generator,
    run: Run,
    count: int,
    train_share: float,
    workers: int,
    executor: Executor | None,
    progress: Progress | None,
) -> None:
    """Makes the images that are missing, writes the closing files and ends the run."""
    with contextlib.closing(run.journal):
        _make_missing(generator, run, count, workers, executor, progress)
        write_closing_files(run, generator, count, train_share)
    run.finish()


def _make_missing(
    generator: Generator,
    run: Run,
    count: int,
    workers: int,
    executor: Executor | None,
    progress: Progress | None,
) -> None:
    missing = [index for index in range(count) if image_id(index) not in run.journal]
    # Images of one background are made together, so that it is decoded once.
    missing.sort(key=lambda index: (*generator.assignment(index)[:2], index))
    chunks = [missing[start : start + _CHUNK] for start in range(0, len(missing), _CHUNK)]
    tasks = [(str(run.folder), [(index, run.takes.get(image_id(index), 0)) for index in chunk]) for chunk in chunks]
    if progress:
        progress(len(run.journal), count)
    with _workers(executor, workers if tasks else 1) as pool:
        if pool is not None:
            run.share(generator)
        for entries in as_finished(pool, _make_shared, tasks) if pool else (_make(generator, *task) for task in tasks):
            for entry in entries:
                run.journal.add(entry)
            if progress:
                progress(len(run.journal), count)


Task = tuple[str, list[tuple[int, int]]]


@contextlib.contextmanager
def _workers(executor: Executor | None, workers: int) -> Iterator[Executor | None]:
    if executor is not None or workers == 1:
        yield executor
        return
    with worker_pool(workers) as pool:
        yield pool


_loaded = threading.local()  # generators keep caches, which threads must not share


def _make_shared(task: Task) -> list[Entry]:
    """Makes and writes some images; runs in a worker, which reads the run's generator once."""
    source = generator_file(Path(task[0]))
    key = source, source.stat().st_mtime_ns  # the time tells one run in a folder from the next
    if getattr(_loaded, "key", None) != key:
        _loaded.generator, _loaded.key = pickle.loads(source.read_bytes()), key
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
