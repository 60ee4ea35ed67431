"""The train-check command: its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from making.training_frames import write_set
from typer.testing import CliRunner

from sirstgen.cli import app
from sirstgen.train_check import runs as module
from sirstgen.training.failures import TrainingError


def test_it_fails_when_every_training_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(tmp_path / "real", 6, 1, train=3)

    def failing(trainings: list[object]) -> list[TrainingError]:
        return [TrainingError("the loss became NaN by step 1", reason="nan loss") for _ in trainings]

    monkeypatch.setattr(module, "train_together", failing)
    words = ["train-check", "--rows", "real", "--real", str(tmp_path / "real"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*words, "--device", "cpu"])
    assert result.exit_code == 1
    assert "NaN loss" in result.stdout  # the table is printed all the same
    assert result.stderr.splitlines()[-1].endswith("no training came to its end: the loss became NaN by step 1")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--rows 5,foo", "--rows must be numbers, real, or folders that are there, got 'foo'"),
        ("--rows foo:20", "--rows must be numbers, real, or folders that are there, got 'foo:20'"),
        ("--rows 5", "out: the output folder is not empty; --resume continues it"),
    ],
)
def test_it_refuses_before_a_surrogate_domain_is_drawn(
    words: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").touch()
    result = CliRunner().invoke(app, ["train-check", *words.split(), "--out", "out", "--device", "cpu"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    assert told in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "nothing was drawn"
