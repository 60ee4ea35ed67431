"""Adagrad whose step can be captured in a CUDA graph: the learning rate is a tensor, nothing waits for the device."""

# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


class CapturableAdagrad:
    """Adagrad (Duchi et al., 2011) over all parameters at once.

        sum += g^2        p -= lr * g / (sqrt(sum) + eps)

    In a captured graph the learning rate of ``torch.optim.Adagrad`` is a constant; here it is read from `rate` at each
    replay. `state_dict` and `load_state_dict` use the layout of ``torch.optim.Adagrad``, so that either loads the
    checkpoints of the other.

    Args:
        parameters: all on one device; their gradients must exist when `step` is called, except of those that never
            get one.
        lr: learning rate of the first step.
        eps: added to the root, as torch's default.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, eps: float = 1e-10) -> None:
        self._all = list(parameters)
        self._template = torch.optim.Adagrad(self._all, lr=lr, eps=eps)
        self._eps = eps
        self.sums = [torch.zeros_like(parameter, memory_format=torch.preserve_format) for parameter in self._all]
        self.rate = torch.tensor(lr, dtype=torch.float32, device=self._all[0].device)
        self.steps = 0

    @torch.no_grad()
    def step(self) -> None:
        """Take one step with the gradients that are there; `steps` is counted by the caller, since replays skip it."""
        chosen = [place for place, parameter in enumerate(self._all) if parameter.grad is not None]
        gradients = [_in_memory_order(self._all[place]) for place in chosen]
        sums = [self.sums[place] for place in chosen]
        torch._foreach_addcmul_(sums, gradients, gradients)
        roots = torch._foreach_sqrt(sums)
        torch._foreach_add_(roots, self._eps)
        moves = torch._foreach_div(gradients, roots)
        torch._foreach_mul_(moves, self.rate)
        torch._foreach_sub_([self._all[place] for place in chosen], moves)

    def state_dict(self) -> dict[str, Any]:
        """Return the state in the layout of ``torch.optim.Adagrad``."""
        for parameter, total in zip(self._all, self.sums, strict=True):
            self._template.state[parameter] = {"step": torch.tensor(float(self.steps)), "sum": total}
        for group in self._template.param_groups:
            group["lr"] = float(self.rate)
        return self._template.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load the state of this class or of ``torch.optim.Adagrad``."""
        self._template.load_state_dict(dict(state))
        for parameter, total in zip(self._all, self.sums, strict=True):
            kept = self._template.state[parameter]
            total.copy_(kept["sum"])
            self.steps = int(kept["step"])
        self.rate.fill_(float(self._template.param_groups[0]["lr"]))


def _in_memory_order(parameter: nn.Parameter) -> Tensor:
    """Return the gradient with the strides of its parameter: where one differs, torch launches one kernel a tensor."""
    gradient = parameter.grad
    assert gradient is not None
    return gradient if gradient.stride() == parameter.stride() else torch.empty_like(parameter).copy_(gradient)
