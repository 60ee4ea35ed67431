"""ALCNet (Dai et al., TGRS 2021): residual features, their local contrast, fused from fine to coarse by attention.

A row of Tables II and III. Encoder: input normalisation without learnable scale, one 3x3 convolution at full
resolution, three stages of residual blocks (16, 32, 64 channels) at strides 1, 2 and 4. Every level is replaced by its
local contrast: a pixel beside its eight neighbours at distance s,

    C_s = min over the 4 directions d of (f(p + s d) - f(p)) (f(p - s d) - f(p)),     C = max(C_13, C_17)

which is large where a pixel stands out on both sides of it in every direction (a target) and small on edges, where the
differences of at least one direction vanish or differ in sign. The shifts are cyclic. The coarser levels are brought to
16 channels, and each is enlarged and added to the finer one where that one's own content lets it:

    out = g(BN(low)) BN(high) + BN(low)

The popular re-implementation under this name has no contrast measure at all; its figures are not those of this net.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sirstgen.detectors.acm import WIDTHS, gate, residual_stage
from sirstgen.detectors.detector import Detector, resize
from sirstgen.errors import InvalidValueError

SHIFTS = (13, 17)
# One of each pair of opposite directions, as (rows, columns).
_DIRECTIONS = ((1, 1), (1, 0), (1, -1), (0, 1))


def local_contrast(features: Tensor, shift: int) -> Tensor:
    """Return the patch contrast measure of every pixel at one scale.

    Args:
        features: (B, C, H, W).
        shift: s, distance of the neighbours, pixels of `features`; taken modulo H and W, as the shift is cyclic.

    Returns:
        (B, C, H, W): at least 0 where the pixel is above (or below) both neighbours of all four directions.
    """
    least: Tensor | None = None
    for rows, columns in _DIRECTIONS:
        step = (rows * shift, columns * shift)
        ahead = torch.roll(features, (-step[0], -step[1]), dims=(2, 3)) - features
        behind = torch.roll(features, step, dims=(2, 3)) - features
        product = ahead * behind
        least = product if least is None else torch.minimum(least, product)
    assert least is not None
    return least


def multiscale_local_contrast(features: Tensor) -> Tensor:
    """Return the greater of the local contrasts at 13 and at 17 pixels, (B, C, H, W)."""
    fine, coarse = (local_contrast(features, shift) for shift in SHIFTS)
    return torch.maximum(fine, coarse)


class BottomUpFusion(nn.Module):
    """Bottom-up local attention of a fine (`low`) and a coarse (`high`) map of equal shape: the fine one says where."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.low_norm = nn.BatchNorm2d(channels)
        self.high_norm = nn.BatchNorm2d(channels)
        self.gate = gate(channels, reduction=1)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        """Map two maps (B, C, H, W) to one."""
        low = self.low_norm(low)
        out: Tensor = self.gate(low) * self.high_norm(high) + low
        return out


class ALCNet(Detector):
    """Attentional local contrast network; logits at full resolution, one map.

    Args:
        in_channels: channels of the image.
        blocks: residual blocks in each stage; 3 is "ResNet20" (the paper's Table III), 4 the published command lines.

    Raises:
        InvalidValueError: an argument that does not describe a net.
    """

    stride = 4

    def __init__(self, in_channels: int = 3, *, blocks: int = 4) -> None:
        super().__init__(in_channels)
        if blocks < 1:
            raise InvalidValueError(f"blocks must be at least 1, got {blocks}", value=blocks)
        fine, middle, coarse = WIDTHS

        def conv(inputs: int, outputs: int, side: int) -> list[nn.Module]:
            layer = nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=False)
            return [layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]

        self.stem = nn.Sequential(nn.BatchNorm2d(in_channels, affine=False), *conv(in_channels, fine, 3))
        self.encoder = nn.ModuleList(
            [
                residual_stage(fine, fine, 1, blocks),
                residual_stage(fine, middle, 2, blocks),
                residual_stage(middle, coarse, 2, blocks),
            ]
        )
        self.reduce = nn.ModuleList(
            [nn.Identity(), nn.Sequential(*conv(middle, fine, 1)), nn.Sequential(*conv(coarse, fine, 1))]
        )
        self.fusions = nn.ModuleList([BottomUpFusion(fine), BottomUpFusion(fine)])
        self.head = nn.Sequential(*conv(fine, fine // 4, 3), nn.Dropout(0.1), nn.Conv2d(fine // 4, 1, 1))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return one logit map (B, 1, H, W), in a tuple as `Detector` has it.

        Args:
            images: (B, in_channels, H, W), float, H and W multiples of 4.
        """
        self.check_input(images)
        features = self.stem(images)
        levels = []
        for stage, reduce in zip(self.encoder, self.reduce, strict=True):
            features = stage(features)
            levels.append(reduce(multiscale_local_contrast(features)))
        out = levels.pop()
        for fuse in self.fusions:
            out = fuse(levels.pop(), resize(out, 2.0))
        return (self.head(out),)


def resnet20(in_channels: int = 3) -> ALCNet:
    """Return ALCNet-ResNet20, the row of Tables II and III: three residual blocks in each stage."""
    return ALCNet(in_channels, blocks=3)


def published(in_channels: int = 3) -> ALCNet:
    """Return ALCNet as its authors' command lines build it: four residual blocks in each stage."""
    return ALCNet(in_channels, blocks=4)
