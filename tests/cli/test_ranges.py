"""Every number of every command has a range; a value outside it is one line and exit code 2."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from sirstgen.cli import app, common
from sirstgen.cli.ranges import RANGES, check_ranges, range_of
from sirstgen.errors import InvalidValueError


def numeric_parameters() -> Iterator[tuple[str, str]]:
    """Command and name of every parameter that takes a number."""
    groups = {"": app} | {group.name: group.typer_instance for group in app.registered_groups}
    for prefix, group in groups.items():
        for command in group.registered_commands:
            assert command.callback is not None
            for name, kind in get_type_hints(command.callback.__wrapped__).items():  # type: ignore[attr-defined]
                if {int, float} & {kind, *get_args(kind)}:
                    yield f"{prefix} {command.name}".strip(), name


PARAMETERS = sorted(numeric_parameters())


def test_every_number_has_a_range_and_no_range_is_of_nothing() -> None:
    assert len(PARAMETERS) > 40
    assert {name for _, name in PARAMETERS} == RANGES.keys()


@pytest.mark.parametrize(("command", "name"), PARAMETERS, ids=lambda value: str(value))
def test_values_out_of_range_are_named(command: str, name: str) -> None:
    low, high = range_of(command, name)
    check_ranges(command, {name: low})
    check_ranges(command, {name: high})
    check_ranges(command, {name: None, "quiet": True})
    wrong = [low - 1, high + 1] if isinstance(high, int) else [low - 1, math.nan, math.inf]
    for value in wrong:
        with pytest.raises(InvalidValueError, match=f"--{name.replace('_', '-')} must be from .* to .*, got"):
            check_ranges(command, {name: value})


@pytest.mark.parametrize(
    "words",
    [
        ["synth", "--seed", "-1"],
        ["synth", "--seed", str(2**64)],
        ["synth", "--workers", "-1"],
        ["synth", "--size", "0"],
        ["synth", "--size", "30000"],
        ["synth", "--size", "9" * 5000],
        ["synth", "--n", "0"],
        ["synth", "--shards", f"0-{10**12}", "--shard-size", "1"],
        ["synth", "--train-share", "nan"],
        ["backgrounds", "make", "--size", "100000000"],
        ["backgrounds", "make", "--size", "5000"],
        ["bench", ".", "--workers", "0"],
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_they_are_one_line_before_any_work(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2, result.output
    assert result.stderr.count("\n") == 1 and len(result.stderr) < 250
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("synth --n abc", "--n must be a whole number from 1 to 1000000000, got 'abc'"),
        ("synth --n=", "--n must be a whole number from 1 to 1000000000, got ''"),
        ("synth --seed 1.5", "--seed must be a whole number from 0 to 18446744073709551615, got '1.5'"),
        ("train-check --seed x", "--seed must be a whole number from 0 to 9223372036854775807, got 'x'"),
        ("mix --real-ratio foo", "--real-ratio must be a number from 0 to 1, got 'foo'"),
        ("synth --scr x", "--scr must be numbers separated by commas, such as 3,4,5,6, got 'x'"),
        ("synth --nn 3", "no such option: --nn"),
        ("synth --n", "option '--n' requires an argument"),
        ("synth --out=", "--out must not be empty, got ''; give it a value, or leave it out"),
        ("backgrounds mak", "no such command 'mak'"),
        ("audit", "missing argument 'DIR'; 'sirstgen audit --help' shows what it takes"),
    ],
)
def test_arguments_that_cannot_be_parsed_are_one_line(
    words: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, words.split(), prog_name="sirstgen")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {message}") and result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_option_of_one_value_that_is_given_several_is_told() -> None:
    words = ["bench", "nowhere", "--weights", "a.pt", "--weights", "b.pt", "--seed", "4", "--seed", "4"]
    assert "warning" not in CliRunner().invoke(app, words).stderr
    result = CliRunner().invoke(
        app, ["compare", "nowhere", "other", "--seed", "4", "--out=a", "--seed=5", "--out", "a"]
    )
    lines = result.stderr.splitlines()
    assert lines[0] == "warning: --seed has one value and is given several (4, 5); the last one is used"
    assert len(lines) == 2 and lines[1].startswith("error: nowhere: ")


def test_shard_numbers() -> None:
    assert common.shard_numbers("3,7-9") == [3, 7, 8, 9]
    for text in ("9-3", "x", "1-", "-3", "0-9999999"):
        with pytest.raises(InvalidValueError, match="--shards"):
            common.shard_numbers(text)


@pytest.mark.parametrize(
    "words",
    [
        "synth --backgrounds frames --out frames --overwrite",
        "synth --backgrounds frames/sea --out frames",
        "synth --templates frames --out link",
        "mix --synth frames --out frames --overwrite",
        "mix --synth frames --real link/sea --out frames --overwrite",
        "backgrounds harvest frames --out link",
        "bench frames --out frames --overwrite",
        "export frames --format coco --out link --overwrite",
        "scenes train frames --out frames --overwrite",
        "compare frames frames --out link",
        "detect frames --weights frames/best.pt --out frames --overwrite",
        "train-check --real frames --out frames --overwrite",
        "audit frames --repair link",
    ],
)
def test_an_output_that_is_or_holds_an_input_is_refused(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "frames" / "sea").mkdir(parents=True)
    (tmp_path / "frames" / "best.pt").write_text("x")
    (tmp_path / "link").symlink_to("frames")
    result = CliRunner().invoke(app, words.split())
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    assert "must not be or hold what is read" in result.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["best.pt", "frames", "link", "sea"]


def test_an_output_that_cannot_be_written_is_told_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    for words in ("synth", "mix", "bench .", "stats .", "backgrounds make", "scenes train .", "train-check", "fit ."):
        result = CliRunner().invoke(app, [*words.split(), "--out", "file/deeper/out"])
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
        assert "file/deeper/out: file is a file, a folder is expected" in result.stderr


def test_a_drawn_seed_is_stated_only_where_there_is_no_default() -> None:
    commands = [
        command
        for entry in typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]
        for command in (entry.commands.values() if hasattr(entry, "commands") else [entry])
    ]
    seeds = {command.name: option for command in commands for option in command.params if option.name == "seed"}
    assert {name for name, option in seeds.items() if "if not given" in option.help} == {"synth"}
    assert [name for name, option in seeds.items() if option.default is None] == ["synth"]


def test_the_argument_of_a_command_is_named_as_a_folder_or_its_part() -> None:
    entries = typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]
    commands = [
        one for entry in entries for one in (entry.commands.values() if hasattr(entry, "commands") else [entry])
    ]
    named = {option.metavar for one in commands for option in one.params if option.param_type_name == "argument"}
    assert named == {"DIR", "DIR...", "CANDIDATE", "REFERENCE", "REAL"}
