"""The scene network: a small DenseNet with one input channel.

The paper names its scene classifier F_scene (Fig. 7) and gives no architecture. This one is torchvision's DenseNet
(Huang et al., CVPR 2017) with 17 thin dense layers: 0.15 million parameters, about a millisecond a square on one core.
From random weights it learned faster on a thousand real frames than ShuffleNet V2 x0.5 and a RegNet of equal cost.
"""

from __future__ import annotations

import torch
from torch import nn

from sirstgen.errors import InvalidValue
from sirstgen.torchvision_compat import import_torchvision

_STEM_CHANNELS = 32
_LAYERS = (3, 4, 6, 4)
_GROWTH = 16


def build_network(classes: int) -> nn.Module:
    """A randomly initialised scene network; nothing is downloaded.

    It maps (N, 1, INPUT_SIDE, INPUT_SIDE) float32, prepared by `sirstgen.scenes.preparation`, to (N, classes) logits.

    Args:
        classes: number of scene classes, at least 2.

    Raises:
        InvalidValue: fewer than two classes.
    """
    if classes < 2:
        raise InvalidValue(f"a scene network needs at least 2 classes, got {classes}", classes=classes)
    network: nn.Module = import_torchvision("models").DenseNet(
        growth_rate=_GROWTH, block_config=_LAYERS, num_init_features=_STEM_CHANNELS, bn_size=2, num_classes=classes
    )
    stem = nn.Conv2d(1, _STEM_CHANNELS, kernel_size=7, stride=2, padding=3, bias=False)
    nn.init.kaiming_normal_(stem.weight)
    network.get_submodule("features").conv0 = stem
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch does not declare it
    return network
