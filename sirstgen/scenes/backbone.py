"""The encoder of the scene and place networks: the first blocks of EfficientNet-lite0, for gray frames.

Few labelled infrared frames are public. Filters that were learned on ImageNet (EfficientNet, Tan and Le, ICML 2019; the
lite variant has no squeeze-and-excitation and clips at 6) transfer to them: a linear classifier on these features beats
a network that starts from random weights. Batch normalisation is folded into the convolutions and the three colour
channels of the first one are summed.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

STEM_CHANNELS = 32


class _Stage(NamedTuple):
    """A row of Table 1 of the paper: blocks of one kind, the first of which may halve the size."""

    blocks: int
    channels: int
    expansion: int
    kernel: int
    stride: int


STAGES = (
    _Stage(1, 16, 1, 3, 1),
    _Stage(2, 24, 6, 3, 2),
    _Stage(2, 40, 6, 5, 2),
    _Stage(3, 80, 6, 3, 2),
    _Stage(3, 112, 6, 5, 1),
    _Stage(4, 192, 6, 5, 2),
)
"""The stages at 1/2, 1/4, 1/8, 1/16, 1/16 and 1/32 of the input size; the one after them is left out."""


class _Convolution(nn.Conv2d):
    """A convolution with bias whose output is the input size over the stride, rounded up ("same" padding)."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, groups=groups)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Map (n, before, h, w) to (n, after, ceil(h / stride), ceil(w / stride))."""
        kernel, (stride, _) = self.weight, self.stride
        if kernel.shape[-1] == 1:  # a matrix product is faster for one frame, and much faster for several
            return functional.linear(values.movedim(1, -1), kernel[:, :, 0, 0], self.bias).movedim(-1, 1)
        if stride == 2:  # an even side is padded by one pixel less at its beginning: a zero there in the kernel
            rows, columns = (1 - side % 2 for side in values.shape[-2:])
            kernel = functional.pad(kernel, (columns, 0, rows, 0))
        return functional.conv2d(values, kernel, self.bias, stride, self.kernel_size[0] // 2, groups=self.groups)


class _Block(nn.Module):
    """An inverted residual block: expand, filter each channel, project."""

    def __init__(self, before: int, after: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = before * expansion
        self.expand = _Convolution(before, inner, 1) if expansion > 1 else None
        self.filter = _Convolution(inner, inner, kernel, stride, groups=inner)
        self.project = _Convolution(inner, after, 1)
        self.residual = stride == 1 and before == after

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Map (n, before, h, w) to (n, after, h / stride, w / stride)."""
        inner = values if self.expand is None else functional.relu6(self.expand(values), inplace=True)
        projected: torch.Tensor = self.project(functional.relu6(self.filter(inner), inplace=True))
        return values + projected if self.residual else projected


class Backbone(nn.Module):
    """The first stages of the encoder, `STAGES`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Convolution(1, STEM_CHANNELS, 3, 2)
        self.stages = nn.ModuleList()
        before = STEM_CHANNELS
        for stage in STAGES:
            blocks = nn.Sequential()
            for number in range(stage.blocks):
                stride = stage.stride if number == 0 else 1
                blocks.append(_Block(before, stage.channels, stage.expansion, stage.kernel, stride))
                before = stage.channels
            self.stages.append(blocks)

    def forward(self, frames: torch.Tensor, stages: int | None = None) -> list[torch.Tensor]:
        """Return what each stage gives, (n, channels, h, w) each.

        Args:
            frames: (n, 1, H, W), -1 black to 1 white.
            stages: how many of the stages; default all.
        """
        values = functional.relu6(self.stem(frames), inplace=True)
        found = []
        for stage in self.stages[:stages]:
            values = stage(values)
            found.append(values)
        return found
