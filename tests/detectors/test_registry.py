"""Detectors by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sirstgen import detectors
from sirstgen.errors import InvalidValueError


def test_every_name_builds() -> None:
    for name in detectors.names():
        assert detectors.build(name, in_channels=1).in_channels == 1


def test_short_names() -> None:
    assert detectors.canonical("DNANet") == "dnanet-resnet18"
    assert detectors.canonical("resnet10_light") == "dnanet-resnet10-light"
    assert detectors.canonical("MDvsFA-cGAN") == "mdvsfa"


def test_only_mdvsfa_is_adversarial() -> None:
    assert [name for name in detectors.names() if detectors.is_adversarial(name)] == ["mdvsfa", "mdvsfa-light"]


def test_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(InvalidValueError, match=r"got 'dnanet-resnet19'; did you mean 'dnanet-resnet1\d'"):
        detectors.build("dnanet-resnet19")


def test_a_choice_the_detector_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="acm does not take deep_supervision"):
        detectors.build("acm", deep_supervision=True)


def test_names_come_without_torch() -> None:
    program = "import sys, sirstgen.detectors as d; d.names(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
