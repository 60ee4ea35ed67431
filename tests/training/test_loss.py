"""SoftIoU against its formula, and the learning rate against the paper's and the code's schedule."""

from __future__ import annotations

import itertools

import pytest
import torch

from sirstgen.training.loss import deep_supervision_loss, soft_iou
from sirstgen.training.schedule import learning_rate


def test_soft_iou_sums_over_the_whole_batch() -> None:
    logits = torch.tensor([[[[8.0, -8.0]]], [[[-8.0, -8.0]]]], dtype=torch.float64)
    masks = torch.tensor([[[[1.0, 1.0]]], [[[0.0, 0.0]]]], dtype=torch.float64)
    p = torch.sigmoid(logits)
    expected = 1 - ((p * masks).sum() + 1) / (p.sum() + masks.sum() - (p * masks).sum() + 1)
    assert soft_iou(logits, masks).item() == pytest.approx(expected.item(), rel=1e-12)
    assert soft_iou(logits, masks).item() == pytest.approx(1 - 2 / 3, abs=1e-3)


def test_half_precision_logits_are_counted_in_float32() -> None:
    masks = torch.zeros(1, 1, 256, 256)
    masks[..., :3, :3] = 1
    loss = soft_iou(torch.where(masks > 0, 9.0, -9.0).bfloat16(), masks)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(soft_iou(torch.where(masks > 0, 9.0, -9.0), masks).item(), abs=1e-6)


def test_an_empty_batch_has_a_finite_gradient() -> None:
    logits = torch.full((2, 1, 8, 8), -30.0, requires_grad=True)
    soft_iou(logits, torch.zeros(2, 1, 8, 8)).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_deep_supervision_is_the_mean_of_all_heads() -> None:
    maps = [torch.randn(1, 1, 4, 4, generator=torch.Generator().manual_seed(k)) for k in range(3)]
    masks = torch.eye(4)[None, None]
    expected = sum(soft_iou(logits, masks).item() for logits in maps) / 3
    assert deep_supervision_loss(maps, masks).item() == pytest.approx(expected)


def test_the_cosine_anneals_and_constant_does_not() -> None:
    rates = [learning_rate(step, 101, "cosine", 0.05, 1e-5) for step in range(101)]
    assert rates[0] == 0.05
    assert rates[50] == pytest.approx((0.05 + 1e-5) / 2)
    assert rates[100] == pytest.approx(1e-5)
    assert all(a > b for a, b in itertools.pairwise(rates))
    assert {learning_rate(step, 101, "constant", 0.05, 1e-5) for step in (0, 100)} == {0.05}
