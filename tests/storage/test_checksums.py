from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sirstgen.errors import InputError
from sirstgen.storage.checksums import check_sums, write_sums


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "b.png").write_bytes(b"b")
    (tmp_path / "images" / "a.png").write_bytes(b"a")
    (tmp_path / "dataset.json").write_text("{}")
    write_sums(tmp_path)
    return tmp_path


def test_the_file_is_what_sha256sum_writes(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert [line[66:] for line in lines] == ["dataset.json", "images/a.png", "images/b.png"]
    assert lines[1] == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  images/a.png"
    assert check_sums(folder) == []
    write_sums(folder)
    assert check_sums(folder) == []


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="the program sha256sum is not installed")
def test_sha256sum_checks_it_and_writes_the_same(folder: Path) -> None:
    (folder / "odd\\na\nme").write_bytes(b"c")
    write_sums(folder)
    subprocess.run(["sha256sum", "--strict", "--check", "SHA256SUMS"], cwd=folder, check=True, capture_output=True)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    names.remove("SHA256SUMS")
    written = subprocess.run(["sha256sum", *names], cwd=folder, check=True, capture_output=True).stdout
    assert written == (folder / "SHA256SUMS").read_bytes()
    assert check_sums(folder) == []


def test_every_fault_is_found(folder: Path) -> None:
    (folder / "images" / "a.png").write_bytes(b"A")
    (folder / "images" / "b.png").unlink()
    (folder / "images" / "c.png").write_bytes(b"c")
    with (folder / "SHA256SUMS").open("a") as file:
        file.write("no checksum\n")
    assert check_sums(folder) == [
        "SHA256SUMS: line 4 is no checksum line",
        "images/a.png: its checksum differs from SHA256SUMS",
        "images/b.png: missing, but listed in SHA256SUMS",
        "images/c.png: not listed in SHA256SUMS",
    ]
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match="SHA256SUMS"):
        check_sums(folder)


def test_a_name_that_is_too_long_for_the_disk_is_one_of_the_faults(folder: Path) -> None:
    (folder / "images" / "a.png").write_bytes(b"A")
    with (folder / "SHA256SUMS").open("a") as file:
        file.write(f"{'0' * 64}  {'n' * 300}\n")
    changed, long = check_sums(folder)
    assert changed == "images/a.png: its checksum differs from SHA256SUMS"
    assert long.startswith("nnn") and "cannot be read (File name too long)" in long
