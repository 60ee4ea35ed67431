"""What the guards of a run cost: images a second with locks, checksums and fsync, beside a run without them.

``python benchmarks/guards.py --n 600 --rounds 5`` writes a dataset in turn with and without them and prints the ratios
of the medians: by the clock, and by processor time, which other work on the machine changes less.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

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
        medians = {name: statistics.median(pair[place] for pair in pairs) for name, pairs in rates.items()}
        shown = ", ".join(f"{name} {rate:.1f}" for name, rate in medians.items())
        print(f"images/s by {what}: {shown}; ratio {medians['with'] / medians['without']:.3f}")


if __name__ == "__main__":
    main()
