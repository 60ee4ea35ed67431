"""The command line: one module per command; they parse, call, show progress and print.

Exit codes: 0 done, 1 the work failed or a check found faults, 2 bad arguments or input, 130 ended by Ctrl-C.
"""

from __future__ import annotations

import errno
import functools
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from sirstgen import terminal
from sirstgen.cli import (
    audit,
    backgrounds,
    bench,
    common,
    compare,
    detect,
    export,
    figures,
    fit,
    mix,
    preview,
    review,
    scenes,
    stats,
    synth,
    train_check,
    verify,
)
from sirstgen.cli.ranges import check_ranges
from sirstgen.cli.usage import Command, Group
from sirstgen.errors import InputError, SirstgenError, printable
from sirstgen.files.output import refuse_overlap

_TEXTS = (".yaml", ".yml", ".toml", ".json", ".html", ".pdf", ".svg", ".safetensors")
"""Suffixes of outputs that no reader of images takes."""

_OUTPUTS = ("out", "repair", "places_out", "preview", "figure")
"""Parameters that name what is written; the other paths are read."""


def reported(command: Callable[..., None], group: str = "") -> Callable[..., None]:
    """Return the command with its arguments checked and its errors reported in one line, with their exit code."""
    name = f"{group} {command.__name__.replace('_', '-')}".strip()

    @functools.wraps(command)
    def run(*args: object, **kwargs: object) -> None:
        try:
            with terminal.interruptible(), warnings.catch_warnings():
                warnings.showwarning = common.show_warning
                check_ranges(name, kwargs)
                _check_outputs(name, kwargs)
                command(*args, **kwargs)
        except SirstgenError as error:
            terminal.tell(f"error: {error}")
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            ways = "; the same command with --resume continues" if "resume" in kwargs else ""
            terminal.tell(f"interrupted; no file was left half written{ways}")
            raise typer.Exit(terminal.INTERRUPTED) from None
        except MemoryError:
            terminal.tell("error: memory ran out; use smaller images, fewer workers or a smaller batch")
            raise typer.Exit(1) from None
        except OSError as error:  # a disk that fails; other errors are reported where the file is read
            if isinstance(error, BrokenPipeError):
                raise
            place = "standard output" if error.filename is None else os.fsdecode(error.filename)
            if error.filename is None and error.errno == errno.ENOENT:
                place = "the working folder, which was removed"
            terminal.tell(f"error: {printable(place)}: {error.strerror or error}")
            raise typer.Exit(2 if error.errno == errno.ENAMETOOLONG else 1) from None

    return run


def import_stages(name: str) -> None:
    """Import a module that registers stages, from the working folder or the Python path.

    Raises:
        InputError: there is no such module, or it cannot be imported.
    """
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        importlib.import_module(name)
    except SirstgenError:
        raise
    except Exception as error:  # whatever a module of a user may raise
        what = " ".join(str(error).split())
        raise InputError(f"--import {name}: cannot be imported ({type(error).__name__}: {what})") from None


def _check_outputs(command: str, arguments: Mapping[str, object]) -> None:
    """Raise where an output is, holds or would become an input, or cannot be made."""
    from sirstgen.datasets.layouts import refuse_inside

    inputs = [
        (name, Path(path))
        for name, value in arguments.items()
        for path in (value if isinstance(value, list) else [value])
        if name not in _OUTPUTS and (isinstance(path, Path) or (name == "backgrounds" and isinstance(path, str)))
    ]
    for name in _OUTPUTS:
        if isinstance(out := arguments.get(name), str | Path):
            if "://" not in str(out):
                refuse_overlap(Path(out), *(path for _, path in inputs))
                # detect leaves out what it has written itself
                if command != "detect" and Path(out).suffix.lower() not in _TEXTS:
                    for given, path in inputs:
                        refuse_inside(Path(out), path, frames=given == "backgrounds")
            terminal.check_writable(out)


def _sirstgen(
    modules: Annotated[
        list[str] | None,
        typer.Option("--import", metavar="MODULE", help="Import a Python module first: one that registers stages."),
    ] = None,
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    if version:
        from sirstgen import __version__

        typer.echo(__version__)
        raise typer.Exit
    for name in modules or ():
        reported(import_stages)(name)


app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Synthetic datasets for infrared small-target detection, and tests of their training value.",
)
app.callback(invoke_without_command=True)(_sirstgen)


def _group(name: str, text: str) -> typer.Typer:
    group = typer.Typer(cls=Group, no_args_is_help=True, rich_markup_mode=None, help=text)
    app.add_typer(group, name=name)
    return group


def _add(to: typer.Typer, *commands: Callable[..., None], group: str = "") -> None:
    for command in commands:
        to.command(command.__name__.replace("_", "-"), cls=Command)(reported(command, group))


_add(app, synth.synth, verify.verify, stats.stats, preview.preview, review.review, compare.compare, mix.mix)
_add(app, train_check.train_check, detect.detect, bench.bench, figures.figures, audit.audit, export.export, fit.fit)
_frames = _group("backgrounds", "Make, harvest and classify backgrounds.")
_add(_frames, backgrounds.make, backgrounds.harvest, backgrounds.classify, group="backgrounds")
_add(_group("scenes", "Train the scene CNN."), scenes.train, group="scenes")


def main() -> None:
    """Run the command line."""
    terminal.open_closed_streams()
    terminal.end_on_interrupt()
    code: str | int | None = 0
    try:
        app()
    except SystemExit as end:
        code = end.code
    except BrokenPipeError:
        code = 1
    except OSError as fault:  # standard error cannot take the message of a wrong option, standard output the help
        terminal.tell(f"error: {fault.strerror or fault}")
        code = 2
    sys.exit(terminal.close_output() if code in (0, None) else code)
