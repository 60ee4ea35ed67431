"""Worker processes give every result once, and one that is ended from outside is told."""

from __future__ import annotations

import multiprocessing
import os
import time

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
    with worker_pool(1) as pool, pytest.raises(GenerationError, match="--resume continues"):
        list(as_finished(pool, os._exit, [7]))


def test_processes_beside_end_when_the_block_fails() -> None:
    started = time.monotonic()
    with pytest.raises(KeyError), processes_beside(time.sleep, [600.0]):
        raise KeyError
    assert time.monotonic() - started < 300
    assert not multiprocessing.active_children()
