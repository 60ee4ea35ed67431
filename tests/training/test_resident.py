"""Batches made on the device equal those made frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from making.training_frames import make_frames

from sirstgen.seeding import stream
from sirstgen.training.augmentation import Augmentation
from sirstgen.training.batches import FrameBatches
from sirstgen.training.frames import Frames
from sirstgen.training.resident import ResidentBatches, ResidentFrames

CHOICES = {
    "paper": Augmentation(crop=64, base=64),
    "every flip, around targets": Augmentation(crop=48, base=80, upside_down=0.5, transpose=0.5, around_target=0.7),
    "no resize, no blur": Augmentation(crop=48, base=None, blur=0.0, upside_down=0.5, transpose=0.5),
    "strong blur": Augmentation(crop=32, base=None, blur=1.0, blur_radius=(1.5, 2.5)),
}


def textured(count: int, *, deep: bool = False) -> Frames:
    """Frames of different sizes with noise, so that a shifted pixel shows."""
    plain = make_frames(count)
    images, masks = [], []
    for number in range(count):
        rng = stream(number, "texture")
        height, width = 40 + 7 * (number % 4), 56 - 5 * (number % 3)
        image = rng.integers(0, 65536 if deep else 256, (height, width)).astype(np.uint16 if deep else np.uint8)
        mask = np.zeros((height, width), bool)
        y, x = int(rng.integers(4, height - 8)), int(rng.integers(4, width - 8))
        mask[y : y + 4, x : x + 3] = True
        images.append(image)
        masks.append(mask)
    return Frames(plain.ids, tuple(images), tuple(masks))


@pytest.mark.parametrize("augmentation", CHOICES.values(), ids=CHOICES)
def test_batches_on_the_device_equal_those_of_the_cpu_path(augmentation: Augmentation) -> None:
    plain = FrameBatches(textured(9), augmentation, batch=6, seed=4)
    resident = ResidentBatches(plain, "cpu")
    for step in range(6):
        images, masks = plain[step]
        found, targets = resident[step]
        torch.testing.assert_close(targets, masks, rtol=0, atol=0)
        off = (255 * (found - images)).abs()
        assert off.max() <= 1 + 1e-3
        assert off.mean() < 0.3  # on white noise; 0.07 on recorded frames
        if augmentation.base is None and augmentation.blur == 0:
            torch.testing.assert_close(found, images, rtol=0, atol=1e-6)


def test_frames_of_16_bit_keep_their_levels() -> None:
    augmentation = Augmentation(crop=48, base=None, blur=0.0, mirror=0.5)
    plain = FrameBatches(textured(4, deep=True), augmentation, batch=4, seed=1)
    torch.testing.assert_close(ResidentBatches(plain, "cpu")[0][0], plain[0][0], rtol=0, atol=1e-6)


def test_resident_frames_know_their_memory() -> None:
    frames = ResidentFrames(textured(3))
    assert frames.images.dtype == torch.uint8
    assert frames.side % 8 == 0
    assert frames.nbytes == 2 * 3 * frames.side**2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_batches_on_a_gpu_equal_those_of_the_cpu() -> None:
    plain = FrameBatches(textured(9), CHOICES["paper"], batch=6, seed=4)
    images, masks = ResidentBatches(plain, "cuda")[0]
    torch.testing.assert_close(masks.cpu(), plain[0][1], rtol=0, atol=0)
    assert (255 * (images.cpu() - plain[0][0])).abs().max() <= 1 + 1e-3
