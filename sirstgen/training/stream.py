"""Endless fresh synthetic images for a training, made while it runs and never written to disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from sirstgen.errors import InvalidValueError
from sirstgen.seeding import stream
from sirstgen.training.augmentation import Augmentation, gray_tensor, unit_range
from sirstgen.training.batches import Batch

if TYPE_CHECKING:
    from sirstgen.synthesis.generator import Generator


class SyntheticStream(IterableDataset[tuple[Tensor, Tensor]]):
    """The images of a generator, one after the other, as a torch dataset for any training code.

    ``DataLoader(SyntheticStream(generator), batch_size=16, num_workers=4)`` gives images (B, 1, H, W) float32 in 0..1
    and masks (B, 1, H, W) float32 of 0 and 1. Worker w of n makes the images w, w + n, w + 2n, ...: every image once,
    whatever their number.

    Args:
        generator: recipe, backgrounds, templates and seed.
        start: index of the first image.
        count: number of images; endless if None.
    """

    def __init__(self, generator: Generator, start: int = 0, count: int | None = None) -> None:
        if start < 0 or (count is not None and count < 0):
            raise InvalidValueError(f"start and count must not be negative, got {start} and {count}")
        self.generator = generator
        self.start = start
        self.count = count

    def __len__(self) -> int:
        if self.count is None:
            raise TypeError("an endless stream has no length; give a count")
        return self.count

    def __repr__(self) -> str:
        return f"SyntheticStream({self.generator!r}, start={self.start}, count={self.count})"

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        first, stride = (0, 1) if worker is None else (worker.id, worker.num_workers)
        index = self.start + first
        while self.count is None or index < self.start + self.count:
            sample = self.generator[index]
            yield unit_range(gray_tensor(sample.image))[None], torch.from_numpy(sample.mask > 0).float()[None]
            index += stride


class SyntheticBatches(Dataset[Batch]):
    """Batches by step for `sirstgen.training.loop.Training`: step s takes images s * batch, s * batch + 1, ...

    No image is seen twice, and any step can be made again, so that a run over endless images resumes exactly.

    Args:
        generator: recipe, backgrounds, templates and seed.
        augmentation: what happens to each image.
        batch: images per step.
        seed: of the augmentation.
    """

    def __init__(self, generator: Generator, augmentation: Augmentation, batch: int, seed: int) -> None:
        self.generator = generator
        self.augmentation = augmentation
        self.batch = batch
        self.seed = seed

    def __getitem__(self, step: int) -> Batch:
        pairs = []
        for index in range(step * self.batch, (step + 1) * self.batch):
            sample = self.generator[index]
            mask = sample.mask > 0
            draw = self.augmentation.draw(mask, stream(self.seed, index, "augmentation"))
            pairs.append(self.augmentation.apply(sample.image, mask, draw))
        return torch.stack([image for image, _ in pairs]), torch.stack([mask for _, mask in pairs])
