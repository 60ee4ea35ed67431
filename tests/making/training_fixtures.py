"""Small frames and small nets, so that whole trainings take a second or two."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch

from making.training_frames import make_frames
from sirstgen import detectors
from sirstgen.detectors.dnanet import DNANet
from sirstgen.training.augmentation import Augmentation
from sirstgen.training.config import TrainingConfig
from sirstgen.training.frames import Frames


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build_tiny(name: str, in_channels: int = 3) -> DNANet:
    """A DNA-Net of 4 to 8 channels under the name of the Light one, and no others."""
    assert name == "dnanet-resnet10-light"
    return DNANet(in_channels, channels=(4, 4, 8, 8, 8), blocks=(1, 1, 1, 1))


TINY = TrainingConfig(
    detector="dnanet-resnet10-light",
    in_channels=1,
    steps=8,
    batch=4,
    seed=3,
    validate_every=3,
    test_size=32,
    augmentation=Augmentation(crop=32, base=32),
)


@pytest.fixture(autouse=True)
def tiny_net(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny net in place of the Light one."""
    monkeypatch.setattr(detectors, "build", build_tiny)


@pytest.fixture
def frames() -> Frames:
    return make_frames(12)


@pytest.fixture
def settings() -> TrainingConfig:
    return TINY


@pytest.fixture
def learnable(settings: TrainingConfig) -> TrainingConfig:
    """TrainingConfig under which the tiny net finds the squares after a few seconds."""
    plain = Augmentation(crop=32, base=None, blur=0.0, around_target=1.0)
    return dataclasses.replace(settings, steps=60, validate_every=30, seed=5, augmentation=plain, test_size=48)
