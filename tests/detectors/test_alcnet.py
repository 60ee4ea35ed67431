"""ALCNet: its structure counted by hand, its local contrast on a dot, an edge and nothing, and its fusion."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sirstgen import detectors
from sirstgen.detectors.alcnet import ALCNet, BottomUpFusion, local_contrast, multiscale_local_contrast
from sirstgen.detectors.detector import folded
from sirstgen.errors import InvalidValueError


def weights_by_hand(channels: int, blocks: int) -> int:
    """From the published structure: widths, strides, blocks and reductions; no parameter count of it is published."""

    def conv(inputs: int, outputs: int, side: int) -> int:
        return inputs * outputs * side**2 + 2 * outputs  # without bias, then scale and shift of its normalisation

    stages = 0
    for inputs, outputs in ((16, 16), (16, 32), (32, 64)):
        stages += conv(inputs, outputs, 3) + (2 * blocks - 1) * conv(outputs, outputs, 3)
        stages += conv(inputs, outputs, 1) if inputs != outputs else 0
    fusion = 2 * 32 + 2 * (conv(16, 16, 1) + 16)
    head = conv(16, 4, 3) + 4 + 1
    return conv(channels, 16, 3) + stages + conv(32, 16, 1) + conv(64, 16, 1) + 2 * fusion + head


@pytest.mark.parametrize(
    ("name", "channels", "blocks", "pinned"),
    [("alcnet", 3, 4, 372_573), ("alcnet", 1, 4, 372_285), ("alcnet-resnet20", 3, 3, 275_357)],
)
def test_the_structure_has_the_weights_it_should(name: str, channels: int, blocks: int, pinned: int) -> None:
    net = detectors.build(name, channels)
    count = sum(p.numel() for p in net.parameters())
    assert count == weights_by_hand(channels, blocks) == pinned


def test_the_input_normalisation_learns_nothing_and_levels_stand_at_strides_1_2_4() -> None:
    net = ALCNet(1, blocks=1)
    first = next(module for module in net.modules() if isinstance(module, nn.BatchNorm2d))
    assert not first.affine
    shapes = []
    for stage in net.encoder:
        stage.register_forward_hook(lambda module, args, out: shapes.append(tuple(out.shape[1:])))
    net.predict(torch.rand(1, 1, 64, 96))
    assert shapes == [(16, 64, 96), (32, 32, 48), (64, 16, 24)]


@pytest.mark.parametrize("shift", [13, 17])
@pytest.mark.parametrize("sign", [1, -1])
def test_local_contrast_sees_dots_and_no_edges(shift: int, sign: int) -> None:
    flat = torch.full((1, 1, 64, 64), 3.0)
    dot = flat.clone()
    dot[0, 0, 30:33, 40:43] += sign * 2
    edge = flat.clone()
    edge[..., 20:50] += sign * 2
    contrast = local_contrast(dot, shift)[0, 0]
    inside = torch.zeros(64, 64, dtype=torch.bool)
    inside[30:33, 40:43] = True
    assert (contrast[inside] == 4).all()
    assert (contrast[~inside] <= 0).all()
    assert (local_contrast(edge, shift) <= 0).all()
    assert (local_contrast(flat, shift) == 0).all()


def test_local_contrast_is_the_formula() -> None:
    generator = torch.Generator().manual_seed(2)
    features = torch.rand(1, 2, 20, 24, generator=generator)
    for y, x in ((0, 0), (7, 23), (19, 11)):
        for channel in range(2):

            def at(dy: int, dx: int, y: int = y, x: int = x, channel: int = channel) -> float:
                return float(features[0, channel, (y + dy) % 20, (x + dx) % 24] - features[0, channel, y, x])

            expected = max(
                min(at(dy * s, dx * s) * at(-dy * s, -dx * s) for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)))
                for s in (13, 17)
            )
            found = multiscale_local_contrast(features)[0, channel, y, x]
            assert found.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("image", [torch.zeros(1, 1, 16, 16), torch.rand(1, 1, 5, 7), torch.full((1, 1, 1, 40), 9.0)])
def test_small_and_flat_images_of_any_size_give_finite_logits(image: torch.Tensor) -> None:
    net = ALCNet(1, blocks=1)
    logits = net.predict(image)
    assert logits.shape == image.shape
    assert torch.isfinite(logits).all()


def test_a_flat_batch_has_finite_gradients_and_every_weight_is_reached() -> None:
    net = ALCNet(1, blocks=1)
    for images in (torch.zeros(2, 1, 32, 48), torch.rand(2, 1, 32, 48)):
        net.zero_grad()
        (logits,) = net(images)
        assert logits.shape == (2, 1, 32, 48)
        logits.square().sum().backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


def test_fusion_lets_the_fine_map_gate_the_coarse_one() -> None:
    torch.manual_seed(1)
    fusion = BottomUpFusion(8).eval()
    fusion.low_norm.running_mean = torch.rand(8)
    low, high = torch.rand(2, 1, 8, 6, 6)
    normal = fusion.low_norm(low)
    torch.testing.assert_close(fusion(low, high), fusion.gate(normal) * fusion.high_norm(high) + normal)
    torch.testing.assert_close(fusion(low, torch.zeros_like(high)), normal)


def test_the_folded_net_is_the_same_net() -> None:
    torch.manual_seed(0)
    net = ALCNet(1, blocks=1).double()
    for _ in range(3):
        net(torch.rand(4, 1, 32, 32, dtype=torch.float64))
    image = torch.rand(1, 1, 30, 45, dtype=torch.float64)
    torch.testing.assert_close(folded(net).predict(image), net.predict(image))


def test_a_net_without_blocks_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="blocks must be at least 1, got 0"):
        ALCNet(1, blocks=0)
