"""Frames for `scenes.py`: labelled real ones, changed copies and crops of them, and procedural ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.procedural import SCENES, generate
from sirstgen.files.images import Gray, read_gray

CONTENT = {"sky-clear": "cloud", **{scene: scene for scene in SCENES}}
SATURATED_CLOUD = 0.25  # share of pixels at 230 or above
NEAR_DUPLICATE = 0.9  # correlation of 32x32 thumbnails
COPIES = 4  # changed copies of each real frame
CROPS = {"sky": 2, "ground": 3}  # of each frame with a sky mask
MOST_SKY = 0.4  # of a crop of the ground
CHANGED_CROPS = 0.7  # share of the crops that are changed, too
SMALLEST = 40  # side of a crop, pixels
DRAWN = 120  # procedural frames a scene
DRAWN_SEED = 77  # another than that of the built-in backgrounds
DRAWN_SIDE = 256

Levels = NDArray[np.float32]


@dataclass(frozen=True)
class Real:
    """A labelled real frame: `tested` where its label is sure, `source` its camera."""

    path: Path
    dataset: str
    scene: str
    group: str
    source: str
    tested: bool


def real_frames(data: Path, labels: Path) -> list[Real]:
    """Every frame whose label can be used, in order."""
    frames: list[Real] = []
    test_ids = set((data / "nuaa-sirst/50_50/test.txt").read_text().split())
    for dataset, folder, file in (
        ("nuaa", "nuaa-sirst/images", "nuaa-train-scenes.json"),
        ("nudt", "nudt-sirst/images", "nudt-scenes.json"),
        ("sirst-v2", "sirst-v2-backgrounds", "sirst-v2-backgrounds-scenes.json"),
    ):
        records = json.loads((labels / file).read_text())
        if dataset == "nuaa" and test_ids & set(records):
            raise SystemExit(f"{labels / file} holds test frames of NUAA-SIRST, which are not to be trained on")
        groups = near_duplicates([data / folder / f"{name}.png" for name in records]) if dataset == "nuaa" else None
        for number, (name, record) in enumerate(records.items()):
            sure = record["confidence"] == "high"
            scene, content = CONTENT.get(record["scene"]), CONTENT.get(record["content"])
            if not sure and scene == "cloud" and record["share_ge230"] >= SATURATED_CLOUD:
                scene = "highlight"
            if scene is None or (not sure and scene not in (content, "highlight")):
                continue
            group = f"nuaa-{groups[number]}" if groups else f"{dataset}-{record['group'].replace(':', '-')}"
            source = f"{dataset}-{record['source']}" if dataset == "nudt" else dataset
            frames.append(Real(data / folder / f"{name}.png", dataset, scene, group, source, sure))
    return frames


def near_duplicates(paths: Sequence[Path]) -> list[int]:
    """A group number for each frame: single linkage over the correlation of thumbnails. Errs towards one group."""
    thumbnails = []
    for path in paths:
        small = cv2.resize(read_gray(path), (32, 32), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
        thumbnails.append((small - small.mean()) / max(float(small.std()), 1e-9) / 32)
    near = np.stack(thumbnails) @ np.stack(thumbnails).T > NEAR_DUPLICATE
    group = np.arange(len(paths))
    for a, b in np.argwhere(np.triu(near, 1)):
        group[group == group[b]] = group[a]
    return [int(number) for number in group]


@dataclass(frozen=True)
class Picture:
    """An image to train on: its `kind` (frame, copy, crop, drawn) and the number of the real frame it shows, or -1."""

    image: Gray
    kind: str
    scene: str
    frame: int


def pictures(frames: Sequence[Real], labels: Path) -> Iterator[Picture]:
    """The real frames in order, then copies, crops and procedural frames."""
    for number, frame in enumerate(frames):
        yield Picture(read_gray(frame.path), "frame", frame.scene, number)
    for copy in range(COPIES):
        rng = np.random.default_rng(100 + copy)
        for number, frame in enumerate(frames):
            levels = _levels(read_gray(frame.path))
            yield Picture(changed(_part(levels, frame.scene, rng), frame.scene, rng), "copy", frame.scene, number)
    yield from _crops(frames, labels)
    rng = np.random.default_rng(55)
    for scene in SCENES:
        for number in range(DRAWN):
            side = DRAWN_SIDE if number % 2 else 2 * DRAWN_SIDE
            image = generate(scene, DRAWN_SEED, number, side, side)
            if number % 4:
                image = image[:DRAWN_SIDE, :DRAWN_SIDE]
            yield Picture(image, "drawn", scene, -1)
            yield Picture(changed(_part(_levels(image), scene, rng), scene, rng), "drawn", scene, -1)


def _levels(image: Gray) -> Levels:
    """Gray levels, 0 to 255."""
    return np.asarray(image / np.float32(np.iinfo(image.dtype).max // 255), dtype=np.float32)


def _part(levels: Levels, scene: str, rng: np.random.Generator) -> Levels:
    """A large part of the frame; a smaller one of clouds, which look alike at all scales."""
    height, width = levels.shape
    scale, stretch = rng.uniform(0.45 if scene == "cloud" else 0.6, 1), np.exp(rng.uniform(-0.25, 0.25))
    rows, columns = int(min(height, height * scale * stretch)), int(min(width, width * scale / stretch))
    y, x = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
    return levels[y : y + rows, x : x + columns]


def _crops(frames: Sequence[Real], labels: Path) -> Iterator[Picture]:
    """Small crops of frames with sky masks: of the sky (cloud), and of the ground (the scene of the frame)."""
    rng = np.random.default_rng(7)
    masks = {"nuaa": labels / "sky/nuaa-sirst", "sirst-v2": labels / "sky/sirst-v2-backgrounds"}
    for number, frame in enumerate(frames):
        mask = masks.get(frame.dataset, labels) / frame.path.name
        if not mask.exists():
            continue
        levels = _levels(read_gray(frame.path))
        sky = cv2.resize(read_gray(mask), levels.shape[::-1], interpolation=cv2.INTER_NEAREST) > 127
        for place, count in CROPS.items():
            scene = "cloud" if place == "sky" else frame.scene
            usable = (
                0.05 < sky.mean() < 0.97 if place == "sky" else sky.mean() < 0.9 and scene in ("city", "field", "sea")
            )
            for _ in range(count if usable else 0):
                crop = _crop(levels, sky, place, rng)
                if crop is not None:
                    image = changed(crop, scene, rng) if rng.random() < CHANGED_CROPS else crop.astype(np.uint8)
                    yield Picture(image, "crop", scene, number)


def _crop(levels: Levels, sky: NDArray[np.bool_], place: str, rng: np.random.Generator) -> Levels | None:
    """A crop of nothing but sky, or with at most `MOST_SKY` of it; None where sixty tries find none."""
    height, width = levels.shape
    for _ in range(60):
        scale = rng.uniform(0.2, 0.6) * min(height, width)
        rows, columns = (int(scale * np.exp(rng.uniform(-0.2, 0.2))) for _ in range(2))
        if rows > height or columns > width or min(rows, columns) < SMALLEST:
            continue
        y, x = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
        share = sky[y : y + rows, x : x + columns].mean()
        if share > 0.995 if place == "sky" else share < MOST_SKY:
            return levels[y : y + rows, x : x + columns]
    return None


def changed(levels: Levels, scene: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The frame as another camera would show it; a highlight frame keeps its brightness, which makes the scene."""
    gray = np.ascontiguousarray(levels[:, ::-1] if rng.random() < 0.5 else levels)
    height, width = gray.shape
    if rng.random() < 0.35:  # out of focus
        gray = cv2.GaussianBlur(
            gray, (0, 0), np.exp(rng.uniform(np.log(0.4), np.log(6))) * min(gray.shape) / 256 + 0.05
        )
    if rng.random() < 0.25:
        gray = gray + rng.uniform(0.5, 3) * (gray - cv2.GaussianBlur(gray, (0, 0), rng.uniform(1, 4)))
    if scene != "highlight":
        if rng.random() < 0.5:
            gray = 255 * np.clip(gray / 255, 0, 1) ** np.exp(rng.normal(0, 0.5))
        if rng.random() < 0.3:  # uneven response of the sensor
            down, across, bowl = rng.normal(0, 1, 3)
            y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
            gray = gray + rng.uniform(5, 50) * (down * y + across * x + bowl * (x * x + y * y)) / 2
        if rng.random() < 0.7:
            low, high = np.percentile(gray, (1, 99))
            span, mean = np.exp(rng.uniform(np.log(8), np.log(260))), rng.uniform(15, 190)
            gray = (gray - gray.mean()) * (span / max(high - low, 4)) + mean
    if rng.random() < 0.4:
        gray = gray + rng.normal(0, np.exp(rng.uniform(np.log(0.5), np.log(8))), gray.shape)
    if rng.random() < 0.2:
        gray = gray + rng.normal(0, rng.uniform(0.5, 4), (1, width))
    if rng.random() < 0.1:
        gray = gray + rng.normal(0, rng.uniform(0.5, 4), (height, 1))
    found = np.clip(gray, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))]
        found = np.asarray(cv2.imdecode(cv2.imencode(".jpg", found, quality)[1], cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
    return found
