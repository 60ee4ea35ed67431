"""DNA-Net against the published net: parameter counts, golden outputs of two weight patterns, and its grid."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from functorch.compile import make_boxed_func, min_cut_rematerialization_partition
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import fx
from torch._dynamo.backends.common import aot_autograd
from torch._inductor.decomposition import select_decomp_table

from sirstgen.detectors import dnanet
from sirstgen.detectors.detector import folded
from sirstgen.detectors.dnanet import DNANet, Grid, Source
from sirstgen.errors import InvalidValueError

PARAMETERS = {
    "vgg10": (2_456_020, 2_455_732),
    "resnet10": (2_612_196, 2_611_876),
    "resnet18": (4_696_888, 4_696_568),
    "resnet34": (8_792_702, 8_792_382),
    "resnet10_light": (656_516, 656_356),
}
# Outputs of the published net, in float64 and evaluation mode with fresh BN statistics, for every convolution weight
# 0.6 / fan_in and every bias 0.01. Per head: mean, population standard deviation, value at [21, 31] and at [40, 10].
RESNET10 = [
    (1.007856814e-01, 8.693141981e-02, 5.610986611e-01, 9.860399585e-02),
    (8.489804263e-02, 6.123633174e-02, 3.961957812e-01, 8.449821116e-02),
    (7.836026486e-02, 5.241908436e-02, 3.477435149e-01, 7.621098370e-02),
    (5.810596957e-02, 1.273588387e-02, 1.215560615e-01, 5.859681020e-02),
]
GOLDEN = {
    "vgg10": [
        (1.328081004e-02, 7.581646489e-04, 1.556605718e-02, 1.324317158e-02),
        (1.305205498e-02, 5.175277446e-04, 1.465143942e-02, 1.301132260e-02),
        (1.297506309e-02, 4.286006440e-04, 1.428107033e-02, 1.294747340e-02),
        (1.298508468e-02, 1.426997578e-04, 1.304650006e-02, 1.302746353e-02),
    ],
    "resnet10": RESNET10,
    "resnet10_light": RESNET10,
    "resnet18": [
        (1.068174275e-01, 9.093221396e-02, 5.779447712e-01, 1.056116045e-01),
        (9.412058489e-02, 6.564913150e-02, 4.171902753e-01, 9.579793582e-02),
        (8.767750371e-02, 5.597609619e-02, 3.670572610e-01, 8.733097076e-02),
        (6.974298731e-02, 1.497222920e-02, 1.394726802e-01, 7.145653995e-02),
    ],
    "resnet34": [
        (1.134548274e-01, 9.530817909e-02, 5.962685692e-01, 1.133627930e-01),
        (1.083431662e-01, 7.183362481e-02, 4.475847498e-01, 1.134267729e-01),
        (1.071973851e-01, 6.152250261e-02, 4.032387069e-01, 1.105767049e-01),
        (1.111629812e-01, 2.248062945e-02, 1.996057294e-01, 1.168848029e-01),
    ],
}
# The same for weights that tell channels apart, w[o,i,a,b] = sin(1.7o + 2.3i + 0.9a + 1.3b + 0.3) / sqrt(fan_in): it
# moves if any node concatenates its inputs in another order. ResNet18, last head.
ORDER_SENSITIVE = (1.180897469e-02, 8.873853698e-04, 1.186623864e-02, 1.319210665e-02)


def golden_image() -> torch.Tensor:
    c, y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (3, 64, 64)), indexing="ij")
    image = torch.sin(0.1 * y + 0.2 * x + 0.5 * c)
    image[:, 20:23, 30:33] += 2
    return image[None]


@torch.no_grad()
def set_weights(net: torch.nn.Module, *, ordered: bool) -> None:
    for conv in net.modules():
        if isinstance(conv, torch.nn.Conv2d):
            fan_in = math.prod(conv.weight.shape[1:])
            o, i, a, b = torch.meshgrid(
                *(torch.arange(n, dtype=torch.float64) for n in conv.weight.shape), indexing="ij"
            )
            pattern = torch.sin(1.7 * o + 2.3 * i + 0.9 * a + 1.3 * b + 0.3) / math.sqrt(fan_in)
            conv.weight.copy_(pattern if ordered else torch.full_like(pattern, 0.6 / fan_in))
            if conv.bias is not None:
                conv.bias.fill_(0.01)


def summary(logits: torch.Tensor) -> tuple[float, ...]:
    values = (logits.mean(), logits.std(correction=0), logits[0, 0, 21, 31], logits[0, 0, 40, 10])
    return tuple(value.item() for value in values)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_counts_are_those_of_the_published_net(name: str) -> None:
    counts = tuple(sum(p.numel() for p in getattr(dnanet, name)(channels).parameters()) for channels in (3, 1))
    assert counts == PARAMETERS[name]


@pytest.mark.parametrize("name", GOLDEN)
def test_outputs_are_those_of_the_published_net(name: str) -> None:
    net = getattr(dnanet, name)(3).double().eval()
    set_weights(net, ordered=False)
    with torch.no_grad():
        maps = net(golden_image())
    assert len(maps) == 4
    for logits, expected in zip(maps, GOLDEN[name], strict=True):
        assert summary(logits) == pytest.approx(expected, rel=1e-6)


def test_features_are_concatenated_in_the_published_order() -> None:
    net = dnanet.resnet18(3).double().eval()
    set_weights(net, ordered=True)
    with torch.no_grad():
        assert summary(net(golden_image())[-1]) == pytest.approx(ORDER_SENSITIVE, rel=1e-6)


def test_without_deep_supervision_only_the_last_map_remains() -> None:
    net = dnanet.resnet10(1, deep_supervision=False)
    assert len(net(torch.zeros(2, 1, 32, 32))) == 1
    assert sum(p.numel() for p in net.parameters()) == PARAMETERS["resnet10"][1] - 3 * 17


def test_every_node_comes_after_what_it_takes() -> None:
    for interaction in ("tri-directional", "left-to-right", "top-to-bottom", "none"):
        grid = Grid((16, 32, 64, 128, 256), (1, 1, 1, 1, 1), interaction)
        done: set[tuple[int, int]] = set()
        for node in grid.nodes():
            assert {(source.level, source.column) for source in grid.sources(*node)} <= done
            done.add(node)
        assert (0, 4) in done


def test_equation_2_lists_the_three_directions_of_an_inner_node() -> None:
    grid = Grid((16, 32, 64, 128, 256), (1, 1, 1, 1, 1))
    assert len(grid.nodes()) == 15
    expected = [Source(1, 0, "same"), Source(1, 1, "same"), Source(2, 1, "up"), Source(0, 2, "down")]
    assert grid.sources(1, 2) == expected
    widths = {node: sum(grid.channels[s.level] for s in grid.sources(*node)) for node in grid.nodes()}
    assert [widths[node] for node in ((0, 1), (1, 1), (2, 1), (3, 1), (0, 2), (1, 2), (2, 2), (0, 3), (1, 3))] == [
        48, 112, 224, 448, 64, 144, 288, 80, 176,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "choice",
    [
        {"interaction": "none"},
        {"interaction": "left-to-right"},
        {"interaction": "top-to-bottom"},
        {"attention": "none"},
        {"attention": "channel"},
        {"attention": "spatial"},
        {"attention": "none", "fusion": "sum"},
        {"pyramid": (0,)},
        {"pyramid": (0, 1)},
        {"pyramid": (0, 1, 2, 3)},
    ],
    ids=str,
)
def test_ablations_of_tables_v_to_vii_are_trainable_nets(choice: dict[str, object]) -> None:
    net = DNANet(1, channels=(4, 4, 8, 8, 8), blocks=(1, 1, 1, 1), **choice)  # type: ignore[arg-type]
    maps = net(torch.randn(2, 1, 32, 48, generator=torch.Generator().manual_seed(0)))
    assert len(maps) == (1 if choice.get("interaction") == "none" else 4)
    assert all(logits.shape == (2, 1, 32, 48) for logits in maps)
    sum(logits.sum() for logits in maps).backward()  # type: ignore[union-attr]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@settings(max_examples=10, deadline=None)
@given(height=st.integers(5, 50), width=st.integers(5, 50))
def test_predict_takes_any_size(height: int, width: int) -> None:
    torch.manual_seed(0)
    net = DNANet(1, channels=(2, 2, 2, 2, 2), blocks=(1, 1, 1, 1))
    net.train()
    assert net.predict(torch.rand(1, 1, height, width)).shape == (1, 1, height, width)
    assert net.training


def test_predict_equals_forward_where_nothing_is_padded() -> None:
    net = DNANet(1, channels=(4, 4, 4, 4, 4), blocks=(1, 1, 1, 1)).eval()
    image = torch.rand(1, 1, 32, 48)
    with torch.no_grad():
        torch.testing.assert_close(net.predict(image), net(image)[-1], rtol=0, atol=0)


def test_forward_does_not_pad_silently() -> None:
    net = DNANet(3, channels=(2, 2, 2, 2, 2), blocks=(1, 1, 1, 1))
    with pytest.raises(InvalidValueError, match="multiples of 16, got 72x72"):
        net(torch.zeros(1, 3, 72, 72))
    with pytest.raises(InvalidValueError, match=r"shape \(B, 3, H, W\)"):
        net(torch.zeros(1, 1, 64, 64))


@pytest.mark.parametrize(
    "choice",
    [{"interaction": "diagonal"}, {"attention": "all"}, {"fusion": "max"}, {"block": "dense"}, {"pyramid": (1, 2)},
     {"channels": (16, 32)}, {"in_channels": 0}],
    ids=str,
)  # fmt: skip
def test_arguments_that_describe_no_net_are_refused(choice: dict[str, object]) -> None:
    with pytest.raises(InvalidValueError):
        DNANet(**choice)  # type: ignore[arg-type]


def test_the_folded_net_is_the_same_net() -> None:
    torch.manual_seed(0)
    net = DNANet(1, channels=(4, 4, 8, 8, 8), blocks=(2, 1, 1, 1)).double()
    for _ in range(3):
        net(torch.randn(2, 1, 32, 32, dtype=torch.float64))
    image = torch.randn(1, 1, 32, 48, dtype=torch.float64)
    fast = folded(net)
    torch.testing.assert_close(fast.predict(image), net.predict(image))
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in fast.modules())
    assert net.training


class _Unrounded(fx.Interpreter):
    """Runs a graph as a kernel that rounds to bfloat16 only what convolutions and sums take, as torch's do on a GPU."""

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        if target is torch.ops.prims.convert_element_type.default and args[1] is torch.bfloat16:
            return args[0]
        return super().call_function(target, args, kwargs)

    def fetch_args_kwargs_from_env(self, n: fx.Node) -> Any:
        args, kwargs = super().fetch_args_kwargs_from_env(n)
        if n.target is not torch.ops.aten.eq.Tensor:
            exact = n.target is torch.ops.aten.mul.Tensor
            kept = [torch.float32 if exact else getattr(node, "meta", {}).get("val") for node in n.args]
            pairs = zip(args, kept, strict=True)
            args = tuple(a.to(getattr(k, "dtype", k)) if isinstance(a, torch.Tensor) else a for a, k in pairs)
        return args, kwargs


def test_a_compiled_block_has_a_gradient_where_its_kernels_do_not_round() -> None:
    torch.manual_seed(0)
    block = dnanet.ConvBlock(8, 16, "channel+spatial", "residual")
    features = torch.randn(2, 8, 16, 16)

    def gradient(forward: Any) -> torch.Tensor:
        block.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            result = forward(features)
        result.float().square().mean().backward()
        return torch.cat([p.grad.flatten() for p in block.parameters() if p.grad is not None])

    compiled = torch.compile(
        block,
        dynamic=False,
        backend=aot_autograd(
            fw_compiler=lambda graph, _: make_boxed_func(graph.forward),
            bw_compiler=lambda graph, _: make_boxed_func(_Unrounded(graph).run),
            partition_fn=min_cut_rematerialization_partition,
            decompositions=select_decomp_table(),
        ),
    )
    plain = gradient(block)
    assert (gradient(compiled) - plain).norm() < 0.02 * plain.norm()
