"""How sharded runs scale: speed beside the floor, one Dask worker beside two, memory, and opening many backgrounds.

    python benchmarks/scale.py speed [--n 2000] [--shard-size 500]
    python benchmarks/scale.py dask [--n 4000] [--shard-size 100]
    python benchmarks/scale.py memory [--counts 10000 200000] [--shard-size 1000]
    python benchmarks/scale.py backgrounds [--n 100000]

Each prints a table as Markdown. "floor" encodes the very images and masks that the run has made and writes them as tar
files, in the same process and in alternating rounds, so that the ratio holds on a machine whose speed drifts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.datasets.readers import Dataset
from sirstgen.files.caching import cache_folder
from sirstgen.files.png import encode_png
from sirstgen.storage.cluster import dask_client
from sirstgen.storage.place import LocalPlace
from sirstgen.storage.shard_writer import write_shards
from sirstgen.storage.sink import Finished
from sirstgen.storage.tar import add_members, end
from sirstgen.synthesis.generator import Generator

ROUNDS = 5


def main() -> None:
    """Run one part of the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=("speed", "dask", "memory", "backgrounds"))
    parser.add_argument("--n", type=int, help="images, or background frames")
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 200_000], help="images of the memory runs")
    parser.add_argument("--shard-size", type=int, help="images a shard")
    parser.add_argument("--folder", type=Path, help="where temporary data goes")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    print(f"`python {' '.join(sys.argv)}` on {machine()}\n", flush=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        place = Path(folder)
        if arguments.part == "speed":
            speed(place, arguments.n or 2000, arguments.shard_size or 500)
        elif arguments.part == "dask":
            workers(place, arguments.n or 4000, arguments.shard_size or 100)
        elif arguments.part == "memory":
            for count in arguments.counts:
                memory(place / str(count), count, arguments.shard_size or 1000)
        else:
            backgrounds(place, arguments.n or 100_000)


def speed(folder: Path, count: int, size: int) -> None:
    """Images a second of processor time: a run in one process, and encoding and tar alone."""
    generator = Generator(seed=0)
    write_shards(generator, folder / "warm", 200, size)
    rounds = []
    for number in range(ROUNDS):
        out = folder / f"run{number}"
        whole = timed(lambda out=out: write_shards(generator, out, count, size))
        dataset = Dataset.open(out)
        rows = dataset.truth()
        images = [
            (key, dataset.image(key), dataset.mask(key).astype(np.uint8) * np.uint8(255), json.dumps(rows[key]))
            for key in dataset.ids
        ]
        floor = timed(lambda images=images, number=number: write_only(images, folder / f"floor{number}", size))
        rounds.append((whole, floor))
    run, least = (statistics.median(count / pair[side] for pair in rounds) for side in (0, 1))
    ratio = statistics.median(floor / whole for whole, floor in rounds)
    print(f"{count} images of 256x256, {size} a shard, medians of {ROUNDS} rounds, processor time.\n")
    print("| | images/s a core |\n|---|---|")
    print(
        f"| run to shards | {run:.0f} |\n| floor: encode and tar alone | {least:.0f} |\n| run / floor | {ratio:.2f} |"
    )


def write_only(images: list[tuple[str, Any, Any, str]], folder: Path, size: int) -> None:
    """Finished arrays encoded and written as the shard sink does it."""
    place = LocalPlace(folder)
    for start in range(0, len(images), size):
        with place.new_file(f"shards/{start}.tar") as file:
            for key, image, mask, row in images[start : start + size]:
                add_members(file, Finished(key, "train", encode_png(image), encode_png(mask), row))
            end(file)


def workers(folder: Path, count: int, size: int) -> None:
    """A run on one Dask worker and on two, in alternating rounds: by wall clock and by the workers' processor time.

    On a machine that others use too, the second figure tells more: two workers are twice as fast as one on free cores
    where an image costs them as much processor time.
    """
    generator = Generator(seed=0)
    found: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    for number in range(3):
        for many, times in found.items():
            with cluster(folder / f"{number}-{many}", many) as (client, processes):
                write_shards(generator, folder / f"warm{number}-{many}", 2 * size * many, size, executor=client)
                before = (time.perf_counter(), spent(processes))
                write_shards(generator, folder / f"out{number}-{many}", count, size, executor=client)
                times.append((time.perf_counter() - before[0], spent(processes) - before[1]))
    wall, work = (
        {many: count / statistics.median(t[side] for t in times) for many, times in found.items()} for side in (0, 1)
    )
    print(f"{count} images of 256x256, {size} a shard, medians of 3 rounds.\n")
    print("| Dask workers | images/s, wall | images per processor second of the workers |\n|---|---|---|")
    for many in found:
        print(f"| {many} | {wall[many]:.0f} | {work[many]:.0f} |")
    print(f"| 2 against 1 | {wall[2] / wall[1]:.2f} | {work[2] / work[1]:.2f} |")
    print(f"\nLoad of the machine at the end: {os.getloadavg()[0]:.1f}")


def spent(processes: dict[str, subprocess.Popen[bytes]]) -> float:
    """Processor seconds that the workers have used."""
    ticks = 0
    for name, process in processes.items():
        if name.startswith("worker"):
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(folder: Path, count: int, size: int) -> None:
    """Time and peak memory of each process of a run on a Dask cluster with two workers."""
    folder.mkdir()
    generator = Generator(seed=0)
    with cluster(folder / "cluster", 2) as (client, processes):
        begun = time.perf_counter()
        first: list[float] = []
        write_shards(
            generator,
            folder / "set",
            count,
            size,
            executor=client,
            progress=lambda done, total: first.append(time.perf_counter() - begun) if done and not first else None,
        )
        seconds = time.perf_counter() - begun
        peaks = {name: peak(process.pid) for name, process in processes.items()}
    stored = sum(path.stat().st_size for path in (folder / "set" / "shards").iterdir())
    print(
        f"{count} images, {size} a shard: {seconds:.0f} s, first shard after {first[0]:.1f} s, {stored / 1e9:.2f} GB\n"
    )
    print("| process | peak memory (MiB) |\n|---|---|")
    for name, mebibytes in (*peaks.items(), ("this one", peak(os.getpid()))):
        print(f"| {name} | {mebibytes:.0f} |")
    print(flush=True)


def backgrounds(folder: Path, count: int) -> None:
    """Seconds to open a folder of many frames for the first time and again."""
    frames = folder / "frames" / "sea"
    frames.mkdir(parents=True)
    noise = np.random.Generator(np.random.PCG64(0))
    for number in range(count):
        small = noise.integers(60, 200, (9, 9), dtype=np.uint8)
        cv2.imwrite(str(frames / f"{number:07d}.png"), cv2.resize(small, (64, 64), interpolation=cv2.INTER_CUBIC))
    seconds = []
    for _ in range(2):
        begun = time.perf_counter()
        library = BackgroundLibrary.open(frames.parent)
        seconds.append(time.perf_counter() - begun)
        assert library.count("sea") == count
    size = max(file.stat().st_size for file in (cache_folder() / "frames").rglob("*.npz"))
    print(f"{count} frames of 64x64; the index has {size / 1e6:.0f} MB.\n")
    print(f"| | s |\n|---|---|\n| opened first | {seconds[0]:.1f} |\n| opened again | {seconds[1]:.1f} |")


@contextmanager
def cluster(folder: Path, processes: int) -> Iterator[tuple[Any, dict[str, subprocess.Popen[bytes]]]]:
    """A Dask scheduler and workers of one thread each as processes, and a client of theirs."""
    folder.mkdir(parents=True)
    file = folder / "scheduler.json"

    def start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(file), *arguments]
        log = (folder / "log").open("ab")
        # Dask's profiler keeps the call stacks of the last quarter of an hour, whatever the work is.
        environment = os.environ | {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
        return subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    started = {"scheduler": start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")}
    for number in range(processes):
        started[f"worker {number + 1}"] = start("dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard")
    try:
        while not file.exists():
            time.sleep(0.05)
        with dask_client(json.loads(file.read_text())["address"], 1) as client:
            client.wait_for_workers(processes, timeout=60)
            yield client, started
    finally:
        for process in started.values():
            process.terminate()
            process.wait()


def peak(process: int) -> float:
    """Peak resident memory of a process, MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


def timed(work: Callable[[], object]) -> float:
    """Processor seconds of `work`."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def machine() -> str:
    """The machine in words."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, OpenCV {cv2.__version__}"


if __name__ == "__main__":
    main()
