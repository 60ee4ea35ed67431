"""The help that a person meets first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from sirstgen.cli import app


def commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name}{word} ")
        else:
            yield f"{name}{word}", command


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_first_sentence_is_whole_and_fits_the_list_of_commands(name: str) -> None:
    first = COMMANDS[name].help.split("\n\n")[0]
    assert first.count(".") == 1, "one sentence, without abbreviations"
    assert COMMANDS[name].get_short_help_str(limit=60) == first


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does_in_a_line(name: str) -> None:
    for option in COMMANDS[name].params:
        assert option.help, option.name
        assert len(option.help) <= 110, option.name
