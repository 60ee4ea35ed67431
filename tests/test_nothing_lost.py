"""Faults beyond a plain kill that gave wrong results or lost files in version 0.2, and that no other test covers."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sirstgen.cli import app
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


@pytest.fixture(scope="module")
def whole(small_generator: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(small_generator, tmp_path_factory.mktemp("whole") / "set", 4)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_interrupted_run_is_no_dataset(small_generator: Generator, whole: Path, tmp_path: Path) -> None:
    half = tmp_path / "half"

    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(small_generator, half, 100, progress=interrupt)
    assert list((half / "images").iterdir())
    out = tmp_path / "out"
    for words in (
        ("stats", half),
        ("preview", half, "--out", tmp_path / "sheet.png"),
        ("bench", half, "--out", out),
        ("fit", half, "--out", out),
        ("compare", half, whole),
        ("mix", "--synth", half, "--real", whole, "--total", 4, "--out", out),
        ("train-check", "--real", whole, "--synth", half, "--out", out),
        ("export", half, "--format", "coco", "--out", out),
    ):
        result = run(*words)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
        assert "unfinished run: " in result.stderr and " of 100 images" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    "words",
    [("--drop", "999999"), ("--drop", "000001", "--workers", "0"), ("--drop", "000001", "--backgrounds", "procedural")],
    ids=["id", "workers", "backgrounds"],
)
def test_a_drop_with_a_wrong_argument_leaves_the_set_finished(whole: Path, tmp_path: Path, words: tuple[str]) -> None:
    folder = tmp_path / "set"
    shutil.copytree(whole, folder)
    result = run("preview", folder, *words, "--out", tmp_path / "sheet.png")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    assert files(folder) == files(whole)


@pytest.mark.parametrize(
    "name", ["x" * 400, "a\nb", "\x1b[31mred", "a\udcff"], ids=["long", "line end", "escape", "no UTF-8"]
)
def test_names_of_any_kind_are_one_printable_line(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for words in (
        ("stats", tmp_path / name),
        ("verify", tmp_path / name),
        ("synth", "--n", 1, "--seed", 0, "--backgrounds", tmp_path / name, "--out", out),
        ("synth", "--n", 1, "--seed", 0, "--recipe", tmp_path / name, "--out", out),
        ("detect", tmp_path / name, "--weights", tmp_path / name, "--out", out),
        ("backgrounds", "classify", tmp_path / name),
    ):
        result = run(*words)
        assert result.exit_code == 2, result.output
        assert result.stderr.count("\n") == 1 and result.stderr.strip().isprintable(), repr(result.stderr)


def test_a_link_out_of_the_folder_is_no_file_of_the_set(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(whole, folder)
    (tmp_path / "secret").write_text("s")
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to(tmp_path / "secret")
    sums = folder / "SHA256SUMS"
    checksum = hashlib.sha256(b"s").hexdigest()
    lines = [f"{checksum}  README.md" if line.endswith("README.md") else line for line in sums.read_text().splitlines()]
    sums.write_text("\n".join([f"{checksum}  ../secret", f"{checksum}  {tmp_path / 'secret'}", *lines, ""]))
    result = run("verify", folder)
    assert result.exit_code == 1
    for name in ("README.md", "../secret", tmp_path / "secret"):
        assert f"{name}: leads out of the folder" in result.stdout


def test_a_run_of_any_length_begins_at_once(small_generator: Generator, tmp_path: Path) -> None:
    """Were images planned at the beginning, this test would not end."""

    def interrupt(done: int, total: int) -> None:
        assert total == 10**9
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(small_generator, tmp_path / "set", 10**9, progress=interrupt)
    assert list((tmp_path / "set" / "images").iterdir())
