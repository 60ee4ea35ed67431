"""The files that each command reads, small and whole, and the command lines that read them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from making.clutter import clutter

from sirstgen import BackgroundLibrary, Generator, Recipe, write_dataset
from sirstgen.storage.shard_writer import write_shards


@dataclass(frozen=True)
class Case:
    """One kind of input.

    Attributes:
        name: of the kind.
        root: the folder below the work folder that is copied and of which one file is changed.
        files: patterns of the files that may be changed.
        command: words of the command line; ``{in}`` is the copy of `root`, ``{all}`` the whole inputs, ``{out}`` a new
            folder.
        writes: the command may change its input (it resumes a run in it).
    """

    name: str
    root: str
    files: tuple[str, ...]
    command: str
    writes: bool = False


CASES: tuple[Case, ...] = (
    Case("images: stats", "foreign", ("images/*",), "stats {in}"),
    Case("images: export", "foreign", ("images/*",), "export {in} --format coco --out {out}"),
    Case("images: preview", "foreign", ("images/*", "masks/*"), "preview {in} --out {out}.png"),
    Case("images: bench", "foreign", ("images/*", "*.txt"), "bench {in} {bench} --out {out}"),
    Case("images: harvest", "foreign", ("images/*", "masks/*", "*.txt"), "backgrounds harvest {in} --out {out}"),
    Case("masks: stats", "foreign", ("masks/*",), "stats {in}"),
    Case("masks: mix", "foreign", ("masks/*", "images/*"), "mix --real {in} --synth {all}/ours {three}"),
    Case("lists: stats", "foreign", ("*.txt",), "bench {in} --split test {bench} --out {out}"),
    Case("lists: ids", "lists", ("ids.txt",), "preview {all}/ours --ids {in}/ids.txt --out {out}.png"),
    Case(
        "lists: exclude",
        "lists",
        ("ids.txt",),
        "backgrounds harvest {all}/ours --split all --exclude {in}/ids.txt --out {out}",
    ),
    Case("ours: stats", "ours", ("targets.jsonl", "dataset.json", "images/*", "50_50/*"), "stats {in}"),
    Case("ours: verify", "ours", ("*", "images/*", "masks/*", "50_50/*"), "verify {in}"),
    Case("ours: rebuild", "ours", ("targets.jsonl", "dataset.json"), "verify {in} --rebuild {back}"),
    Case("ours: preview", "ours", ("targets.jsonl", "dataset.json"), "preview {in} --targets --out {out}.png"),
    Case("ours: bench", "ours", ("targets.jsonl",), "bench {in} {bench} --out {out}"),
    Case("ours: mix", "ours", ("targets.jsonl", "dataset.json"), "mix --real {all}/foreign --synth {in} {three}"),
    Case(
        "ours: plans",
        "ours",
        ("targets.jsonl", "dataset.json"),
        "synth --plans {in} --scr 6 {back} --workers 1 --out {out}",
    ),
    Case(
        "ours: extend",
        "ours",
        ("*", "50_50/*"),
        "synth --n 5 --resume {back} {small} --workers 1 --out {in}",
        writes=True,
    ),
    Case("ours: export", "ours", ("targets.jsonl", "dataset.json"), "export {in} --format yolo --out {out}"),
    Case("ours: audit", "ours", ("*", "images/*", "masks/*"), "audit {in}"),
    Case("recipe: yaml", "recipes", ("*.yaml",), "{one} --recipe {in}/small.yaml {back}"),
    Case("recipe: toml", "recipes", ("*.toml",), "{one} --recipe {in}/small.toml {back}"),
    Case("labels: json", "labels", ("*.json",), "{one} --backgrounds {all}/frames --labels {in}/labels.json {small}"),
    Case("labels: csv", "labels", ("*.csv",), "{one} --backgrounds {all}/frames --labels {in}/labels.csv {small}"),
    Case("templates", "templates", ("*/*", "*"), "{one} --templates {in} {back} --recipe {all}/recipes/extended.yaml"),
    Case("backgrounds", "backgrounds", ("*/*",), "{one} --backgrounds {in} {small}"),
    Case("weights: detect", "weights", ("best.pt",), "detect {all}/foreign/images --weights {in}/best.pt --out {out}"),
    Case("images: detect", "foreign", ("images/*",), "detect {in}/images --weights {all}/weights/best.pt --out {out}"),
    Case(
        "detect: resume",
        "detected",
        ("*", "masks/*"),
        "detect {all}/foreign/images --weights {all}/weights/best.pt --out {in} --resume",
        writes=True,
    ),
    Case(
        "bench: resume",
        "benched",
        ("scores.jsonl", "bench.json"),
        "bench {all}/ours {bench} --out {in} --resume",
        writes=True,
    ),
    Case("mixed: verify", "mixed", ("*", "images/*", "masks/*", "50_50/*", "img_idx/*"), "verify {in}"),
    Case("shards: verify", "sharded", ("*", "shards/*", "50_50/*"), "verify {in}"),
    Case("shards: stats", "sharded", ("*", "shards/*", "50_50/*"), "stats {in}"),
    Case("shards: extend", "sharded", ("*", "shards/*", "50_50/*"), "{shards} --n 7 --resume --out {in}", writes=True),
    Case(
        "shards: resume",
        "begun-shards",
        (".run/*", "*/*/*", "shards/*"),
        "{shards} --n 6 --resume --out {in}",
        writes=True,
    ),
    Case("run: resume", "begun", ("*", ".*", ".run/*", "*/*"), "{run} --n 5 --resume --out {in}", writes=True),
    Case("harvested: synth", "harvested", ("*",), "{one} --backgrounds {in} {small}"),
    Case("labelled: fit", "labelled", ("images/*", "masks/*"), "fit {in} --split all --no-match --out {out}"),
    Case("labelled: compare", "labelled", ("images/*", "masks/*"), "compare {in} {all}/reference --trees 5 --halves 2"),
)


def _write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def _foreign(folder: Path) -> None:
    """Four frames of 96x80 in four forms, with masks in three, and lists in the folder itself."""
    for number, suffix in enumerate((".png", ".tif", ".jpg", ".bmp")):
        image = clutter(number, 80, 96, 6.0, mean=80)
        mask = np.zeros((80, 96), np.uint8)
        mask[38:41, 40 + number : 43 + number] = 255
        image[mask > 0] += 60
        stored = image.astype(np.float32) / 4 if suffix == ".tif" else image
        _write(folder / "images" / f"a{number}{suffix}", stored)
        if number == 2:
            mask[37, 42] = 90
        _write(folder / "masks" / f"a{number}.png", mask // 255 if number == 1 else mask)
    (folder / "trainval.txt").write_text("a0\na1\na2\n")
    (folder / "test.txt").write_text("a3.png\r\n")


def _labelled(folder: Path, seed: int) -> None:
    """Write 20 frames of 64x64 with one target each."""
    y, x = np.mgrid[:64, :64]
    for number in range(20):
        blob = np.exp(-((x - 20 - number) ** 2 + (y - 30) ** 2) / (2 + number / 10))
        image = clutter(seed + number, 64, 64, 6.0, mean=80) + 60 * blob
        _write(folder / "images" / f"{number:02}.png", image.astype(np.uint8))
        _write(folder / "masks" / f"{number:02}.png", (blob > 0.3).astype(np.uint8) * 255)


def build(root: Path) -> None:
    """Write one folder for each `Case.root`."""
    _foreign(root / "foreign")
    _labelled(root / "labelled", 0)
    _labelled(root / "reference", 100)
    for scene, number in (("cloud", 1), ("cloud", 2), ("sea", 3)):
        frame = clutter(number, 100, 110, 7.0, mean=90)
        _write(root / "backgrounds" / scene / f"{number}.png", frame)
        _write(root / "frames" / f"{number}.png", frame)
    recipe = Recipe.load(_recipes(root / "recipes") / "small.yaml")
    generator = Generator(recipe, BackgroundLibrary.open(root / "backgrounds"), seed=1)
    write_dataset(generator, root / "ours", 3)
    with suppress(KeyboardInterrupt):
        write_dataset(generator, root / "begun", 5, progress=_stop_after_two)
    write_shards(generator, root / "sharded", 6, 2)
    write_shards(generator, root / "begun-shards", 6, 2, shards=range(2))
    (root / "lists").mkdir()
    (root / "lists" / "ids.txt").write_text("000001\n000003\n")
    (root / "labels").mkdir()
    labels = {"1": "cloud", "2": "cloud", "3": "sea"}
    (root / "labels" / "labels.json").write_text(json.dumps(labels, indent=1))
    rows = "".join(f"{key},{scene}\n" for key, scene in labels.items())
    (root / "labels" / "labels.csv").write_text(f"file,scene\n{rows}")
    drawing = np.zeros((20, 30), np.uint8)
    drawing[8:12, 4:26] = 255
    drawing[5:15, 12:18] = 180
    for name in ("plane", "uav", "ship"):
        _write(root / "templates" / name / "01.png", drawing)
        _write(root / "templates" / name / "02.png", drawing.T.copy())
    _weights(root / "weights" / "best.pt")


def _stop_after_two(done: int, total: int) -> None:
    if done == 2:
        raise KeyboardInterrupt


def _weights(path: Path) -> None:
    from sirstgen.training.checkpoint import Checkpoint
    from sirstgen.training.config import TrainingConfig
    from sirstgen.training.runtime import fresh_net

    settings = TrainingConfig(detector="dnanet-resnet10-light", in_channels=1, steps=1)
    Checkpoint(settings, 1, fresh_net(settings).state_dict()).save(path)


def _recipes(folder: Path) -> Path:
    folder.mkdir()
    (folder / "small.yaml").write_text(
        "width: 96\nheight: 80\nscr: [4, 5]\nbackgrounds:\n  native_size: false\nquality:\n  attempts: 10\n"
    )
    (folder / "small.toml").write_text("width = 96\nheight = 80\nscr = [4, 5]\n[quality]\nattempts = 10\n")
    (folder / "extended.yaml").write_text("width: 96\nheight: 80\nscr: [4]\n")
    return folder


_SHORT = {
    "{run}": "synth {back} {small} --workers 1",
    "{shards}": "synth {back} {small} --workers 1 --shard-size 2",
    "{one}": "synth --n 1 --seed 1 --workers 1 --out {out}",
    "{three}": "--total 3 --real-count 1 --out {out}",
    "{bench}": "--detectors top-hat --workers 1",
    "{back}": "--backgrounds {all}/backgrounds",
    "{small}": "--recipe {all}/recipes/small.yaml",
}


def words(case: Case, place: Path, inputs: Path, out: Path) -> Sequence[str]:
    """Return the command line of a case."""
    command = case.command
    for short, text in _SHORT.items():
        command = command.replace(short, text)
    places = {"{in}": str(place), "{all}": str(inputs), "{out}": str(out)}
    return [re.sub(r"\{\w+\}", lambda found: places[found[0]], word) for word in command.split()]
