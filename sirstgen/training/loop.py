"""The fit loop: one step after the other, a look at the validation frames now and then, a checkpoint after each look.

What happens in a step is one of two: `sirstgen.training.supervised` (a loss on the mask) or
`sirstgen.training.adversarial` (against a discriminator). All else is the same for every detector.

A step is a function of (settings, frames, step number, weights and optimiser state) and of nothing else: its batch, its
augmentation and its dropout are drawn from streams keyed by the seed and the step. So a run that was interrupted
anywhere and resumed from its last checkpoint ends with the same weights, bit for bit on a CPU.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import copy
import csv
import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sirstgen.atomic import write_file
from sirstgen.detectors.detector import Detector
from sirstgen.errors import GenerationError, InputError, OutputExistsError
from sirstgen.evaluation.metrics import DetectionResult
from sirstgen.training.batches import BatchSource, FrameBatches, batch_loader
from sirstgen.training.checkpoint import Checkpoint
from sirstgen.training.config import TrainingConfig
from sirstgen.training.evaluate import evaluate
from sirstgen.training.frames import Frames
from sirstgen.training.runtime import Runtime
from sirstgen.training.training_step import steps_of

# The loss is read from the device this often, which is when NaN is seen; every step would make a GPU wait.
_LOOK_EVERY = 20

# A net that has found nothing yet is called collapsed at the end of a training, or half-way but not before the step
# _LATE; a training below the other number of steps is too short to be judged.
_LATE = 2000
_LEAST_TRAINING = 100


class TrainingError(GenerationError):
    """A training run that ended without a usable net; ``data["reason"]`` is one of `REASONS`."""


REASONS = ("nan loss", "out of memory", "collapsed")


@dataclass(frozen=True)
class Progress:
    """Where a run stands, for whoever watches.

    Attributes:
        step: optimiser steps done.
        steps: steps of the whole run.
        loss: mean over the steps since the last report.
        learning_rate: of the last step.
        seconds_left: estimated from this run's own speed.
        validation: figures on the validation frames, on the steps that looked at them.
    """

    step: int
    steps: int
    loss: float
    learning_rate: float
    seconds_left: float
    validation: DetectionResult | None = None


@dataclass(frozen=True)
class Fitted:
    """A finished run.

    Attributes:
        net: the detector with the chosen weights, on the CPU, in evaluation mode.
        step: the step that the weights are from: the best on the validation frames, or the last without such frames.
        history: one row of figures per look at the validation frames, and the last step.
        seconds: of training in this process.
        device: where it ran.
    """

    net: Detector
    step: int
    history: list[dict[str, Any]] = field(repr=False)
    seconds: float
    device: str


def fit(
    settings: TrainingConfig,
    train: Frames | BatchSource,
    validation: Frames | None = None,
    *,
    folder: Path | None = None,
    resume: bool = False,
    device: str = "auto",
    workers: int | None = None,
    data: str = "",
    progress: Callable[[Progress], None] | None = None,
) -> Fitted:
    """Train a detector.

    Args:
        settings: the run.
        train: frames to train on, or anything that makes the batch of a step.
        validation: labelled frames, none of them in `train`, that choose the checkpoint by IoU; None keeps the last.
            Never test frames: what chooses a checkpoint is no test any more.
        folder: takes ``last.pt``, ``best.pt``, ``log.csv``, and TensorBoard's files where that is installed.
        resume: go on from ``last.pt`` where there is one; without it a folder that holds one is refused.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        workers: processes that make batches ahead of time, 0 makes them in this one; None leaves it to the hardware.
            Changes no result.
        data: what `train` is, for the record; a checkpoint is resumed only when it is the same.
        progress: called every few steps and after every look at the validation frames.

    Returns:
        The trained net and how it got there.

    Raises:
        TrainingError: the loss became NaN, memory ran out, or the net predicts background everywhere.
        OutputExistsError: `folder` holds a run already and `resume` is false.
        InputError: the checkpoint to resume is damaged, or of a run with other settings or data.
    """
    hardware = Runtime.of(settings, device)
    run = _Run(settings, hardware, validation, folder, data)
    if folder is not None and (folder / "last.pt").exists():
        if not resume:
            raise OutputExistsError(f"{folder}: holds a training run already; resume it, or choose another folder")
        run.restore(Checkpoint.load(folder / "last.pt"))
    if isinstance(train, Frames):
        train = FrameBatches(train, settings.augmentation, settings.batch, settings.seed)

    started = time.perf_counter()
    first = run.step
    losses = torch.zeros((), device=hardware.device)
    summed = 0
    if workers is None:
        workers = hardware.loader_workers
    loader = batch_loader(train, first, settings.steps, workers, pin=hardware.device.type == "cuda")
    with _named_failures(), hardware.tuned():
        for images, masks in loader:
            losses += run.advance(images, masks)
            summed += 1
            looking = run.step % settings.validate_every == 0 or run.step == settings.steps
            if not looking and run.step % _LOOK_EVERY:
                continue
            loss = losses.item() / summed
            losses.zero_()
            summed = 0
            if loss != loss:
                raise TrainingError(
                    f"the loss became NaN by step {run.step}; lower the learning rate", reason="nan loss"
                )
            seconds = time.perf_counter() - started
            result = run.look(loss, seconds) if looking else None
            if progress is not None:
                left = seconds / (run.step - first) * (settings.steps - run.step)
                progress(Progress(run.step, settings.steps, loss, run.steps.rate, left, result))
    return run.finish(time.perf_counter() - started)


class _Run:
    """The state of a run, and the three things that happen to it: a step, a look, the end."""

    def __init__(
        self, settings: TrainingConfig, hardware: Runtime, validation: Frames | None, folder: Path | None, data: str
    ) -> None:
        self.settings = settings
        self.hardware = hardware
        self.validation = validation
        self.folder = folder
        self.data = data
        self.steps = steps_of(settings, hardware)
        self.net = self.steps.net
        self.step = 0
        self.history: list[dict[str, Any]] = []
        self.best: Checkpoint | None = None
        self.best_iou = -1.0
        self.board = _tensorboard(folder)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where `checkpoint` stands."""
        if (checkpoint.settings, checkpoint.data) != (self.settings, self.data):
            raise InputError(
                f"{self.folder}: holds a run with other settings or data; resume it with those or choose another folder"
            )
        self.net.load_state_dict(checkpoint.net)
        try:
            self.steps.restore(checkpoint.optimizer)
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as fault:
            raise InputError(
                f"{self.folder}: the optimiser state of last.pt does not fit its net ({fault}); delete last.pt"
            ) from None
        self.step = checkpoint.step
        self.history = checkpoint.history
        if self.folder is not None and (self.folder / "best.pt").exists():
            best = Checkpoint.load(self.folder / "best.pt")
            # A run that stopped between writing best.pt and last.pt makes that best.pt again.
            if best.step <= self.step:
                self.best, self.best_iou = best, best.history[-1]["iou"]

    def advance(self, images: Tensor, masks: Tensor) -> Tensor:
        """One optimiser step; returns its loss, on the device, detached."""
        loss = self.steps.advance(self.step, images, masks)
        self.step += 1
        return loss

    def look(self, loss: float, seconds: float) -> DetectionResult | None:
        """Test on the validation frames, note the figures, keep the best weights, write the checkpoint."""
        result = None
        row: dict[str, Any] = {"step": self.step, "loss": loss, "learning_rate": self.steps.rate}
        if self.validation is not None and len(self.validation):
            result = evaluate(self.net, self.validation, self.hardware, self.settings.test_size)
            row |= {"iou": result.iou, "niou": result.niou, "pd": result.pd, "fa": result.fa}
            row["predicted_pixels"] = result.predicted_pixels
        self.history.append(row)
        if result is not None and (self.best is None or result.iou > self.best_iou):
            self.best, self.best_iou = self._checkpoint(with_optimizer=False), result.iou
            if self.folder is not None:
                self.best.save(self.folder / "best.pt")
        if self.folder is not None:
            write_file(self.folder / "log.csv", _as_csv(self.history))
            self._checkpoint(with_optimizer=True).save(self.folder / "last.pt")
        if self.board is not None:
            for name, value in (*row.items(), ("seconds", seconds)):
                self.board.add_scalar(name, value, self.step)
        if result is not None and result.targets:
            self._refuse_collapse()
        return result

    def finish(self, seconds: float) -> Fitted:
        """The trained net."""
        if self.board is not None:
            self.board.close()
        chosen = self.best or self._checkpoint(with_optimizer=False)
        return Fitted(chosen.detector(), chosen.step, self.history, seconds, self.hardware.name)

    def _checkpoint(self, *, with_optimizer: bool) -> Checkpoint:
        net = {name: value.detach().cpu().clone() for name, value in self.net.state_dict().items()}
        optimizer = copy.deepcopy(self.steps.optimizer_state()) if with_optimizer else {}
        return Checkpoint(self.settings, self.step, net, optimizer, list(self.history), self.data)

    def _refuse_collapse(self) -> None:
        steps = self.settings.steps
        judged = steps >= _LEAST_TRAINING and (self.step == steps or self.step >= max(steps / 2, _LATE))
        if judged and all(row["predicted_pixels"] == 0 for row in self.history):
            raise TrainingError(
                f"the net predicts background everywhere, at step {self.step} as at every look before; "
                "train longer, or with another seed",
                reason="collapsed",
            )


@contextmanager
def _named_failures() -> Iterator[None]:
    """The ways in which torch runs out of memory, as one named failure."""
    try:
        yield
    except (torch.cuda.OutOfMemoryError, MemoryError) as fault:
        raise TrainingError(f"{_OUT_OF_MEMORY} ({fault})", reason="out of memory") from fault
    except RuntimeError as fault:
        # The CPU's allocator has no exception of its own.
        if "can't allocate memory" not in str(fault) and "out of memory" not in str(fault):
            raise
        raise TrainingError(f"{_OUT_OF_MEMORY} ({fault})", reason="out of memory") from fault


_OUT_OF_MEMORY = "memory ran out; use a smaller batch, a smaller crop or bfloat16"


def _as_csv(history: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(history[-1]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()


def _tensorboard(folder: Path | None) -> Any | None:
    """A writer for TensorBoard, where a folder is given and TensorBoard is installed."""
    if folder is None:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"))
