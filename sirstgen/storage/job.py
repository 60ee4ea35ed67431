"""The task that a worker does: open the run's generator once, check that it is the same one, make a chunk of images."""

from __future__ import annotations

import gc
import hashlib
import pickle
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import orjson

from sirstgen import __version__
from sirstgen.errors import GenerationError, InputError
from sirstgen.files.png import encode_png
from sirstgen.storage.fingerprint import difference, fingerprint
from sirstgen.storage.sink import Chunk, Finished, Sink, image_id
from sirstgen.synthesis.generator import Generator


@dataclass(frozen=True)
class Job:
    """What every task of a run carries: the generator as bytes, its fingerprint, and the sink.

    Args:
        key: identifies the run in the worker's cache.
        version: of sirstgen in the process that leads.
        generator: pickled; a library of backgrounds pickles as the way to open it, without pixels.
        parts: the generator's fingerprint.
        sink: where the images go.
    """

    key: str
    version: str
    generator: bytes
    parts: dict[str, Any]
    sink: Sink

    @classmethod
    def of(cls, generator: Generator, sink: Sink) -> Job:
        """Return the job of making images of `generator` and storing them in `sink`."""
        parts = fingerprint(generator)
        data = pickle.dumps(generator)
        return cls(hashlib.sha256(data).hexdigest(), __version__, data, parts, sink)


_loaded = threading.local()  # generators keep caches, which threads must not share


def work(job: Job, chunk: Chunk) -> Any:
    """Make a chunk of a job's images in a worker; return the sink's receipt.

    Raises:
        GenerationError: this worker has another version of sirstgen, or reads other backgrounds or templates.
    """
    if getattr(_loaded, "key", None) != job.key:
        _loaded.generator, _loaded.key = _open(job), job.key
    return make(_loaded.generator, job.sink, chunk)


def make(generator: Generator, sink: Sink, chunk: Chunk) -> Any:
    """Make a chunk of images and give them to a sink; return its receipt."""
    collecting = gc.isenabled()
    gc.disable()  # images leave no cycles behind, and looking for them takes 2 % of the time
    try:
        return sink.put(chunk, _finished(generator, chunk))
    finally:
        if collecting:
            gc.enable()


def _finished(generator: Generator, chunk: Chunk) -> Iterator[Finished]:
    for index, redraw in chunk.images:
        name, sample = image_id(index), generator.make(index, redraw)
        row = orjson.dumps(sample.row(name)).decode()
        yield Finished(name, generator.side(index), encode_png(sample.image), encode_png(sample.mask), row)


def _open(job: Job) -> Generator:
    if job.version != __version__:
        raise GenerationError(
            f"a worker has sirstgen {__version__}, this run was started by {job.version}; install that version on it"
        )
    cv2.setNumThreads(1)  # the other cores have tasks of their own
    try:
        generator: Generator = pickle.loads(job.generator)
    except InputError as error:
        raise GenerationError(f"a worker cannot open what the run was started with: {error}") from None
    other = difference(job.parts, fingerprint(generator))
    if other is not None:
        raise GenerationError(
            f"a worker reads other files than the run began with: {other.replace('this run', 'the worker')}; "
            "put the same backgrounds and templates there"
        )
    return generator
