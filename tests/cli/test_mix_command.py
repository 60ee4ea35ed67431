"""The command mix in a folder that holds nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sirstgen.cli import mix, reported
from sirstgen.datasets.readers import Dataset
from sirstgen.mix.surrogate import NOTE, surrogate_count

app = typer.Typer(pretty_exceptions_enable=False)
app.command("mix")(reported(mix.mix))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_bare_mix_is_of_the_surrogate_domain_and_states_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIRSTGEN_REAL", raising=False)
    counts = "4 images in sirst-mix: 2 surrogate and 2 synthetic"
    result = run("--real-ratio", 0.5, "--total", 4)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines() == [NOTE, f"{counts} for training (seed 0)"]
    (made,) = (tmp_path / "sirst-mix-data").glob("surrogate-*")
    assert len(Dataset.open(made)) == surrogate_count(2) < 8  # as many as are needed for two training images
    told = json.loads((tmp_path / "sirst-mix" / "dataset.json").read_text())
    assert told["surrogate"] is True and told["note"] == NOTE
    card = (tmp_path / "sirst-mix" / "README.md").read_text()
    assert card.startswith("# sirst-mix (surrogate domain)\n") and NOTE in card
    again = run("--total", 4)
    assert again.exit_code == 2 and "not empty" in again.stderr
    as_json = run("--real-ratio", 0.5, "--total", 4, "--overwrite", "--json")
    assert json.loads(as_json.stdout)["surrogate"] is True and NOTE in as_json.stderr


def test_a_mix_without_real_images_needs_no_surrogate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIRSTGEN_REAL", raising=False)
    result = run("--real-ratio", 0, "--total", 3, "--seed", 2)
    assert result.exit_code == 0 and NOTE not in result.output
    assert "surrogate" not in json.loads((tmp_path / "sirst-mix" / "dataset.json").read_text())


def test_a_real_folder_that_is_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("--real", "nowhere", "--total", 3)
    assert result.exit_code == 2 and "nowhere" in result.stderr and not list(tmp_path.iterdir())
