"""One side of a comparison as tables: its targets, their pixels, patches of its backgrounds, its whole backgrounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.duplicates import thumbnail
from sirstgen.comparison.measures import BACKGROUND_MEASURES, TARGET_MEASURES, target_row
from sirstgen.datasets.readers import Dataset, warning_lines
from sirstgen.errors import SirstgenError
from sirstgen.files.gray_scale import Gray, levels_per_256
from sirstgen.files.images import resize_frame
from sirstgen.measure.background_statistics import background_statistics
from sirstgen.measure.components import find_components
from sirstgen.measure.patches import (
    BACKGROUND_SIDE,
    TARGET_SIDE,
    background_patch_features,
    target_patch_features,
)
from sirstgen.measure.target_statistics import target_statistics
from sirstgen.seeding import stream
from sirstgen.workers import as_finished, worker_pool

PATCHES = 10  # of the background, an image
TARGET_MARGIN = 5  # pixels; the radiance of a target can reach this far beyond its mask
_TRIES = 60
_CHUNK = 16  # frames a task

_TARGET_NAMES = tuple(measure.name for measure in TARGET_MEASURES)
_BACKGROUND_NAMES = tuple(measure.name for measure in BACKGROUND_MEASURES)


@dataclass(frozen=True)
class Table:
    """Rows of figures, each of one place in one frame.

    Args:
        names: (k) of the columns.
        values: (n, k) float64; NaN where a row has no such figure.
        frame: (n,) int64, index into the frames of the set.
        place: (n, 2) int64, x and y of the row's middle in the frame as compared, pixels.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    frame: NDArray[np.int64]
    place: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    def of_frames(self, frames: NDArray[np.int64]) -> Table:
        """Return the rows of some frames."""
        chosen = np.isin(self.frame, frames)
        return Table(self.names, self.values[chosen], self.frame[chosen], self.place[chosen])


@dataclass(frozen=True)
class MeasuredSet:
    """A dataset, or one side of its split, measured.

    Args:
        name: of the dataset's folder, with the side of the split.
        ids: of its frames.
        groups: one a frame; frames of one group show the same background.
        thumbnails: likeness of each frame's background, None where it has no texture.
        targets: statistics of every target.
        target_pixels: features of the patch around every target, from pixels alone.
        patches: features of background patches.
        backgrounds: statistics of every frame with its targets filled in.
        warnings: what was mended while reading.
    """

    name: str
    ids: tuple[str, ...]
    groups: tuple[str, ...]
    thumbnails: tuple[NDArray[np.int8] | None, ...]
    targets: Table
    target_pixels: Table
    patches: Table
    backgrounds: Table
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Rows:
    """Values (n, k) and places (n, 2) of one frame."""

    values: NDArray[np.float64]
    place: NDArray[np.int64]


@dataclass(frozen=True)
class _Frame:
    targets: _Rows
    target_pixels: _Rows
    patches: _Rows
    backgrounds: _Rows
    thumbnail: NDArray[np.int8] | None


@dataclass(frozen=True)
class _Task:
    dataset: Dataset
    numbers: tuple[int, ...]
    ids: tuple[str, ...]
    size: int
    seed: int


@dataclass(frozen=True)
class _Done:
    numbers: tuple[int, ...]
    frames: tuple[_Frame, ...]
    warnings: dict[str, str]


def measure_set(
    dataset: Dataset,
    ids: Sequence[str],
    name: str,
    size: int,
    seed: int,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> MeasuredSet:
    """Measure some frames of a dataset.

    Args:
        dataset: opened.
        ids: which frames.
        name: for reports.
        size: side to which frames are resized first, pixels; 0 leaves them as they are.
        seed: of the places of background patches.
        workers: processes.
        progress: called with the number of frames just done.

    Raises:
        InputError: a file cannot be read.
        InvalidValueError: a frame is smaller than a background patch.
    """
    starts = range(0, len(ids), _CHUNK)
    chunks = [
        (tuple(range(start, min(start + _CHUNK, len(ids)))), tuple(ids[start : start + _CHUNK])) for start in starts
    ]
    tasks = (_Task(dataset, numbers, keys, size, seed) for numbers, keys in chunks)
    found: dict[int, _Frame] = {}
    warnings: dict[str, str] = {}
    for done in _carried_out(tasks, min(workers, len(chunks))):
        found |= zip(done.numbers, done.frames, strict=True)
        warnings |= done.warnings
        if progress is not None:
            progress(len(done.numbers))
    truth = dataset.truth()
    frames = [found[number] for number in range(len(ids))]
    return MeasuredSet(
        name=name,
        ids=tuple(ids),
        groups=tuple(_group(truth.get(key, {}), key) for key in ids),
        thumbnails=tuple(frame.thumbnail for frame in frames),
        targets=_joined(_TARGET_NAMES, [frame.targets for frame in frames]),
        target_pixels=_joined(_pixel_names(), [frame.target_pixels for frame in frames]),
        patches=_joined(_patch_names(), [frame.patches for frame in frames]),
        backgrounds=_joined(_BACKGROUND_NAMES, [frame.backgrounds for frame in frames]),
        warnings=tuple(f"{name}: {line}" for line in warning_lines(warnings)),
    )


def compared_frame(dataset: Dataset, key: str, size: int) -> tuple[Gray, NDArray[np.bool_]]:
    """Return a frame and its mask as they are compared: resized to `size`, or as they are if that is 0."""
    image, mask = dataset.sample(key)
    return (image, mask) if size == 0 else resize_frame(image, mask, size)


def _carried_out(tasks: Iterator[_Task], workers: int) -> Iterator[_Done]:
    if workers <= 1:
        yield from map(_measure_chunk, tasks)
        return
    with worker_pool(workers) as pool:
        yield from as_finished(pool, _measure_chunk, tasks)


def _measure_chunk(task: _Task) -> _Done:
    frames = []
    for key in task.ids:
        image, mask = compared_frame(task.dataset, key, task.size)
        try:
            frames.append(_measure_frame(image, mask, stream(task.seed, key, "background patches")))
        except SirstgenError as error:
            raise error.within(f"{task.dataset.name}, {key}") from None
    return _Done(task.numbers, tuple(frames), dict(task.dataset.warnings))


def _measure_frame(image: Gray, mask: NDArray[np.bool_], draw: np.random.Generator) -> _Frame:
    levels = image.astype(np.float32) * np.float32(1 / levels_per_256(image))
    rows = [target_row(target) for target in target_statistics(image, mask)]
    places = _brightest(levels, mask)
    covered = _with_margin(mask)
    filled = np.asarray(cv2.inpaint(levels, covered, 3, cv2.INPAINT_TELEA) if covered.any() else levels)
    statistics = background_statistics(filled)
    corners = _free_places(covered, draw)
    middle = np.array([[image.shape[1] // 2, image.shape[0] // 2]])
    return _Frame(
        targets=_Rows(np.array(rows, np.float64).reshape(-1, len(_TARGET_NAMES)), places),
        target_pixels=_Rows(_target_pixels(levels, places), places),
        patches=_Rows(_background_patches(levels, corners), corners + BACKGROUND_SIDE // 2),
        backgrounds=_Rows(np.array([[statistics[name] for name in _BACKGROUND_NAMES]]), middle),
        thumbnail=thumbnail(np.clip(filled, 0, 255).astype(np.uint8)),
    )


def _brightest(levels: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return x and y of each target's brightest place (darkest, for dark ones) in the slightly smoothed frame."""
    components = find_components(mask)
    smooth = cv2.GaussianBlur(levels, (0, 0), 1.0, borderType=cv2.BORDER_REFLECT)
    broad = cv2.GaussianBlur(levels, (0, 0), 8.0, borderType=cv2.BORDER_REFLECT)
    rows, columns = np.nonzero(mask)
    member = components.labels[rows, columns] - 1
    rise = smooth[rows, columns] - broad[rows, columns]
    places = np.zeros((len(components), 2), np.int64)
    for number in range(len(components)):
        own = np.flatnonzero(member == number)
        best = own[np.argmax(rise[own] if rise[own].sum() >= 0 else -rise[own])]
        places[number] = columns[best], rows[best]
    return places


def _target_pixels(levels: NDArray[np.float32], places: NDArray[np.int64]) -> NDArray[np.float64]:
    if not len(places):
        return np.empty((0, len(_pixel_names())))
    half = TARGET_SIDE // 2
    padded = cv2.copyMakeBorder(levels, half, half, half, half, cv2.BORDER_REFLECT_101).astype(np.float64)
    return target_patch_features(np.stack([padded[y : y + TARGET_SIDE, x : x + TARGET_SIDE] for x, y in places]))[1]


def _background_patches(levels: NDArray[np.float32], corners: NDArray[np.int64]) -> NDArray[np.float64]:
    if not len(corners):
        return np.empty((0, len(_patch_names())))
    side = BACKGROUND_SIDE
    patches = [levels[y : y + side, x : x + side].astype(np.float64) for x, y in corners]
    return background_patch_features(np.stack(patches))[1]


def _with_margin(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    side = 2 * TARGET_MARGIN + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask.view(np.uint8), kernel), np.uint8)


def _free_places(covered: NDArray[np.uint8], draw: np.random.Generator) -> NDArray[np.int64]:
    """Return the corners (x, y) of up to `PATCHES` patches that hold no target.

    Fewer where most of the frame is targets.
    """
    height, width = covered.shape
    corners: list[tuple[int, int]] = []
    limits = (width - BACKGROUND_SIDE + 1, height - BACKGROUND_SIDE + 1)
    for x, y in draw.integers(0, limits, (_TRIES, 2)).tolist():
        if not covered[y : y + BACKGROUND_SIDE, x : x + BACKGROUND_SIDE].any():
            corners.append((x, y))
            if len(corners) == PATCHES:
                break
    return np.array(corners, np.int64).reshape(-1, 2)


def _group(row: dict[str, object], key: str) -> str:
    """Return the group of a frame: that of its background; of a harvested background, that of the frame it is from."""
    background = row.get("background")
    group = background.get("group") if isinstance(background, dict) else None
    return PurePath(group).name if isinstance(group, str) and group else key


@cache
def _pixel_names() -> tuple[str, ...]:
    return target_patch_features(np.zeros((1, TARGET_SIDE, TARGET_SIDE)))[0]


@cache
def _patch_names() -> tuple[str, ...]:
    return background_patch_features(np.zeros((1, BACKGROUND_SIDE, BACKGROUND_SIDE)))[0]


def _joined(names: tuple[str, ...], rows: Sequence[_Rows]) -> Table:
    return Table(
        names,
        np.concatenate([part.values for part in rows]),
        np.repeat(np.arange(len(rows)), [len(part.values) for part in rows]),
        np.concatenate([part.place for part in rows]).astype(np.int64),
    )
