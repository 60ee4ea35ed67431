"""Shards on a Dask cluster of real processes: a scheduler and two workers, killed while they work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sirstgen
from sirstgen.errors import GenerationError, InputError
from sirstgen.storage.cluster import dask_client
from sirstgen.storage.shard_writer import write_shards
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator

pytest.importorskip("distributed", reason="distributed is not installed")

COUNT, SIZE = 36, 3


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Cluster:
    """A scheduler and two workers of one thread each, as processes of their own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._file = folder / "scheduler.json"
        self._folder = folder
        self.scheduler = self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.workers = [self._start("dask_worker", *["--nthreads", "1", "--no-nanny", "--no-dashboard"]) for _ in "ab"]

    @property
    def address(self) -> str:
        deadline = time.monotonic() + 60
        while not self._file.exists():
            assert time.monotonic() < deadline, "the scheduler has not started"
            time.sleep(0.05)
        return str(json.loads(self._file.read_text())["address"])

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(self._file), *arguments]
        log = (self._folder / "log").open("ab")
        package = str(Path(sirstgen.__file__).parents[1])
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
        }
        return subprocess.Popen(command, cwd=self._folder, stdout=log, stderr=log, env=environment)

    def kill(self, *processes: subprocess.Popen[bytes]) -> None:
        for process in processes or (self.scheduler, *self.workers):
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[Any]:
    """Starts clusters; all end with the test."""
    begun: list[Cluster] = []

    def start() -> Cluster:
        begun.append(Cluster(tmp_path / f"cluster{len(begun)}"))
        return begun[-1]

    yield start
    for cluster in begun:
        cluster.kill()


def test_a_worker_killed_while_it_works_changes_no_byte(
    small_generator: Generator, tmp_path: Path, clusters: Any
) -> None:
    whole, out = tmp_path / "whole" / "set", tmp_path / "set"
    write_shards(small_generator, whole, COUNT, SIZE)
    cluster = clusters()
    told: list[int] = []

    def kill_one(done: int, total: int) -> None:
        told.append(done)
        if done and cluster.workers[0].poll() is None:
            cluster.kill(cluster.workers[0])

    with dask_client(cluster.address, 1) as client:
        client.wait_for_workers(2, timeout=60)
        write_shards(small_generator, out, COUNT, SIZE, executor=client, progress=kill_one)
        assert told[-1] == COUNT
        assert files(out) == files(whole)
        folder = write_dataset(small_generator, tmp_path / "files" / "set", 40, executor=client)
    assert len(list((folder / "images").iterdir())) == 40


@pytest.mark.slow
def test_a_cluster_killed_and_started_anew_goes_on(small_generator: Generator, tmp_path: Path, clusters: Any) -> None:
    whole, out = tmp_path / "whole" / "set", tmp_path / "set"
    write_shards(small_generator, whole, COUNT, SIZE)
    first = clusters()

    def kill_all(done: int, total: int) -> None:
        if done:
            first.kill()

    with dask_client(first.address, 1) as client:
        client.wait_for_workers(2, timeout=60)
        with pytest.raises(GenerationError, match=r"the Dask cluster has failed .*--resume continues"):
            write_shards(small_generator, out, COUNT, SIZE, executor=client, progress=kill_all)
    assert any((out / "shards").iterdir())
    with dask_client(clusters().address, 1) as client:
        write_shards(small_generator, out, COUNT, SIZE, executor=client, resume=True)
    assert files(out) == files(whole)


def test_a_scheduler_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sirstgen.storage.cluster._PATIENCE", 1)
    with pytest.raises(InputError, match=r"none answers at tcp://127.0.0.1:9"), dask_client("tcp://127.0.0.1:9", 1):
        pass
