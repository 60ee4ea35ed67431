"""A folder of images with masks, opened once: ids, split, gray scale, and pixels when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from sirstgen.datasets.entries import Entry
from sirstgen.datasets.layouts import find_entries
from sirstgen.datasets.masks import check_threshold, fit_mask
from sirstgen.datasets.shards import shard_split
from sirstgen.datasets.split import read_split_lists, split_by_folder, unread_lists
from sirstgen.datasets.truth import parse_truth
from sirstgen.datasets.unfinished import refuse_unfinished
from sirstgen.errors import InputError
from sirstgen.files.decoding import Levels
from sirstgen.files.gray_scale import EIGHT_BIT, FrameRange, Gray, GrayScale, derive_scale, scale_of_files, stated_scale
from sirstgen.files.image_files import equal_but_for_case, mixed_depths, named
from sirstgen.files.input_files import read_bytes
from sirstgen.slices import Slice

Pair = tuple[Gray, NDArray[np.bool_]]
"""An image, (H, W) uint8 or uint16, and its mask, (H, W) bool."""


class Dataset:
    """A folder of images with masks, opened by `Dataset.open`. Pixels are read when they are asked for.

    Attributes:
        folder: its folder.
        name: the folder's name.
        ids: of all images, sorted.
        warnings: what was decided while reading a mask, by id; filled as masks are read.
        mask_threshold: gray level from which on mask pixels are target; None: the rule of `sirstgen.datasets.masks`.
    """

    def __init__(
        self,
        folder: Path,
        entries: Mapping[str, Entry],
        splits: Mapping[str, tuple[str, ...]],
        gray_scale: GrayScale | None = None,
        mask_threshold: int | None = None,
    ) -> None:
        self.folder = folder
        self.name = folder.resolve().name
        self.ids: tuple[str, ...] = tuple(sorted(entries))
        self.warnings: dict[str, str] = {}
        self.mask_threshold = mask_threshold
        self._entries = dict(entries)
        self._splits = dict(splits)
        self._gray_scale = gray_scale
        self._bits: dict[str, int] = {}

    @classmethod
    def open(
        cls, folder: Path | str, *, gray_scale: GrayScale | None = None, mask_threshold: int | None = None
    ) -> Self:
        """Open a dataset folder and check that its files and lists belong together.

        Args:
            folder: of one of the layouts of `sirstgen.datasets.layouts`, with or without split lists
                (`sirstgen.datasets.split.read_split_lists`).
            gray_scale: black and white of frames of more than 8 bits, in place of what ``dataset.json`` states or
                the rule of `sirstgen.files.gray_scale` finds.
            mask_threshold: gray level from which on the pixels of a mask are target.

        Raises:
            InputError: see `find_entries` and `read_split_lists`; or ``dataset.json`` states a scale that is none.
            InvalidValueError: a threshold that is no gray level above black.
        """
        check_threshold(mask_threshold)
        folder = Path(folder)
        refuse_unfinished(folder)
        entries = find_entries(folder)
        splits = read_split_lists(folder, entries) or shard_split(entries) or split_by_folder(sorted(entries))
        return cls(folder, entries, splits, gray_scale or stated_scale(folder), mask_threshold)

    @classmethod
    def of(cls, source: Self | Path | str) -> Self:
        """Return a dataset that is open already as it is, and open a folder."""
        return source if isinstance(source, cls) else cls.open(source)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, key: str | int) -> Pair: ...
    @overload
    def __getitem__(self, key: slice) -> Slice[Pair]: ...
    def __getitem__(self, key: str | int | slice) -> Pair | Slice[Pair]:
        """Return image and mask of an id or of a place in `ids`; of a slice, those of its places, read when asked for.

        Raises:
            InputError: there is no such id, or a file cannot be read.
            IndexError: there is no such place.
        """
        if isinstance(key, slice):
            return Slice(lambda place: self.sample(self.ids[place]), range(len(self))[key])
        return self.sample(key if isinstance(key, str) else self.ids[key])

    def __iter__(self) -> Iterator[Pair]:
        return map(self.sample, self.ids)

    def __contains__(self, key: object) -> bool:
        """Return whether there is an image of this id."""
        return key in self._entries

    def __repr__(self) -> str:
        return f"Dataset({str(self.folder)!r}, {len(self)} images)"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_gray_scale": self.gray_scale}  # so that no worker derives it again

    @property
    def gray_scale(self) -> GrayScale:
        """Black and white of its frames of more than 8 bits; 0 and 255 where it has none.

        Stated in ``dataset.json`` or given to `open`; else derived from all such frames the first time it is needed.
        Files that cannot be read do not count; reading them raises.
        """
        if self._gray_scale is None:
            images = (entry.image for entry in self._entries.values())
            self._gray_scale = scale_of_files((image.path, image.read) for image in images)
        return self._gray_scale

    @property
    def has_splits(self) -> bool:
        """Whether both training and test list are there (either may be empty)."""
        return len(self._splits) == 2

    def listed(self, part: str) -> tuple[str, ...] | None:
        """Return the ids of ``train`` or ``test``, in the order of the list; None where there is no such list."""
        return self._splits.get(part)

    def split(self, part: str) -> tuple[str, ...]:
        """Return the ids of ``train`` or ``test``, in the order of the list.

        Raises:
            InputError: there is no such list, or it is empty.
        """
        if part not in self._splits:
            also = "" if self._splits else unread_lists(self.folder)
            raise InputError.of(
                self.folder, f"has no list of {part} images (50_50/{part}.txt, {part}.txt or similar){also}"
            )
        if not self._splits[part]:
            raise InputError.of(self.folder, f"its list of {part} images is empty")
        return self._splits[part]

    def entry(self, key: str) -> Entry:
        """Return where image `key` and its mask are kept.

        Raises:
            InputError: there is no such image.
        """
        if key not in self._entries:
            raise InputError.of(self.folder, f"has no image {key!r}")
        return self._entries[key]

    def image_path(self, key: str) -> Path:
        """Return the file of image `key`."""
        return self.entry(key).image.path

    def mask_path(self, key: str) -> Path:
        """Return the file of the mask of image `key`."""
        return self.entry(key).mask.path

    def image(self, key: str) -> Gray:
        """Return image `key` on the set's gray scale: (H, W), uint8 for files of 8 bits, else uint16."""
        return self.scaled(self._levels(self.entry(key)))

    def scaled(self, levels: Levels) -> Gray:
        """Return the values of a frame of this set on the set's gray scale."""
        return (EIGHT_BIT if levels.values.dtype == np.uint8 else self.gray_scale).apply(levels)

    def mask(self, key: str) -> NDArray[np.bool_]:
        """Return the mask of image `key`, at the image's size: (H, W) bool, true on target pixels.

        Raises:
            InputError: a file cannot be read, or the mask has another aspect ratio.
        """
        entry = self.entry(key)
        return self._fitted_mask(entry, entry.image_shape())

    def sample(self, key: str) -> Pair:
        """Return image and mask of `key`, as `image` and `mask` give them, each file read once."""
        entry = self.entry(key)
        levels = self._levels(entry)
        return self.scaled(levels), self._fitted_mask(entry, levels.shape)

    def faults(self, ids: Iterable[str] | None = None) -> dict[str, InputError]:
        """Return why images and masks cannot be read, by id, in one pass that also derives the gray scale."""
        faults, ranges = {}, []
        chosen = self.ids if ids is None else tuple(ids)
        for key in chosen:
            try:
                entry = self.entry(key)
                levels = self._levels(entry)
                self._fitted_mask(entry, levels.shape)
            except InputError as fault:
                faults[key] = fault
                continue
            if self._gray_scale is None and levels.values.dtype != np.uint8:
                ranges.append(FrameRange.of(levels))
        if self._gray_scale is None and set(chosen) >= set(self.ids):
            self._gray_scale = derive_scale(ranges) if ranges else EIGHT_BIT
        return faults

    def notes(self) -> list[str]:
        """Return notes on the files that were read, one line for each kind."""
        return [*filter(None, [self.mixed_depths(), _case_note(self.ids)]), *warning_lines(self.warnings)]

    def mixed_depths(self) -> str:
        """Return that the images read so far have 8 bits and more; empty where all have the same."""
        return mixed_depths(self._bits)

    def truth(self) -> dict[str, dict[str, Any]]:
        """Return the lines of ``targets.jsonl`` by id; empty where the dataset has none.

        Raises:
            InputError: a line is not a JSON object with an id, or names an id twice or one without image.
        """
        path = self.folder / "targets.jsonl"
        if not path.is_file():
            return {}
        return parse_truth(read_bytes(path), path, self._entries)

    def _levels(self, entry: Entry) -> Levels:
        levels = entry.read_image()
        self._bits[entry.id] = 8 if levels.values.dtype == np.uint8 else 16
        return levels

    def _fitted_mask(self, entry: Entry, shape: tuple[int, int]) -> NDArray[np.bool_]:
        read = fit_mask(entry.read_mask(self.mask_threshold), shape, entry.mask.path)
        if read.note:
            self.warnings[entry.id] = read.note
        return read.mask


def check_files(uses: Iterable[tuple[Dataset, Iterable[str]]]) -> None:
    """Open every image and mask that a command is going to use, before long work starts.

    What was decided about masks is in the `Dataset.warnings` of each set then.

    Args:
        uses: datasets and ids of their images; a dataset may come more than once.

    Raises:
        InputError: files cannot be read; they are counted and the first three named.
    """
    wanted: dict[Path, tuple[Dataset, dict[str, None]]] = {}
    for dataset, ids in uses:
        wanted.setdefault(dataset.folder, (dataset, {}))[1].update(dict.fromkeys(ids))
    faults = [(dataset.folder, fault) for dataset, ids in wanted.values() for fault in dataset.faults(ids).values()]
    if faults:
        more = f"; and {len(faults) - 3} more, 'sirstgen verify {faults[3][0]}' lists them" if len(faults) > 3 else ""
        examples = "; ".join(fault.message for _, fault in faults[:3])
        raise InputError(
            f"{len(faults)} images or masks cannot be used: {examples}{more}",
            path=str(faults[0][0]),
            faults=len(faults),
        )


def _case_note(ids: Iterable[str]) -> str:
    """Return that ids differ in case alone; empty where none do."""
    alike = [f"{other} and {key}" for key, other in equal_but_for_case(ids).items()]
    where = "on macOS and Windows their files are one; rename them"
    return f"ids differ in upper and lower case alone ({named(alike)}); {where}" if alike else ""


def warning_lines(warnings: Mapping[str, str]) -> list[str]:
    """Return one line for each kind of warning: how many masks, the first three ids, and what was decided."""
    kinds: dict[str, list[str]] = {}
    for key in sorted(warnings):
        kinds.setdefault(warnings[key], []).append(key)
    return [
        f"{len(keys)} {'mask has' if len(keys) == 1 else 'masks have'} {text} ({named(keys)})"
        for text, keys in kinds.items()
    ]
