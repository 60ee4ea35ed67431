"""Training images streamed from WebDataset shards: one tar file after the other, shuffled through a buffer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from sirstgen.datasets.entries import Entry
from sirstgen.datasets.masks import fit_mask
from sirstgen.datasets.readers import Dataset
from sirstgen.datasets.shards import shard_entries, shard_paths
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.gray_scale import EIGHT_BIT, stated_scale
from sirstgen.seeding import stream
from sirstgen.training.augmentation import gray_tensor, unit_range


class ShardStream(IterableDataset[tuple[Tensor, Tensor]]):
    """The images of a dataset of shards as a torch dataset: ``DataLoader(ShardStream("my-set"), num_workers=2)``.

    Items are (image, mask): (1, H, W) float32 in 0..1, and (1, H, W) float32 of 0 and 1. No shard is read before it is
    its turn, so a set of any size starts at once. Each shard goes to one worker of the loader; every image comes once.

    Args:
        folder: the dataset, or a folder of ``<split>-*.tar`` files.
        split: ``train`` or ``test``.
        shuffle: images in the buffer from which the next one is drawn; 0 keeps the order of the shards.
        seed: of the order.

    Attributes:
        epoch: number of the pass; another number gives another order. Set it before each pass.

    Raises:
        InputError: the folder holds no shards of this split.
        InvalidValueError: a negative number.
    """

    def __init__(self, folder: Path | str, split: str = "train", *, shuffle: int = 1000, seed: int = 0) -> None:
        if shuffle < 0:
            raise InvalidValueError(f"shuffle must be at least 0 images, got {shuffle}", name="shuffle", value=shuffle)
        self.folder = Path(folder)
        self.split, self.shuffle, self.seed, self.epoch = split, shuffle, seed, 0
        self.shards = [path for path in shard_paths(self.folder) if path.name.startswith(f"{split}-")]
        if not self.shards:
            raise InputError.of(self.folder, f"holds no shards named {split}-<number>.tar")
        self._scale = stated_scale(self.folder)

    def __repr__(self) -> str:
        return f"ShardStream({str(self.folder)!r}, split={self.split!r}, {len(self.shards)} shards)"

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        order = np.arange(len(self.shards))
        if self.shuffle:
            order = stream(self.seed, "shards", self.epoch).permutation(len(self.shards))
        entries = (
            entry
            for place in order[number::workers]
            for entry in shard_entries([self.shards[place]], self.folder).values()
        )
        for entry in self._shuffled(entries, number):
            yield self._item(entry)

    def _shuffled(self, entries: Iterator[Entry], worker: int) -> Iterator[Entry]:
        if not self.shuffle:
            yield from entries
            return
        draws = stream(self.seed, "shuffle", self.epoch, worker)
        buffer: list[Entry] = []
        for entry in entries:
            buffer.append(entry)
            if len(buffer) > self.shuffle:
                place = int(draws.integers(len(buffer)))
                buffer[place], buffer[-1] = buffer[-1], buffer[place]
                yield buffer.pop()
        for place in draws.permutation(len(buffer)):
            yield buffer[place]

    def _item(self, entry: Entry) -> tuple[Tensor, Tensor]:
        levels = entry.read_image()
        narrow = levels.values.dtype == np.uint8
        if not narrow and self._scale is None:
            self._scale = Dataset.open(self.folder).gray_scale
        image = (EIGHT_BIT if narrow or self._scale is None else self._scale).apply(levels)
        mask = fit_mask(entry.read_mask(), levels.shape, entry.mask.path).mask
        return unit_range(gray_tensor(image))[None], torch.from_numpy(mask).float()[None]
