"""Nets compiled by ``torch.compile``, and the plain net where the compiler is missing or its gradient is wrong."""

# mypy: allow-untyped-calls

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from sirstgen.detectors.detector import Detector
from sirstgen.training import ranks
from sirstgen.training.runtime import Runtime

_KINDS_OF_BLOCKS = 64  # that are compiled; beyond its limit torch would run further kinds operation by operation
_BOUNDS = {"float32": 1e-2, "bfloat16": 1.0}
"""Of the difference between the compiled and the plain gradient, relative to the length of the plain one. In bfloat16
the plain gradient itself is up to a third of its length from that in float32, when the statistics are the batch's."""

Forward = Callable[[Tensor], tuple[Tensor, ...]]


def compiled(net: nn.Module, hardware: Runtime) -> Forward:
    """Return what to call in place of `net`: itself, its blocks compiled in place, or its compiled twin.

    A net of many blocks has few kinds of them. Compiling each kind takes a fraction of the time that the whole net
    takes. The twin shares its weights; copies of the net are not compiled.
    """
    if hardware.compile == "no":
        return net
    forward: Forward = net
    if isinstance(net, Detector) and net.blocks:
        torch._dynamo.config.recompile_limit = max(_KINDS_OF_BLOCKS, torch._dynamo.config.recompile_limit)
        for module in net.modules():
            if isinstance(module, net.blocks):
                module.compile(mode=hardware.compile, dynamic=False)
    else:
        forward = torch.compile(net, mode=hardware.compile)
    return _CheckedNet(forward, net, hardware.precision) if ranks.count() == 1 else forward


class _CheckedNet:
    """A compiled net. Its first call compares its gradient with that of the plain net.

    If it cannot be compiled, or its gradient differs, a warning is issued and the plain net is called.
    """

    def __init__(self, forward: Forward, net: nn.Module, precision: str) -> None:
        self.forward = forward
        self.net = net
        self.bound = _BOUNDS[precision]
        self.stance: str | None = None

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of the net."""
        if self.stance is None:
            fault = self._fault(images)
            self.stance = "force_eager" if fault else "default"
            if fault:
                warnings.warn(f"the net is not compiled: {fault}", stacklevel=2)
        with torch.compiler.set_stance(self.stance):
            return self.forward(images)

    def _fault(self, images: Tensor) -> str:
        """Return why the compiled net cannot be used; empty where it can."""
        plain = self._gradient(images, "force_eager")
        try:
            found = self._gradient(images, "default")
        except torch.cuda.OutOfMemoryError:
            raise
        except Exception as error:  # of the compiler, of many kinds
            return " ".join(str(error).split("\n\n")[0].split())[:200] or type(error).__name__
        if not found.isfinite().all():
            return "its compiled gradient is not finite"
        if any(isinstance(module, nn.Dropout | nn.Dropout2d) for module in self.net.modules()):
            return ""  # the plain net drops other values
        apart = float((found - plain).norm() / plain.norm())
        return "" if apart <= self.bound else f"its compiled gradient differs by {apart:.2g} of its length"

    def _gradient(self, images: Tensor, stance: str) -> Tensor:
        """Return the gradient of the mean square of all maps; statistics of the net stay as they are."""
        buffers = [buffer.clone() for buffer in self.net.buffers()]
        try:
            with torch.compiler.set_stance(stance):
                maps = self.forward(images)
            loss = torch.stack([one.float().square().mean() for one in maps]).sum()
            weights = [weight for weight in self.net.parameters() if weight.requires_grad]
            found = torch.autograd.grad(loss, weights, allow_unused=True)
        finally:
            for buffer, value in zip(self.net.buffers(), buffers, strict=True):
                buffer.copy_(value)
        return torch.cat([one.float().flatten() for one in found if one is not None])
