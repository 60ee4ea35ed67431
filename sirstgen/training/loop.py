"""The training loop: one step after the other, validation now and then, a checkpoint after each validation.

What happens in a step is one of two: `sirstgen.training.supervised` (a loss on the mask) or
`sirstgen.training.adversarial` (against a discriminator). All else is the same for every detector.

A step is a function of (settings, frames, step number, weights and optimiser state) and of nothing else: its batch, its
augmentation and its dropout are drawn from streams keyed by the seed and the step. So a run that was interrupted
anywhere and resumed from its last checkpoint ends with the same weights, bit for bit on a CPU.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sirstgen import detectors
from sirstgen.detectors.detector import Detector
from sirstgen.errors import OutputExistsError
from sirstgen.evaluation.metrics import DetectionResult
from sirstgen.files.atomic import write_file
from sirstgen.terminal import interrupt_held
from sirstgen.training import ranks
from sirstgen.training.batches import BatchSource, FrameBatches, ahead, batch_loader
from sirstgen.training.checkpoint import Checkpoint
from sirstgen.training.config import TrainingConfig
from sirstgen.training.evaluate import evaluate
from sirstgen.training.failures import TrainingError, named_failures
from sirstgen.training.frames import Frames
from sirstgen.training.graphed import ResidentSteps
from sirstgen.training.logs import as_csv, closed_at_failure, tensorboard
from sirstgen.training.resident import ResidentBatches
from sirstgen.training.runtime import Runtime
from sirstgen.training.saved_run import load_run, set_aside
from sirstgen.training.trained_scale import TrainedScale
from sirstgen.training.training_step import Steps, steps_of

# The loss is read from the device this often, which is when NaN is seen; every step would make a GPU wait.
_REPORT_EVERY = 20

# A net that has found nothing yet is called collapsed at the end of a training, or half-way but not before the step
# _LATE. A training below _LEAST_TRAINING steps is too short to be judged.
_LATE = 2000
_LEAST_TRAINING = 100


@dataclass(frozen=True)
class Progress:
    """The progress of a training.

    Attributes:
        step: optimiser steps done.
        steps: steps of the whole run.
        loss: mean over the steps since the last report.
        learning_rate: of the last step.
        seconds_left: estimated from this run's own speed.
        steps_per_second: mean over this process.
        validation: figures on the validation frames, on the steps that end in a validation.
    """

    step: int
    steps: int
    loss: float
    learning_rate: float
    seconds_left: float
    steps_per_second: float = math.nan
    validation: DetectionResult | None = None


@dataclass(frozen=True)
class Fitted:
    """A trained net.

    Attributes:
        net: the detector with the chosen weights, on the CPU, in evaluation mode.
        step: the step that the weights are from: the best on the validation frames, or the last without such frames.
        steps: taken in all; fewer than those of the settings where time ran out.
        history: one row of figures for each validation, and the last step.
        seconds: of training in this process.
        device: where it ran.
    """

    net: Detector
    step: int
    steps: int
    history: list[dict[str, Any]] = field(repr=False)
    seconds: float
    device: str


class Training:
    """One training of a detector, a step at a time, so that several can share a device; `run` takes all steps.

    Under ``torchrun`` every rank makes the same training, and rank 0 writes it; see `sirstgen.training.ranks`.

    Args:
        settings: the run.
        train: frames to train on, or anything that makes the batch of a step. Frames are kept on a GPU, and their
            batches are made there.
        validation: labelled frames, none of them in `train`, that choose the checkpoint by IoU; None keeps the last.
            Never test frames: weights chosen on test frames make the test's figures too high.
        folder: takes ``last.pt``, ``log.csv``, ``best.pt`` where there are validation frames, and TensorBoard's files
            where that is installed.
        resume: continue from ``last.pt`` where there is one; without it a folder that holds one is refused. A damaged
            checkpoint is kept as ``*.pt.damaged``, with a warning, and the training starts again.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        workers: processes that make batches ahead of time, 0 makes them in this one; None leaves it to the hardware.
            Changes no result.
        data: what `train` is, for the record; a checkpoint is resumed only when it is the same.
        gray_scale: of the training frames, for `sirstgen detect`; None: frames of 8 bits.
        progress: called every few steps and after every validation.
        deadline: the time of ``time.monotonic`` at which the training stops, its checkpoint written.

    Raises:
        OutputExistsError: `folder` holds a run already and `resume` is false.
        InputError: the checkpoint to resume is of a run with other settings or data.
    """

    def __init__(
        self,
        settings: TrainingConfig,
        train: Frames | BatchSource,
        validation: Frames | None = None,
        *,
        folder: Path | None = None,
        resume: bool = False,
        device: str = "auto",
        workers: int | None = None,
        data: str = "",
        gray_scale: TrainedScale | None = None,
        progress: Callable[[Progress], None] | None = None,
        deadline: float = math.inf,
    ) -> None:
        self.settings = settings
        self.hardware = hardware = Runtime.of(settings, device)
        if validation is not None and settings.test_size is not None:
            validation = validation.resized(settings.test_size)
        self.validation = validation
        self.folder = folder = folder if ranks.number() == 0 else None
        self.data = data
        self.gray_scale = gray_scale or TrainedScale()
        self.progress = progress
        self.deadline = deadline
        if isinstance(train, Frames):
            train = FrameBatches(train, settings.augmentation, settings.batch, settings.seed)
        self.train = train
        self._begin()
        saved = ranks.from_first(partial(_saved, folder, resume, settings, data))
        if saved is not None:
            self._resume(*saved)
        self.first = self.step
        on_cuda = hardware.device.type == "cuda"
        workers = hardware.loader_workers if workers is None else workers
        self._batches = _inputs(self.steps, train, range(self.step, settings.steps), workers, pin=on_cuda)
        self._report_every = 10 * _REPORT_EVERY if on_cuda else _REPORT_EVERY
        self._loss = torch.zeros((), device=hardware.device)
        self._summed = 0
        self._started = time.perf_counter()
        self.board = tensorboard(folder)

    def _begin(self) -> None:
        """Set everything to before the first step."""
        settings, hardware = self.settings, self.hardware
        on_cuda = hardware.device.type == "cuda"
        self.steps: Steps | ResidentSteps
        if on_cuda and isinstance(self.train, FrameBatches) and not detectors.is_adversarial(settings.detector):
            self.steps = ResidentSteps(settings, hardware, ResidentBatches(self.train, hardware.device))
        else:
            self.steps = steps_of(settings, hardware)
        self.net = self.steps.net
        self.step = 0
        self.history: list[dict[str, Any]] = []
        self.best: Checkpoint | None = None
        self.best_iou = -1.0

    def _resume(self, last: Checkpoint, best: Checkpoint | None) -> None:
        """Continue from checkpoints; where they do not fit together, keep them under other names and begin anew."""
        try:
            # A run that stopped between writing best.pt and last.pt makes that best.pt again.
            if best is not None and best.step <= last.step:
                self.best, self.best_iou = best, float(best.history[-1]["iou"])
            self.net.load_state_dict(last.net)
            self.steps.restore(last.optimizer)
        except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as fault:
            if self.folder is not None:
                set_aside(
                    self.folder, f"{self.folder}: the states in last.pt and best.pt do not fit together ({fault})"
                )
            self._begin()
            return
        self.step = last.step
        self.history = last.history

    @property
    def done(self) -> bool:
        """Whether all steps have been taken."""
        return self.step >= self.settings.steps

    def run(self) -> Fitted:
        """Take all steps and return the trained net.

        Raises:
            TrainingError: see `advance`.
        """
        with self.hardware.tuned():
            while not self.done:
                self.advance()
        return self.finish()

    def advance(self) -> None:
        """Take one step; every few steps read the loss, report, validate and write the checkpoint.

        Raises:
            TrainingError: the loss became NaN, memory or time ran out, or the net predicts background everywhere.
        """
        with closed_at_failure(self.board), named_failures():
            self._loss += next(self._batches)()
            self.step += 1
            self._summed += 1
            validating = self.step % self.settings.validate_every == 0 or self.done
            late = ranks.count() == 1 and self._late  # ranks compare their clocks in a report only
            if validating or late or self.step % self._report_every == 0:
                self._report(validating)

    def _report(self, validating: bool) -> None:
        loss = self._loss.item() / self._summed
        self._loss.zero_()
        self._summed = 0
        if loss != loss:
            raise TrainingError(f"the loss became NaN by step {self.step}; lower the learning rate", reason="nan loss")
        seconds = self.seconds
        result = self.validate(loss, seconds) if validating else None
        if not self.done and ranks.from_first(lambda: self._late):
            if not validating:
                self._save()
            raise TrainingError(f"time ran out at step {self.step} of {self.settings.steps}", reason="out of time")
        if self.progress is not None:
            speed = (self.step - self.first) / max(seconds, 1e-9)
            left = (self.settings.steps - self.step) / speed
            self.progress(Progress(self.step, self.settings.steps, loss, self.steps.rate, left, speed, result))

    @property
    def _late(self) -> bool:
        return time.monotonic() > self.deadline

    @property
    def seconds(self) -> float:
        """Wall-clock time of this training in this process."""
        return time.perf_counter() - self._started

    def validate(self, loss: float, seconds: float) -> DetectionResult | None:
        """Test on the validation frames, record the figures, keep the best weights, write the checkpoint."""
        result = None
        row: dict[str, Any] = {"step": self.step, "loss": loss, "learning_rate": self.steps.rate}
        if self.validation is not None and len(self.validation):
            frames = self.validation
            result = ranks.from_first(lambda: evaluate(self.net, frames, self.hardware, self.settings.test_size))
            row |= {"iou": result.iou, "niou": result.niou, "pd": result.pd, "fa": result.fa}
            row["predicted_pixels"] = result.predicted_pixels
        self.history.append(row)
        if result is not None and (self.best is None or result.iou > self.best_iou):
            self.best, self.best_iou = self._checkpoint(with_optimizer=False), result.iou
            if self.folder is not None:
                self.best.save(self.folder / "best.pt")
        self._save()
        if self.board is not None:
            for name, value in (*row.items(), ("seconds", seconds)):
                self.board.add_scalar(name, value, self.step)
        if result is not None and result.targets:
            self._refuse_collapse()
        return result

    def _save(self) -> None:
        if self.folder is not None:
            if self.history:
                write_file(self.folder / "log.csv", as_csv(self.history))
            self._checkpoint(with_optimizer=True).save(self.folder / "last.pt")

    def finish(self) -> Fitted:
        """Return the net as it is trained now, or the best one on the validation frames."""
        seconds = self.seconds
        if self.board is not None:
            self.board.close()
        chosen = self.best or self._checkpoint(with_optimizer=False)
        return Fitted(chosen.detector(), chosen.step, self.step, self.history, seconds, self.hardware.name)

    def _checkpoint(self, *, with_optimizer: bool) -> Checkpoint:
        net = {name: value.detach().cpu().clone() for name, value in self.net.state_dict().items()}
        optimizer = copy.deepcopy(self.steps.optimizer_state()) if with_optimizer else {}
        return Checkpoint(self.settings, self.step, net, optimizer, list(self.history), self.data, self.gray_scale)

    def _refuse_collapse(self) -> None:
        steps = self.settings.steps
        judged = steps >= _LEAST_TRAINING and (self.step == steps or self.step >= max(steps / 2, _LATE))
        if judged and all(row["predicted_pixels"] == 0 for row in self.history):
            raise TrainingError(
                f"the net predicts background everywhere, at step {self.step} as at every validation before; "
                "train longer, or with another seed",
                reason="collapsed",
            )


def _saved(
    folder: Path | None, resume: bool, settings: TrainingConfig, data: str
) -> tuple[Checkpoint, Checkpoint | None] | None:
    """Return the checkpoints that a training in `folder` continues from; None where it begins."""
    if folder is None or not (folder / "last.pt").exists():
        return None
    if not resume:
        raise OutputExistsError(f"{folder}: holds a training run already; resume it, or choose another folder")
    return load_run(folder, settings, data)


def _inputs(
    steps: Steps | ResidentSteps, train: BatchSource, numbers: range, workers: int, pin: bool
) -> Iterator[Callable[[], Tensor]]:
    """Yield what takes each step that is still to be taken.

    Holds no `Training`, whose memory could not be freed at once.
    """
    if isinstance(steps, ResidentSteps):
        for step, packed in zip(numbers, ahead(steps.batches.packed, numbers), strict=True):
            yield partial(steps.advance_packed, step, ranks.own(packed))
    else:
        with interrupt_held():
            batches = iter(batch_loader(train, numbers.start, numbers.stop, workers, pin=pin))
        for step, (images, masks) in zip(numbers, batches, strict=True):
            yield partial(steps.advance, step, ranks.own(images), ranks.own(masks))
