"""Frames with place labels for `places.py`: real ones with sky masks, NUDT-SIRST ones of one place, procedural ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.places.classes import GROUND, SKY, WATER

NOT_SKY = 4  # water or ground, which of them is not known; 0 is left out of the loss
SETS = (
    ("nuaa-sirst", "nuaa-sirst/images", "nuaa-train-scenes.json"),
    ("sirst-v2-backgrounds", "sirst-v2-backgrounds", "sirst-v2-backgrounds-scenes.json"),
)
_PACKED = 288  # side of the packed frames, pixels
_QUALITY = 95  # of JPEG, for packed frames


@dataclass(frozen=True)
class Frame:
    """A frame, its labels (numbers of `sirstgen.places.classes`, or `NOT_SKY`), its set, name and group."""

    image: NDArray[np.uint8]
    places: NDArray[np.uint8]
    dataset: str
    name: str
    group: str


def real_frames(data: Path, labels: Path) -> list[Frame]:
    """The frames with sky masks; near-duplicates and frames of one labelled group share a group."""
    from sirstgen.backgrounds.duplicates import group_duplicates, thumbnail

    found: list[tuple[Any, ...]] = []
    linked: list[tuple[int, int]] = []
    first: dict[str, int] = {}
    for dataset, folder, file in SETS:
        records = json.loads((labels / file).read_text())
        for path in sorted((labels / "sky" / dataset).glob("*.png")):
            record = records[path.stem]
            sky = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 127
            sea = "sea" in (record["scene"], record["content"])
            below = WATER if sea else NOT_SKY if record.get("secondary") == "sea" else GROUND
            if "group" in record:
                linked.append((first.setdefault(record["group"], len(found)), len(found)))
            found.append((_gray(data / folder / path.name), np.where(sky, SKY, below), dataset, path.stem))
    groups = group_duplicates([thumbnail(image) for image, *_ in found], linked)
    return [
        Frame(image, places.astype(np.uint8), dataset, name, f"real-{group}")
        for (image, places, dataset, name), group in zip(found, groups, strict=True)
    ]


def uniform_frames(data: Path, labels: Path) -> list[Frame]:
    """Frames of NUDT-SIRST that show one place by their label: cloud or clear sky alone, or the field camera's land."""
    found = []
    for name, record in sorted(json.loads((labels / "nudt-scenes.json").read_text()).items()):
        sky = record["scene"] == "cloud" and record["content"] in ("cloud", "sky-clear")
        ground = record["source"] == "field-lwir" and record["content"] == "field"
        if (sky or ground) and record["confidence"] == "high" and not record.get("secondary"):
            image = _gray(data / "nudt-sirst/images" / f"{name}.png")
            places = np.full(image.shape, SKY if sky else GROUND, np.uint8)
            found.append(Frame(image, places, "nudt", name, f"nudt-{record['group']}"))
    return found


def drawn_frames(counts: dict[str, int], seed: int = 888) -> list[Frame]:
    """Procedural frames with their exact maps, `counts` of each scene."""
    from sirstgen.backgrounds import procedural

    names = [(scene, n) for scene, count in counts.items() for n in range(count)]
    drawn = [procedural.draw(scene, seed, n, 224, 256) for scene, n in names]
    return [
        Frame(one.frame, one.places, "drawn", f"{scene}-{n}", f"drawn-{scene}-{n}")
        for one, (scene, n) in zip(drawn, names, strict=True)
    ]


def folds_of(frames: Sequence[Frame], count: int) -> list[int]:
    """A fold for each frame: no group in two, the frames of each set spread evenly."""
    members: dict[str, list[int]] = {}
    for number, frame in enumerate(frames):
        members.setdefault(frame.group, []).append(number)
    order = sorted(members, key=lambda group: (-len(members[group]), frames[members[group][0]].name))
    load: dict[tuple[str, int], int] = {}
    folds = [0] * len(frames)
    for group in order:
        dataset = frames[members[group][0]].dataset
        fold = min(range(count), key=lambda n: load.get((dataset, n), 0))
        load[dataset, fold] = load.get((dataset, fold), 0) + len(members[group])
        for number in members[group]:
            folds[number] = fold
    return folds


def pack(frames: Sequence[Frame], folds: Sequence[int], path: Path) -> None:
    """Write the frames as squares of 288 pixels, JPEG and PNG, with set, group and fold (-1: in none)."""
    side = (_PACKED, _PACKED)

    def coded(image: NDArray[np.uint8], suffix: str, way: int, *options: int) -> NDArray[np.uint8]:
        return np.asarray(cv2.imencode(suffix, cv2.resize(image, side, interpolation=way), options)[1], np.uint8)

    images, places = [], []
    for frame in frames:
        way = cv2.INTER_AREA if min(frame.image.shape) > _PACKED else cv2.INTER_LINEAR
        images.append(coded(frame.image, ".jpg", way, cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
        places.append(coded(frame.places, ".png", cv2.INTER_NEAREST))
    np.savez(
        path,
        images=np.concatenate(images),
        image_sizes=np.array([len(data) for data in images]),
        places=np.concatenate(places),
        place_sizes=np.array([len(data) for data in places]),
        datasets=np.array([frame.dataset for frame in frames]),
        groups=np.array([frame.group for frame in frames]),
        folds=np.array(folds),
    )


def unpack(path: Path) -> dict[str, NDArray[Any]]:
    """`images` and `places`, (n, 288, 288) uint8, `datasets`, `groups` and `folds`, (n,), of a packed file."""
    with np.load(path) as file:
        found = dict(file)

    def decoded(data: NDArray[np.uint8], sizes: NDArray[np.int64]) -> NDArray[np.uint8]:
        return np.stack([cv2.imdecode(part, 0) for part in np.split(data, np.cumsum(sizes)[:-1])])

    return {
        "images": decoded(found["images"], found["image_sizes"]),
        "places": decoded(found["places"], found["place_sizes"]),
        **{name: found[name] for name in ("datasets", "groups", "folds")},
    }


def sky_figures(
    frames: Sequence[Frame], chance: Callable[[int], NDArray[np.float32]], threshold: float
) -> dict[str, dict[str, float]]:
    """IoU of the sky, shares of sky found and of ground called sky, over all pixels; mean and median IoU; by set.

    Args:
        frames: the frames.
        chance: the probability of sky of a frame by its number, (H, W).
        threshold: from which a pixel is sky.
    """
    sums: dict[str, list[NDArray[np.float64]]] = {}
    for number, frame in enumerate(frames):
        truth, said = frame.places == SKY, chance(number) >= threshold
        counts = (truth & said, truth | said, ~truth & said, ~truth, truth)
        part = np.array([one.sum() for one in counts], float)
        for name in (frame.dataset, "both"):
            sums.setdefault(name, []).append(part)
    found = {}
    for name, parts in sums.items():
        table = np.array(parts)
        each = np.where(table[:, 1] > 0, table[:, 0] / np.maximum(table[:, 1], 1), 1.0)
        both, either, wrong, ground, sky = table.sum(axis=0)
        found[name] = {
            "frames": len(parts),
            "iou": both / either,
            "mean": float(each.mean()),
            "median": float(np.median(each)),
            "sky_found": both / sky,
            "ground_called_sky": wrong / ground,
        }
    return found


def _gray(path: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8)
