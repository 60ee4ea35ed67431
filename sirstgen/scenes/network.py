"""The scene network: features learned on ImageNet and statistics of the frame, weighed by one linear layer.

The paper names its scene classifier F_scene (Fig. 7) and gives no architecture. Public frames with scene labels are too
few for a network of its own: trained from random weights, a small DenseNet was right on four of five places that it had
not seen, this one is right on nineteen of twenty.
"""

from __future__ import annotations

import torch
from torch import nn

from sirstgen.errors import InvalidValueError
from sirstgen.scenes.backbone import STAGES, Backbone
from sirstgen.scenes.features import STATISTICS

_POOLED = (2, 3, 4, 5)  # stages whose features are averaged over the frame
_HALVED = (4, 5)  # stages that are averaged over the upper and the lower half too: sky is above

DESCRIPTORS = 2 * sum(STAGES[stage].channels for stage in _POOLED + _HALVED) + STATISTICS
"""Numbers that describe a frame."""


class SceneNetwork(nn.Module):
    """From a frame to scene logits.

    Attributes:
        backbone: six stages of EfficientNet-lite0; it is not trained here.
        center: mean of each descriptor over the training frames, (DESCRIPTORS,).
        spread: their standard deviations.
        answer: standardised descriptors to (n, classes) logits.
    """

    center: torch.Tensor
    spread: torch.Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        if classes < 2:
            raise InvalidValueError(f"a scene network needs at least 2 classes, got {classes}", classes=classes)
        self.backbone = Backbone()
        self.register_buffer("center", torch.zeros(DESCRIPTORS))
        self.register_buffer("spread", torch.ones(DESCRIPTORS))
        self.answer = nn.Linear(DESCRIPTORS, classes)

    def describe(self, squares: torch.Tensor, statistics: torch.Tensor) -> torch.Tensor:
        """Return means and deviations of the backbone's features, then the statistics: (n, DESCRIPTORS).

        Args:
            squares: (n, 1, INPUT_SIDE, INPUT_SIDE) float32, -1 black to 1 white.
            statistics: (n, STATISTICS) float32 (`sirstgen.scenes.features`).
        """
        found = self.backbone(squares)
        parts = []
        for stage in _POOLED:
            flat = found[stage].flatten(2)
            parts += [flat.mean(dim=2), flat.std(dim=2)]
        for stage in _HALVED:
            middle = found[stage].shape[2] // 2
            parts += [found[stage][:, :, :middle].mean(dim=(2, 3)), found[stage][:, :, middle:].mean(dim=(2, 3))]
        return torch.cat([*parts, statistics], dim=1)

    def forward(self, descriptors: torch.Tensor) -> torch.Tensor:
        """Map (n, DESCRIPTORS) to (n, classes) logits."""
        logits: torch.Tensor = self.answer((descriptors - self.center) / self.spread)
        return logits
