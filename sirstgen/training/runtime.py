"""Where and how a net computes: device, memory order, precision, compilation; and its start from a seed."""

# mypy: allow-untyped-calls

from __future__ import annotations

import functools
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from sirstgen import detectors
from sirstgen.detectors.detector import Detector
from sirstgen.errors import InvalidValueError
from sirstgen.training.config import Precision, TrainingConfig

# Statistics of ImageNet's RGB channels, as the published nets are fed; their mean serves nets of one channel.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


def resolve_device(name: str = "auto") -> torch.device:
    """Return the device of that name; ``auto`` is a CUDA device where there is one, else the CPU.

    Raises:
        InvalidValueError: no such device, or none on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise InvalidValueError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}", value=name)
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InvalidValueError(
            f"device {name!r} is not there, this machine has {torch.cuda.device_count()} CUDA devices"
        )
    return device


def device_names(text: str = "auto") -> list[str]:
    """Return the devices of a list with commas; ``auto`` is every GPU where there are several, else one device.

    Raises:
        InvalidValueError: see `resolve_device`.
    """
    if text == "auto" and torch.cuda.device_count() > 1:
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return [str(resolve_device(name.strip())) for name in text.split(",")]


@functools.cache
def _statistics(in_channels: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the mean and deviation, (C, 1, 1), kept on the device: a copy from the host in every step would make it
    wait.
    """
    rows = [_MEAN, _DEVIATION] if in_channels == 3 else [[sum(row) / 3] for row in (_MEAN, _DEVIATION)]
    mean, deviation = (torch.tensor(row, device=device)[:, None, None] for row in rows)
    return mean, deviation


def normalise(images: Tensor, in_channels: int) -> Tensor:
    """Return gray levels as the nets take them: repeated to `in_channels`, minus ImageNet's mean, by its deviation.

    Args:
        images: (B, 1, H, W) float32, 0..1.
        in_channels: 3 for each of the RGB statistics, 1 for their means.
    """
    mean, deviation = _statistics(in_channels, images.device)
    return (images - mean) / deviation


@dataclass(frozen=True)
class Runtime:
    """How a net computes on a device.

    Args:
        device: where.
        precision: ``float32``, or ``bfloat16`` for autocast.
        channels_last: memory order of images and weights.
        compile: mode of ``torch.compile``, or ``no``.
    """

    device: torch.device
    precision: Precision = "float32"
    channels_last: bool = True
    compile: str = "no"

    @classmethod
    def of(cls, settings: TrainingConfig, device: str = "auto") -> Runtime:
        """Return what `settings` ask for, on `device`; float32 where the device has no bfloat16, and says so."""
        found = resolve_device(device)
        precision = settings.precision
        if precision == "bfloat16" and found.type == "cuda" and not torch.cuda.is_bf16_supported():
            warnings.warn(f"{torch.cuda.get_device_name(found)} has no bfloat16: training in float32", stacklevel=2)
            precision = "float32"
        return cls(found, precision, settings.channels_last, settings.compile)

    def for_inference(self, precision: Precision = "float32") -> Runtime:
        """Return the same device for testing and detecting: nothing compiled, float32 unless asked otherwise.

        Reported figures are computed in float32 whatever a net was trained in. On CPUs bfloat16 is also slower.
        """
        return replace(self, precision=precision, compile="no")

    @property
    def memory_format(self) -> torch.memory_format:
        """The order of images and weights in memory."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    @property
    def name(self) -> str:
        """The device for people to read."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"

    def place(self, net: Detector) -> Detector:
        """Return `net` on the device, in the memory order."""
        return net.to(device=self.device, memory_format=self.memory_format)  # type: ignore[call-overload,no-any-return]

    def inputs(self, images: Tensor, in_channels: int) -> Tensor:
        """Return the gray images (B, 1, H, W) in 0..1 as the net on this device takes them."""
        moved = images.to(self.device, non_blocking=True)
        return normalise(moved, in_channels).contiguous(memory_format=self.memory_format)

    def autocast(self, *, cache: bool = True) -> torch.autocast:
        """Return the context in which the net runs; `cache`: weights are converted once a context."""
        enabled = self.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled, cache_enabled=cache)

    @contextmanager
    def tuned(self) -> Iterator[None]:
        """Let cuDNN try its algorithms inside the block on the first batches and keep the fastest (nothing on CPUs)."""
        before = torch.backends.cudnn.benchmark
        torch.backends.cudnn.benchmark = self.device.type == "cuda" or before
        try:
            yield
        finally:
            torch.backends.cudnn.benchmark = before

    @property
    def inference_batch(self) -> int:
        """Frames per forward pass when testing: CPUs are fastest with 1, larger batches fall out of their caches."""
        return 16 if self.device.type == "cuda" else 1

    @property
    def loader_workers(self) -> int:
        """Processes that make batches while the device trains: none on a CPU, where they would compete with it."""
        return min(8, os.cpu_count() or 1) if self.device.type == "cuda" else 0


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was asked for; nothing on a CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Take random numbers of torch from `seed` inside the block (first weights, dropout).

    Put back as they were after it.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def fresh_net(settings: TrainingConfig) -> Detector:
    """Return a detector with its first weights: Xavier-normal convolutions (section V-B), the rest as torch has it."""
    with seeded(settings.seed, torch.device("cpu")):
        net = detectors.build(settings.detector, settings.in_channels)
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_normal_(module.weight)
    return net
