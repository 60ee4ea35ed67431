"""Every command that writes is refused where another process writes, or something is there, before any change."""

from __future__ import annotations

from pathlib import Path

import pytest
from making.frame_sets import write_set
from typer.testing import CliRunner

from sirstgen.cli import app
from sirstgen.files.lock import locked
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis.generator import Generator

COMMANDS = {
    "synth": "synth --n 2 --seed 0 --overwrite --out OUT",
    "synth of shards": "synth --n 2 --seed 0 --shard-size 1 --overwrite --out OUT",
    "mix": "mix --synth REAL --synth-part all --real SET --total 2 --real-ratio 0.5 --out OUT",
    "export": "export SET --format coco --out OUT",
    "bench": "bench SET --detectors top-hat --workers 1 --out OUT",
    "compare": "compare SET REAL --trees 5 --halves 1 --size 0 --workers 1 --out OUT",
    "figures": "figures SET --detectors top-hat --out OUT",
    "audit": "audit SET --repair OUT",
    "train-check": "train-check --preset quick --real SET --synth SET --total 2 --rows real --device cpu --out OUT",
    "backgrounds make": "backgrounds make --scenes sea --per-scene 1 --size 32 --out OUT",
    "backgrounds make --places": "backgrounds make --scenes sea --per-scene 1 --size 32 --out OTHER --places OUT",
    "backgrounds harvest": "backgrounds harvest SET --split all --out OUT",
    "backgrounds classify": "backgrounds classify FRAMES --places-out OUT",
}


@pytest.fixture(scope="module")
def dataset(small_generator: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one-writer")
    write_set(folder / "real", 2, frames=12)
    return write_dataset(small_generator, folder / "set", 12)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_a_command_is_refused_where_another_one_writes(
    dataset: Path, background_folder: Path, tmp_path: Path, command: str
) -> None:
    places = {
        "SET": str(dataset),
        "REAL": str(dataset.with_name("real")),
        "FRAMES": str(background_folder),
        "OUT": str(tmp_path / "out"),
        "OTHER": str(tmp_path / "other"),
    }
    words = [places.get(word, word) for word in COMMANDS[command].split()]
    with locked(tmp_path / "out"):
        result = CliRunner().invoke(app, words)
    assert "another process is writing there" in result.stderr, result.output
    assert result.exit_code == 2
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


THERE = {  # the options that the message names
    "synth --n 2 --seed 0 --overwrite --out OUT": [],
    "synth --n 2 --seed 0 --out OUT": ["--overwrite"],  # there is no run to continue
    "mix --synth REAL --synth-part all --real SET --total 2 --real-ratio 0.5 --out OUT": ["--resume", "--overwrite"],
    "train-check --preset quick --real SET --synth SET --total 2 --rows real --out OUT": ["--resume", "--overwrite"],
    "export SET --format coco --out OUT": ["--overwrite"],
    "audit SET --repair OUT": ["--overwrite"],
    "backgrounds harvest SET --split all --out OUT": ["--overwrite"],
    "backgrounds classify FRAMES --places-out OUT": [],
    "backgrounds classify FRAMES --preview OUT/there.png": ["--overwrite"],
    "stats SET --figure OUT/there.png": ["--overwrite"],
    "preview SET --out OUT/there.png": ["--overwrite"],
    "fit REAL --no-match --out OUT/there.png": ["--overwrite"],
}


@pytest.mark.parametrize("command", list(THERE))
def test_an_output_that_is_there_is_refused_with_the_options_that_the_command_has(
    dataset: Path, background_folder: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/there.png").write_bytes(b"mine")
    places = {"SET": str(dataset), "REAL": str(dataset.with_name("real")), "FRAMES": str(background_folder)}
    words = [places.get(word, word.replace("OUT", str(tmp_path / "out"))) for word in command.split()]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2, result.output
    told = result.stderr.replace(str(tmp_path), "")
    assert [option for option in ("--resume", "--overwrite") if option in told] == THERE[command], told
    assert "choose another" in told and len(told.splitlines()) == 1
    assert (tmp_path / "out/there.png").read_bytes() == b"mine"


def test_a_run_in_progress_is_not_called_interrupted(small_generator: Generator, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(small_generator, tmp_path / "out", 12, progress=stop)
    words = ["synth", "--n", "2", "--out", str(tmp_path / "out")]
    with locked(tmp_path / "out"):
        assert "another process is writing there" in CliRunner().invoke(app, words).stderr
    assert "holds an interrupted run; --resume continues it" in CliRunner().invoke(app, words).stderr
