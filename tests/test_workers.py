"""Worker processes give every result once, and one that is ended from outside is told."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from sirstgen.errors import GenerationError
from sirstgen.workers import as_finished, processes_beside, worker_pool

THREADS = "OMP_NUM_THREADS"


def test_every_result_comes_once_from_workers_of_one_thread() -> None:
    before = os.environ.get(THREADS)
    with worker_pool(2) as pool:
        assert sorted(as_finished(pool, abs, range(-300, 0))) == list(range(1, 301))
        assert list(as_finished(pool, os.getenv, [THREADS])) == ["1"]
    assert os.environ.get(THREADS) == before


def test_a_worker_ended_from_outside_is_told() -> None:
    with worker_pool(1) as pool, pytest.raises(GenerationError, match="fewer workers"):
        list(as_finished(pool, os._exit, [7]))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_worker_is_left_that_was_started_while_another_was_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool ends the processes that it knows of; one that is started meanwhile would wait for ever."""
    spawn = ProcessPoolExecutor._spawn_process  # type: ignore[attr-defined]
    started = threading.Event()

    def late(pool: Any) -> None:
        for process in list(pool._processes.values()):
            process.terminate = lambda: started.wait(10)
            process.kill()
            while not pool._broken:
                time.sleep(0.01)
        spawn(pool)
        if len(pool._processes) > 1:
            started.set()

    monkeypatch.setattr(ProcessPoolExecutor, "_spawn_process", late)
    with worker_pool(2) as pool, pytest.raises(GenerationError, match="fewer workers"):
        list(as_finished(pool, abs, range(9)))
    deadline = time.monotonic() + 10
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not multiprocessing.active_children()


def test_processes_beside_end_when_one_cannot_be_started() -> None:
    started = time.monotonic()
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)), processes_beside(time.sleep, [600.0, os]):  # type: ignore[list-item]
        raise AssertionError("a module cannot be sent to a process")
    assert time.monotonic() - started < 300
    assert not multiprocessing.active_children()


def test_processes_beside_end_when_the_block_fails() -> None:
    started = time.monotonic()
    with pytest.raises(KeyError), processes_beside(time.sleep, [600.0]):
        raise KeyError
    assert time.monotonic() - started < 300
    assert not multiprocessing.active_children()
