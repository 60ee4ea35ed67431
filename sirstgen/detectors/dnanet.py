"""DNA-Net (section III): a grid of nodes L^{i,j} with dense nested interaction, CSAM attention and pyramid fusion.

::

    level 0   x00 ─ x01 ─ x02 ─ x03 ─ x04      column 0 is the encoder; every other node x(i,j) takes, in this order,
    level 1   x10 ─ x11 ─ x12 ─ x13              same:  x(i,0) ... x(i,j-1)      its own level, all earlier columns
    level 2   x20 ─ x21 ─ x22                    up:    x(i+1,j-1)               the level below, enlarged by 2
    level 3   x30 ─ x31                          down:  x(i-1,j)                 the level above, reduced by 2
    level 4   x40

`Grid` says which nodes there are and what flows into each (Eq. 1 and 2); `DNANet` builds and runs whatever a grid
says, so that the ablations of Tables V to VII are grids, not copies. The parameter counts are those of the published
net; where its code and the paper's text differ, the code is followed (the trained net is what its figures belong to):

* downward features are reduced bilinearly, not by max-pooling as Eq. 2 has it (max-pooling is used in column 0);
* channel and spatial attention sit inside every residual block, before the shortcut is added;
* the pyramid's features are brought to one width by 1x1 convolutions before they are enlarged;
* x01, x02, x03 have heads of their own (deep supervision), of which the paper does not speak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from sirstgen.detectors.detector import Detector, PointwiseConv, resize
from sirstgen.errors import InvalidValueError

Interaction = Literal["tri-directional", "left-to-right", "top-to-bottom", "none"]
Attention = Literal["channel+spatial", "channel", "spatial", "none"]
Fusion = Literal["concatenate", "sum"]
Block = Literal["residual", "vgg"]

FULL_WIDTH = (16, 32, 64, 128, 256)
HALF_WIDTH = (8, 16, 32, 64, 128)


class Source(NamedTuple):
    """One input of a node: the node it comes from, and how its features get to the receiving level."""

    level: int
    column: int
    way: Literal["same", "pool", "up", "down"]


@dataclass(frozen=True)
class Grid:
    """The nodes of a DNA-Net and what flows into each (Fig. 3, Fig. 11).

    Args:
        channels: features of each level, finest first.
        blocks: convolution blocks in a node, per level.
        interaction: ``tri-directional`` is DNA-Net; the others are the rows of Table V. ``left-to-right`` leaves out
            the downward features; ``none`` is a U-Net with plain skips, without middle nodes; ``top-to-bottom`` gives
            all three directions to the inner nodes (1,1), (1,2), (2,1) only, plain skips to the rest (our reading of
            Fig. 11(b), which the text does not fix).
    """

    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    interaction: Interaction = "tri-directional"

    def __post_init__(self) -> None:
        if len(self.channels) < 2 or len(self.channels) != len(self.blocks):
            raise InvalidValueError(
                f"channels and blocks must have one entry per level and at least two levels, got {self.channels} and "
                f"{self.blocks}",
                value=self.channels,
            )
        if min(self.channels + self.blocks) < 1:
            raise InvalidValueError(f"channels and blocks must be positive, got {self.channels} and {self.blocks}")
        _one_of("interaction", self.interaction, get_args(Interaction))

    @property
    def depth(self) -> int:
        """The deepest level, I of the paper (4)."""
        return len(self.channels) - 1

    def nodes(self) -> list[tuple[int, int]]:
        """Return all nodes (level, column), each after everything that it takes features from."""
        triangle = [(i, j) for j in range(self.depth + 1) for i in range(self.depth + 1 - j)]
        if self.interaction == "none":
            return [(i, j) for i, j in triangle if j == 0 or i + j == self.depth]
        return triangle

    def sources(self, level: int, column: int) -> list[Source]:
        """Return what node (level, column) takes, in the order of concatenation.

        Empty for (0, 0), which takes the image.
        """
        i, j = level, column
        if j == 0:
            return [Source(i - 1, 0, "pool")] if i else []
        inner = i >= 1 and i + j < self.depth
        plain = self.interaction == "none" or (self.interaction == "top-to-bottom" and not inner)
        same = [Source(i, 0, "same")] if plain else [Source(i, k, "same") for k in range(j)]
        below = [Source(i + 1, j - 1, "up")]
        downward = self.interaction == "tri-directional" or (self.interaction == "top-to-bottom" and inner)
        above = [Source(i - 1, j, "down")] if i and downward else []
        return same + below + above


class ChannelAttention(nn.Module):
    """Eq. 3 and 4: features weighted by channel, ``sigmoid(MLP(max) + MLP(mean))`` over all pixels."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        # At 8 channels (ResNet10-Light) the published ratio of 16 would leave no hidden unit at all.
        hidden = max(1, channels // reduction)
        self.squeeze = nn.Conv2d(channels, hidden, 1, bias=False)
        self.excite = nn.Conv2d(hidden, channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return the weights, (B, C, 1, 1), in 0..1."""
        mean = functional.adaptive_avg_pool2d(features, 1)
        peak = _largest(features.flatten(2), 2)[..., None]
        hidden = functional.relu(self.squeeze(mean)) + functional.relu(self.squeeze(peak))
        return torch.sigmoid(self.excite(hidden))


class SpatialAttention(nn.Module):
    """Eq. 5 and 6: features weighted by pixel, ``sigmoid(conv7x7[mean, max])`` over all channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return the weights, (B, 1, H, W), in 0..1."""
        summary = torch.cat([features.mean(1, keepdim=True), _largest(features, 1)], dim=1)
        return torch.sigmoid(self.conv(summary))


def _largest(features: Tensor, dim: int) -> Tensor:
    """Return the largest value along `dim`, which keeps size 1.

    The gradient of `torch.amax` divides by the number of values equal to the largest. A compiled gradient computes the
    features again without rounding them to bfloat16, finds none equal and divides by zero. When compiled, the index of
    the largest value therefore selects where the gradient goes.
    """
    if not torch.compiler.is_compiling():
        return features.amax(dim, keepdim=True)
    shape = [-1 if axis == dim else 1 for axis in range(features.ndim)]
    index = torch.arange(features.shape[dim], device=features.device).reshape(shape)
    selected = index == features.detach().argmax(dim, keepdim=True)
    return torch.where(selected, features, 0).sum(dim, keepdim=True)


class ConvBlock(nn.Module):
    """3x3 convolution, BN, ReLU, 3x3 convolution, BN, CSAM, shortcut (residual blocks only), ReLU."""

    def __init__(self, inputs: int, outputs: int, attention: Attention, block: Block) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.channel_attention = ChannelAttention(outputs) if "channel" in attention else None
        self.spatial_attention = SpatialAttention() if "spatial" in attention else None
        self.residual = block == "residual"
        self.shortcut: nn.Module = nn.Identity()
        if self.residual and inputs != outputs:
            self.shortcut = nn.Sequential(PointwiseConv(inputs, outputs), nn.BatchNorm2d(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W)."""
        out: Tensor = functional.relu(self.bn1(self.conv1(features)), inplace=True)
        out = self.bn2(self.conv2(out))
        if self.channel_attention is not None:
            out = _weighted(out, self.channel_attention(out))
        if self.spatial_attention is not None:
            out = _weighted(out, self.spatial_attention(out))
        if self.residual:
            out += self.shortcut(features)
        return functional.relu(out, inplace=True)


def _weighted(features: Tensor, weights: Tensor) -> Tensor:
    """Return features times weights.

    In place where no gradient needs the features, which saves a pass over fresh memory.
    """
    return features * weights if features.requires_grad else features.mul_(weights)


class SumFusion(nn.Module):
    """Inputs brought to one width by 1x1 convolutions and added (Table VI, "w/o CSAM ⊕")."""

    def __init__(self, inputs: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(PointwiseConv(channels, outputs) for channels in inputs)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Map any number of maps (B, inputs[k], H, W) to one (B, outputs, H, W)."""
        parts = [conv(feature) for conv, feature in zip(self.convs, features, strict=True)]
        return torch.stack(parts).sum(0)


class DNANet(Detector):
    """Dense nested attention network; the defaults are the published DNA-Net-ResNet18.

    Args:
        in_channels: channels of the image; 3 in the published net (4,696,888 parameters), 1 for gray frames.
        channels: features of each level, finest first.
        blocks: blocks in the nodes of levels 1 to 4 (level 0 always has one): 2, 2, 2, 2 is "ResNet18".
        block: ``residual`` or ``vgg`` (no shortcut).
        deep_supervision: heads on x01, x02 and x03 besides the last one.
        interaction: Table V, see `Grid`.
        attention: Table VI: ``none`` is "w/o CSAM", ``spatial`` "w/o CA", ``channel`` "w/o SA".
        fusion: ``sum`` adds a node's inputs after 1x1 convolutions, in place of concatenating them (Table VI).
        pyramid: levels that the feature pyramid fuses: (0, 1, 2, 3) is Table VII's "w/o L5", (0, 1, 2) "w/o L45",
            (0, 1) "w/o L345"; (0,) leaves the pyramid out and predicts from x04. The paper widens all layers of an
            ablated net until its size is the same; use `channels` for that.

    Raises:
        InvalidValueError: an argument that does not describe a net.
    """

    blocks = (ConvBlock,)

    def __init__(
        self,
        in_channels: int = 3,
        *,
        channels: Sequence[int] = FULL_WIDTH,
        blocks: Sequence[int] = (2, 2, 2, 2),
        block: Block = "residual",
        deep_supervision: bool = True,
        interaction: Interaction = "tri-directional",
        attention: Attention = "channel+spatial",
        fusion: Fusion = "concatenate",
        pyramid: Sequence[int] | None = None,
    ) -> None:
        super().__init__(in_channels)
        _one_of("block", block, get_args(Block))
        _one_of("attention", attention, get_args(Attention))
        _one_of("fusion", fusion, get_args(Fusion))
        self.grid = grid = Grid(tuple(channels), (1, *blocks), interaction)
        self.stride = 2**grid.depth
        self.pyramid = tuple(sorted(range(grid.depth + 1) if pyramid is None else set(pyramid), reverse=True))
        if not self.pyramid or self.pyramid[-1] != 0 or self.pyramid[0] > grid.depth:
            raise InvalidValueError(f"pyramid must hold level 0 and no level above {grid.depth}, got {pyramid}")

        def stack(inputs: int, outputs: int, count: int) -> nn.Sequential:
            widths = [inputs] + [outputs] * count
            return nn.Sequential(*(ConvBlock(widths[k], outputs, attention, block) for k in range(count)))

        self.plan = [(node, grid.sources(*node)) for node in grid.nodes()]
        self.nodes = nn.ModuleDict()
        self.fusions = nn.ModuleDict()
        for (i, j), sources in self.plan:
            widths = [grid.channels[source.level] for source in sources] or [in_channels]
            if fusion == "sum" and len(widths) > 1:
                self.fusions[f"x{i}{j}"] = SumFusion(widths, grid.channels[i])
                widths = [grid.channels[i]]
            self.nodes[f"x{i}{j}"] = stack(sum(widths), grid.channels[i], grid.blocks[i])

        finest = grid.channels[0]
        self.reduce = nn.ModuleDict({str(i): PointwiseConv(grid.channels[i], finest) for i in self.pyramid if i})
        self.fuse = stack(finest * len(self.pyramid), finest, 1) if len(self.pyramid) > 1 else nn.Identity()
        self.supervised = [(i, j) for i, j in grid.nodes() if i == 0 < j < grid.depth] if deep_supervision else []
        self.heads = nn.ModuleList(PointwiseConv(finest, 1) for _ in range(len(self.supervised) + 1))

    def drop_auxiliary_heads(self) -> None:
        """Leave out the heads on x01, x02 and x03."""
        self.supervised = []
        self.heads = self.heads[-1:]

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return logit maps (B, 1, H, W): of x01, x02, x03 under deep supervision, and the prediction last.

        Args:
            images: (B, in_channels, H, W), float, H and W multiples of 16.
        """
        self.check_input(images)
        features: dict[tuple[int, int], Tensor] = {}
        for (i, j), sources in self.plan:
            arriving = [_carry(features[source.level, source.column], source) for source in sources] or [images]
            name = f"x{i}{j}"
            if name in self.fusions:
                arriving = [self.fusions[name](arriving)]
            features[i, j] = self.nodes[name](torch.cat(arriving, dim=1) if len(arriving) > 1 else arriving[0])

        depth = self.grid.depth
        levels = [
            resize(self.reduce[str(i)](features[i, depth - i]), 2**i) if i else features[0, depth] for i in self.pyramid
        ]
        last = self.fuse(torch.cat(levels, dim=1) if len(levels) > 1 else levels[0])
        maps = [features[node] for node in self.supervised] + [last]
        return tuple(head(feature) for head, feature in zip(self.heads, maps, strict=True))


def _carry(features: Tensor, source: Source) -> Tensor:
    """Return features of another node, brought to the receiving node's level."""
    if source.way == "pool":
        return functional.max_pool2d(features, 2)
    if source.way == "same":
        return features
    return resize(features, 2.0 if source.way == "up" else 0.5)


def _one_of(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise InvalidValueError(
            f"{name} must be one of {', '.join(allowed)}, got {value!r}", value=value, allowed=allowed
        )


def resnet10(in_channels: int = 3, *, deep_supervision: bool = True) -> DNANet:
    """Return DNA-Net-ResNet10: one residual block per node, 2,612,196 parameters for 3 channels."""
    return DNANet(in_channels, blocks=(1, 1, 1, 1), deep_supervision=deep_supervision)


def resnet18(in_channels: int = 3, *, deep_supervision: bool = True) -> DNANet:
    """Return DNA-Net-ResNet18, the paper's main net: 4,696,888 parameters for 3 channels."""
    return DNANet(in_channels, blocks=(2, 2, 2, 2), deep_supervision=deep_supervision)


def resnet34(in_channels: int = 3, *, deep_supervision: bool = True) -> DNANet:
    """Return DNA-Net-ResNet34: 8,792,702 parameters for 3 channels."""
    return DNANet(in_channels, blocks=(3, 4, 6, 3), deep_supervision=deep_supervision)


def vgg10(in_channels: int = 3, *, deep_supervision: bool = True) -> DNANet:
    """Return DNA-Net-VGG10: one block without shortcut per node, 2,456,020 parameters for 3 channels."""
    return DNANet(in_channels, blocks=(1, 1, 1, 1), block="vgg", deep_supervision=deep_supervision)


def resnet10_light(in_channels: int = 3, *, deep_supervision: bool = True) -> DNANet:
    """Return DNA-Net-ResNet10-Light (Table III): ResNet10 of half the width, 656,516 parameters for 3 channels."""
    return DNANet(in_channels, channels=HALF_WIDTH, blocks=(1, 1, 1, 1), deep_supervision=deep_supervision)
