"""MDvsFA-cGAN: its layers counted by hand, its prediction against the formula."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from sirstgen import detectors
from sirstgen.detectors.detector import folded
from sirstgen.detectors.mdvsfa import CAN, UCAN, Discriminator, MDvsFA
from sirstgen.errors import InvalidValueError


def conv(inputs: int, outputs: int, side: int = 3) -> int:
    return (inputs * side**2 + 1) * outputs


def layers(net: nn.Module) -> list[nn.Conv2d]:
    return [module for module in net.modules() if isinstance(module, nn.Conv2d)]


def test_can_is_as_published() -> None:
    """Nine convolutions of chn..8chn with dilations up to 8, published; the count of weights follows from that."""
    net = CAN(1, 64)
    assert [layer.dilation[0] for layer in layers(net)] == [1, 1, 2, 4, 8, 4, 2, 1, 1]
    widths = [1, 64, 64, 128, 256, 512, 256, 128, 64]
    assert [layer.in_channels for layer in layers(net)] == widths
    norms = 2 * sum(widths[1:])
    pairs = itertools.pairwise(widths)
    assert sum(p.numel() for p in net.parameters()) == sum(conv(*pair) for pair in pairs) + norms + conv(64, 1, 1)


def test_ucan_is_as_published() -> None:
    """Fourteen convolutions with dilations up to 64, the later ones on concatenations, published."""
    net = UCAN(1, 64)
    assert [layer.dilation[0] for layer in layers(net)] == [1, 2, 4, 8, 16, 32, 64, 32, 16, 8, 4, 2, 1, 1]
    assert [layer.in_channels for layer in layers(net)] == [1] + 7 * [64] + 5 * [128] + [64]
    by_hand = conv(1, 64) + 7 * conv(64, 64) + 5 * conv(128, 64) + 13 * 2 * 64 + conv(64, 1, 1)
    assert sum(p.numel() for p in net.parameters()) == by_hand


def test_parameter_counts() -> None:
    """Pinned; neither the paper nor the release states them."""
    net = detectors.build("mdvsfa", 1)
    assert isinstance(net, MDvsFA)
    assert sum(p.numel() for p in net.generators.parameters()) == 3_768_322
    assert sum(p.numel() for p in Discriminator(1).parameters()) == 151_270
    light = detectors.build("mdvsfa-light", 1)
    assert isinstance(light, MDvsFA)
    assert sum(p.numel() for p in light.generators.parameters()) == 59_778


def test_ucan_joins_layers_of_equal_dilation() -> None:
    """With every convolution an averaging of its centre alone, a skip shows as the sum of what it joins."""
    net = UCAN(1, 1).eval()
    for layer in layers(net):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        layer.weight.data[:, :, layer.kernel_size[0] // 2, layer.kernel_size[1] // 2] = 1
    scores = net(torch.ones(1, 1, 4, 4))
    # 1 after the turn, then five joins with a layer of value 1 each.
    torch.testing.assert_close(scores, torch.full((1, 1, 4, 4), 6.0), rtol=1e-3, atol=0)


@pytest.mark.parametrize("size", [(33, 50), (1, 9), (64, 64)])
def test_the_prediction_is_the_mean_of_both_above_a_half(size: tuple[int, int]) -> None:
    torch.manual_seed(4)
    net = MDvsFA(1, width=4)
    for last in (net.generators.can[-1], net.generators.ucan.last):
        nn.init.normal_(last.weight)  # type: ignore[arg-type]
    image = torch.randn(2, 1, *size)
    logits = net.predict(image)
    with torch.inference_mode():
        can, ucan = net.eval().generators(image)
    assert logits.shape == (2, 1, *size)
    assert torch.isfinite(logits).all()
    assert ((can >= 0) & (can <= 1) & (ucan >= 0) & (ucan <= 1)).all()
    mean = (can + ucan) / 2
    assert torch.equal(logits > 0, mean > 0.5)
    torch.testing.assert_close(torch.sigmoid(logits), mean, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [128, 32, 48])
def test_the_discriminator_answers_for_each_mask(size: int) -> None:
    judge = Discriminator(3)
    masks = [torch.rand(2, 1, size, size) for _ in range(3)]
    answers, features = judge(torch.rand(2, 3, size, size), masks)
    assert [answer.shape for answer in answers] == 3 * [(2, 3)]
    torch.testing.assert_close(torch.cat(answers).sum(1), torch.ones(6))
    assert features.shape == (3, 2, 1, size // 4, size // 4)
    torch.cat(answers)[:, 0].sum().backward()
    assert all(p.grad is not None for p in judge.parameters())


def test_the_folded_net_predicts_the_same_without_its_discriminator() -> None:
    torch.manual_seed(0)
    net = MDvsFA(1, width=2).double()
    for _ in range(3):
        net(torch.rand(4, 1, 32, 32, dtype=torch.float64))
    image = torch.rand(1, 1, 30, 45, dtype=torch.float64)
    lean = folded(net)
    assert not any("discriminator" in name for name in lean.state_dict())
    torch.testing.assert_close(lean.predict(image), net.predict(image))


def test_a_net_without_width_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="width must be at least 1, got 0"):
        MDvsFA(1, width=0)
