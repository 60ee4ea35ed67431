"""One reader for the folders of the field: images, their masks, and which of them train and test.

Three layouts, told apart by what is there:

* ``images/`` and ``masks/`` with equal stems (DNA-Net, BasicIRSTD, our own),
* the same with masks named ``<id>_pixels0.png`` (SIRST as published),
* ``<id>_1.png`` and ``<id>_2.png`` side by side (NUST-SIRST).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sirstgen.datasets.split import read_split_lists
from sirstgen.datasets.unfinished import refuse_unfinished
from sirstgen.errors import InputError
from sirstgen.images import IMAGE_SUFFIXES, Gray, read_bytes, read_gray

_PIXELS = "_pixels0"
_PAIR_IMAGE, _PAIR_MASK = "_1", "_2"


class Dataset:
    """A folder of images with masks, opened by `Dataset.open`. Pixels are read when they are asked for.

    Attributes:
        folder: where it lies.
        name: the folder's name.
        ids: of all images, sorted.
        warnings: what was mended while reading, by id: a mask whose size is not its image's and was resized. Filled as
            masks are read.
    """

    def __init__(self, folder: Path, images: dict[str, Path], masks: dict[str, Path]) -> None:
        self.folder = folder
        self.name = folder.resolve().name
        self.ids: tuple[str, ...] = tuple(sorted(images))
        self.warnings: dict[str, str] = {}
        self._images = images
        self._masks = masks
        self._splits = read_split_lists(folder, images)

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Open a dataset folder and check that its files and lists belong together.

        Args:
            folder: of one of the layouts of this module, with or without split lists
                (`sirstgen.datasets.split.read_split_lists`).

        Raises:
            InputError: no such folder, no known layout, no images, an image without mask, a mask without image, two
                files for one id, an id in a list without file.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError.of(folder, "there is no such folder")
        refuse_unfinished(folder)
        if (folder / "images").is_dir():
            if not (folder / "masks").is_dir():
                raise InputError.of(folder, "holds images/ but no masks/")
            images = _by_stem(folder / "images")
            masks = _masks_by_id(folder / "masks", images)
        else:
            files = _by_stem(folder)
            images = _with_ending(files, _PAIR_IMAGE)
            masks = _with_ending(files, _PAIR_MASK)
            if not images or not masks:
                raise InputError.of(
                    folder, "not a dataset: neither images/ and masks/ nor pairs of <id>_1.png and <id>_2.png are there"
                )
        if not images:
            raise InputError.of(folder / "images", "holds no images")
        for key in sorted(images.keys() ^ masks.keys()):
            if key in masks:
                raise InputError.of(masks[key], "a mask without image; add the image or take the mask out")
            raise InputError.of(images[key], "an image without mask; add the mask or take the image out")
        return cls(folder, images, masks)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Dataset({str(self.folder)!r}, {len(self)} images)"

    @property
    def has_splits(self) -> bool:
        """Whether both training and test list are there (either may be empty)."""
        return len(self._splits) == 2

    def split(self, part: str) -> tuple[str, ...]:
        """The ids of ``train`` or ``test``, in the order of the list.

        Raises:
            InputError: there is no such list, or it is empty.
        """
        if part not in self._splits:
            raise InputError.of(self.folder, f"has no list of {part} images (50_50/{part}.txt or alike)")
        if not self._splits[part]:
            raise InputError.of(self.folder, f"its list of {part} images is empty")
        return self._splits[part]

    def image_path(self, key: str) -> Path:
        """The file of image `key`."""
        return self._path(self._images, key)

    def mask_path(self, key: str) -> Path:
        """The file of the mask of image `key`."""
        return self._path(self._masks, key)

    def image(self, key: str) -> Gray:
        """Image `key` as gray levels: (H, W), uint8 or uint16."""
        return read_gray(self.image_path(key))

    def mask(self, key: str) -> NDArray[np.bool_]:
        """The mask of image `key`, at the image's size: (H, W) bool, true on target pixels.

        Raises:
            InputError: the file cannot be read, or holds values that are neither background nor target.
        """
        path = self.image_path(key)
        try:
            with Image.open(path) as picture:
                width, height = picture.size
        except OSError:
            # The full reader says what is wrong with the file, and reads a few kinds that this check does not.
            height, width = read_gray(path).shape
        return self._fitted_mask(key, (height, width))

    def sample(self, key: str) -> tuple[Gray, NDArray[np.bool_]]:
        """Image and mask of `key`, as `image` and `mask` give them, each file read once."""
        image = self.image(key)
        return image, self._fitted_mask(key, (image.shape[0], image.shape[1]))

    def truth(self) -> dict[str, dict[str, Any]]:
        """The lines of ``targets.jsonl`` by id; empty where the dataset has none.

        Raises:
            InputError: a line is not a JSON object with an id, or names an id twice or one without image.
        """
        path = self.folder / "targets.jsonl"
        if not path.is_file():
            return {}
        rows: dict[str, dict[str, Any]] = {}
        for number, line in enumerate(read_bytes(path).splitlines(), start=1):
            try:
                row = json.loads(line)
                key = str(row["id"])
            except (ValueError, TypeError, KeyError):
                raise InputError.of(path, f"line {number} is not a JSON object with an id") from None
            if key not in self._images or key in rows:
                raise InputError.of(
                    path, f"line {number}: id {key!r} {'stands twice' if key in rows else 'has no image'}"
                )
            rows[key] = row
        return rows

    def _path(self, files: dict[str, Path], key: str) -> Path:
        if key not in files:
            raise InputError.of(self.folder, f"has no image {key!r}")
        return files[key]

    def _fitted_mask(self, key: str, shape: tuple[int, int]) -> NDArray[np.bool_]:
        mask = read_mask(self.mask_path(key))
        if mask.shape != shape:
            self.warnings[key] = (
                f"{self.mask_path(key)}: the mask is {mask.shape[1]}x{mask.shape[0]}, its image {shape[1]}x{shape[0]}; "
                "resized by nearest neighbour"
            )
            resized = cv2.resize(mask.view(np.uint8), shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
            mask = np.asarray(resized, dtype=bool)
        return mask


def read_mask(path: Path) -> NDArray[np.bool_]:
    """A mask file as (H, W) bool: 0 is background; 1, or the full 255 or 65535, is target.

    Palette, RGB and 1-bit files become gray levels first. Anything between is not guessed at.

    Raises:
        InputError: the file cannot be read or holds other values.
    """
    gray = read_gray(path)
    high = int(gray.max())
    between = np.count_nonzero((gray != 0) & (gray != high))
    if between or high not in (0, 1, 255, 65535):
        example = int(gray[(gray != 0) & (gray != high)][0]) if between else high
        raise InputError.of(
            path, f"masks must hold 0 and 255 (or 0 and 1) only, got {example}; decide what is target and save it so"
        )
    return np.asarray(gray != 0, dtype=bool)


def _by_stem(folder: Path) -> dict[str, Path]:
    """The image files of `folder` by stem; hidden files and other kinds do not count."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in IMAGE_SUFFIXES or not path.is_file():
            continue
        if path.stem in files:
            raise InputError.of(path, f"a second file for {path.stem!r} beside {files[path.stem].name}; keep one")
        files[path.stem] = path
    return files


def _masks_by_id(folder: Path, images: dict[str, Path]) -> dict[str, Path]:
    masks: dict[str, Path] = {}
    for stem, path in _by_stem(folder).items():
        key = stem if stem in images else stem.removesuffix(_PIXELS)
        if key in masks:
            raise InputError.of(path, f"a second mask for {key!r} beside {masks[key].name}; keep one")
        masks[key] = path
    return masks


def _with_ending(files: dict[str, Path], ending: str) -> dict[str, Path]:
    return {stem.removesuffix(ending): path for stem, path in files.items() if stem.endswith(ending)}
