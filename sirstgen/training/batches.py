"""Batches by step: the batch of a step depends on the seed and the step alone, so that any step can be made again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sirstgen.errors import InvalidValueError
from sirstgen.seeding import stream
from sirstgen.training.augmentation import Augmentation, AugmentationDraw
from sirstgen.training.frames import Frames

Batch = tuple[Tensor, Tensor]
"""Images (B, 1, H, W) float32 in 0..1, and masks (B, 1, H, W) float32 of 0 and 1."""


class BatchSource(Protocol):
    """Anything that makes the batch of a step, at any time and in any process."""

    def __getitem__(self, step: int) -> Batch: ...


class FrameBatches(Dataset[Batch]):
    """Augmented batches from frames in memory.

    Frames are taken in the order of one random permutation after the other, so that every frame is seen once per
    epoch; a batch may reach over the end of an epoch, and no frame is ever left out.

    Args:
        frames: at least one.
        augmentation: what happens to each frame.
        batch: frames per batch.
        seed: with the step, the only thing that batches depend on.
    """

    def __init__(self, frames: Frames, augmentation: Augmentation, batch: int, seed: int) -> None:
        if not len(frames):
            raise InvalidValueError("training needs at least one frame, got none")
        self.frames = frames
        self.augmentation = augmentation
        self.batch = batch
        self.seed = seed
        self._epoch = -1
        self._order = np.arange(0)

    def frame_of(self, position: int) -> int:
        """Return which frame is the `position`-th one of the training, counted from 0."""
        epoch, place = divmod(position, len(self.frames))
        if epoch != self._epoch:
            self._epoch, self._order = epoch, stream(self.seed, epoch, "order").permutation(len(self.frames))
        return int(self._order[place])

    def draws(self, step: int) -> list[tuple[int, AugmentationDraw]]:
        """Return the number of each frame of a step's batch, and what happens to it."""
        drawn = []
        for position in range(step * self.batch, (step + 1) * self.batch):
            index = self.frame_of(position)
            rng = stream(self.seed, position, "augmentation")
            drawn.append((index, self.augmentation.draw(self.frames.masks[index], rng)))
        return drawn

    def __getitem__(self, step: int) -> Batch:
        pairs = [
            self.augmentation.apply(self.frames.images[index], self.frames.masks[index], draw)
            for index, draw in self.draws(step)
        ]
        return torch.stack([image for image, _ in pairs]), torch.stack([mask for _, mask in pairs])


def batch_loader(source: BatchSource, start: int, stop: int, workers: int, pin: bool) -> DataLoader[Batch]:
    """Return the batches of steps `start` to `stop` - 1, in order, made by `workers` processes (0: in this one)."""
    return DataLoader(
        source,  # type: ignore[arg-type]  # only __getitem__ is asked of it, the sampler names the steps
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        pin_memory=pin,
        prefetch_factor=4 if workers else None,
        # Without one of its own the loader takes a number from torch's global generator.
        generator=torch.Generator(),
    )


def ahead(make: Callable[[int], Tensor], numbers: Iterable[int], count: int = 64) -> Iterator[Tensor]:
    """Yield what `make` returns for each of `numbers`, made by a thread up to `count` ahead."""
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future[Tensor]] = deque()
        try:
            for number in numbers:
                waiting.append(pool.submit(make, number))
                if len(waiting) > count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
