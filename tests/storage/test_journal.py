from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirstgen.errors import GenerationError
from sirstgen.storage import journal as module
from sirstgen.storage.checksums import file_sha256
from sirstgen.storage.journal import Entry, Journal


def entry(number: int, row: str = "{}") -> Entry:
    return Entry(f"{number:06d}", "a" * 64, "b" * 64, row)


def read(path: Path) -> list[Entry]:
    journal = Journal(path)
    try:
        return list(journal.entries())
    finally:
        journal.close()


def test_entries_come_back_in_order_of_ids_whatever_their_arrival(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    for number in (7, 1000000, 3, 999999):
        journal.add(entry(number, f'{{"é": {number}}}'))
    assert [int(found.id) for found in journal.entries()] == [3, 7, 999999, 1000000]
    assert len(journal) == 4
    journal.close()
    assert read(tmp_path / "j")[0].row == '{"é": 3}'


def test_the_last_word_on_an_image_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    for number in (1, 2, 3):
        journal.add(entry(number))
    journal.add(entry(2, '{"again": 1}'))
    journal.forget("000003")
    journal.forget("000009")
    journal.close()
    assert [(found.id, found.row) for found in read(tmp_path / "j")] == [("000001", "{}"), ("000002", '{"again": 1}')]


@given(cut=st.integers(0, 500))
def test_any_cut_leaves_whole_entries(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "j"
    journal = Journal(path)
    whole = [entry(number, '{"x":"' + "y" * number + '"}') for number in range(1, 4)]
    for one in whole:
        journal.add(one)
    journal.close()
    data = path.read_bytes()
    path.write_bytes(data[:cut])
    kept = data[:cut].count(b"\n")
    assert read(path) == whole[:kept]
    journal = Journal(path)
    journal.add(entry(9))
    journal.close()
    assert read(path) == [*whole[:kept], entry(9)]


def test_a_full_disk_is_told_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "journal.tsv")

    def full(file: object, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "write_all", full)
    with pytest.raises(GenerationError, match=r"journal\.tsv: cannot be written \(No space left"):
        journal.add(entry(1))
    assert "000001" not in journal
    journal.close()


def test_checksum_of_a_file_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(tmp_path / "b") is None
