"""The place network: from a gray frame to sky, water and ground."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from sirstgen.scenes.backbone import STAGES, Backbone

OUTPUTS = 3  # sky, water, ground
_STAGES = 4
_SKIPS = 3  # stages that the decoder's steps take up, at 1/2, 1/4 and 1/8 of the input side
_WIDTHS = (16, 24, 40, 80)  # decoder channels at 1/2, 1/4, 1/8 and 1/16
_FINE = 8
_CONTEXT = (1, 2, 4)  # dilations of the blocks on the coarsest features: together they see the whole frame


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
        """(n, channels, h, w) to the same shape."""
        return functional.relu(features + self.block(features))


class PlaceNetwork(nn.Module):
    """A U-Net (Ronneberger et al., MICCAI 2015) on the first four stages of EfficientNet-lite0.

    Attributes:
        encoder: the stages.
        top: the coarsest features, the row and the mean over the frame to decoder features.
        context: relates the coarsest features over the whole frame.
        up: the decoder's steps, coarse to fine.
        fine: full-size features of the frame itself, for thin posts and branches.
        answer: features to logits.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Backbone(_STAGES)
        channels = [stage.channels for stage in STAGES[:_STAGES]]
        self.top = nn.Conv2d(2 * channels[-1] + 1, _WIDTHS[-1], 1)
        self.context = nn.Sequential(*(_Context(_WIDTHS[-1], dilation) for dilation in _CONTEXT))
        self.up = nn.ModuleList(
            _Mix(_WIDTHS[level + 1] + channels[level], _WIDTHS[level]) for level in reversed(range(_SKIPS))
        )
        self.fine = nn.Sequential(nn.Conv2d(1, _FINE, 3, 1, 1), nn.ReLU(inplace=True))
        self.answer = nn.Conv2d(_WIDTHS[0] + _FINE, OUTPUTS, 3, 1, 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Logits (n, 3, side, side) of sky, water and ground.

        Args:
            frames: (n, 1, side, side) float32, side a multiple of 16 (`sirstgen.places.preparation`).
        """
        *levels, coarse = self.encoder(frames)
        rows = torch.linspace(-1, 1, coarse.shape[2], dtype=coarse.dtype, device=coarse.device)
        rows = rows[None, None, :, None].expand(len(coarse), 1, -1, coarse.shape[3])
        mean = coarse.mean(dim=(2, 3), keepdim=True).expand_as(coarse)
        features = self.context(functional.relu(self.top(torch.cat([coarse, mean, rows], dim=1))))
        for block, level in zip(self.up, reversed(levels[:_SKIPS]), strict=True):
            features = functional.interpolate(features, scale_factor=2.0, mode="nearest")
            features = block(torch.cat([features, level], dim=1))
        features = functional.interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
        logits: torch.Tensor = self.answer(torch.cat([features, self.fine(frames)], dim=1))
        return logits
