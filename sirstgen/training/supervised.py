"""One step of ordinary training: SoftIoU of every head against the mask (section V-B), Adagrad."""

# mypy: allow-untyped-calls

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn

from sirstgen.detectors.detector import Detector
from sirstgen.errors import InvalidValueError
from sirstgen.seeding import stream
from sirstgen.training import ranks
from sirstgen.training.adagrad import CapturableAdagrad
from sirstgen.training.compiled import compiled
from sirstgen.training.config import TrainingConfig
from sirstgen.training.loss import deep_supervision_loss
from sirstgen.training.runtime import Runtime, fresh_net, seeded
from sirstgen.training.schedule import learning_rate


class SupervisedSteps:
    """Training of a detector by a loss on its logit maps; see `sirstgen.training.training_step.Steps`.

    Raises:
        InvalidValueError: a batch has fewer crops than there are ranks.
    """

    def __init__(self, settings: TrainingConfig, hardware: Runtime) -> None:
        if settings.batch < ranks.count():
            raise InvalidValueError(
                f"batch must be at least the number of ranks, {ranks.count()}, got {settings.batch}",
                value=settings.batch,
            )
        self.settings = settings
        self.hardware = hardware
        self.net = hardware.place(without_dead_biases(fresh_net(settings)))
        self.forward = ranks.parallel(compiled(self.net, hardware))
        self.optimizer: torch.optim.Adagrad | CapturableAdagrad
        adagrad = CapturableAdagrad if hardware.device.type == "cuda" else torch.optim.Adagrad
        self.optimizer = adagrad(self.net.parameters(), lr=settings.learning_rate)
        self.rate = settings.learning_rate
        self._draws = any(isinstance(module, nn.Dropout | nn.Dropout2d) for module in self.net.modules())

    def advance(self, step: int, images: Tensor, masks: Tensor) -> Tensor:
        """Take one step of Adagrad."""
        self.set_rate(step)
        if not self._draws:
            return self.step_on(images, masks)
        with seeded(self.dropout_seed(step), self.hardware.device):
            return self.step_on(images, masks)

    def set_rate(self, step: int) -> None:
        """Set the learning rate of a step."""
        settings = self.settings
        self.rate = learning_rate(
            step, settings.steps, settings.schedule, settings.learning_rate, settings.final_learning_rate
        )
        if isinstance(self.optimizer, CapturableAdagrad):
            self.optimizer.rate.fill_(self.rate)
            self.optimizer.steps = step + 1
        else:
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate

    def dropout_seed(self, step: int) -> int:
        """Return the seed of a step's dropout; ranks differ in it."""
        rank = [ranks.number()] if ranks.number() else []
        return int(stream(self.settings.seed, step, "dropout", *rank).integers(2**63))

    def step_on(self, images: Tensor, masks: Tensor) -> Tensor:
        """Take the step of a batch, at the rate that is set; returns the loss, on the device, detached."""
        self.net.train()
        for parameter in self.net.parameters():
            parameter.grad = None
        # A graph is captured once and replayed: weights cached by autocast would stay those of the capture.
        with self.hardware.autocast(cache=False):
            maps = self.forward(self.hardware.inputs(images, self.settings.in_channels))
        loss = deep_supervision_loss(maps, masks.to(self.hardware.device, non_blocking=True))
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def optimizer_state(self) -> dict[str, Any]:
        """Return Adagrad's sums of squared gradients."""
        return self.optimizer.state_dict()

    def restore(self, optimizer: dict[str, Any]) -> None:
        """Load the state that `optimizer_state` gave."""
        self.optimizer.load_state_dict(optimizer)


class _ConvWithoutBias(nn.Conv2d):
    """A convolution whose bias, all zeros, is left out of the computation and kept in the state dict."""

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H', W')."""
        maps: Tensor = self._conv_forward(input, self.weight, None)
        return maps


def without_dead_biases(net: Detector) -> Detector:
    """Return `net` with the biases of convolutions before a batch normalisation set to zero and left out, in place.

    A batch normalisation subtracts the mean, so such a bias changes nothing: its gradient is zero up to rounding. By
    the convention of this package a normalisation registered right after a convolution follows it in ``forward``.
    """
    for module in net.modules():
        for conv, norm in itertools.pairwise(module.children()):
            if isinstance(norm, nn.BatchNorm2d) and type(conv) is nn.Conv2d and conv.bias is not None:
                conv.__class__ = _ConvWithoutBias
                nn.init.zeros_(conv.bias)
                conv.bias.requires_grad_(False)
    return net
