"""One step of ordinary training: SoftIoU of every head against the mask (section V-B), Adagrad."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sirstgen.seeding import stream
from sirstgen.training.config import TrainingConfig
from sirstgen.training.loss import deep_supervision_loss
from sirstgen.training.runtime import Runtime, fresh_net, seeded
from sirstgen.training.schedule import learning_rate


class SupervisedSteps:
    """Training of a detector by a loss on its logit maps; see `sirstgen.training.training_step.Steps`."""

    def __init__(self, settings: TrainingConfig, hardware: Runtime) -> None:
        self.settings = settings
        self.hardware = hardware
        self.net = hardware.place(fresh_net(settings))
        self.forward = hardware.compiled(self.net)
        self.optimizer = torch.optim.Adagrad(self.net.parameters(), lr=settings.learning_rate)
        self.rate = settings.learning_rate

    def advance(self, step: int, images: Tensor, masks: Tensor) -> Tensor:
        """One step of Adagrad."""
        settings, hardware = self.settings, self.hardware
        self.rate = learning_rate(
            step, settings.steps, settings.schedule, settings.learning_rate, settings.final_learning_rate
        )
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        self.net.train()
        dropout_seed = int(stream(settings.seed, step, "dropout").integers(2**63))
        with seeded(dropout_seed, hardware.device):
            with hardware.autocast():
                maps = self.forward(hardware.inputs(images, settings.in_channels))
            loss = deep_supervision_loss(maps, masks.to(hardware.device, non_blocking=True))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def optimizer_state(self) -> dict[str, Any]:
        """Adagrad's sums of squared gradients."""
        return self.optimizer.state_dict()

    def restore(self, optimizer: dict[str, Any]) -> None:
        """Take up what `optimizer_state` gave."""
        self.optimizer.load_state_dict(optimizer)
