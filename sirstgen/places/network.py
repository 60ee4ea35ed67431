"""The place network: from a gray frame to sky, water and ground.

Few frames with sky masks are public. An encoder that is trained on them learns their places by heart: it finds less of
the sky of other places than one that keeps what it learned on ImageNet. So the encoder is that of the scene network,
unchanged, and the decoder is small: a coarse answer from all features, then a finer one near edges.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from sirstgen.scenes.backbone import STAGES, Backbone

OUTPUTS = 3  # sky, water, ground
_CHANNELS = [stage.channels for stage in STAGES]
_LOCAL = sum(_CHANNELS[2:6])  # features of a cell: stages at 1/8, 1/16, 1/16 and 1/32 of the input side
_FRAME = 3 * _CHANNELS[5] + _CHANNELS[4]  # features of the frame
_PLACE = 3  # the row, its square, the column's square
_WIDTH = 64  # of the coarse features
_WIDTHS = (16, 24, 40)  # decoder channels at 1/2, 1/4 and 1/8
FINE_STAGES = len(_WIDTHS)
"""Stages that the decoder's steps read."""
_FINE = 8
_CONTEXT = (1, 2)  # dilations of the blocks on the coarse features: together they see the whole frame
_DROPPED = 0.4  # of the features, while the decoder is trained


class _Mix(nn.Sequential):
    """A 3x3 convolution, batch normalisation and ReLU."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__(nn.Conv2d(before, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True))


class _Context(nn.Module):
    """A residual block: a dilated 5x5 filter of each channel, then a mix of the channels.

    Args:
        channels: before and after.
        dilation: of the filter.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(channels, channels, 5, 1, 2 * dilation, dilation, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (n, channels, h, w) to the same shape."""
        return functional.relu(features + self.block(features))


class CoarseAnswer(nn.Module):
    """Sky, water and ground of cells of 16x16 input pixels: the mean of two logits of sky.

    One is of a linear layer on the features of the cell and of the frame, one of a network that also relates the cells.

    Attributes:
        center: mean of each feature over the training frames, (_LOCAL + _FRAME,).
        spread: their standard deviations.
        linear: cell features to the first logit of sky; `linear_frame` is the frame's part of it.
        cell: cell features to those of the network; `frame` is the frame's part of it.
        context: relates the cells.
        answer: features to logits.
    """

    center: torch.Tensor
    spread: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(_LOCAL + _FRAME))
        self.register_buffer("spread", torch.ones(_LOCAL + _FRAME))
        self.linear = nn.Conv2d(_LOCAL + _PLACE, 1, 1)
        self.linear_frame = nn.Linear(_FRAME, 1, bias=False)
        self.cell = nn.Conv2d(_LOCAL + _PLACE, _WIDTH, 1)
        self.frame = nn.Linear(_FRAME, _WIDTH, bias=False)
        self.context = nn.Sequential(*(_Context(_WIDTH, dilation) for dilation in _CONTEXT))
        self.answer = nn.Conv2d(_WIDTH, OUTPUTS, 1)

    @staticmethod
    def gathered(levels: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the features of the cells, (n, _LOCAL, h, w), and of the frame, (n, _FRAME), from `coarse_levels`."""
        middle, upper, last, top = levels
        frame = [top.mean(dim=(2, 3)), top.flatten(2).std(dim=2), last.mean(dim=(2, 3))]
        frame.append(top[:, :, : top.shape[2] // 2].mean(dim=(2, 3)))
        fine = functional.interpolate(top, scale_factor=2.0, mode="bilinear", align_corners=False)
        return torch.cat([middle, upper, last, fine], dim=1), torch.cat(frame, dim=1)

    def standard(self, cells: torch.Tensor, frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the features with mean 0 and deviation 1; to those of the cells their place is added."""
        cells = (cells - self.center[:_LOCAL, None, None]) / self.spread[:_LOCAL, None, None]
        n, _, height, width = cells.shape
        rows = torch.linspace(-1, 1, height, device=cells.device)[:, None].expand(height, width)
        columns = torch.linspace(-1, 1, width, device=cells.device).expand(height, width)
        place = torch.stack([rows, rows**2, columns**2]).expand(n, -1, -1, -1)
        return torch.cat([cells, place], dim=1), (frame - self.center[_LOCAL:]) / self.spread[_LOCAL:]

    def dropped(self, cells: torch.Tensor, frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the features, of which some are zero during training."""
        return (
            functional.dropout2d(cells, _DROPPED, self.training),
            functional.dropout(frame, _DROPPED, self.training),
        )

    def related(self, cells: torch.Tensor, frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features and logits of the network alone; arguments from `standard`."""
        features = functional.relu((self.cell(cells) + self.frame(frame)[:, :, None, None]) * 0.3)
        features = self.context(features)
        return features, self.answer(features)

    def answered(self, cells: torch.Tensor, frame: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features (n, _WIDTH, h, w) and logits (n, OUTPUTS, h, w); arguments from `standard`."""
        features, logits = self.related(cells, frame)
        other = torch.logsumexp(logits[:, 1:], dim=1, keepdim=True)
        sky = self.linear(cells) + self.linear_frame(frame)[:, :, None, None]
        return features, torch.cat([(logits[:, :1] + sky + other) / 2, logits[:, 1:]], dim=1)

    def forward(self, levels: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features (n, _WIDTH, h, w) and logits (n, OUTPUTS, h, w), from `coarse_levels`."""
        return self.answered(*self.standard(*self.gathered(levels)))


def coarse_levels(levels: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return the last four stages of the encoder: three at 1/16 of the input side, one at 1/32."""
    return [functional.avg_pool2d(levels[2], 2), *levels[3:]]


class PlaceNetwork(nn.Module):
    """A U-Net (Ronneberger et al., MICCAI 2015) on the encoder of the scene network.

    Attributes:
        encoder: six stages of EfficientNet-lite0; it is not trained here.
        coarse: what the cells of 16x16 pixels show.
        up: the decoder's steps, coarse to fine.
        change: features at half the input side to what is added to the coarse logits.
        fine: features of the frame itself, for thin posts and branches.
        fine_change: those to what is added at last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Backbone()
        self.coarse = CoarseAnswer()
        before = (_WIDTHS[1], _WIDTHS[2], _WIDTH + OUTPUTS)
        self.up = nn.ModuleList(
            _Mix(before[level] + _CHANNELS[level], _WIDTHS[level]) for level in reversed(range(FINE_STAGES))
        )
        self.change = nn.Conv2d(_WIDTHS[0], OUTPUTS, 3, 1, 1)
        self.fine = nn.Sequential(nn.Conv2d(1, _FINE, 3, 1, 1), nn.ReLU(inplace=True))
        self.fine_change = nn.Conv2d(_FINE, OUTPUTS, 3, 1, 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return logits (n, 3, side, side) of sky, water and ground.

        Args:
            frames: (n, 1, side, side) float32, side a multiple of 32 (`sirstgen.places.segment.as_input`).
        """
        levels = self.encoder(frames)
        return self.refined(frames, levels, *self.coarse(coarse_levels(levels)))

    def refined(
        self, frames: torch.Tensor, levels: list[torch.Tensor], features: torch.Tensor, logits: torch.Tensor
    ) -> torch.Tensor:
        """Return the logits at full size; the first three of `levels` are read."""
        logits = logits.contiguous(memory_format=torch.channels_last)  # as the features: faster
        found = torch.cat([features, logits], dim=1)
        for block, level in zip(self.up, reversed(levels[:FINE_STAGES]), strict=True):
            found = functional.interpolate(found, scale_factor=2.0, mode="nearest")
            found = block(torch.cat([found, level], dim=1))
        logits = functional.interpolate(logits, scale_factor=8.0, mode="bilinear", align_corners=False)
        logits = logits + self.change(found)
        logits = functional.interpolate(logits, scale_factor=2.0, mode="bilinear", align_corners=False)
        return torch.as_tensor(logits + self.fine_change(self.fine(frames)))
