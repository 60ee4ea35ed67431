"""Kill commands at any change of the disk, run the next command, and look at what is left.

``python tests/crash/harness.py --kills 200 --pairs 20`` prints the counts that ``docs/reliability.md`` has.
"""

from __future__ import annotations

import argparse
import os
import pickle
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sirstgen.errors import SirstgenError
from sirstgen.files import atomic, lock, output
from sirstgen.seeding import stream

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from crash.scenarios import PAIRS, SCENARIOS, Scenario, content, prepare, warm

_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "shutil.rmtree")


def in_child(work: Callable[[], object], step: int = 0, place: Path | None = None) -> tuple[str, int]:
    """Run `work` in a process of its own that is killed with -9 at its `step`-th change of the disk below `place`.

    Returns:
        ``done``, ``killed`` or the error's text, and how many changes there were.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        state = [0]
        if place is not None:
            _watch(state, step, str(place))
        try:
            work()
            told = "done"
        except SirstgenError as error:
            told = f"{type(error).__name__}: {error}"
        except BaseException as error:
            told = f"defect: {error!r}"
        os.write(write, pickle.dumps((told, state[0])))
        os._exit(0)
    os.close(write)
    data = b""
    while part := os.read(read, 65536):
        data += part
    os.close(read)
    _, status = os.waitpid(child, 0)
    return ("killed", step) if os.WIFSIGNALED(status) else pickle.loads(data)


def with_workers(work: Callable[[], object], files: int, place: Path, worker: bool) -> str:
    """Run `work`, and kill its process or one of its workers with -9 when so many files are below `place`.

    Returns:
        ``killed``, or as `in_child` where the work was at its end before.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        told, _ = in_child(work)
        os.write(write, told.encode()[:4000])
        os._exit(0)
    os.close(write)
    killed = False
    while not killed and not select.select([read], [], [], 0.0005)[0]:
        if sum(len(names) for _, _, names in os.walk(place)) < files:
            continue
        leaders = _children(child)
        workers = [process for leader in leaders for process in _children(leader) if _is_worker(process)]
        for process in (workers if worker else leaders)[-1:]:
            os.kill(process, signal.SIGKILL)
            killed = True
    data = b""
    while part := os.read(read, 4096):
        data += part
    os.close(read)
    os.waitpid(child, 0)
    return "killed" if killed and data != b"done" else data.decode()


def _children(process: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def _is_worker(process: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def _watch(state: list[int], step: int, place: str) -> None:
    def touch() -> None:
        state[0] += 1
        if state[0] == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            flags = arguments[2] if len(arguments) > 2 and isinstance(arguments[2], int) else 0
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and place in str(arguments[0]):
                touch()
        elif event in _EVENTS and place in str(arguments[0]):
            touch()

    def before(owner: Any, name: str, half: bool = False) -> None:
        real = getattr(owner, name)

        def call(*arguments: Any) -> Any:
            state[0] += 1
            if state[0] == step:
                if half:
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)

        setattr(owner, name, call)

    from sirstgen.storage import journal

    before(atomic, "write_all", half=True)
    journal.write_all = atomic.write_all
    before(output, "_exchange")
    before(os, "fsync")
    sys.addaudithook(watch)


def faults(place: Path, wanted: dict[str, Any]) -> list[str]:
    """Return how the content of a folder differs from what an unbroken run leaves."""
    found = content(place)
    return [
        f"{name}: {'missing' if name not in found else 'not expected' if name not in wanted else 'other content'}"
        for name in sorted(wanted.keys() | found.keys())
        if wanted.get(name) != found.get(name)
    ]


class Trial:
    """A scenario with its starting state and the content that an unbroken run leaves."""

    def __init__(self, scenario: Scenario, scratch: Path) -> None:
        self.scenario = scenario
        self.start = scratch / "start"
        self._scratch = scratch
        self._number = 0
        told, _ = in_child(lambda: prepare(self.start, scenario.begins))
        assert told == "done", told
        self.before = content(self.start)
        place = self.copy(self.start)
        told, self.steps = in_child(lambda: scenario.work(place), 0, place)
        assert told == "done", told
        self.wanted = content(place)
        if scenario.workers:
            self.steps = len(self.wanted) - len(self.before)

    def copy(self, place: Path) -> Path:
        """Return a new copy of a folder."""
        self._number += 1
        target = self._scratch / str(self._number)
        shutil.copytree(place, target, symlinks=True)
        return target

    def kill(self, step: int) -> list[str]:
        """Kill the work at a step and return what is wrong after the next command, for each such command."""
        place = self.copy(self.start)
        if self.scenario.workers:
            told = with_workers(lambda: self.scenario.work(place), step + len(self.before), place, step % 2 == 1)
            if told == "done":
                return [f"step {step}: {fault}" for fault in faults(place, self.wanted)]
        else:
            told, _ = in_child(lambda: self.scenario.work(place), step, place)
        if told != "killed":
            return [f"step {step}: {told} instead of a kill"]
        wrong = []
        if "overwrite" in self.scenario.name:  # the old content, or the new one, is there at any time
            there = {name: data for name, data in content(place).items() if name.startswith("out/")}
            whole = [{n: d for n, d in side.items() if n.startswith("out/")} for side in (self.before, self.wanted)]
            if "bench" not in self.scenario.name and not any(side.items() <= there.items() for side in whole):
                late = self.steps - step < 40 and all((place / n).exists() or _in_old(place, n) for n in whole[1])
                if not late:
                    wrong.append(f"step {step}: neither the old nor the new content is there")
        following = self.scenario.after
        if self.scenario.finished and all(".out.lock:" in fault for fault in faults(place, self.wanted)):
            following = (self.scenario.finished,)
        for number, after in enumerate(following):
            again = self.copy(place)
            told, _ = in_child(lambda: after(again))  # noqa: B023
            if told != "done":
                if told.startswith("OutputExistsError") and number > 0:
                    continue  # the kill came after the end
                if told.startswith("OutputExistsError") and not faults(again, self.wanted):
                    continue
                wrong.append(f"step {step}, next command {number}: {told}")
            else:
                wrong += [f"step {step}, next command {number}: {fault}" for fault in faults(again, self.wanted)]
            shutil.rmtree(again)
        shutil.rmtree(place)
        return wrong


def _in_old(place: Path, name: str) -> bool:
    """Whether a file waits beside the output; after the exchange of both folders the old one has the new one's name."""
    return any((place / name.replace("out/", f"{beside}/", 1)).exists() for beside in (".out.old", ".out.new"))


def kills(number: int, scratch: Path, names: tuple[str, ...] = ()) -> tuple[Counter[str], list[str]]:
    """Make `number` kills, spread over the scenarios; return how many of each, and what was wrong."""
    warm()
    chosen = [scenario for scenario in SCENARIOS if not names or scenario.name in names]
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for place, scenario in enumerate(chosen):
        trial = Trial(scenario, scratch / f"scenario{place}")
        share = number // len(chosen) + (place < number % len(chosen))
        steps = stream(0, "kills", scenario.name).choice(trial.steps, min(share, trial.steps), replace=False) + 1
        for step in sorted(map(int, steps)):
            wrong += [f"{scenario.name}: {fault}" for fault in trial.kill(step)]
            counts[scenario.name] += 1
        shutil.rmtree(scratch / f"scenario{place}")
        print(f"{scenario.name}: {trial.steps} places, {counts[scenario.name]} kills", file=sys.stderr, flush=True)
    return counts, wrong


def pairs(number: int, scratch: Path) -> tuple[Counter[str], list[str]]:
    """Run `number` pairs of commands in one folder at a time; return how many of each, and what was wrong."""
    warm()
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for turn in range(number):
        name = list(PAIRS)[turn % len(PAIRS)]
        first, second, begins = PAIRS[name]
        start = scratch / f"pair{turn}"
        in_child(lambda: prepare(start, begins))  # noqa: B023
        allowed = []
        for order in ((first,), (second,), (first, second), (second, first)):
            place = scratch / f"pair{turn}-alone{len(allowed)}"
            shutil.copytree(start, place)
            for work in order:
                in_child(lambda: work(place))  # noqa: B023
            allowed.append(content(place))
        told = _together(first, second, start, float(stream(turn, "delay").random()) * 0.2)
        if not any(not faults(start, wanted) for wanted in allowed):
            wrong += [f"{name}: {fault}" for fault in min((faults(start, wanted) for wanted in allowed), key=len)]
        wrong += [f"{name}: {text}" for text in told if text.startswith("defect")]
        counts[name] += 1
    return counts, wrong


def _together(
    first: Callable[[Path], object], second: Callable[[Path], object], place: Path, delay: float
) -> list[str]:
    """Run two commands at a time; return how each ended."""
    ends = []
    children = []
    for number, work in enumerate((first, second)):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            time.sleep(delay * number)
            told, _ = in_child(lambda: work(place))  # noqa: B023
            os.write(write, told.encode()[:4000])
            os._exit(0)
        os.close(write)
        children.append((child, read))
    for child, read in children:
        os.waitpid(child, 0)
        ends.append(os.read(read, 4096).decode())
        os.close(read)
    return ends


def main() -> None:
    """Run the kills and the pairs and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--scenario", action="append", default=[])
    options = parser.parse_args()
    lock._PATIENCE = 2.0
    failed = False
    for what, number, run in (
        ("kills", options.kills, lambda scratch: kills(options.kills, scratch, tuple(options.scenario))),
        ("pairs", options.pairs, lambda scratch: pairs(options.pairs, scratch)),
    ):
        if not number:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            counts, wrong = run(Path(scratch))
        print(f"{counts.total()} {what}: {', '.join(f'{name} {count}' for name, count in counts.items())}")
        print(f"{len(wrong)} faults", *wrong, sep="\n  ", flush=True)
        failed = failed or bool(wrong)
    sys.exit(failed)


if __name__ == "__main__":
    main()
