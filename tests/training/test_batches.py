"""The batch of a step is the same whenever and wherever it is made."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from making.training_frames import make_frames

from sirstgen.errors import InvalidValueError
from sirstgen.training.augmentation import Augmentation
from sirstgen.training.batches import FrameBatches, batch_loader
from sirstgen.training.frames import Frames


def batches(seed: int = 7) -> FrameBatches:
    return FrameBatches(make_frames(5), Augmentation(crop=32, base=32), batch=2, seed=seed)


def test_a_step_does_not_depend_on_the_steps_before() -> None:
    in_order = [batches()[step] for step in range(6)]
    source = batches()
    for step in (5, 0, 3):
        assert all(torch.equal(a, b) for a, b in zip(source[step], in_order[step], strict=True))
    assert not torch.equal(batches(8)[0][0], in_order[0][0])


def test_workers_change_nothing() -> None:
    alone = list(batch_loader(batches(), 2, 5, workers=0, pin=False))
    helped = list(batch_loader(batches(), 2, 5, workers=2, pin=False))
    assert len(alone) == len(helped) == 3
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(alone, helped, strict=True))


def test_every_frame_is_seen_once_per_epoch() -> None:
    source = batches()
    for epoch in range(3):
        seen = Counter(source.frame_of(position) for position in range(5 * epoch, 5 * epoch + 5))
        assert seen == Counter(range(5))


def test_no_frames_no_training() -> None:
    with pytest.raises(InvalidValueError, match="at least one frame"):
        FrameBatches(Frames((), (), ()), Augmentation(), 2, 0)
