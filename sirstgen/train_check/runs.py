"""The runs of a check: their images drawn, read and compared with the test images; trained, tested and recorded."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Literal, Self

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError, SirstgenWarning
from sirstgen.evaluation.frame_scores import FrameScores
from sirstgen.evaluation.metrics import DetectionMetrics
from sirstgen.files.atomic import write_file
from sirstgen.files.checked_json import checked_text, parse_checked
from sirstgen.files.images import read_bytes
from sirstgen.files.lock import locked
from sirstgen.mix.mix import Mix
from sirstgen.train_check.job_frames import JobFrames
from sirstgen.train_check.presets import CheckPlan
from sirstgen.train_check.rows import draw_row
from sirstgen.train_check.table import Figures, Run, Status, TrainingSet
from sirstgen.training import ranks
from sirstgen.training.config import TrainingConfig
from sirstgen.training.evaluate import logits_of
from sirstgen.training.failures import TrainingError
from sirstgen.training.frames import Frames
from sirstgen.training.loop import Fitted, Progress, Training
from sirstgen.training.runtime import Runtime, synchronise
from sirstgen.training.together import Together, train_together
from sirstgen.training.trained_scale import TrainedScale

_RECORD = "run.json"
_TOGETHER = 5  # trainings of DNA-Net at once: about 7 GB each
_WARM_UP_STEPS, _MEASURED_STEPS = 8, 20
_TRAINING_SHARE = 0.9  # of the time that is left; tests and checkpoints take the rest
_STATUS = {
    "nan loss": Status.NAN_LOSS,
    "out of memory": Status.OUT_OF_MEMORY,
    "collapsed": Status.COLLAPSED,
}
_AGAIN = (Status.OUT_OF_MEMORY, Status.OUT_OF_TIME)  # a resumed check makes these runs again

Report = Callable[[Progress | None], None]
"""Told how far the training of a run is; None before it starts."""


_SCALE_FRAMES = 200  # of the real set, that its gray scale is measured on


@dataclass(frozen=True)
class Job:
    """One run before it is made."""

    training_set: TrainingSet
    mix: Mix | None
    fault: str
    settings: TrainingConfig

    @property
    def label(self) -> str:
        return f"{self.training_set.label}, {self.settings.detector}, seed {self.settings.seed}"


_Pending = tuple[int, Job, str, Path | None]
"""A run that is to be trained: its place, itself, its fingerprint, its folder."""


class Check:
    """What the runs of one check share.

    Args:
        plan, real, synth, workers, surrogate: as of `sirstgen.train_check.train_check.train_check`.
        out: the folder to write into; None writes nothing.
        device: of this process.
        processes: that divide the runs among them.
    """

    def __init__(
        self,
        plan: CheckPlan,
        real: Dataset,
        synth: Dataset | None,
        out: Path | None,
        device: str,
        workers: int | None,
        processes: int = 1,
        surrogate: bool = False,
    ) -> None:
        self.plan = plan
        self.real = real
        self.synth = synth
        self.out = out
        self.device = device
        self.workers = workers
        self.processes = processes
        self.surrogate = surrogate
        self.frames = JobFrames(plan.resize)
        self._marks: dict[int, str] = {}
        self.deadline = math.inf
        self.notes: dict[str, None] = {}

    def on(self, device: str) -> Self:
        """Return the same check for another process, on another device."""
        other = type(self)(
            self.plan, self.real, self.synth, self.out, device, self.workers, self.processes, self.surrogate
        )
        other.deadline = self.deadline
        return other

    @cached_property
    def trained_scale(self) -> TrainedScale:
        """The scale of the real set, and the part of it that its frames use; from all of them, spread over the set."""
        keys = self.real.ids[:: max(1, len(self.real) // _SCALE_FRAMES)]
        return TrainedScale.of(self.real.gray_scale, [self.real.image(key) for key in keys])

    def jobs(self) -> list[Job]:
        """Return all runs, with the ids of each drawn; missing images are an error before the first training."""
        jobs = []
        for detector in self.plan.detectors:
            for row in self.plan.rows:
                for repeat in range(self.plan.repeats):
                    training_set, mix, fault = draw_row(
                        self.plan, row, self.plan.seed + repeat, self.real, self.synth, self.surrogate, self._note
                    )
                    images = training_set.real * self._copies(training_set) + training_set.synthetic
                    settings = self.plan.run_settings(detector, repeat, images)
                    jobs.append(Job(training_set, mix, fault, settings))
        return jobs

    def _note(self, text: str) -> None:
        self.notes[text] = None

    def measured_steps(self, jobs: Sequence[Job], hardware: Runtime, measuring: Callable[[int], None]) -> int:
        """Return the steps of each run that fit into the time that is left, from a few steps of each detector."""
        busy = [0.0] * self.processes  # seconds that a step of its runs takes each process
        known: dict[tuple[str, int], float] = {}
        for group in self.groups(dict(enumerate(jobs)), hardware):
            first = min(group)
            measuring(first)
            key = group[first].settings.detector, len(group)
            if key not in known:
                known[key] = self._seconds_per_step(group.values())
            busy[busy.index(min(busy))] += known[key]  # a process that is free takes the next group
        left = self.deadline - time.monotonic()
        return max(1, int(_TRAINING_SHARE * left / max(busy))) if any(busy) else self.plan.settings.steps

    def _seconds_per_step(self, group: Iterable[Job]) -> float:
        """Return the seconds of one step of every run of a group."""
        trainings = [
            Training(dataclasses.replace(job.settings, steps=10**6, validate_every=10**6), frames, device=self.device)
            for job in group
            if job.mix is not None and len(frames := self._training_frames(job)[0])
        ]
        if not trainings:
            return 0.0

        together, hardware = Together(trainings), trainings[0].hardware

        def steps(count: int) -> float:
            started = time.monotonic()
            for _ in range(count):
                together.advance()
            synchronise(hardware.device)
            return (time.monotonic() - started) / count

        with hardware.tuned():
            steps(_WARM_UP_STEPS)
            return steps(_MEASURED_STEPS)

    def with_steps(self, jobs: Sequence[Job], steps: int) -> list[Job]:
        """Return the runs with these steps each."""
        return [dataclasses.replace(job, settings=dataclasses.replace(job.settings, steps=steps)) for job in jobs]

    def groups(self, jobs: Mapping[int, Job], hardware: Runtime) -> Iterator[dict[int, Job]]:
        """Yield the runs that are trained at once, by their place in the check."""
        for _, same in itertools.groupby(jobs.items(), key=lambda entry: entry[1].settings.detector):
            members = list(same)
            together = 1
            if hardware.device.type == "cuda" and ranks.count() == 1:
                together = self.plan.together or min(_TOGETHER, math.ceil(len(members) / self.processes))
            for start in range(0, len(members), together):
                yield dict(members[start : start + together])

    def make(self, group: Mapping[int, Job], test: Frames, reports: Mapping[int, Report]) -> dict[int, Run]:
        """Train and test the runs of a group, or read the records of those that are finished.

        Returns:
            The runs by their place, without those that another process is making.
        """
        made: dict[int, Run] = {}
        pending: list[_Pending] = []
        with contextlib.ExitStack() as locks:
            for place, job in group.items():
                reports[place](None)
                if job.mix is None:
                    detector, seed = job.settings.detector, job.settings.seed
                    made[place] = Run(job.training_set, detector, seed, Status.EMPTY_SPLIT, note=job.fault)
                    continue
                if place not in self._marks:
                    self._marks[place] = self._mark(job, test)
                folder = self._folder(job, self._marks[place])
                found = ranks.from_first(partial(_claimed, folder, locks))
                if isinstance(found, Run):
                    made[place] = dataclasses.replace(found, training_set=job.training_set)
                elif found == "free":
                    if folder is not None:
                        write_file(folder / "ids.txt", "".join(f"{entry.id}\n" for entry in job.mix.entries))
                    pending.append((place, job, self._marks[place], folder))
            started = time.perf_counter()
            outcomes = self._train(pending, reports)
            for (place, job, _, folder), outcome in zip(pending, outcomes, strict=True):
                made[place] = ranks.from_first(partial(self._tested, job, outcome, test, started))
                if folder is not None and made[place].status not in _AGAIN:
                    write_file(folder / _RECORD, checked_text(made[place].to_dict()))
        return made

    def _train(self, pending: Sequence[_Pending], reports: Mapping[int, Report]) -> list[Fitted | TrainingError]:
        trainings = []
        for place, job, mark, folder in pending:
            train, validation = self._training_frames(job)
            trainings.append(
                Training(
                    job.settings,
                    train,
                    validation if len(validation) else None,
                    folder=folder,
                    resume=True,
                    device=self.device,
                    workers=self.workers,
                    data=mark,
                    gray_scale=self.trained_scale,
                    progress=reports[place],
                    deadline=self.deadline,
                )
            )
        return train_together(trainings) if trainings else []

    def _tested(self, job: Job, outcome: Fitted | TrainingError, test: Frames, started: float) -> Run:
        settings = job.settings
        hardware = Runtime.of(settings, self.device)
        run = Run(job.training_set, settings.detector, settings.seed, device=hardware.name)
        if isinstance(outcome, TrainingError):
            seconds = time.perf_counter() - started
            return dataclasses.replace(
                run, status=_STATUS[outcome.data["reason"]], seconds=seconds, note=outcome.message
            )
        logits = list(logits_of(outcome.net, test, hardware, settings.test_size))
        metrics = DetectionMetrics(threshold=0.0)
        for _, values, mask in logits:
            metrics.update(values, mask)
        result = metrics.result()
        # A net that finds nothing on any test frame counts as collapsed, with or without validation frames.
        status, note = Status.OK if result.predicted_pixels else Status.COLLAPSED, ""
        if outcome.steps < settings.steps:
            status, note = Status.OUT_OF_TIME, f"time ran out at step {outcome.steps} of {settings.steps}"
        return dataclasses.replace(
            run,
            status=status,
            note=note,
            figures=Figures.of(result),
            steps=outcome.steps,
            seconds=time.perf_counter() - started,
            scores=FrameScores.of(logits),
        )

    def _training_frames(self, job: Job) -> tuple[Frames, Frames]:
        """Return the frames that a run trains on, and those that choose its checkpoint."""
        assert job.mix is not None
        train, validation = self.frames.read(job.mix).split(self.plan.validation_share, job.settings.seed)
        return self._weighted(job, train), validation

    def _weighted(self, job: Job, train: Frames) -> Frames:
        """Return the frames of a mixed row, its real ones as many times as the plan says."""
        copies = self._copies(job.training_set)
        if copies == 1:
            return train
        assert job.mix is not None
        real = {entry.id for entry in job.mix.entries if entry.kind == "real"}
        return train.take([place for place, key in enumerate(train.ids) for _ in range(copies if key in real else 1)])

    def _copies(self, row: TrainingSet) -> int:
        return self.plan.real_copies if row.real and row.synthetic else 1

    def _mark(self, job: Job, test: Frames) -> str:
        """Return a fingerprint of all that decides a run: settings, split, training and test frames by content."""
        assert job.mix is not None
        parts = {
            "settings": job.settings.to_dict(),
            "train": self.frames.read(job.mix).digest(),
            "test": test.digest(),
            "validation_share": self.plan.validation_share,
            "resize": self.plan.resize,
        }
        if self._copies(job.training_set) > 1:
            parts["real_copies"] = self.plan.real_copies
        return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()

    def _folder(self, job: Job, mark: str) -> Path | None:
        if self.out is None:
            return None
        row = job.training_set
        name = f"{row.name}-" if row.name else ""
        return (
            self.out / "runs" / f"{job.settings.detector}-{name}{row.real}+{row.synthetic}-{job.settings.seed}-{mark}"
        )


def _claimed(folder: Path | None, locks: contextlib.ExitStack) -> Run | Literal["free", "busy"]:
    """Return the finished run in `folder`; else lock the folder in `locks`, unless another process has."""
    if folder is None:
        return "free"
    finished = _read_record(folder / _RECORD)
    if finished is None:
        try:
            locks.enter_context(locked(folder))
        except OutputExistsError:
            return "busy"
        finished = _read_record(folder / _RECORD)  # another process may have finished it before the lock was taken
    return finished or "free"


def _read_record(path: Path) -> Run | None:
    """Return the finished run whose record is at `path`; None without one and, with a warning, where it is damaged."""
    if not path.exists():
        return None
    with contextlib.suppress(InputError, InvalidValueError):
        if (record := parse_checked(read_bytes(path))) is not None:
            return Run.from_dict(record)
    warnings.warn(f"{path}: a damaged record; this run is made again", SirstgenWarning, stacklevel=2)
    return None
