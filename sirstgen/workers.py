"""Process pool with a bounded queue. Workers are single-threaded and exit with the parent."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.context import SpawnProcess, get_spawning_popen
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from typing import Any, TypeVar

from sirstgen.checks import whole
from sirstgen.errors import GenerationError, InvalidValueError
from sirstgen.terminal import interrupt_held

T = TypeVar("T")
R = TypeVar("R")

_THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_UNDER_WAY = 4 * (os.cpu_count() or 1)


class _Pool(ProcessPoolExecutor):
    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        """As in the base class; Ctrl-C comes neither between the steps of starting a process nor to that process."""
        try:
            with interrupt_held():
                return super().submit(*args, **kwargs)
        except OSError:  # the pool breaks while it is given a task
            if self._broken:
                raise BrokenProcessPool from None
            raise

    def __exit__(self, *fault: Any) -> None:
        """As in the base class, which waits for ever for a process that was being started when another was killed."""
        if self._broken:
            for process in list((self._processes or {}).values()):
                process.kill()
        super().__exit__(*fault)


def check_workers(workers: int) -> None:
    """Raise InvalidValueError unless `workers` is a whole number of at least 1."""
    if whole("workers", workers) < 1:
        raise InvalidValueError(f"workers must be at least 1, got {workers}", name="workers", value=workers)


@contextlib.contextmanager
def worker_pool(workers: int, lock: int | None = None) -> Iterator[ProcessPoolExecutor]:
    """Yield processes that work on one thread each, leave Ctrl-C to this one, and end when it is killed.

    Args:
        workers: how many, at least 1. They are spawned, so what they are given must be importable.
        lock: descriptor of an output's lock, see `sirstgen.files.lock.locked`; it stays locked until the last process
            ended.
    """
    with (
        _one_thread_each(),
        _Pool(workers, get_context("spawn"), initializer=_begin_worker, initargs=(_Inherited(lock),)) as pool,
    ):
        yield pool


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Set the number of threads of linear algebra for processes that are started inside the block."""
    before = {name: os.environ.get(name) for name in _THREAD_SETTINGS}
    os.environ.update(dict.fromkeys(_THREAD_SETTINGS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def processes_beside(function: Callable[[T], None], tasks: Iterable[T]) -> Iterator[None]:
    """Run ``function(task)`` of every task in a process of its own during the block, and wait for them at its end.

    They work on one thread each, leave Ctrl-C to this process, and end when it is killed or the block fails. One that
    fails prints its traceback to standard error and ends alone.

    Args:
        function: importable, as the processes are spawned.
        tasks: picklable.
    """
    processes: list[SpawnProcess] = []
    try:
        with _one_thread_each():
            for task in tasks:
                process = get_context("spawn").Process(target=_work_beside, args=(function, task))
                with interrupt_held():
                    process.start()
                    processes.append(process)
        yield
    except BaseException:
        for process in processes:
            process.terminate()
        raise
    finally:
        for process in processes:
            process.join()


def _work_beside(function: Callable[[T], None], task: T) -> None:
    _begin_worker(_Inherited(None))
    function(task)


class _Inherited:
    """A descriptor that the processes of a pool get a copy of when they are started."""

    def __init__(self, descriptor: int | None) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[Any, ...]:
        if self.descriptor is None or get_spawning_popen() is None:
            return _Inherited, (None,)
        return _inherit, (DupFd(self.descriptor),)


def _inherit(copy: Any) -> _Inherited:
    return _Inherited(copy.detach())


def as_finished(
    pool: Executor, function: Callable[[T], R], tasks: Iterable[T], limit: Callable[[], int] = lambda: _UNDER_WAY
) -> Iterator[R]:
    """Yield ``function(task)`` of every task, in the order in which they finish.

    A few tasks are under way at a time, so that memory does not grow with their number; those that have not begun are
    cancelled when the caller stops early.

    Args:
        pool: any executor.
        function: runs in its workers.
        tasks: read as results are taken.
        limit: returns how many tasks may be under way.

    Raises:
        GenerationError: a worker was ended from outside.
    """
    waiting = iter(tasks)
    under_way: set[Future[R]] = set()
    try:
        while True:
            for task in waiting:
                under_way.add(pool.submit(function, task))
                if len(under_way) >= limit():
                    break
            if not under_way:
                return
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenExecutor:
        raise GenerationError(
            "a worker process was ended from outside, perhaps for want of memory; try fewer workers; commands that "
            "have --resume continue with it"
        ) from None
    finally:
        for future in under_way:
            future.cancel()


def _begin_worker(_lock: _Inherited) -> None:
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
