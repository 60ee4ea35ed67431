"""The commands that write folders: a starting state, the work, and the command that follows a kill."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from sirstgen.backgrounds.harvest import harvest_folder
from sirstgen.bench.run import run_bench
from sirstgen.datasets.readers import Dataset
from sirstgen.detectors.classical import named
from sirstgen.export.export import export_dataset
from sirstgen.mix.mix import draw_mix
from sirstgen.mix.writer import write_mix
from sirstgen.recipe.recipe import Recipe
from sirstgen.storage import run
from sirstgen.storage.shard_writer import write_shards
from sirstgen.storage.writer import redraw, write_dataset
from sirstgen.synthesis.generator import Generator

NOTES = "notes.txt"
"""A file of the user in an output folder."""


@lru_cache
def generator(seed: int) -> Generator:
    return Generator(Recipe(width=64, height=64), seed=seed)


def warm() -> None:
    """Open what all processes share before they are forked."""
    import_module("sirstgen.train_check.train_check")
    run._CHUNK = 2  # so that a short run has work for several processes
    for seed in range(5):
        generator(seed)[0]


@dataclass(frozen=True)
class Scenario:
    """One command.

    Attributes:
        name: for tables.
        work: runs it on a folder that holds ``source``, a dataset, and where it needs it ``out``.
        after: the commands of which any one must put a kill right; the first is tried after every kill.
        begins: makes ``out`` before the kill; None where it is not there.
        finished: the command that follows a kill after the work was complete, where repeating would do other work.
        workers: the work is done in processes of its own; it is killed when a random number of files are there.
    """

    name: str
    work: Callable[[Path], object]
    after: tuple[Callable[[Path], object], ...]
    begins: Callable[[Path], object] | None = None
    finished: Callable[[Path], object] | None = None
    workers: bool = False


def _synth(count: int, seed: int = 0, **settings: Any) -> Callable[[Path], object]:
    return lambda place: write_dataset(generator(seed), place / "out", count, **settings)


def _shards(count: int, seed: int = 0, **settings: Any) -> Callable[[Path], object]:
    return lambda place: write_shards(generator(seed), place / "out", count, 2, **settings)


def _with_notes(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def begin(place: Path) -> None:
        make(place)
        (place / "out" / NOTES).write_text("mine")

    return begin


def _mix(**settings: bool) -> Callable[[Path], object]:
    def work(place: Path) -> None:
        source = Dataset.open(place / "source")
        write_mix(draw_mix(None, source, seed=0, total=3, real_count=0), place / "out", **settings)

    return work


def _export(**settings: bool) -> Callable[[Path], object]:
    return lambda place: export_dataset(place / "source", "coco", place / "out", link=False, **settings)


def _harvest(place: Path) -> None:
    source = Dataset.open(place / "source")
    harvest_folder(source, source.ids, place / "out")


def _bench(**settings: bool) -> Callable[[Path], object]:
    return lambda place: run_bench(
        Dataset.open(place / "source"), [named("top-hat"), named("max-median")], place / "out", **settings
    )


def _drop(place: Path) -> None:
    redraw(generator(0), place / "out", ["000002"])


def _check(**settings: bool) -> Callable[[Path], object]:
    def work(place: Path) -> None:
        from sirstgen.train_check.presets import FolderRow, preset
        from sirstgen.train_check.train_check import train_check

        plan = preset("quick")
        augmentation = dataclasses.replace(plan.settings.augmentation, crop=32, base=32)
        short = dataclasses.replace(
            plan.settings, steps=2, batch=2, validate_every=1, test_size=32, augmentation=augmentation
        )
        rows = (FolderRow(place / "other", count=3), FolderRow(place / "other", count=2))
        plan = dataclasses.replace(plan, rows=rows, detectors=("acm",), repeats=1, settings=short)
        train_check(plan, Dataset.open(place / "source"), out=place / "out", device="cpu", **settings)

    return work


SCENARIOS = (
    Scenario("synth", _synth(2), (_synth(2, resume=True), _synth(2, overwrite=True))),
    Scenario("extend", _synth(4, resume=True), (_synth(4, resume=True),), _with_notes(_synth(2))),
    Scenario(
        "overwrite",
        _synth(2, 1, overwrite=True),
        (_synth(2, 1, overwrite=True),),
        _with_notes(_synth(3)),
    ),
    Scenario("shards", _shards(4), (_shards(4, resume=True), _shards(4, overwrite=True))),
    Scenario("shards of a run", _shards(4, shards=[1]), (_shards(4, shards=[1]),), _shards(4, shards=[0])),
    Scenario("extend shards", _shards(4, resume=True), (_shards(4, resume=True),), _with_notes(_shards(3))),
    Scenario(
        "overwrite with shards", _shards(4, 1, overwrite=True), (_shards(4, 1, overwrite=True),), _with_notes(_synth(3))
    ),
    Scenario("drop", _drop, (_drop,), _with_notes(_synth(3)), finished=_synth(3, resume=True)),
    Scenario(
        "synth --workers 2",
        _synth(8, workers=2),
        (_synth(8, resume=True, workers=2), _synth(8, overwrite=True)),
        workers=True,
    ),
    Scenario(
        "overwrite --workers 2",
        _synth(8, 1, overwrite=True, workers=2),
        (_synth(8, 1, overwrite=True, workers=2),),
        _with_notes(_synth(3)),
        workers=True,
    ),
    Scenario(
        "shards --workers 2",
        _shards(8, workers=2),
        (_shards(8, resume=True, workers=2), _shards(8, overwrite=True)),
        workers=True,
    ),
    Scenario("mix", _mix(), (_mix(resume=True), _mix())),
    Scenario("mix --overwrite", _mix(overwrite=True), (_mix(overwrite=True),), _with_notes(_synth(2))),
    Scenario("export", _export(), (_export(),)),
    Scenario("export --overwrite", _export(overwrite=True), (_export(overwrite=True),), _with_notes(_export())),
    Scenario("harvest", _harvest, (_harvest,)),
    Scenario("bench", _bench(), (_bench(resume=True), _bench(overwrite=True))),
    Scenario("bench --overwrite", _bench(overwrite=True), (_bench(overwrite=True),), _with_notes(_bench())),
    Scenario("train-check", _check(), (_check(resume=True),)),
    Scenario("train-check --overwrite", _check(overwrite=True), (_check(overwrite=True),), _with_notes(_check())),
)

PAIRS: dict[str, tuple[Callable[[Path], object], Callable[[Path], object], Callable[[Path], object] | None]] = {
    "synth, synth": (_synth(6), _synth(6, 1), None),
    "synth, synth --resume": (_synth(6), _synth(6, resume=True), None),
    "overwrite, overwrite": (_synth(4, 1, overwrite=True), _synth(4, 2, overwrite=True), _with_notes(_synth(3))),
    "overwrite, drop": (_synth(4, 1, overwrite=True), _drop, _with_notes(_synth(3))),
    "extend, drop": (_synth(6, resume=True), _drop, _with_notes(_synth(3))),
    "shards, shards": (_shards(6, shards=[0, 1]), _shards(6, shards=[1, 2]), None),
    "shards, other recipe": (_shards(6), _shards(6, 1, resume=True), None),
    "shards, overwrite": (_shards(6, resume=True), _shards(6, 1, overwrite=True), _with_notes(_shards(3))),
    "shards, extend": (_shards(4, shards=[0, 1]), _shards(6, resume=True), None),
    "mix, mix": (_mix(), _mix(), None),
    "bench, bench": (_bench(), _bench(resume=True), None),
    "export, export": (_export(), _export(), None),
}
"""Two commands in one folder at a time, and what makes the folder before."""


def prepare(place: Path, begins: Callable[[Path], object] | None) -> None:
    """Make ``source`` (a real set for training), ``other`` (a synthetic one), and ``out`` where it is there before."""
    write_dataset(generator(3), place / "source", 6)
    for name in ("dataset.json", "SHA256SUMS", "targets.jsonl", "README.md"):
        (place / "source" / name).unlink()
    shutil.rmtree(place / "source" / "img_idx")
    write_dataset(generator(4), place / "other", 4)
    if begins is not None:
        begins(place)


def content(place: Path) -> dict[str, Any]:
    """Every file below ``place`` by path; without times and names of machines."""
    found: dict[str, Any] = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if not path.is_file() or "tensorboard/" in name:
            continue
        found[name] = _timeless(path) if name.startswith("out/") else path.read_bytes()
    return found


def _timeless(path: Path) -> Any:
    name = path.name
    if name in ("run.json", "table.json", "bench.json"):
        return _without_times(json.loads(path.read_bytes()))
    if name == "scores.jsonl":
        return sorted(str(_without_times(json.loads(line))) for line in path.read_text().splitlines())
    if name in ("table.txt", "table.md", "bench.md") or name.endswith(".pt"):
        return name  # hold times; a checkpoint's figures stand in the table
    return path.read_bytes()


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(part) for key, part in value.items() if key not in ("seconds", "device", "sha256")}
    return [_without_times(part) for part in value] if isinstance(value, list) else value
