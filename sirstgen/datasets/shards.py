"""Datasets in WebDataset shards: members of tar files, read in place, without unpacking.

Images are members ``<id>.image.png`` (or ``<id>.png``, or another image suffix), masks ``<id>.mask.png``, rows
``<id>.json``. The tar files are in ``shards/`` or in the folder itself and are not compressed.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sirstgen.datasets.entries import Entry
from sirstgen.errors import InputError
from sirstgen.files.decoding import IMAGE_SUFFIXES
from sirstgen.files.image_files import is_unread_name, named, warn_of_unread

_IMAGES = tuple(f"image{suffix}" for suffix in IMAGE_SUFFIXES) + tuple(suffix[1:] for suffix in IMAGE_SUFFIXES)
_END = 1024  # bytes
_MASKS = tuple(f"mask{suffix}" for suffix in IMAGE_SUFFIXES)


@dataclass(frozen=True, slots=True)
class TarMember:
    """A file inside a tar file.

    Attributes:
        shard: the tar file.
        name: of the member.
        offset: of its content in the tar file, bytes.
        size: of its content, bytes.
    """

    shard: Path
    name: str
    offset: int
    size: int

    @property
    def path(self) -> Path:
        """Its name for messages: ``shard.tar/member``."""
        return self.shard / self.name

    def read(self) -> bytes:
        """Return its content.

        Raises:
            InputError: the tar file cannot be read, or ends before the member does.
        """
        try:
            file = _opened(self.shard)  # held until it is read: another thread may drop it from the cache
            data = os.pread(file.descriptor, self.size, self.offset)
        except OSError as fault:
            raise InputError.of(self.path, f"cannot be read ({fault.strerror or fault})") from None
        if len(data) != self.size:
            raise InputError.of(self.path, "the tar file ends before this member does; it is cut off")
        return data


class _OpenFile:
    """A file that stays open while it is in the cache. `os.pread` needs no position, so processes may share it."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


@lru_cache(maxsize=64)
def _open_file(path: Path, size: int, changed: int) -> _OpenFile:
    return _OpenFile(path)


def _opened(path: Path) -> _OpenFile:
    found = path.stat()
    return _open_file(path, found.st_size, found.st_mtime_ns)


def shard_paths(folder: Path) -> list[Path]:
    """Return the tar files of a dataset folder, sorted by name; empty where it has none."""
    for place in (folder / "shards", folder):
        found = sorted(path for path in place.glob("*.tar") if not path.name.startswith(".") and path.is_file())
        if found:
            return found
    return []


def members(shard: Path) -> Iterator[TarMember]:
    """Return the files in a tar file, in their order.

    Raises:
        InputError: it is no tar file, is compressed, or is cut off.
    """
    try:
        with tarfile.open(shard, "r:") as tar:
            size = shard.stat().st_size
            for member in tar:
                if member.isfile():
                    if member.offset_data + member.size > size:
                        raise InputError.of(shard, f"cut off inside {member.name}; make or copy it again")
                    yield TarMember(shard, member.name, member.offset_data, member.size)
                tar.members.clear()  # type: ignore[attr-defined]  # else they all stay in memory
        if not _has_end(shard):
            raise InputError.of(shard, "cut off between two members; make or copy it again")
    except (tarfile.TarError, EOFError, OSError) as fault:
        raise InputError.of(shard, f"no tar file that can be read ({fault}); it must not be compressed") from None


def _has_end(shard: Path) -> bool:
    """Return whether a tar file ends with the two empty blocks that all of them end with."""
    with shard.open("rb") as file:
        file.seek(-min(_END, shard.stat().st_size), os.SEEK_END)
        return file.read() == bytes(_END)


def shard_entries(shards: list[Path], folder: Path) -> dict[str, Entry]:
    """Return the images of all shards with their masks, by id.

    Args:
        shards: the tar files.
        folder: the dataset, named in messages.

    Raises:
        InputError: a shard cannot be read; images without mask, masks without image, an id twice. All are counted.
    """
    images, masks, broken, twice = shard_files(shards)
    faults = [fault.message.removeprefix(f"{folder}/") for fault in broken]
    faults += _pair_faults(images, masks, twice)
    if faults:
        raise InputError.of(folder, "; ".join(faults), faults=len(faults))
    return {key: Entry(key, images[key], masks[key]) for key in sorted(images)}


def shard_files(
    shards: list[Path],
) -> tuple[dict[str, TarMember], dict[str, TarMember], list[InputError], list[str]]:
    """Return images and masks by id, the faults of shards that cannot be read to their end, and members of one name."""
    images: dict[str, TarMember] = {}
    masks: dict[str, TarMember] = {}
    broken: list[InputError] = []
    twice: list[str] = []
    others: list[str] = []
    for shard in shards:
        try:
            for member in members(shard):
                kind = member.name.rpartition("/")[2].partition(".")[2]
                key = member.name.removeprefix("./").removesuffix(f".{kind}")
                files = images if kind.lower() in _IMAGES else masks if kind.lower() in _MASKS else None
                if files is None:
                    if is_unread_name(member.name.rpartition("/")[2]):
                        others.append(f"{shard.name}/{member.name}")
                    continue
                if key in files:
                    twice.append(f"{key} in {shard.name}")
                files[key] = member
        except InputError as fault:
            broken.append(fault)
    if others:
        warn_of_unread(shards[0].parent, others)
    return images, masks, broken, twice


def shard_split(entries: Mapping[str, Entry]) -> dict[str, tuple[str, ...]]:
    """Return the ids of each part as the names of their shards state it (``train-000007.tar``, ``test-000007.tar``)."""
    parts: dict[str, list[str]] = {}
    for key, entry in entries.items():
        part = entry.image.path.parent.name.partition("-")[0]
        if isinstance(entry.image, TarMember) and part in ("train", "test"):
            parts.setdefault(part, []).append(key)
    return {part: tuple(keys) for part, keys in parts.items()}


def _pair_faults(images: Mapping[str, TarMember], masks: Mapping[str, TarMember], twice: list[str]) -> Iterator[str]:
    no_mask, no_image = sorted(images.keys() - masks.keys()), sorted(masks.keys() - images.keys())
    if twice:
        yield f"{len(twice)} members of one name ({named(twice)}): keep one of each"
    if no_mask:
        yield f"{len(no_mask)} images without mask ({named(no_mask)})"
    if no_image:
        yield f"{len(no_image)} masks without image ({named(no_image)})"
    if not images and not masks:
        yield "its tar files hold no images (<id>.image.png and <id>.mask.png are expected)"
