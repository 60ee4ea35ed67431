"""The state of a shard run that all its commands share, and the records of its finished shards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from sirstgen.datasets.manifest_file import parse_manifest
from sirstgen.datasets.unfinished import SHARD_STATE
from sirstgen.errors import InputError
from sirstgen.files.atomic import MANIFEST
from sirstgen.files.checked_json import parse_checked
from sirstgen.files.input_files import parse_json
from sirstgen.files.output import stage_of
from sirstgen.storage.place import LocalPlace, Place, open_place, read, write
from sirstgen.storage.shards import RECORDS, Record, ShardFile, record_name, record_text
from sirstgen.storage.sink import image_id
from sirstgen.synthesis.sides import Side

STATE = SHARD_STATE


@dataclass(frozen=True)
class ShardState:
    """What all commands that work on a run agree on.

    Args:
        count: images of the finished dataset.
        size: images a shard; the last one may hold fewer.
        redrawn: for images that a person has rejected, how often, by id.
        parts: the fingerprint of the generator.
    """

    count: int
    size: int
    redrawn: dict[str, int]
    parts: dict[str, Any]

    @property
    def shards(self) -> int:
        """How many shards the dataset has."""
        return -(-self.count // self.size)

    def images(self, number: int) -> range:
        """Return the indices of the images of a shard."""
        return range(number * self.size, min((number + 1) * self.size, self.count))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"count": self.count, "size": self.size, "redrawn": self.redrawn, "fingerprint": self.parts}

    @classmethod
    def read(cls, place: Place) -> Self | None:
        """Return the state of the run that is under way at `place`; None where there is none, or a damaged one."""
        data = read(place, STATE)
        if data is None:
            return None
        entry = parse_checked(data)
        return cls(entry["count"], entry["size"], entry["redrawn"], entry["fingerprint"]) if entry is not None else None


def working_place(folder: Path) -> LocalPlace:
    """Return where the shards of a folder are written: in it, or in the folder that will replace it."""
    return LocalPlace(stage_of(folder) or folder, folder.resolve().name)


def restore_records(place: Place, state: ShardState, files: Sequence[ShardFile], side: Callable[[int], Side]) -> None:
    """Write the records of all shards of a finished dataset again; `side` returns the side that an image is on."""
    try:
        by_number = {number: list(group) for number, group in groupby(sorted(files, key=_order), lambda f: f.number)}
        with place.open("targets.jsonl") as rows:
            for number in range(state.shards):
                record = Record(number, len(state.images(number)), files=by_number.get(number, []))
                lines = []
                for index in state.images(number):
                    name, text = image_id(index), rows.readline().decode().rstrip("\n")
                    row = parse_json(text)
                    if row["id"] != name:
                        raise ValueError(f"line {index + 1} of targets.jsonl is of {row['id']}")
                    if name in state.redrawn:
                        record.redrawn[name] = state.redrawn[name]
                    record.scenes[row["scene"]] += 1
                    record.rejections.update(row["rejections"])
                    lines.append(f"{name}\t{side(index)}\t{text}")
                write(place, record_name(number), record_text(record, lines))
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError.of(
            str(place), f"its lists and targets.jsonl do not fit together ({error}); make it again with --overwrite"
        ) from None


def read_shard_manifest(place: Place) -> dict[str, Any]:
    """Return the ``dataset.json`` at a place.

    Raises:
        InputError: there is none, it cannot be read, or it has a fault (`check_manifest`).
    """
    data = read(place, MANIFEST)
    if data is None:
        raise InputError.of(str(place), f"not a finished sirstgen dataset (there is no {MANIFEST})")
    return parse_manifest(data, f"{place}/{MANIFEST}")


def records_there(place: Place, state: ShardState) -> set[int]:
    """Return the numbers of the shards that have a record."""
    names = (name.removesuffix(".tsv") for name in place.names(RECORDS))
    return {int(name) for name in names if name.isdecimal() and int(name) < state.shards}


def numbers_in_words(numbers: Sequence[int]) -> str:
    """Return sorted numbers as ranges: ``3,7-9``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def seed_at(where: str | Path) -> int | None:
    """Return the seed of the run or the dataset at a place, so that it can be resumed without --seed."""
    place = open_place(where)
    place = working_place(place.folder) if isinstance(place, LocalPlace) else place
    begun = ShardState.read(place)
    parts: Mapping[str, Any] | None = begun.parts if begun is not None else None
    if parts is None and read(place, MANIFEST) is not None:
        parts = read_shard_manifest(place)
    return parts.get("seed") if parts is not None else None


def _order(file: ShardFile) -> tuple[int, str]:
    return file.number, file.split
