"""Endless synthetic images for training."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from sirstgen.errors import InvalidValueError
from sirstgen.training.augmentation import Augmentation
from sirstgen.training.config import TrainingConfig
from sirstgen.training.loop import Training
from sirstgen.training.stream import SyntheticBatches, SyntheticStream


class Numbered:
    """In place of a generator: image i is i gray levels everywhere, with a target in its corner."""

    def __getitem__(self, index: int) -> SimpleNamespace:
        mask = np.zeros((32, 48), np.uint8)
        mask[3:6, 3:6] = 255
        return SimpleNamespace(image=np.full((32, 48), index, np.uint8), mask=mask)


def gray_levels(dataset: SyntheticStream, workers: int) -> list[int]:
    loader = DataLoader(dataset, batch_size=None, num_workers=workers)
    return [round(image.mean().item() * 255) for image, _ in loader]


def test_workers_share_the_images_without_loss_or_repeat() -> None:
    dataset = SyntheticStream(Numbered(), start=2, count=7)  # type: ignore[arg-type]
    assert gray_levels(dataset, 0) == list(range(2, 9))
    assert sorted(gray_levels(dataset, 2)) == list(range(2, 9))
    assert len(DataLoader(dataset, batch_size=2)) == 4
    with pytest.raises(TypeError, match="endless"):
        len(SyntheticStream(Numbered()))  # type: ignore[arg-type]


def test_the_stream_is_endless_and_ready_for_a_net() -> None:
    endless = SyntheticStream(Numbered())  # type: ignore[arg-type]
    *_, (image, mask) = itertools.islice(endless, 50)
    assert image.shape == mask.shape == (1, 32, 48)
    assert image.dtype == mask.dtype == torch.float32
    assert mask.sum() == 9
    with pytest.raises(InvalidValueError, match="negative"):
        SyntheticStream(Numbered(), start=-1)  # type: ignore[arg-type]


def test_a_step_takes_its_own_images_and_trains(settings: TrainingConfig) -> None:
    plain = Augmentation(crop=32, base=None, mirror=0.0, blur=0.0)
    batches = SyntheticBatches(Numbered(), plain, batch=4, seed=1)  # type: ignore[arg-type]
    levels = [round(value.item() * 255) for value in batches[3][0].mean((1, 2, 3))]
    assert levels == [12, 13, 14, 15]
    fitted = Training(settings, batches, device="cpu").run()
    assert fitted.step == settings.steps
