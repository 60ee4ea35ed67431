"""MDvsFA-cGAN (Wang et al., ICCV 2019): two generators, one against missed targets, one against false alarms.

A row of Tables II and III. Both generators look at the image at full resolution through dilated convolutions: CAN with
a field of 47 pixels and up to eight times its base width, UCAN with dilations up to 64 and skips between layers of
equal dilation. Each gives every pixel a score, clipped to 0..1; the prediction is the mean of the two, and a target is
where it is above 0.5. The discriminator, needed for training only (`sirstgen.training.adversarial`), tells the true
mask of an image from either generator's.

The structure is that of the authors' PyTorch release: 3x3 convolutions with bias, batch normalisation, LeakyReLU 0.2.
The last convolution of each generator is 1x1. The image arrives as all detectors here get it, by ImageNet's statistics,
in place of the release's -1..1: the first batch normalisation undoes the difference.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from sirstgen.detectors.detector import Detector
from sirstgen.errors import InvalidValueError

CAN_DILATIONS = (1, 1, 2, 4, 8, 4, 2, 1)
CAN_WIDTHS = (1, 1, 2, 4, 8, 4, 2, 1)
UCAN_DILATIONS = (1, 2, 4, 8, 16, 32, 64)

# The discriminator's last features of a 128x128 patch, flattened for its linear layers.
_GRID = 32
# Scores of 0 and 1 become logits of -13.8 and 13.8.
_LEAST_SCORE = 1e-6


def _dilated(inputs: int, outputs: int, dilation: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True))


class CAN(nn.Sequential):
    """The first generator (CAN8): eight dilated 3x3 convolutions of 1, 1, 2, 4, 8, 4, 2, 1 times `width`, and a 1x1."""

    def __init__(self, inputs: int, width: int) -> None:
        widths = [inputs, *(width * factor for factor in CAN_WIDTHS)]
        layers = [_dilated(widths[k], widths[k + 1], dilation) for k, dilation in enumerate(CAN_DILATIONS)]
        super().__init__(*layers, nn.Conv2d(width, 1, 1))


class UCAN(nn.Module):
    """The second generator (UCAN64): dilations up to 64 and back, with skips as in a U-Net that never shrinks."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        outward = [_dilated(inputs if k == 0 else width, width, d) for k, d in enumerate(UCAN_DILATIONS)]
        self.outward = nn.ModuleList(outward)
        self.turn = _dilated(width, width, UCAN_DILATIONS[-2])
        self.inward = nn.ModuleList(_dilated(2 * width, width, d) for d in reversed(UCAN_DILATIONS[:-2]))
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, 1, H, W), not clipped."""
        out = images
        skips = []
        for layer in self.outward:
            out = layer(out)
            skips.append(out)
        out = self.turn(skips.pop())
        for layer in self.inward:
            out = layer(torch.cat([skips.pop(), out], dim=1))
        scores: Tensor = self.last(out)
        return scores


class Generators(nn.Module):
    """Both generators, each giving the score of every pixel."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.can = CAN(inputs, width)
        self.ucan = UCAN(inputs, width)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (B, inputs, H, W) to two score maps (B, 1, H, W), float32 (or float64), 0..1: CAN's and UCAN's."""
        can, ucan = (_clipped(generator(images)) for generator in (self.can, self.ucan))
        return can, ucan


def _clipped(scores: Tensor) -> Tensor:
    return (scores if scores.dtype == torch.float64 else scores.float()).clamp(0, 1)


class Discriminator(nn.Module):
    """Which mask is it: the true one (0), CAN's (1) or UCAN's (2)?

    Two max-pools by 2, four 3x3 convolutions, and three linear layers on their 32x32 features of a 128x128 patch;
    features of patches of another size are averaged to that grid.

    Args:
        inputs: channels of the image.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        widths = (inputs + 1, 24, 24, 24, 1)
        self.features = nn.Sequential(
            nn.MaxPool2d(4), *(_dilated(widths[k], widths[k + 1], 1) for k in range(len(widths) - 1))
        )
        self.classify = nn.Sequential(
            nn.Linear(_GRID**2, 128), nn.BatchNorm1d(128), nn.Tanh(),
            nn.Linear(128, 64), nn.BatchNorm1d(64), nn.Tanh(),
            nn.Linear(64, 3), nn.Softmax(dim=1),
        )  # fmt: skip

    def forward(self, images: Tensor, masks: Sequence[Tensor]) -> tuple[tuple[Tensor, ...], Tensor]:
        """Judge several masks of the same images.

        Args:
            images: (B, inputs, H, W), H and W at least 4.
            masks: maps (B, 1, H, W) in 0..1.

        Returns:
            For each of `masks` the probabilities (B, 3) of the three answers; and the features of all, (masks, B, ...).
        """
        pairs = torch.cat([torch.cat([images, 2 * mask - 1], dim=1) for mask in masks])
        features = self.features(pairs)
        grid = functional.adaptive_avg_pool2d(features, _GRID).flatten(1)
        answers = self.classify(grid).chunk(len(masks))
        return answers, features.unflatten(0, (len(masks), -1))


class MDvsFA(Detector):
    """Both generators as one detector; `discriminator` is for training.

    Args:
        in_channels: channels of the image; 1 in the release.
        width: base width of the generators; 64 in the release.

    Raises:
        InvalidValueError: an argument that does not describe a net.
    """

    stride = 1

    def __init__(self, in_channels: int = 3, *, width: int = 64) -> None:
        super().__init__(in_channels)
        if width < 1:
            raise InvalidValueError(f"width must be at least 1, got {width}", value=width)
        self.generators = Generators(in_channels, width)
        self.discriminator: Discriminator | None = Discriminator(in_channels)

    def drop_auxiliary_heads(self) -> None:
        """Leave out the discriminator."""
        self.discriminator = None

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the logit of the mean score, one map (B, 1, H, W) in a tuple: above 0 where the mean is above 0.5.

        Args:
            images: (B, in_channels, H, W), float, of any size.
        """
        self.check_input(images)
        can, ucan = self.generators(images)
        return (torch.logit((can + ucan) / 2, eps=_LEAST_SCORE),)


def full(in_channels: int = 3) -> MDvsFA:
    """Return MDvsFA-cGAN at the released width of 64."""
    return MDvsFA(in_channels)


def light(in_channels: int = 3) -> MDvsFA:
    """Return MDvsFA-cGAN at an eighth of its width: not a published net, but one that a CPU can train."""
    return MDvsFA(in_channels, width=8)
