"""The two kinds of training step, and which of them a detector needs."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from sirstgen import detectors
from sirstgen.detectors.detector import Detector
from sirstgen.training.adversarial import AdversarialSteps
from sirstgen.training.config import TrainingConfig
from sirstgen.training.runtime import Runtime
from sirstgen.training.supervised import SupervisedSteps


class Steps(Protocol):
    """How a detector is trained: its weights, and what one step does to them.

    Attributes:
        rate: learning rate of the last step.
    """

    rate: float

    @property
    def net(self) -> Detector:
        """The detector on its device, with all weights that are trained."""

    def advance(self, step: int, images: Tensor, masks: Tensor) -> Tensor:
        """Do `step`, counted from 0, with its batch; returns its loss, on the device, detached."""

    def optimizer_state(self) -> dict[str, Any]:
        """Return what the next step needs besides the weights."""

    def restore(self, optimizer: dict[str, Any]) -> None:
        """Load the state that `optimizer_state` gave."""


def steps_of(settings: TrainingConfig, hardware: Runtime) -> Steps:
    """Return a fresh training of the kind that the detector of `settings` needs."""
    kind = AdversarialSteps if detectors.is_adversarial(settings.detector) else SupervisedSteps
    return kind(settings, hardware)
