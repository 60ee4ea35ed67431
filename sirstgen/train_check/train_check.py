"""Table VIII as a function: train detectors on mixes of real and synthetic images, test each on real ones.

One run is one row, one detector and one repeat. A finished run leaves a record in the output folder, an unfinished one
its last checkpoint, so that a check which was stopped goes on where it was. Runs that fail are named in the table.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sirstgen.atomic import write_file
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import DamageWarning, InputError, InvalidValueError, OutputExistsError
from sirstgen.images import read_bytes
from sirstgen.mix.mix import Mix, draw_mix
from sirstgen.train_check.presets import CheckPlan, FolderRow, MixedRow, Row
from sirstgen.train_check.table import Figures, Run, Status, Table, TrainingSet
from sirstgen.train_check.table_text import as_json, as_markdown, as_text
from sirstgen.training.config import TrainingConfig
from sirstgen.training.evaluate import evaluate
from sirstgen.training.failures import TrainingError
from sirstgen.training.frames import Frames
from sirstgen.training.loop import Progress, fit
from sirstgen.training.runtime import Runtime, resolve_device
from sirstgen.training.trained_scale import TrainedScale

_STATUS = {"nan loss": Status.NAN_LOSS, "out of memory": Status.OUT_OF_MEMORY, "collapsed": Status.COLLAPSED}
_MARK = "check.json"


@dataclass(frozen=True)
class CheckProgress:
    """Where a check stands.

    Attributes:
        number: of the run under way, from 1.
        runs: of the whole check.
        label: its row and detector.
        training: where its training stands; None while it is tested, or when it was finished earlier.
        seconds_left: of the whole check, estimated from the training under way; None before there is one.
    """

    number: int
    runs: int
    label: str
    training: Progress | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class _Job:
    """One run before it is made."""

    training_set: TrainingSet
    mix: Mix | None
    fault: str
    settings: TrainingConfig

    @property
    def label(self) -> str:
        return f"{self.training_set.label}, {self.settings.detector}, seed {self.settings.seed}"


def train_check(
    plan: CheckPlan,
    real: Dataset,
    synth: Dataset | None = None,
    *,
    out: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    stand_in: bool = False,
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
        out: takes ``table.txt``, ``table.md``, ``table.json``, and ``runs/`` with the record, ids, log and checkpoints
            of each run. None writes nothing.
        resume: keep the finished runs in `out`, go on with the others (also with those that ran out of memory).
        overwrite: remove the check that is in `out` first.
        stand_in: `real` is the built-in stand-in; the table says so.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        workers: processes that make batches ahead of time; None leaves it to the hardware.
        progress: told how far the check is.

    Returns:
        The table, also of runs that failed; each says how it ended.

    Raises:
        InputError: a list or image is missing, or a row asks for more images than there are; before any training.
        OutputExistsError: `out` holds something and neither `resume` nor `overwrite` is given.
        InvalidValueError: unknown device.
    """
    resolve_device(device)
    check = _Check(plan, real, synth, out, device, workers)
    jobs = check.jobs()
    _prepare(out, resume, overwrite)
    test = Frames.read(real, real.split("test"))
    runs: list[Run] = []
    for number, job in enumerate(jobs, start=1):

        def report(training: Progress | None = None, number: int = number, job: _Job = job) -> None:
            if progress is None:
                return
            left = None
            if training is not None and training.step < training.steps:
                per_step = training.seconds_left / (training.steps - training.step)
                left = training.seconds_left + per_step * sum(other.settings.steps for other in jobs[number:])
            progress(CheckProgress(number, len(jobs), job.label, training, left))

        report()
        runs.append(check.make(job, test, report))
        table = Table(
            tuple(runs),
            f"{real.name}, {len(test)} test images",
            plan.preset,
            stand_in,
            plan.describe(),
            tuple(real.notes()),
        )
        if out is not None:
            for name, text in (("txt", as_text(table)), ("md", as_markdown(table)), ("json", as_json(table))):
                write_file(out / f"table.{name}", text)
    return table


class _Check:
    """What the runs of one check share."""

    def __init__(
        self, plan: CheckPlan, real: Dataset, synth: Dataset | None, out: Path | None, device: str, workers: int | None
    ) -> None:
        self.plan = plan
        self.real = real
        self.synth = synth
        self.out = out
        self.device = device
        self.workers = workers
        # Rows share most of their images; each is decoded once.
        self._frames: dict[str, Frames] = {}
        self._folders: dict[Path, Dataset] = {}

    def jobs(self) -> list[_Job]:
        """All runs, with the ids of each drawn: what is missing is missed before the first training."""
        jobs = []
        for detector in self.plan.detectors:
            for row in self.plan.rows:
                for repeat in range(self.plan.repeats):
                    training_set, mix, fault = self._draw(row, self.plan.seed + repeat)
                    images = training_set.real * self._copies(training_set) + training_set.synthetic
                    settings = self.plan.run_settings(detector, repeat, images)
                    jobs.append(_Job(training_set, mix, fault, settings))
        return jobs

    def _draw(self, row: Row, seed: int) -> tuple[TrainingSet, Mix | None, str]:
        if isinstance(row, MixedRow):
            mix = draw_mix(self.real, self.synth, seed=seed, total=self.plan.total, real_count=row.real)
            return TrainingSet(row.real, self.plan.total - row.real), mix, ""
        source, part, wanted = self.real, "train", None
        is_real, name = True, ""
        if isinstance(row, FolderRow):
            source = self._folders.setdefault(row.folder, Dataset.open(row.folder))
            part, wanted = row.part or ("train" if source.has_splits else "all"), row.count
            is_real, name = row.real, source.name
        if part == "train":
            try:
                pool = len(source.split("train"))
            except InputError as fault:
                return TrainingSet(0, 0, name or source.name), None, str(fault)
        else:
            pool = len(source)
        count = pool if wanted is None else wanted
        if is_real:
            if part == "all":
                raise InvalidValueError(
                    f"{source.folder}: real images are taken from the training list only, not from all"
                )
            mix = draw_mix(source, None, seed=seed, total=count, real_count=count)
        else:
            mix = draw_mix(
                None, source, seed=seed, total=count, real_count=0, synth_part="train" if part == "train" else "all"
            )
        return TrainingSet(mix.count("real"), mix.count("synthetic"), name), mix, ""

    def make(self, job: _Job, test: Frames, report: Callable[[Progress | None], None]) -> Run:
        """Train and test one run, or read its record where it is finished."""
        if job.mix is None:
            return Run(job.training_set, job.settings.detector, job.settings.seed, Status.EMPTY_SPLIT, note=job.fault)
        mark = self._mark(job, test)
        folder = self._folder(job, mark)
        record = None if folder is None else folder / "run.json"
        if record is not None and record.exists() and (finished := _read_record(record)) is not None:
            return finished
        if folder is not None:
            write_file(folder / "ids.txt", "".join(f"{entry.id}\n" for entry in job.mix.entries))
        run = self._train_and_test(job, test, folder, mark, report)
        if record is not None and run.status is not Status.OUT_OF_MEMORY:
            write_file(record, json.dumps(run.as_dict(), indent=2) + "\n")
        return run

    def _train_and_test(
        self, job: _Job, test: Frames, folder: Path | None, mark: str, report: Callable[[Progress | None], None]
    ) -> Run:
        settings = job.settings
        hardware = Runtime.of(settings, self.device)
        run = Run(job.training_set, settings.detector, settings.seed, device=hardware.name)
        started = time.perf_counter()
        train, validation = self._read(job).split(self.plan.validation_share, settings.seed)
        train = self._weighted(job, train)
        try:
            fitted = fit(
                settings,
                train,
                validation if len(validation) else None,
                folder=folder,
                resume=True,
                device=self.device,
                workers=self.workers,
                data=mark,
                gray_scale=TrainedScale.of(self.real.gray_scale, train.images),
                progress=report,
            )
        except TrainingError as failure:
            seconds = time.perf_counter() - started
            return dataclasses.replace(
                run, status=_STATUS[failure.data["reason"]], seconds=seconds, note=failure.message
            )
        result = evaluate(fitted.net, test, hardware, settings.test_size)
        return dataclasses.replace(
            run,
            status=Status.OK if result.predicted_pixels else Status.COLLAPSED,
            figures=Figures.of(result),
            steps=settings.steps,
            seconds=time.perf_counter() - started,
        )

    def _read(self, job: _Job) -> Frames:
        """The frames of a run, in the order of the mix, squashed where the plan says so."""
        assert job.mix is not None
        frames = []
        for entry in job.mix.entries:
            key = f"{entry.source.folder}/{entry.source_id}"
            if key not in self._frames:
                frame = Frames.read(entry.source, [entry.source_id])
                self._frames[key] = frame if self.plan.squash is None else frame.squashed(self.plan.squash)
            frames.append(dataclasses.replace(self._frames[key], ids=(entry.id,)))
        return Frames(
            tuple(frame.ids[0] for frame in frames),
            tuple(frame.images[0] for frame in frames),
            tuple(frame.masks[0] for frame in frames),
        )

    def _weighted(self, job: _Job, train: Frames) -> Frames:
        """The frames of a mixed row, its real ones as many times as the plan says."""
        copies = self._copies(job.training_set)
        if copies == 1:
            return train
        assert job.mix is not None
        real = {entry.id for entry in job.mix.entries if entry.kind == "real"}
        return train.take([place for place, key in enumerate(train.ids) for _ in range(copies if key in real else 1)])

    def _copies(self, row: TrainingSet) -> int:
        return self.plan.real_copies if row.real and row.synthetic else 1

    def _mark(self, job: _Job, test: Frames) -> str:
        """A fingerprint of everything that decides a run: settings, split, training and test frames by content."""
        parts = {
            "settings": job.settings.as_dict(),
            "train": self._read(job).digest(),
            "test": test.digest(),
            "validation_share": self.plan.validation_share,
            "squash": self.plan.squash,
        }
        if self._copies(job.training_set) > 1:
            parts["real_copies"] = self.plan.real_copies
        return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()

    def _folder(self, job: _Job, mark: str) -> Path | None:
        if self.out is None:
            return None
        row = job.training_set
        name = f"{row.name}-" if row.name else ""
        return (
            self.out / "runs" / f"{job.settings.detector}-{name}{row.real}+{row.synthetic}-{job.settings.seed}-{mark}"
        )


def _read_record(path: Path) -> Run | None:
    """The finished run whose record is at `path`; None, with a warning, where the record is damaged."""
    try:
        return Run.from_dict(json.loads(read_bytes(path)))
    except (InputError, InvalidValueError, ValueError, TypeError):
        warnings.warn(f"{path}: a damaged record; this run is made again", DamageWarning, stacklevel=2)
        return None


def _prepare(out: Path | None, resume: bool, overwrite: bool) -> None:
    """Refuse or clear what is in `out`; only a folder that a check has made is ever removed."""
    if out is None:
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        ours = (out / _MARK).is_file()
        if ours and overwrite and not resume:
            shutil.rmtree(out)
        elif not (ours and resume):
            way_out = (
                "resume it, overwrite it, or choose another" if ours else "choose another, this is no earlier check"
            )
            raise OutputExistsError(f"{out}: the output folder is not empty; {way_out}", path=str(out))
    write_file(out / _MARK, json.dumps({"kind": "sirstgen train-check"}) + "\n")
