"""ACM (Dai et al., WACV 2021): a small residual encoder whose decoder fuses by asymmetric contextual modulation.

Second column of Table VIII. Encoder: input normalisation, a stem of three 3x3 convolutions and a max-pool (stride 4),
three stages of residual blocks (16, 32, 64 channels; 3 blocks each is "ResNet20") at strides 4, 8 and 16. Decoder:
twice, the coarser map is brought to the finer one's size and fused with it,

    out = ReLU(BN(conv3x3(2 low g(high) + 2 high l(low))))

where g is a stack of 1x1 convolutions on the globally pooled coarse map, and l the same on every pixel of the fine
one: the coarse map says which channels matter, the fine one says where. The ``unet`` decoder enlarges by transposed
convolutions and refines with a residual stage, ``fpn`` enlarges bilinearly. The DNA-Net authors never released their
ACM; which decoder stood in Table VIII is unknown, and the U-Net with 3 blocks is the default here.
"""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import functional

from sirstgen.detectors.detector import Detector, resize
from sirstgen.errors import InvalidValueError

Decoder = Literal["unet", "fpn"]

STEM = 8
WIDTHS = (16, 32, 64)


class BasicBlock(nn.Module):
    """The residual block of CIFAR ResNets: two 3x3 convolutions, the first with `stride`."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        out = functional.relu(self.bn1(self.conv1(features)), inplace=True)
        out = self.bn2(self.conv2(out)) + self.shortcut(features)
        return functional.relu(out, inplace=True)


def residual_stage(inputs: int, outputs: int, stride: int, blocks: int) -> nn.Sequential:
    """Return `blocks` residual blocks, the first of them with `stride`."""
    rest = (BasicBlock(outputs, outputs) for _ in range(blocks - 1))
    return nn.Sequential(BasicBlock(inputs, outputs, stride), *rest)


def gate(channels: int, reduction: int = 4) -> nn.Sequential:
    """Return weights in 0..1 for each channel and pixel: 1x1 convolution, BN, ReLU, 1x1 convolution, BN, sigmoid."""
    hidden = channels // reduction
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1),
        nn.BatchNorm2d(hidden),
        nn.ReLU(inplace=True),
        nn.Conv2d(hidden, channels, 1),
        nn.BatchNorm2d(channels),
        nn.Sigmoid(),
    )


class AsymmetricFusion(nn.Module):
    """Asymmetric bi-directional contextual modulation of a fine (`low`) and a coarse (`high`) map of equal shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.top_down = gate(channels)
        self.bottom_up = gate(channels)
        self.post = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        """Map two maps (B, C, H, W) to one."""
        channel_gate = self.top_down(functional.adaptive_avg_pool2d(high, 1))
        pixel_gate = self.bottom_up(low)
        out: Tensor = self.post(2 * low * channel_gate + 2 * high * pixel_gate)
        return out


class ACM(Detector):
    """Asymmetric contextual modulation network; logits at full resolution, one map.

    Args:
        in_channels: channels of the image; 3 gives 397,971 parameters, 1 gives 397,823 (U-Net, 3 blocks).
        decoder: ``unet`` or ``fpn``.
        blocks: residual blocks in each stage; 3 is "ResNet20", 4 the published command lines.

    Raises:
        InvalidValueError: an argument that does not describe a net.
    """

    def __init__(self, in_channels: int = 3, *, decoder: Decoder = "unet", blocks: int = 3) -> None:
        super().__init__(in_channels)
        if decoder not in get_args(Decoder):
            raise InvalidValueError(f"decoder must be one of {', '.join(get_args(Decoder))}, got {decoder!r}")
        if blocks < 1:
            raise InvalidValueError(f"blocks must be at least 1, got {blocks}")
        fine, middle, coarse = WIDTHS

        def conv(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
            layer = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            return [layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]

        self.stem = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            *conv(in_channels, STEM, 2),
            *conv(STEM, STEM),
            *conv(STEM, 2 * STEM),
            nn.MaxPool2d(3, 2, 1),
        )
        self.encoder = nn.ModuleList(
            [
                residual_stage(2 * STEM, fine, 1, blocks),
                residual_stage(fine, middle, 2, blocks),
                residual_stage(middle, coarse, 2, blocks),
            ]
        )
        self.enlarge = nn.ModuleList([_enlarge(coarse, middle, decoder), _enlarge(middle, fine, decoder)])
        self.fusions = nn.ModuleList([AsymmetricFusion(middle), AsymmetricFusion(fine)])
        self.refine = nn.ModuleList(
            residual_stage(width, width, 1, blocks) if decoder == "unet" else nn.Identity() for width in (middle, fine)
        )
        self.head = nn.Sequential(*conv(fine, fine // 4), nn.Dropout(0.1), nn.Conv2d(fine // 4, 1, 1))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return one logit map (B, 1, H, W), in a tuple as `Detector` has it.

        Args:
            images: (B, in_channels, H, W), float, H and W multiples of 16.
        """
        self.check_input(images)
        features = self.stem(images)
        levels = []
        for stage in self.encoder:
            features = stage(features)
            levels.append(features)
        out = levels.pop()
        for enlarge, fuse, refine in zip(self.enlarge, self.fusions, self.refine, strict=True):
            out = refine(fuse(levels.pop(), enlarge(out)))
        return (resize(self.head(out), 4.0),)


class _Enlarged(nn.Module):
    """1x1 convolution, BN, ReLU, then bilinear enlargement by 2 (the FPN decoder)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.reduce = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    def forward(self, features: Tensor) -> Tensor:
        return resize(self.reduce(features), 2.0)


def _enlarge(inputs: int, outputs: int, decoder: Decoder) -> nn.Module:
    if decoder == "unet":
        return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
    return _Enlarged(inputs, outputs)


def unet(in_channels: int = 3) -> ACM:
    """Return ACM-ResNet20 with the U-Net decoder: 397,971 parameters for 3 channels."""
    return ACM(in_channels, decoder="unet")


def fpn(in_channels: int = 3) -> ACM:
    """Return ACM-ResNet20 with the FPN decoder."""
    return ACM(in_channels, decoder="fpn")
