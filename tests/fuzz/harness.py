"""Runs commands on changed files and says what is wrong with an outcome.

    python tests/fuzz/harness.py --runs 10000 [--seed 0] [--only NAME] [--batch 250]

Each batch runs in a process of its own with a limit on memory. Every input has its own seed, so any of them can be made
again alone: ``--first N --runs 1``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from click.testing import CliRunner as ClickRunner
from fuzz.cases import CASES, Case, build, words
from fuzz.mutations import mutate
from typer.main import get_command

SECONDS = 20
MEMORY = 2 << 30
LONGEST_LINE = 1200


class Hang(BaseException):
    """A command took longer than `SECONDS`."""


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise Hang after so many seconds of computing."""

    def stop(number: int, frame: Any) -> None:
        raise Hang

    # Time of the processor: on a machine that does other work too, the clock says nothing.
    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def digest(folder: Path) -> str:
    """Return the checksum of a folder's files."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape") + path.read_bytes())
    return total.hexdigest()


def changed_copy(case: Case, inputs: Path, work: Path, rng: np.random.Generator) -> Path:
    """Copy the folder of a case and change one file of it; return the copy."""
    place = work / "in"
    shutil.copytree(inputs / case.root, place)
    files = sorted({path for pattern in case.files for path in place.glob(pattern) if path.is_file()})
    chosen = files[int(rng.integers(len(files)))]
    chosen.write_bytes(mutate(chosen.name, chosen.read_bytes(), rng))
    return place


@cache
def commands() -> Any:
    """Return the command line, built once: building it takes longer than most commands."""
    from sirstgen.cli import app

    return get_command(app)


def invoke(command: Sequence[str]) -> Any:
    """Run a command line in this process."""
    return ClickRunner().invoke(commands(), list(command))


def judge(case: Case, inputs: Path, number: int, seed: int) -> tuple[str, str]:
    """Run one input; return its outcome ("done", "refused" or a fault) and the fault's details."""
    rng = np.random.default_rng((seed, number))
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        work = Path(place)
        folder = changed_copy(case, inputs, work, rng)
        before = digest(folder)
        command = words(case, folder, inputs, work / "out")
        try:
            with limited(SECONDS), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = invoke(command)
        except Hang:
            return "hang", " ".join(command)
        error = result.exception
        if isinstance(error, Hang):
            return "hang", " ".join(command)
        if error is not None and not isinstance(error, SystemExit):
            return "traceback", "".join(traceback.format_exception(error))
        if result.exit_code not in (0, 1, 2):
            return "exit code", f"{result.exit_code}: {result.stderr}"
        if result.exit_code and not (result.stderr.strip() or result.stdout.strip()):
            return "silent failure", " ".join(command)
        longest = max(map(len, result.stderr.splitlines()), default=0)
        if longest > LONGEST_LINE:
            return "long line", f"{longest} characters: {result.stderr[:300]}"
        if not case.writes and digest(folder) != before:
            return "input changed", " ".join(command)
        return ("done" if result.exit_code == 0 else "refused"), result.stderr


def load_libraries() -> None:
    """Import torch and alike before any time limit: an import that is stopped half-way cannot be repeated."""


def prepare(root: Path) -> Path:
    """Build the whole inputs once."""
    load_libraries()
    inputs = root / "inputs"
    if not inputs.is_dir():
        build(inputs)
        bench = ["bench", str(inputs / "ours"), "--detectors", "top-hat", "--workers", "1"]
        result = invoke([*bench, "--out", str(inputs / "benched")])
        assert result.exit_code == 0, result.output
        mix = ["mix", "--real", str(inputs / "foreign"), "--synth", str(inputs / "ours"), "--total", "3"]
        result = invoke([*mix, "--real-count", "1", "--out", str(inputs / "mixed")])
        assert result.exit_code == 0, result.output
        harvest = ["backgrounds", "harvest", str(inputs / "foreign"), "--split", "all"]
        result = invoke([*harvest, "--out", str(inputs / "harvested")])
        assert result.exit_code == 0, result.output
        detect = ["detect", str(inputs / "foreign" / "images"), "--weights", str(inputs / "weights" / "best.pt")]
        result = invoke([*detect, "--out", str(inputs / "detected")])
        assert result.exit_code == 0, result.output
    return inputs


def run(numbers: Sequence[int], seed: int, inputs: Path, cases: Sequence[Case] = CASES) -> Iterator[dict[str, Any]]:
    """Run the inputs of these numbers; each gives its number, case, outcome and details."""
    for number in numbers:
        case = cases[number % len(cases)]
        outcome, details = judge(case, inputs, number, seed)
        yield {"number": number, "case": case.name, "outcome": outcome, "details": details}


def main() -> None:
    """Run by hand, in batches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--only", help="cases whose name holds this")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    cases = [case for case in CASES if options.only is None or options.only in case.name]
    last = options.first + options.runs
    if options.inside is not None:
        load_libraries()
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        for found in run(range(options.first, last), options.seed, options.inside, cases):
            print(json.dumps(found), flush=True)
            if found["outcome"] == "hang":  # what was interrupted half-way would make every later input fail
                return
        return
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="fuzz-inputs-") as place:
        inputs = prepare(Path(place))
        start = options.first
        while start < last:
            count = min(options.batch, last - start)
            command = [sys.executable, __file__, "--inside", str(inputs), "--first", str(start), "--runs", str(count)]
            command += ["--seed", str(options.seed), *(["--only", options.only] if options.only else [])]
            child = subprocess.run(command, capture_output=True, text=True)
            rows = [json.loads(line) for line in child.stdout.splitlines() if line.startswith("{")]
            for row in rows:
                counts[row["outcome"]] += 1
                if row["outcome"] not in ("done", "refused"):
                    print(f"{row['number']} {row['case']}: {row['outcome']}\n{row['details'][-1500:]}", flush=True)
            start += len(rows)
            if len(rows) < count and (not rows or rows[-1]["outcome"] != "hang"):  # the process ended on this input
                counts["signal" if child.returncode < 0 else "ended"] += 1
                print(f"{start}: the process ended with {child.returncode}: {child.stderr[-1500:]}", flush=True)
                start += 1
            print(f"{start - options.first} inputs: {dict(counts)}", flush=True)


if __name__ == "__main__":
    main()
