"""A run in progress: its folder inside the dataset, what was begun with what, and what is finished."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sirstgen import __version__
from sirstgen.atomic import refuse_existing, write_file
from sirstgen.datasets.checksums import SUMS
from sirstgen.datasets.journal import Entry, Journal, file_sha256
from sirstgen.errors import InputFault, InvalidValue
from sirstgen.synthesis.generator import Generator

RUN_FOLDER = ".run"
LAYOUT = ("images", "masks", "50_50", "img_idx", "targets.jsonl", "dataset.json", SUMS, "README.md")
"""Everything a dataset folder holds when it is finished."""


class Run:
    """The state of a run, kept in ``<dataset>/.run`` until the dataset is finished.

    Attributes:
        folder: the dataset folder.
        scratch: where files are before they are whole.
        journal: the finished images.
        takes: for images that a person has rejected, how often; the next take draws them differently.
    """

    def __init__(self, folder: Path, journal: Journal, takes: dict[str, int]) -> None:
        self.folder = folder
        self.scratch = folder / RUN_FOLDER / "scratch"
        self.journal = journal
        self.takes = takes

    @classmethod
    def open(cls, generator: Generator, folder: Path, count: int, resume: bool, overwrite: bool) -> Run:
        """Begins a run, or goes on with the one in `folder`.

        Raises:
            OutputExists: there is something in `folder` that may not be replaced.
            InvalidValue: the run in `folder` was begun with something else, or holds more than `count` images.
        """
        begun = folder / RUN_FOLDER / "fingerprint"
        if not resume:
            if not (overwrite and (folder / RUN_FOLDER).is_dir()):
                refuse_existing(folder, overwrite)
            _clear(folder)
        mark = fingerprint(generator)
        if begun.exists() and begun.read_text() != mark:
            raise _begun_otherwise(folder)
        scratch = folder / RUN_FOLDER / "scratch"
        if not begun.exists() and (folder / "dataset.json").exists():
            _reopen(folder, mark, count)
        elif not begun.exists() and folder.is_dir():
            refuse_existing(folder, overwrite=False)
        shutil.rmtree(scratch, ignore_errors=True)
        for part in (scratch, folder / "images", folder / "masks"):
            part.mkdir(parents=True, exist_ok=True)
        write_file(folder / RUN_FOLDER / "generator.pickle", pickle.dumps(generator), scratch)
        write_file(folder / RUN_FOLDER / "seed", str(generator.seed), scratch)
        write_file(begun, mark, scratch)
        run = cls(folder, Journal(folder / RUN_FOLDER / "journal.tsv"), _read_takes(folder))
        run._forget_damaged(count)
        return run

    @staticmethod
    def seed_of(folder: Path) -> int | None:
        """The seed of the run or dataset in `folder`, so that it can go on without being told again."""
        begun = folder / RUN_FOLDER / "seed"
        if begun.exists():
            return int(begun.read_text())
        return int(read_manifest(folder)["seed"]) if (folder / "dataset.json").exists() else None

    def generator(self) -> Path:
        """Where workers find the generator."""
        return self.folder / RUN_FOLDER / "generator.pickle"

    def redraw(self, image_id: str) -> None:
        """The image shall be drawn again, differently."""
        self.takes[image_id] = self.takes.get(image_id, 0) + 1
        write_file(self.folder / RUN_FOLDER / "takes.json", json.dumps(self.takes), self.scratch)
        self.journal.forget(image_id)

    def finish(self) -> None:
        """The dataset is complete: its run folder goes."""
        self.journal.close()
        shutil.rmtree(self.folder / RUN_FOLDER)

    def _forget_damaged(self, count: int) -> None:
        """Images whose files are not what the journal says are made again."""
        for entry in list(self.journal.entries()):
            whole = (
                file_sha256(self.folder / "images" / f"{entry.id}.png") == entry.image_sha256
                and file_sha256(self.folder / "masks" / f"{entry.id}.png") == entry.mask_sha256
            )
            if int(entry.id) > count:
                raise InvalidValue(f"n must be at least {int(entry.id)}, as many as {self.folder} holds, got {count}")
            if not whole:
                self.journal.forget(entry.id)


def image_id(index: int) -> str:
    """The id of image `index`: its number from 1, six digits."""
    return f"{index + 1:06d}"


def fingerprint(generator: Generator) -> str:
    """SHA-256 of everything that decides the pixels of a run; runs with equal ones give equal images."""
    parts = {
        "sirstgen": __version__,
        "seed": generator.seed,
        "recipe": generator.recipe.to_mapping(),
        "backgrounds": generator.backgrounds.describe(),
        "templates": generator.templates.digest(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The ``dataset.json`` of a finished dataset.

    Raises:
        InputFault: there is none, or it cannot be read.
    """
    try:
        manifest = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputFault.of(folder, f"not a finished sirstgen dataset ({error})") from None
    if not isinstance(manifest, dict) or "count" not in manifest:
        raise InputFault.of(folder / "dataset.json", "not the manifest of a sirstgen dataset")
    return manifest


def _clear(folder: Path) -> None:
    """Removes the parts of a dataset, and nothing else."""
    for name in (*LAYOUT, RUN_FOLDER):
        part = folder / name
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


def _reopen(folder: Path, mark: str, count: int) -> None:
    """Turns a finished dataset back into a run: the journal from its rows and checksums."""
    manifest = read_manifest(folder)
    if manifest.get("fingerprint") != mark:
        raise _begun_otherwise(folder)
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    run = folder / RUN_FOLDER
    run.mkdir(exist_ok=True)
    with (folder / "targets.jsonl").open(encoding="utf-8") as rows, (run / "journal.new").open("w") as journal:
        for line in rows:
            name = json.loads(line)["id"]
            journal.write(Entry(name, sums[f"images/{name}.png"], sums[f"masks/{name}.png"], line.rstrip("\n")).line())
    (run / "takes.json").write_text(json.dumps(manifest.get("redrawn", {})))
    (run / "journal.new").replace(run / "journal.tsv")


def _begun_otherwise(folder: Path) -> InvalidValue:
    return InvalidValue(
        f"a run goes on with the recipe, seed, backgrounds, templates and version it was begun with, {folder} was "
        f"begun with others; repeat its command, or give --overwrite or another --out"
    )


def _read_takes(folder: Path) -> dict[str, int]:
    path = folder / RUN_FOLDER / "takes.json"
    takes: Mapping[str, int] = json.loads(path.read_text()) if path.exists() else {}
    return dict(takes)
