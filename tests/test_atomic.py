from __future__ import annotations

import io
from pathlib import Path

import pytest

from sirstgen.atomic import whole_folder, write_all, write_file
from sirstgen.errors import GenerationError, OutputExistsError


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    write_file(tmp_path / "deep" / "a.txt", "one\n")
    write_file(tmp_path / "deep" / "a.txt", b"two\n")
    assert (tmp_path / "deep" / "a.txt").read_bytes() == b"two\n"
    assert len(list((tmp_path / "deep").iterdir())) == 1
    with pytest.raises(GenerationError, match="cannot be written"):
        write_file(tmp_path / "deep" / "a.txt" / "b", b"x")


def test_a_folder_appears_only_when_complete(tmp_path: Path) -> None:
    out = tmp_path / "sets" / "out"

    def interrupted() -> None:
        with whole_folder(out) as work:
            (work / "half").write_text("x")
            assert not out.exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((tmp_path / "sets").iterdir()) == []
    with whole_folder(out) as work:
        (work / "dataset.json").write_text("1")
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["out"]
    with pytest.raises(OutputExistsError, match="--overwrite"), whole_folder(out):
        pass
    with whole_folder(out, overwrite=True) as work:
        (work / "dataset.json").write_text("2")
    assert (out / "dataset.json").read_text() == "2"
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["out"]
    with pytest.raises(ZeroDivisionError), whole_folder(out, overwrite=True):
        raise ZeroDivisionError
    assert (out / "dataset.json").read_text() == "2"


def test_what_is_no_dataset_is_never_deleted(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("x")
    with pytest.raises(OutputExistsError, match=r"no dataset.json"), whole_folder(tmp_path / "home", overwrite=True):
        pass
    with (
        pytest.raises(OutputExistsError, match="a file is in the place"),
        whole_folder(tmp_path / "home" / "thesis.tex"),
    ):
        pass
    (tmp_path / "empty").mkdir()
    with whole_folder(tmp_path / "empty") as work:
        (work / "a").write_text("a")
    assert (tmp_path / "empty" / "a").is_file()


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(GenerationError, match="cannot be written"), whole_folder(tmp_path / "file" / "out"):
        pass


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
