"""A dataset folder, real or synthetic, as a map-style torch dataset for any training code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset as MapDataset

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InvalidValueError
from sirstgen.training.augmentation import gray_tensor, unit_range

Transform = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class TorchDataset(MapDataset[tuple[Tensor, Tensor]]):
    """The images and masks of a dataset folder: ``DataLoader(TorchDataset("my-set", split="train"), num_workers=2)``.

    Item i is (image, mask): (1, H, W) float32 in 0..1, and (1, H, W) float32 of 0 and 1. Files are read when an item is
    asked for. The images of one batch must have one size: use a `transform` or ``batch_size=1`` for sets of mixed
    sizes.

    Args:
        dataset: a folder, or a `Dataset` that is open already.
        split: ``train`` or ``test``; every image if None.
        ids: images to use, in this order, in place of `split`.
        transform: called with image and mask, returns both; after them the item holds what it returns.

    Raises:
        InputError: the folder is no dataset, has no such split, or holds no image of that id.
        InvalidValueError: both `split` and `ids` are given, or no id.
    """

    def __init__(
        self,
        dataset: Dataset | str | Path,
        split: str | None = None,
        *,
        ids: Sequence[str] | None = None,
        transform: Transform | None = None,
    ) -> None:
        if split is not None and ids is not None:
            raise InvalidValueError("split and ids must not both be given: each says which images are used")
        self.dataset = Dataset.of(dataset)
        chosen = self.dataset.ids if ids is None else ids
        self.ids = tuple(chosen if split is None else self.dataset.split(split))
        if not self.ids:
            raise InvalidValueError("ids must name at least one image")
        for key in self.ids:
            self.dataset.image_path(key)
        self.transform = transform

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, mask = self.dataset.sample(self.ids[index])
        pair = unit_range(gray_tensor(image))[None], torch.from_numpy(mask).float()[None]
        return pair if self.transform is None else self.transform(*pair)

    def __repr__(self) -> str:
        return f"TorchDataset({str(self.dataset.folder)!r}, {len(self)} images)"
