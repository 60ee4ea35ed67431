from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sirstgen.errors import GenerationError
from sirstgen.files.atomic import OpenFolder, remove_parts, write_all, write_file, writing


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    write_file(tmp_path / "deep" / "a.txt", "one\n")
    write_file(tmp_path / "deep" / "a.txt", b"two\n")
    assert (tmp_path / "deep" / "a.txt").read_bytes() == b"two\n"
    assert len(list((tmp_path / "deep").iterdir())) == 1
    with pytest.raises(GenerationError, match="cannot be written"):
        write_file(tmp_path / "deep" / "a.txt" / "b", b"x")


class NearlyFull(io.RawIOBase):
    """A file on a disk that takes a few bytes at a time, as a disk does that is about to be full, and then none."""

    def __init__(self, room: int) -> None:
        self.room, self.taken = room, bytearray()

    def write(self, data: object) -> int:
        part = bytes(data)[: min(3, self.room)]  # type: ignore[call-overload]
        self.room -= len(part)
        self.taken += part
        return len(part)


def test_a_short_write_is_gone_on_with_or_told() -> None:
    file = NearlyFull(room=10)
    write_all(file, b"0123456789")
    assert file.taken == b"0123456789"
    with pytest.raises(OSError, match="error"):
        write_all(file, b"more")


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    orphan, other = (tmp_path / f".{name}.{dead.pid}-0.part" for name in ("a.txt", "b.txt"))
    alive, mine = tmp_path / f".a.txt.{os.getpid()}-99.part", tmp_path / ".a.txt.part"
    for path in (orphan, other, alive, mine):
        path.touch()
    write_file(tmp_path / "a.txt", "x")
    assert (orphan.exists(), other.exists(), alive.exists(), mine.exists()) == (False, True, True, True)
    remove_parts(tmp_path)
    assert (other.exists(), alive.exists(), mine.exists()) == (False, True, True)


@pytest.mark.parametrize("name", ["x" * 251 + ".png", "目" * 83 + ".png"])
def test_the_longest_names_are_written(tmp_path: Path, name: str) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    kept = name.encode()[:200].decode(errors="ignore")
    orphan = tmp_path / f".{kept}.{dead.pid}-0.part"
    orphan.touch()
    write_file(tmp_path / name, b"1")
    with OpenFolder(tmp_path) as folder:
        folder.write(f"y{name[1:]}", b"2", folder)
    assert {path.name for path in tmp_path.iterdir()} == {name, f"y{name[1:]}"}


def test_a_rename_that_is_a_promise_comes_after_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut the file is what it was or what it is now: content, then name, then the folder."""
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (calls.append("fsync"), fsync(file))[1])
    monkeypatch.setattr(os, "replace", lambda *names: (calls.append("replace"), replace(*names))[1])
    write_file(tmp_path / "state.json", "{}")
    assert calls == ["fsync", "replace", "fsync"]
    calls.clear()
    write_file(tmp_path / "image.png", b"x", scratch=tmp_path)
    assert calls == ["replace"]


@pytest.mark.parametrize("descriptors", [True, False])
def test_files_of_an_open_folder_appear_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, descriptors: bool
) -> None:
    images, scratch = tmp_path / "images", tmp_path / "scratch"
    images.mkdir()
    scratch.mkdir()
    if not descriptors:
        monkeypatch.setattr(os, "supports_dir_fd", set())
    with OpenFolder(images) as folder, OpenFolder(scratch) as place:
        folder.write("a.png", b"one", place)
        folder.write("a.png", b"two", place)
        folder.write("b.png", b"", place)
        (images / "c.png").mkdir()
        with pytest.raises(GenerationError, match=r"c\.png: cannot be written"):
            folder.write("c.png", b"x", place)
    assert {path.name: path.read_bytes() for path in images.iterdir() if path.is_file()} == {
        "a.png": b"two",
        "b.png": b"",
    }
    assert list(scratch.iterdir()) == []


def test_a_disk_that_cannot_be_written_to_is_told_with_what_to_do(tmp_path: Path) -> None:
    ways = {
        errno.ENOSPC: "; free disk space and run the command again",
        errno.EROFS: "; choose a place that can be written to",
        errno.EIO: "",
    }
    for number, way in ways.items():
        with pytest.raises(GenerationError) as raised, writing(tmp_path / "a"):
            raise OSError(number, os.strerror(number))
        assert str(raised.value) == f"{tmp_path / 'a'}: cannot be written ({os.strerror(number)}){way}"
