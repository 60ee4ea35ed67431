"""Table VIII as a function: train detectors on mixes of real and synthetic images, test each on real ones.

One run is one row, one detector and one repeat. A finished run leaves a record in the output folder, an unfinished one
its last checkpoint, from which a stopped check is resumed. Runs that fail are named in the table.

Several processes can divide the runs of a check among them: each takes the next run whose folder no other has locked,
reads the records of those that others have finished, and waits for the last of them. So each ends with the whole table.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sirstgen.datasets.readers import Dataset, check_files
from sirstgen.errors import InvalidValueError
from sirstgen.files.atomic import write_file
from sirstgen.files.lock import locked
from sirstgen.train_check.folder import MARK, check_folder, mark_folder, steps_chosen
from sirstgen.train_check.presets import CheckPlan, FolderRow
from sirstgen.train_check.runs import Check, Job
from sirstgen.train_check.table import Run, Table
from sirstgen.train_check.table_text import as_json, as_markdown, as_text
from sirstgen.training import ranks
from sirstgen.training.frames import Frames
from sirstgen.training.loop import Progress
from sirstgen.training.runtime import Runtime, device_names
from sirstgen.workers import processes_beside

_PAUSE = 2.0  # seconds between two looks at the runs that other processes are making


@dataclass(frozen=True)
class CheckProgress:
    """The progress of a check.

    Attributes:
        number: of the run under way, from 1.
        runs: of the whole check.
        label: its row and detector.
        training: the progress of its training; None while it is tested, or when it was finished earlier.
        seconds_left: of the whole check, estimated from the training under way; None before there is one.
    """

    number: int
    runs: int
    label: str
    training: Progress | None = None
    seconds_left: float | None = None


def train_check(
    plan: CheckPlan,
    real: Dataset,
    synth: Dataset | None = None,
    *,
    out: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    surrogate: bool = False,
    device: str = "auto",
    workers: int | None = None,
    progress: Callable[[CheckProgress], None] | None = None,
) -> Table:
    """Make every run of `plan` and put them into one table beside the paper's figures.

    Real images for training come from the real set's training list, the test is its whole test list. Which ids are
    taken is decided by `sirstgen.mix.mix.draw_mix`, nested over the rows of one repeat.

    Args:
        plan: rows, detectors, repeats, recipe.
        real: the real set, with training and test list.
        synth: the synthetic set; None if no row asks for synthetic images.
        out: takes the table (``table.txt``, ``.md``, ``.json``, ``.png``), and ``runs/`` with the record, ids, log and
            checkpoints of each run. None writes nothing.
        resume: keep the finished runs in `out`, continue the others (also those that ran out of memory or time), and
            share the runs with other processes that do the same.
        overwrite: replace the check that is in `out` when this one is at its end; files of the user stay.
        surrogate: `real` is the built-in surrogate domain; the table says so.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, or several with commas; ``auto`` is every GPU. The first is
            used by this process, each other one by a process of its own; they share the runs through `out`.
        workers: processes that make batches ahead of time; None leaves it to the hardware.
        progress: called as the check advances.

    Returns:
        The table, also of runs that failed; each says how it ended.

    Raises:
        InputError: a list or image is missing, or a row asks for more images than there are; before any training.
        OutputExistsError: `out` holds something and neither `resume` nor `overwrite` is given, or no earlier check.
        InvalidValueError: unknown device, several of them without `out`, or `out` is or holds one of the sets.
    """
    started = time.monotonic()
    devices = device_names(device)
    if out is None and device != "auto" and len(devices) > 1:
        raise InvalidValueError(f"several devices share their runs by an output folder, got {device!r} and none")
    if out is None:
        devices = devices[:1]
    hardware = Runtime.of(plan.settings, devices[0])
    check = Check(plan, real, synth, None, devices[0], workers, len(devices), surrogate)
    jobs = check.jobs()
    entries = [entry for job in jobs if job.mix is not None for entry in job.mix.entries]
    check_files([(real, real.split("test")), *((entry.source, (entry.source_id,)) for entry in entries)])
    rows = (row.folder for row in plan.rows if isinstance(row, FolderRow))
    inputs = (real.folder, None if synth is None else synth.folder, *rows)
    with check_folder(out if ranks.number() == 0 else None, resume, overwrite, inputs) as check.out:
        return _run_all(check, jobs, hardware, devices[1:], started, progress)


def _run_all(
    check: Check,
    jobs: list[Job],
    hardware: Runtime,
    others: list[str],
    started: float,
    progress: Callable[[CheckProgress], None] | None,
) -> Table:
    """Make every run, on the `others` of the devices too."""
    plan, real, out = check.plan, check.real, check.out
    test = Frames.read(real, real.split("test"))
    check.frames.refuse_test_frames((job.mix for job in jobs if job.mix), test, str(real.folder))

    def measuring(place: int) -> None:
        if progress is not None:
            progress(CheckProgress(place + 1, len(jobs), f"{jobs[place].label}, measuring the speed"))

    if out is not None and not (out / MARK).exists():
        mark_folder(out, None)
    # The process that comes first chooses the steps; one that joins it reads them.
    with contextlib.nullcontext() if out is None else locked(out / MARK, patience=math.inf):
        if plan.minutes is not None:
            check.deadline = started + 60 * plan.minutes
            chosen = ranks.from_first(lambda: steps_chosen(out)) or check.measured_steps(jobs, hardware, measuring)
            steps = ranks.from_first(lambda: chosen)
            jobs = check.with_steps(jobs, steps)
            check.plan = plan = replace(plan, settings=replace(plan.settings, steps=steps))
        if out is not None:
            mark_folder(out, None if plan.minutes is None else plan.settings.steps)
    with processes_beside(_on_device, [check.on(device) for device in others]):
        return _made(check, jobs, hardware, test, progress)


def _on_device(check: Check) -> None:
    """Take part in a check that another process has begun."""
    test = Frames.read(check.real, check.real.split("test"))
    _made(check, check.jobs(), Runtime.of(check.plan.settings, check.device), test, None)


def _made(
    check: Check,
    jobs: Sequence[Job],
    hardware: Runtime,
    test: Frames,
    progress: Callable[[CheckProgress], None] | None,
) -> Table:
    """Return the table once every run is made, here or by another process; it is written anew after each group."""
    plan, real, out = check.plan, check.real, check.out
    runs: dict[int, Run] = {}
    while len(runs) < len(jobs):
        before = len(runs)
        missing = {place: job for place, job in enumerate(jobs) if place not in runs}
        for group in check.groups(missing, hardware):
            together = len(group) * check.processes
            made = check.make(group, test, {place: _Report(progress, jobs, place, together) for place in group})
            if not made:
                continue
            runs |= made
            table = Table(
                tuple(runs[place] for place in sorted(runs)),
                f"{real.name}, {len(test)} test images",
                plan.preset,
                check.surrogate,
                plan.describe() | ({"steps chosen for": f"{plan.minutes:g} minutes"} if plan.minutes else {}),
                (*real.notes(), *check.notes),
            )
            if out is not None:
                for name, text in (("txt", as_text(table)), ("md", as_markdown(table)), ("json", as_json(table))):
                    write_file(out / f"table.{name}", text)
        if len(runs) == before:
            if progress is not None:
                place = min(missing)
                progress(CheckProgress(place + 1, len(jobs), f"{jobs[place].label}, made by another process"))
            time.sleep(_PAUSE)
    if out is not None:
        from sirstgen.train_check.figure import draw_table_viii

        draw_table_viii(table, out / "table.png")
    return table


class _Report:
    """Callback that reports how far one run of a check is."""

    def __init__(
        self, progress: Callable[[CheckProgress], None] | None, jobs: Sequence[Job], place: int, together: int
    ) -> None:
        self._progress, self._jobs, self._place, self._together = progress, jobs, place, together

    def __call__(self, training: Progress | None = None) -> None:
        if self._progress is None:
            return
        left = None
        if training is not None and training.step < training.steps:
            per_step = training.seconds_left / (training.steps - training.step)
            later = sum(job.settings.steps for job in self._jobs[self._place + 1 :])
            left = training.seconds_left + per_step * later / self._together
        number, label = self._place + 1, self._jobs[self._place].label
        self._progress(CheckProgress(number, len(self._jobs), label, training, left))
