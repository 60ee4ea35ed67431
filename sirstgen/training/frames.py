"""Frames with masks, decoded once and held in memory: what a detector is trained and tested on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.images import Gray, resize_frame
from sirstgen.seeding import stream


@dataclass(frozen=True)
class Frames:
    """Gray images and their masks.

    Attributes:
        ids: a name for each frame.
        images: (H, W) uint8 or uint16 each, of any size.
        masks: (H, W) bool each, true on target pixels.
    """

    ids: tuple[str, ...]
    images: tuple[Gray, ...]
    masks: tuple[NDArray[np.bool_], ...]

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.images) == len(self.masks):
            raise InvalidValueError(
                f"frames need one image and one mask per id, got {len(self.ids)} ids, {len(self.images)} images, "
                f"{len(self.masks)} masks"
            )
        for key, image, mask in zip(self.ids, self.images, self.masks, strict=True):
            if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):
                raise InvalidValueError(
                    f"{key}: images must be (H, W) uint8 or uint16, got {image.dtype} {image.shape}"
                )
            if mask.shape != image.shape or mask.dtype != bool:
                raise InvalidValueError(
                    f"{key}: a mask must be bool and of its image's size {image.shape}, got {mask.dtype} {mask.shape}"
                )

    @classmethod
    def read(cls, dataset: Dataset, ids: Iterable[str] | None = None) -> Self:
        """Decode images and masks of a dataset folder.

        Args:
            dataset: an open dataset folder.
            ids: which frames, all by default.

        Raises:
            InputError: no ids, or a file that cannot be read.
        """
        chosen = tuple(dataset.ids if ids is None else ids)
        if not chosen:
            raise InputError.of(dataset.folder, "no images to read, the list of ids is empty")
        samples = [dataset.sample(key) for key in chosen]
        return cls(chosen, tuple(image for image, _ in samples), tuple(mask for _, mask in samples))

    def __len__(self) -> int:
        return len(self.ids)

    def __add__(self, other: Frames) -> Frames:
        """Return the frames of both; ids may repeat when the frames come from different sets."""
        return Frames(self.ids + other.ids, self.images + other.images, self.masks + other.masks)

    def digest(self) -> str:
        """Return a hash over ids, pixels and masks, in hexadecimal: equal ones belong to equal frames."""
        digest = hashlib.blake2b(digest_size=16)
        for key, image, mask in zip(self.ids, self.images, self.masks, strict=True):
            digest.update(repr((key, image.dtype.str, image.shape)).encode())
            digest.update(np.ascontiguousarray(image).data)
            digest.update(np.packbits(mask).data)
        return digest.hexdigest()

    def take(self, indices: Sequence[int] | NDArray[np.integer]) -> Frames:
        """Return the frames at `indices`, in that order."""
        return Frames(
            tuple(self.ids[i] for i in indices),
            tuple(self.images[i] for i in indices),
            tuple(self.masks[i] for i in indices),
        )

    def resized(self, size: int) -> Frames:
        """Return every frame made `size` x `size`, aspect not kept, as the published test protocol has it.

        Images are averaged over the pixels that fall together (bilinear with antialiasing), masks take the nearest.
        """
        pairs = [resize_frame(image, mask, size) for image, mask in zip(self.images, self.masks, strict=True)]
        return Frames(self.ids, tuple(image for image, _ in pairs), tuple(mask for _, mask in pairs))

    def split(self, share: float, seed: int) -> tuple[Frames, Frames]:
        """Return two parts without common frames, the second with `share` of them (at least one unless `share` is 0).

        Args:
            share: in 0..1, and small enough to leave the first part a frame.
            seed: which frames are drawn depends on it and on the number of frames only.

        Raises:
            InvalidValueError: share outside 0..1, or nothing left for the first part.
        """
        if not 0 <= share < 1:
            raise InvalidValueError(f"the validation share must be in [0, 1), got {share}", value=share)
        count = max(1, round(share * len(self))) if share else 0
        if count >= len(self):
            raise InvalidValueError(f"a validation share of {share} leaves none of {len(self)} frames to train on")
        drawn = stream(seed, "validation").permutation(len(self))
        return self.take(np.sort(drawn[count:])), self.take(np.sort(drawn[:count]))
