"""The scene network: a small DenseNet on what stands where, beside a small head on the frame's statistics.

The paper names its scene classifier F_scene (Fig. 7) and gives no architecture. Public frames with scene labels are
few: a CNN alone, trained on them and on procedural frames, gets about four of five right on places it has not seen, the
head on `sirstgen.scenes.features` nine of ten. Their logits are added.
"""

from __future__ import annotations

import torch
from torch import nn

from sirstgen.errors import InvalidValueError
from sirstgen.scenes.features import STATISTICS
from sirstgen.torchvision_compat import import_torchvision

_STEM_CHANNELS = 32
_LAYERS = (3, 4, 6, 4)
_GROWTH = 16
_MEMBERS, _HIDDEN = 4, 128
_FARTHEST = 4.0  # standard deviations; one odd statistic of a new camera is not to outvote the others


class SceneNetwork(nn.Module):
    """Two ways to look at a frame; `sirstgen.scenes.classify.frame_logits` adds their answers.

    Attributes:
        cnn: (n, 1, INPUT_SIDE, INPUT_SIDE) prepared squares to (n, classes) logits; torchvision's DenseNet (Huang et
            al., CVPR 2017) with 17 thin layers.
        head: (n, STATISTICS) statistics to (n, classes) logits.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.cnn: nn.Module = import_torchvision("models").DenseNet(
            growth_rate=_GROWTH, block_config=_LAYERS, num_init_features=_STEM_CHANNELS, bn_size=2, num_classes=classes
        )
        stem = nn.Conv2d(1, _STEM_CHANNELS, kernel_size=7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(stem.weight)
        self.cnn.get_submodule("features").conv0 = stem
        self.cnn.to(memory_format=torch.channels_last)
        self.head = StatisticsHead(classes)


class StatisticsHead(nn.Module):
    """A few small perceptrons on the standardised statistics; their mean logits.

    Attributes:
        members: the perceptrons; they differ by their random start and by the frames they drew.
    """

    center: torch.Tensor
    spread: torch.Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(STATISTICS))
        self.register_buffer("spread", torch.ones(STATISTICS))
        self.members = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(0.1), nn.Linear(STATISTICS, _HIDDEN), nn.ReLU(), nn.Dropout(0.3), nn.Linear(_HIDDEN, classes)
            )
            for _ in range(_MEMBERS)
        )

    def scale_by(self, statistics: torch.Tensor) -> None:
        """Standardise by mean and standard deviation of (n, STATISTICS) from here on."""
        self.center.copy_(statistics.mean(dim=0))
        self.spread.copy_(statistics.std(dim=0, correction=0) + 1e-3)

    def standardised(self, statistics: torch.Tensor) -> torch.Tensor:
        """(n, STATISTICS) less the mean, over the standard deviation, clipped."""
        return ((statistics - self.center) / self.spread).clamp(-_FARTHEST, _FARTHEST)

    def forward(self, statistics: torch.Tensor) -> torch.Tensor:
        """(n, STATISTICS) to (n, classes) logits."""
        values = self.standardised(statistics)
        return torch.stack([member(values) for member in self.members]).mean(dim=0)


def build_network(classes: int) -> SceneNetwork:
    """A randomly initialised scene network; nothing is downloaded.

    Args:
        classes: number of scene classes, at least 2.

    Raises:
        InvalidValueError: fewer than two classes.
    """
    if classes < 2:
        raise InvalidValueError(f"a scene network needs at least 2 classes, got {classes}", classes=classes)
    return SceneNetwork(classes)
