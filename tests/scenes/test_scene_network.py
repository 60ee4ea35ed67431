from __future__ import annotations

import pytest
import torch

from sirstgen.errors import InvalidValueError
from sirstgen.scenes.features import STATISTICS
from sirstgen.scenes.network import StatisticsHead, build_network
from sirstgen.scenes.preparation import INPUT_SIDE


@pytest.mark.parametrize("classes", [2, 5])
def test_one_channel_in_one_logit_a_class_out(classes: int) -> None:
    network = build_network(classes).eval()
    with torch.inference_mode():
        assert network.cnn(torch.zeros(3, 1, INPUT_SIDE, INPUT_SIDE)).shape == (3, classes)
        assert network.head(torch.zeros(3, STATISTICS)).shape == (3, classes)


def test_statistics_are_standardised_and_odd_ones_clipped() -> None:
    layer = StatisticsHead(3)
    values = torch.randn(200, STATISTICS) * 3 + 7
    layer.scale_by(values)
    torch.testing.assert_close(layer.standardised(values).mean(dim=0), torch.zeros(STATISTICS), atol=0.02, rtol=0)
    assert layer.standardised(torch.full((1, STATISTICS), 1e6)).max() == 4


def test_the_network_is_small() -> None:
    assert 100_000 < sum(weight.numel() for weight in build_network(5).parameters()) < 300_000


def test_one_class_is_no_choice() -> None:
    with pytest.raises(InvalidValueError, match="at least 2 classes, got 1"):
        build_network(1)
