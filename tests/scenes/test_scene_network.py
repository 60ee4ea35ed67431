"""Shapes and bounds of the scene network and its backbone."""

from __future__ import annotations

import pytest
import torch

from sirstgen.errors import InvalidValueError
from sirstgen.scenes.backbone import STAGES, Backbone
from sirstgen.scenes.features import STATISTICS
from sirstgen.scenes.network import DESCRIPTORS, SceneNetwork


@pytest.mark.parametrize("side", [64, 75])
def test_stages_shrink_the_frame_and_round_up(side: int) -> None:
    found = Backbone().eval()(torch.zeros(1, 1, side, side))
    sizes, size = [], -(-side // 2)
    for stage in STAGES:
        size = -(-size // stage.stride)
        sizes.append((1, stage.channels, size, size))
    assert [tuple(stage.shape) for stage in found] == sizes


def test_a_frame_is_described_alone() -> None:
    network = SceneNetwork(3).eval()
    squares, statistics = torch.rand(2, 1, 64, 64) * 2 - 1, torch.rand(2, STATISTICS)
    with torch.inference_mode():
        together = network.describe(squares, statistics)
        alone = network.describe(squares[1:], statistics[1:])
    assert together.shape == (2, DESCRIPTORS)
    torch.testing.assert_close(together[1:], alone, atol=1e-4, rtol=1e-4)
    assert network(together).shape == (2, 3)


def test_one_class_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="at least 2 classes, got 1"):
        SceneNetwork(1)
