"""One step of adversarial training (MDvsFA-cGAN, Wang et al., ICCV 2019): the discriminator, then both generators.

With g the scores of a generator and t the mask, missed targets and false alarms are errors on and off target,

    MD = mean((g - t)^2 t)        FA = mean((g - t)^2 (1 - t))

and the generators minimise

    G1 (CAN):   100 (100 MD + FA) + 10 L_adv + L_gc
    G2 (UCAN):  100 (MD + 10 FA)  + 10 L_adv + L_gc

L_adv is the cross-entropy of the discriminator's answer with "this is the true mask", L_gc the mean squared difference
of its features of the two generators' masks, which keeps the generators similar. The discriminator minimises the
cross-entropy of its three answers. As in the authors' release the cross-entropy is taken of the sigmoids of its
softmax. Both generators take their step from one forward pass; the release has three passes, and G2 there sees the
updated G1.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sirstgen.detectors.mdvsfa import MDvsFA
from sirstgen.errors import InvalidValueError
from sirstgen.training import ranks
from sirstgen.training.compiled import compiled
from sirstgen.training.config import TrainingConfig
from sirstgen.training.runtime import Runtime, fresh_net
from sirstgen.training.schedule import learning_rate

GENERATOR_RATE = 1e-4
# Adam diverges at the rates that suit Adagrad: the default rate, which is Adagrad's, is refused.
_GREATEST_RATE = 0.01
_DISCRIMINATOR_SHARE = 0.1
_BETAS = (0.5, 0.999)

# (missed targets, false alarms) in the loss of CAN and of UCAN.
_WEIGHTS = ((100.0, 1.0), (1.0, 10.0))
_TRUE_MASK, _FROM_CAN, _FROM_UCAN = range(3)


def with_published_rates(settings: TrainingConfig) -> TrainingConfig:
    """Return `settings` with the published learning rates: 1e-4, a fifth of it after each third of the training."""
    return replace(settings, learning_rate=GENERATOR_RATE, final_learning_rate=GENERATOR_RATE / 25, schedule="thirds")


def error_loss(scores: Tensor, masks: Tensor, missed: float, false: float) -> Tensor:
    """Return ``missed * MD + false * FA``, a scalar.

    Args:
        scores: (B, 1, H, W), 0..1.
        masks: (B, 1, H, W), 0 and 1.
        missed: weight of the errors on target.
        false: weight of the errors off target.
    """
    error = (scores - masks).square()
    return missed * (error * masks).mean() + false * (error * (1 - masks)).mean()


def answer_loss(answers: Tensor, truth: int) -> Tensor:
    """Return the cross-entropy of the discriminator's `answers` (B, 3) with the answer `truth`, a scalar."""
    wanted = torch.zeros_like(answers)
    wanted[:, truth] = 1
    return functional.binary_cross_entropy_with_logits(answers, wanted)


class AdversarialSteps:
    """Training of `MDvsFA` against its discriminator; see `sirstgen.training.training_step.Steps`.

    Raises:
        InvalidValueError: the learning rate is one for Adagrad, or there are several ranks.
    """

    def __init__(self, settings: TrainingConfig, hardware: Runtime) -> None:
        if settings.learning_rate > _GREATEST_RATE:
            raise InvalidValueError(
                f"adversarial training needs a learning rate of at most {_GREATEST_RATE} (Adam), got "
                f"{settings.learning_rate}; adversarial.with_published_rates(settings) has the published ones",
                value=settings.learning_rate,
            )
        if ranks.count() > 1:
            raise InvalidValueError(f"{settings.detector} is trained in one process, not under torchrun")
        net = hardware.place(fresh_net(settings))
        assert isinstance(net, MDvsFA) and net.discriminator is not None
        self.settings = settings
        self.hardware = hardware
        self.net: MDvsFA = net
        self.discriminator = net.discriminator
        self.generate = compiled(net.generators, hardware)
        self.rate = settings.learning_rate
        self.optimizers = {
            "generators": torch.optim.Adam(net.generators.parameters(), betas=_BETAS),
            "discriminator": torch.optim.Adam(self.discriminator.parameters(), betas=_BETAS),
        }

    def advance(self, step: int, images: Tensor, masks: Tensor) -> Tensor:
        """Do one step of the discriminator, then one of both generators; return the generators' loss."""
        settings, hardware = self.settings, self.hardware
        self.rate = learning_rate(
            step, settings.steps, settings.schedule, settings.learning_rate, settings.final_learning_rate
        )
        for name, share in (("generators", 1.0), ("discriminator", _DISCRIMINATOR_SHARE)):
            for group in self.optimizers[name].param_groups:
                group["lr"] = self.rate * share
        self.net.train()
        inputs = hardware.inputs(images, settings.in_channels)
        masks = masks.to(hardware.device, non_blocking=True)
        with hardware.autocast():
            can, ucan = self.generate(inputs)
        self._descend("discriminator", self._discriminator_loss(inputs, masks, can.detach(), ucan.detach()))
        loss = self._generator_loss(inputs, masks, can, ucan)
        self._descend("generators", loss)
        return loss.detach()

    def _discriminator_loss(self, inputs: Tensor, masks: Tensor, can: Tensor, ucan: Tensor) -> Tensor:
        answers, _ = self.discriminator(inputs, (masks, can, ucan))
        return torch.stack([answer_loss(answer, truth) for truth, answer in enumerate(answers)]).sum()

    def _generator_loss(self, inputs: Tensor, masks: Tensor, can: Tensor, ucan: Tensor) -> Tensor:
        # In evaluation mode every mask is judged by itself, so that the sum of both losses has the gradients of each.
        self.discriminator.eval()
        (can_answer, ucan_answer), features = self.discriminator(inputs, (can, ucan))
        loss: Tensor = (features[0] - features[1]).square().mean()
        for scores, answer, weights in zip((can, ucan), (can_answer, ucan_answer), _WEIGHTS, strict=True):
            loss = loss + 100 * error_loss(scores, masks, *weights) + 10 * answer_loss(answer, _TRUE_MASK)
        return loss

    def _descend(self, name: str, loss: Tensor) -> None:
        """Do one step of one optimiser; the gradients of the other's weights are discarded."""
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[name].step()

    def optimizer_state(self) -> dict[str, Any]:
        """Return Adam's moments, of the generators and of the discriminator."""
        return {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()}

    def restore(self, optimizer: dict[str, Any]) -> None:
        """Load the state that `optimizer_state` gave."""
        for name, state in optimizer.items():
            self.optimizers[name].load_state_dict(state)
