"""What the guards of a run cost: images a second with locks, checksums and fsync, beside a run without them.

``python benchmarks/guards.py --n 600 --rounds 5`` writes a dataset in turn with and without them and prints the ratios
of the medians and of the best runs: by the clock, and by processor time. On a machine with other work these ratios are
noise of 10 %; then the last line says more: the share of a run that passes inside the guards' own calls.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sirstgen.storage import checksums
from sirstgen.storage.journal import Entry
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator


@contextlib.contextmanager
def without_guards() -> Iterator[None]:
    """No lock, no fsync, no checksum of journal lines inside the block."""
    with (
        patch("sirstgen.files.output.locked", lambda *_, **__: contextlib.nullcontext()),
        patch("sirstgen.storage.checksums.sync_disk", lambda folder: None),
        patch.object(os, "fsync", lambda descriptor: None),
        patch.object(Entry, "line", lambda entry: "\t".join(entry) + "\n"),
        patch.object(Entry, "of_line", classmethod(lambda cls, line: cls(*line.decode().rstrip("\n").split("\t")))),
    ):
        yield


class Spent:
    """Time inside the guards' calls, by the clock and of the processor."""

    def __init__(self) -> None:
        self.clock = self.processor = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function with its time added up."""

        def call(*arguments: Any) -> Any:
            clock, processor = time.perf_counter(), time.process_time()
            try:
                return function(*arguments)
            finally:
                self.clock += time.perf_counter() - clock
                self.processor += time.process_time() - processor

        return call

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Time the guards inside the block, but the lock, which is taken once."""
        of_line = Entry.of_line
        with (
            patch("sirstgen.storage.checksums.sync_disk", self.timed(checksums.sync_disk)),
            patch.object(os, "fsync", self.timed(os.fsync)),
            patch.object(Entry, "line", self.timed(Entry.line)),
            patch.object(Entry, "of_line", staticmethod(self.timed(of_line))),
        ):
            yield


def main() -> None:
    """Print images a second of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    generator = Generator(seed=0)
    generator[0]
    rates: dict[str, list[tuple[float, float]]] = {"with": [], "without": []}
    for turn in range(2 * options.rounds):
        name = ("with", "without")[(turn + turn // 2) % 2]
        guarded = without_guards() if name == "without" else contextlib.nullcontext()
        with tempfile.TemporaryDirectory() as folder, guarded:
            clock, processor = time.perf_counter(), time.process_time()
            write_dataset(generator, Path(folder) / "set", options.n)
            taken = time.perf_counter() - clock, time.process_time() - processor
            rates[name].append((options.n / taken[0], options.n / taken[1]))
    for place, what in enumerate(("the clock", "processor time")):
        for kind, chosen in (("median", statistics.median), ("best", max)):
            found = {name: chosen(pair[place] for pair in pairs) for name, pairs in rates.items()}
            shown = ", ".join(f"{name} {rate:.1f}" for name, rate in found.items())
            print(f"images/s by {what}, {kind}: {shown}; ratio {found['with'] / found['without']:.3f}")
    spent = Spent()
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder, spent.watching():
            write_dataset(generator, Path(folder) / "set", options.n)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    shares = f"{spent.clock / clock:.1%} of the clock, {spent.processor / processor:.1%} of processor time"
    print(f"inside the guards: {shares}")


if __name__ == "__main__":
    main()
