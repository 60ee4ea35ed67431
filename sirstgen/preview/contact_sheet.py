"""Contact sheets: many images, or many enlarged targets, on one page for a person to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InvalidValueError
from sirstgen.files.images import Gray
from sirstgen.measure.targets import measure_targets
from sirstgen.pages.picture import Picture, coloured, labelled, shown, tiled
from sirstgen.preview.enlarged import enlarged_target
from sirstgen.seeding import Draws

_BOX = (80, 230, 255)  # yellow
_CLEAR = 4  # pixels between a target and its box, so that the box hides nothing


def spread(ids: Sequence[str], count: int) -> list[str]:
    """Return `count` ids, in order, one drawn from each of as many equal parts; all if there are fewer.

    Every n-th id would show few scenes: scenes follow one another in a nearly periodic order. The draw depends on the
    two numbers alone.

    Raises:
        InvalidValueError: a count below 1.
    """
    if count < 1:
        raise InvalidValueError(f"a sheet shows at least 1 image, got {count}", value=count)
    if count >= len(ids):
        return list(ids)
    draws = Draws(0, "sheet", count)
    limits = [part * len(ids) // count for part in range(count + 1)]
    return [ids[low + draws.integers(high - low)] for low, high in pairwise(limits)]


def image_sheet(
    dataset: Dataset,
    ids: Sequence[str],
    columns: int = 6,
    cell: int = 256,
    progress: Callable[[int, int], None] | None = None,
) -> Picture:
    """Return whole images with a box around every target, and the id, scene and number of targets below.

    Args:
        dataset: any that can be read.
        ids: the images.
        columns: images in a row.
        cell: longer side of an image on the sheet, pixels.
        progress: called with images done and images in all.

    Raises:
        InputError: an id or file that is not there or cannot be read.
    """
    truth = dataset.truth()
    tiles = []
    for done, key in enumerate(ids, start=1):
        image, mask = dataset.sample(key)
        boxes = [target.bbox for target in measure_targets(image, mask)]
        scene = str(truth.get(key, {}).get("scene", ""))
        count = f"{len(boxes)} target{'' if len(boxes) == 1 else 's'}"
        tiles.append(labelled(_boxed(image, boxes, cell), "  ".join(part for part in (key, scene, count) if part)))
        if progress is not None:
            progress(done, len(ids))
    return tiled(tiles, columns)


def target_sheet(
    dataset: Dataset,
    ids: Sequence[str],
    columns: int = 4,
    cell: int = 210,
    progress: Callable[[int, int], None] | None = None,
) -> Picture:
    """Return every target of some images, enlarged, its mask's outline beside (`enlarged_target`).

    Args:
        dataset: any that can be read.
        ids: the images; those without targets take no room.
        columns: targets in a row.
        cell: side of each half of a tile, pixels.
        progress: called with images done and images in all.

    Raises:
        InvalidValueError: none of the images has a target.
        InputError: an id or file that is not there or cannot be read.
    """
    truth: dict[str, dict[str, Any]] = dataset.truth()
    tiles: list[Picture] = []
    for done, key in enumerate(ids, start=1):
        image, mask = dataset.sample(key)
        count = len(measure_targets(image, mask))
        tiles += [enlarged_target(image, mask, number, cell, key, truth.get(key)) for number in range(count)]
        if progress is not None:
            progress(done, len(ids))
    if not tiles:
        raise InvalidValueError(f"the images must have targets to enlarge, {', '.join(ids[:5])} have none")
    return tiled(tiles, columns)


def _boxed(image: Gray, boxes: Sequence[tuple[int, int, int, int]], cell: int) -> Picture:
    gray: NDArray[np.uint8] = shown(image)
    scale = cell / max(gray.shape)
    size = max(round(gray.shape[1] * scale), 1), max(round(gray.shape[0] * scale), 1)
    if size != gray.shape[::-1]:
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
        gray = np.asarray(cv2.resize(gray, size, interpolation=method), dtype=np.uint8)
    picture = coloured(gray)
    for x, y, w, h in boxes:
        corner = round(x * scale) - _CLEAR, round(y * scale) - _CLEAR
        opposite = round((x + w) * scale) + _CLEAR - 1, round((y + h) * scale) + _CLEAR - 1
        cv2.rectangle(picture, corner, opposite, _BOX, 1)
    return picture
