"""SoftIoU (section V-B): one minus the intersection over union of probabilities and mask."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sirstgen.training import ranks


def soft_iou(logits: Tensor, masks: Tensor, smooth: float = 1.0) -> Tensor:
    """Return the loss ``1 - (sum(p t) + s) / (sum(p) + sum(t) - sum(p t) + s)`` with ``p = sigmoid(logits)``.

    The sums run over the whole batch, on all ranks, as in the published training: images without a target then ask for
    few false pixels, where a sum per image would give each of them a loss that no small error can move. Computed in
    float32 whatever the net computes in, since half precision cannot count the pixels of a batch.

    Args:
        logits: (B, 1, H, W).
        masks: (B, 1, H, W), 0 and 1.
        smooth: s, pixels.

    Returns:
        A scalar in 0..1, float32 (float64 for float64 logits).
    """
    if logits.dtype != torch.float64:
        logits = logits.float()
    probabilities = torch.sigmoid(logits)
    intersection, both = ranks.summed((probabilities * masks).sum(), probabilities.sum() + masks.sum())
    union = both - intersection
    return 1 - (intersection + smooth) / (union + smooth)


def deep_supervision_loss(maps: Sequence[Tensor], masks: Tensor) -> Tensor:
    """Return the mean of `soft_iou` over all heads of a detector, each against the full mask."""
    return torch.stack([soft_iou(logits, masks) for logits in maps]).mean()
