from __future__ import annotations

import pytest
import torch

from sirstgen.errors import InvalidValue
from sirstgen.scenes.network import build_network
from sirstgen.scenes.preparation import INPUT_SIDE


@pytest.mark.parametrize("classes", [2, 5])
def test_one_channel_in_one_logit_a_class_out(classes: int) -> None:
    network = build_network(classes).eval()
    with torch.inference_mode():
        assert network(torch.zeros(3, 1, INPUT_SIDE, INPUT_SIDE)).shape == (3, classes)


def test_the_network_is_small() -> None:
    assert 100_000 < sum(weight.numel() for weight in build_network(5).parameters()) < 200_000


def test_one_class_is_no_choice() -> None:
    with pytest.raises(InvalidValue, match="at least 2 classes, got 1"):
        build_network(1)
