"""Errors in command-line arguments, in one line: what is wrong, the value, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from sirstgen import terminal
from sirstgen.cli.ranges import RANGES, range_text
from sirstgen.errors import InvalidValueError, printable

# Typer has its own copy of click in some versions and not in others.
_ClickError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
_EXIT_CODE = 2


class Command(TyperCommand):
    """A command whose wrong arguments are reported in one line."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Parse `args`; exit with 2 where they are wrong, warn where an option has two values."""
        if not ctx.resilient_parsing:
            _warn_of_repeated(self, args)
        given = list(args)
        with _one_line(ctx, given):
            rest = super().parse_args(ctx, args)
            if empty := [option for option, value in _options(given) if value == ""]:
                raise InvalidValueError(f"{empty[0]} must not be empty, got ''; give it a value, or leave it out")
            return rest


class Group(TyperGroup):
    """A group of commands; see `Command`."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Parse `args`; exit with 2 where they are wrong."""
        with _one_line(ctx, list(args)):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that `args` name; exit with 2 where there is none."""
        with _one_line(ctx, list(args)):
            return super().resolve_command(ctx, args)


@contextmanager
def _one_line(ctx: Any, args: list[str]) -> Iterator[None]:
    try:
        yield
    except _ClickError as fault:
        if ctx.resilient_parsing or type(fault).__name__ == "NoArgsIsHelpError":
            raise
        message = _number_fault(fault, ctx, args)
        if message is None:
            text = fault.format_message().rstrip(".")
            message = f"{text[:1].lower()}{text[1:]}; '{ctx.command_path} --help' shows what it takes"
    except InvalidValueError as fault:
        message = fault.message
    else:
        return
    terminal.tell(f"error: {printable(message)}")
    raise typer.Exit(_EXIT_CODE)


def _number_fault(fault: Any, ctx: Any, args: list[str]) -> str | None:
    """Return the message for an option that takes a number and got something else; None for other faults."""
    name = getattr(getattr(fault, "param", None), "name", None)
    if name not in RANGES:
        return None
    values = [value for option, value in _options(args) if option in fault.param.opts]
    if not values or values[-1] is None:
        return None
    kind = "whole number" if "integer" in fault.message else "number"
    command = ctx.command_path.partition(" ")[2]
    return f"{fault.param.opts[0]} must be a {kind} {range_text(command, name)}, got {values[-1]!r}"


def _warn_of_repeated(command: Any, args: list[str]) -> None:
    """Print a line for an option that has one value and is given two different ones."""
    single = {
        option: parameter.opts[0]
        for parameter in command.params
        if not getattr(parameter, "is_flag", False) and not parameter.multiple
        for option in parameter.opts
        if option.startswith("-")
    }
    given: dict[str, list[str]] = {}
    for option, value in _options(args):
        if option in single and value is not None:
            given.setdefault(single[option], []).append(value)
    for name, values in given.items():
        if len(set(values)) > 1:
            shown = ", ".join(printable(value, 60) for value in values)
            terminal.tell(f"warning: {name} has one value and is given several ({shown}); the last one is used")


def _options(args: list[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the options of a command line with the text that follows them."""
    ends = args.index("--") if "--" in args else len(args)
    for place, word in enumerate(args[:ends]):
        option, equals, value = word.partition("=")
        if option.startswith("-"):
            yield option, value if equals else args[place + 1] if place + 1 < len(args) else None
