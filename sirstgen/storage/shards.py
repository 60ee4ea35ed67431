"""Shards: which images each holds, what is recorded of it, and the sink that writes it."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from sirstgen.files.input_files import parse_json
from sirstgen.storage.place import NewFile, Place, open_place, read, sha256_of
from sirstgen.storage.sink import Chunk, Finished
from sirstgen.storage.tar import add_members, end

RECORDS = ".run/shards"
SHARDS = "shards"


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One tar file.

    Args:
        name: below the dataset, ``shards/<split>-<number>.tar``.
        number: of the shard; its images' indices begin at number * shard size.
        split: ``train`` or ``test``.
        sha256: of the file.
        bytes: size of the file.
        first, last: ids of its first and last image.
        count: images.
        targets: targets in them.
    """

    name: str
    number: int
    split: str
    sha256: str
    bytes: int
    first: str
    last: str
    count: int
    targets: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "name": self.name,
            "number": self.number,
            "split": self.split,
            "sha256": self.sha256,
            "bytes": self.bytes,
            "ids": [self.first, self.last],
            "count": self.count,
            "targets": self.targets,
        }

    @classmethod
    def from_dict(cls, entry: dict[str, Any]) -> ShardFile:
        """Read back what `to_dict` gives."""
        first, last = entry["ids"]
        return cls(first=first, last=last, **{name: value for name, value in entry.items() if name != "ids"})


@dataclass(slots=True)
class Record:
    """What is known of one finished shard: its files, one a side of the split, and what its images add up to.

    Args:
        number: of the shard.
        images: how many it holds.
        redrawn: for images that a person has rejected, how often, by id.
        files: its tar files.
        scenes, rejections: counts over its images.
        notice: what was found damaged and made anew; empty if nothing was.
    """

    number: int
    images: int
    redrawn: dict[str, int] = field(default_factory=dict)
    files: list[ShardFile] = field(default_factory=list)
    scenes: Counter[str] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)
    notice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "number": self.number,
            "images": self.images,
            "redrawn": self.redrawn,
            "files": [file.to_dict() for file in self.files],
            "scenes": dict(sorted(self.scenes.items())),
            "rejections": dict(sorted(self.rejections.items())),
        }

    @classmethod
    def from_dict(cls, entry: dict[str, Any]) -> Record:
        """Read back what `to_dict` gives."""
        return cls(
            entry["number"],
            entry["images"],
            dict(entry["redrawn"]),
            [ShardFile.from_dict(file) for file in entry["files"]],
            Counter(entry["scenes"]),
            Counter(entry["rejections"]),
        )


def record_name(number: int) -> str:
    """Return where a run keeps the record of a shard, below the dataset."""
    return f"{RECORDS}/{number:06d}.tsv"


def record_text(record: Record, lines: Iterable[str]) -> str:
    """Return a record as a file: its values, then a line an image (id, side, row; tab-separated), then a checksum."""
    body = "".join(f"{line}\n" for line in (json.dumps(record.to_dict()), *lines))
    return f"{body}{hashlib.sha256(body.encode()).hexdigest()}\n"


def read_record(place: Place, number: int) -> tuple[Record, list[str]] | None:
    """Return the record of a shard and the line of each of its images.

    None where there is none, or none that can be used.
    """
    data = read(place, record_name(number))
    if data is None:
        return None
    try:
        head, *lines, checksum, _ = data.decode().split("\n")
        if hashlib.sha256("".join(f"{line}\n" for line in (head, *lines)).encode()).hexdigest() != checksum:
            return None
        return Record.from_dict(parse_json(head)), lines
    except ValueError:
        return None


class ShardSink:
    """Images as tar files, one a side of the split, below ``shards/``.

    Args:
        where: path or URL of the dataset.
    """

    def __init__(self, where: str) -> None:
        self._where = where

    def put(self, chunk: Chunk, images: Iterable[Finished]) -> Record:
        """Write the shard `chunk`, unless it is there and whole; return its record.

        The record is stored last: a shard without one is not there.
        """
        place = open_place(self._where)
        wanted = Record(chunk.number, len(chunk.images), chunk.redrawn)
        there = read_record(place, chunk.number)
        notice = ""
        if there is not None and (there[0].images, there[0].redrawn) == (wanted.images, wanted.redrawn):
            notice = next(damages(place, there[0].files), "")
            if not notice:
                return there[0]
        lines: list[str] = []
        tars: dict[str, tuple[NewFile, Counter[str], list[str]]] = {}
        with contextlib.ExitStack() as files:
            for made in images:
                if made.side not in tars:
                    name = f"{SHARDS}/{made.side}-{chunk.number:06d}.tar"
                    tars[made.side] = files.enter_context(place.new_file(name)), Counter(), []
                file, totals, ids = tars[made.side]
                add_members(file, made)
                row = orjson.loads(made.row)
                wanted.scenes[row["scene"]] += 1
                wanted.rejections.update(row["rejections"])
                totals["targets"] += len(row["targets"])
                ids.append(made.id)
                lines.append(f"{made.id}\t{made.side}\t{made.row}")
            for file, _, _ in tars.values():
                end(file)
        for side, (file, totals, ids) in sorted(tars.items()):
            name = f"{SHARDS}/{side}-{chunk.number:06d}.tar"
            wanted.files.append(
                ShardFile(
                    name, chunk.number, side, file.sha256, file.size, ids[0], ids[-1], len(ids), totals["targets"]
                )
            )
        with place.new_file(record_name(chunk.number)) as record:
            record.write(record_text(wanted, lines).encode())
        return replace(wanted, notice=notice)


def damages(place: Place, files: Iterable[ShardFile]) -> Iterator[str]:
    """Yield the files of shards that are missing or whose checksum is not the stated one, each in words."""
    for file in files:
        found = sha256_of(place, file.name)
        if found is None:
            yield f"{file.name} is missing"
        elif found != file.sha256:
            yield f"{file.name}: its checksum is wrong"
