"""ACM against the published port's parameter counts, and its asymmetric fusion against the formula."""

from __future__ import annotations

import pytest
import torch

from sirstgen.detectors.acm import ACM, AsymmetricFusion
from sirstgen.detectors.detector import folded
from sirstgen.errors import InvalidValueError


@pytest.mark.parametrize(("channels", "blocks", "count"), [(1, 3, 397_823), (3, 3, 397_971), (3, 4, 518_419)])
def test_parameter_counts_of_the_unet(channels: int, blocks: int, count: int) -> None:
    assert sum(p.numel() for p in ACM(channels, blocks=blocks).parameters()) == count


@pytest.mark.parametrize("decoder", ["unet", "fpn"])
def test_logits_have_the_size_of_the_image_and_reach_every_weight(decoder: str) -> None:
    net = ACM(1, decoder=decoder, blocks=1)  # type: ignore[arg-type]
    (logits,) = net(torch.rand(2, 1, 48, 64))
    assert logits.shape == (2, 1, 48, 64)
    logits.square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert net.predict(torch.rand(1, 1, 50, 33)).shape == (1, 1, 50, 33)


def test_fusion_is_the_formula() -> None:
    torch.manual_seed(1)
    fusion = AsymmetricFusion(8).eval()
    low, high = torch.rand(2, 1, 8, 6, 6)
    channel = fusion.top_down(high.mean((2, 3), keepdim=True))
    expected = fusion.post(2 * low * channel + 2 * high * fusion.bottom_up(low))
    torch.testing.assert_close(fusion(low, high), expected)


def test_unknown_decoder_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="decoder must be one of"):
        ACM(1, decoder="pan")  # type: ignore[arg-type]


def test_the_folded_net_is_the_same_net() -> None:
    torch.manual_seed(0)
    net = ACM(1, blocks=1).double()
    for _ in range(3):
        net(torch.rand(4, 1, 64, 64, dtype=torch.float64))
    image = torch.rand(1, 1, 48, 64, dtype=torch.float64)
    torch.testing.assert_close(folded(net).predict(image), net.predict(image))
