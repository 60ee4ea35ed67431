"""One training on several devices, started by ``torchrun``: each process (rank) takes its slice of every batch.

A step has the loss and the gradient of one process that takes the whole batch, up to rounding: batch statistics and the
sums of SoftIoU are summed over ranks before anything is computed from them, and gradients are averaged. Without
``torchrun`` there is one rank, and nothing is exchanged.
"""

# mypy: allow-untyped-calls, allow-untyped-decorators

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from sirstgen.errors import InvalidValueError

T = TypeVar("T")


@contextmanager
def joined(device: str = "auto") -> Iterator[str]:
    """Join the processes that ``torchrun`` has started, for the time of the block; nothing without ``torchrun``.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``.

    Yields:
        The device of this process: the GPU of its local rank, or ``cpu``. Without ``torchrun`` the argument.

    Raises:
        InvalidValueError: another device; under ``torchrun`` each process takes the GPU of its local rank.
    """
    if not distributed.is_torchelastic_launched():
        yield device
        return
    if device not in ("auto", "cpu", "cuda"):
        raise InvalidValueError(f"device must be auto, cpu or cuda under torchrun, got {device!r}", value=device)
    on_cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    if on_cuda:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    # Gradients of 1x1 convolutions in channels_last; it is as fast.
    warnings.filterwarnings("ignore", "Grad strides do not match")
    distributed.init_process_group("nccl" if on_cuda else "gloo")
    try:
        yield device if on_cuda else "cpu"
    finally:
        distributed.destroy_process_group()


def count() -> int:
    """Return the number of ranks."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def number() -> int:
    """Return the number of this rank, from 0; only rank 0 writes files."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def own(batch: Tensor) -> Tensor:
    """Return this rank's slice of a batch, along the first axis."""
    return batch.tensor_split(count())[number()]


def from_first(make: Callable[[], T]) -> T:
    """Return what `make` gives on rank 0, on all ranks; it is called there only, and its value must be picklable."""
    if count() == 1:
        return make()
    held: list[Any] = [make() if number() == 0 else None]
    distributed.broadcast_object_list(held)
    return held[0]  # type: ignore[no-any-return]


class _Sum(torch.autograd.Function):
    """The sum over ranks. The gradient is the sum of the gradients of all ranks."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _Sum.forward(ctx, gradient)


def summed(*values: Tensor) -> tuple[Tensor, ...]:
    """Return the sums over ranks of scalars, differentiable."""
    if count() == 1:
        return values
    total: Tensor = _Sum.apply(torch.stack(values))
    return total.unbind()


def parallel(net: Callable[[Tensor], tuple[Tensor, ...]]) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Return the module `net` so that its batch statistics and gradients are those of all ranks, for `SupervisedSteps`.

    The loss must be equal on all ranks. Batch normalisations of `net` are changed in place: to torch's
    ``SyncBatchNorm`` on a GPU, and to one that does the same where torch has none, on a CPU.
    """
    if count() == 1:
        return net
    assert isinstance(net, nn.Module)
    whole: nn.Module = net
    if next(whole.parameters()).device.type == "cuda":
        whole = nn.SyncBatchNorm.convert_sync_batchnorm(whole)
    for module in whole.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.__class__ = _BatchNormOverRanks
    return DistributedDataParallel(whole)


class _BatchNormOverRanks(nn.BatchNorm2d):
    """Batch normalisation by the mean and variance over the slices of all ranks."""

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        if not self.training:
            return super().forward(input)
        values = input.to(torch.promote_types(input.dtype, torch.float32))
        pixels = values.new_tensor([values.numel() // values.shape[1]])
        total: Tensor = _Sum.apply(torch.cat([values.sum((0, 2, 3)), pixels]))
        pixels = total[-1].detach()
        mean = total[:-1] / pixels
        centred = values - mean[:, None, None]
        variance: Tensor = _Sum.apply(centred.square().sum((0, 2, 3))) / pixels
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * pixels / (pixels - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(input.dtype)
