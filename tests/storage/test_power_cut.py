"""After a power cut: what says that something is there comes onto the disk after it, by the order of the calls."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sirstgen.storage import checksums, shard_writer
from sirstgen.storage.shard_writer import write_shards
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator

Call = tuple[str, str]


@contextmanager
def recorded(folder: Path) -> Iterator[list[Call]]:
    """The calls that order what reaches the disk: kind, and path below `folder` (``.`` for itself)."""
    calls: list[Call] = []
    fsync, rename, replace, unlink = os.fsync, os.rename, os.replace, os.unlink

    def below(path: object, descriptor: int | None = None) -> str:
        home = Path() if descriptor is None else Path(f"/proc/self/fd/{descriptor}").readlink()
        return os.path.relpath(home / os.fspath(path), folder)  # type: ignore[call-overload]

    def note_fsync(descriptor: int) -> None:
        calls.append(("fsync", below(Path(f"/proc/self/fd/{descriptor}").readlink())))
        fsync(descriptor)

    def note_replace(old: object, new: object) -> None:
        calls.append(("from", below(old)))
        calls.append(("rename", below(new)))
        replace(old, new)  # type: ignore[arg-type]

    def note_rename(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        calls.append(("from", below(old, src_dir_fd)))
        calls.append(("rename", below(new, dst_dir_fd)))
        rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def note_unlink(path: str, *, dir_fd: int | None = None) -> None:
        calls.append(("remove", below(path, dir_fd)))
        unlink(path, dir_fd=dir_fd)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", note_fsync)
        patch.setattr(os, "rename", note_rename)
        patch.setattr(os, "replace", note_replace)
        patch.setattr(os, "unlink", note_unlink)
        for module in (checksums, shard_writer):
            patch.setattr(module, "sync_disk", lambda place: calls.append(("sync", below(place))))
        yield calls


def places(calls: list[Call], kind: str, start: str) -> list[int]:
    """The numbers of the calls of a kind on paths that begin so."""
    return [number for number, call in enumerate(calls) if call[0] == kind and call[1].startswith(start)]


def assert_durable(calls: list[Call], rename: int) -> None:
    """Assert that a file's content was put on the disk before it got its name, and the name after."""
    (_, old), (_, new) = calls[rename - 1], calls[rename]
    assert ("fsync", old) in calls[: rename - 1], new
    assert ("fsync", os.path.dirname(new) or ".") in calls[rename:], new  # noqa: PTH120


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="paths of descriptors are read from /proc")
def test_a_folder_is_finished_after_its_images_are_on_the_disk(small_generator: Generator, tmp_path: Path) -> None:
    out = tmp_path / "set"
    with recorded(out) as calls:
        write_dataset(small_generator, out, 4)
    images = places(calls, "rename", "images/") + places(calls, "rename", "masks/")
    begun, finished = places(calls, "rename", ".run.json")
    (sums,) = places(calls, "rename", "SHA256SUMS")
    (sync,) = places(calls, "sync", ".")
    others = [
        number
        for name in ("50_50", "img_idx", "dataset.json", "README.md", "targets.jsonl")
        for number in places(calls, "rename", name)
    ]
    assert len(images) == 8 and len(others) == 7
    assert begun < min(images) and ("fsync", ".") in calls[begun : min(images)]
    assert max(images + others) < sync < sums < finished
    assert ("fsync", ".") in calls[sums:finished]
    for rename in (begun, sums, finished):
        assert_durable(calls, rename)
    assert finished < min(places(calls, "remove", ".run.json"))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="paths of descriptors are read from /proc")
def test_a_shard_is_there_after_its_content_is_on_the_disk(small_generator: Generator, tmp_path: Path) -> None:
    out = tmp_path / "set"
    with recorded(out) as calls:
        write_shards(small_generator, out, 4, 2)
    (begun,) = places(calls, "rename", ".run/shards.json")
    tars, records = places(calls, "rename", "shards/"), places(calls, "rename", ".run/shards/")
    (sums,) = places(calls, "rename", "SHA256SUMS")
    (sync,) = places(calls, "sync", ".")
    assert len(records) == 2 and len(tars) >= 2
    assert begun < min(tars)
    for rename in [begun, *tars, *records, sums]:
        assert_durable(calls, rename)
    for record in records:
        number = calls[record][1][-10:-4]
        own = [tar for tar in tars if calls[tar][1].endswith(f"{number}.tar")]
        assert own and max(own) < record
    assert max(tars + records) < sync < sums < min(places(calls, "remove", ".run/shards.json"))
