"""The command line: one module per command; they parse, call, show progress and print.

Exit codes: 0 done, 1 the work failed or a check found faults, 2 bad arguments or input.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable

import typer

from sirstgen.cli import (
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
from sirstgen.errors import SirstgenError


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with errors of the house told in one line and turned into their exit code."""

    @functools.wraps(command)
    def run(*args: object, **kwargs: object) -> None:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = common.show_warning
                command(*args, **kwargs)
        except SirstgenError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            typer.echo("interrupted; files written so far are whole, --resume goes on where a command has it", err=True)
            raise typer.Exit(1) from None
        except BrokenPipeError:  # the reader of our output has gone
            sys.stderr.close()
            raise typer.Exit(1) from None

    return run


def _sirstgen(
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    if version:
        from sirstgen import __version__

        typer.echo(__version__)
        raise typer.Exit


app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Synthetic datasets for infrared small-target detection, and the proof that they are worth training on.",
)
app.callback(invoke_without_command=True)(_sirstgen)


def _group(name: str, text: str) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=text)
    app.add_typer(group, name=name)
    return group


app.command("synth")(reported(synth.synth))
app.command("verify")(reported(verify.verify))
app.command("stats")(reported(stats.stats))
app.command("preview")(reported(preview.preview))
app.command("review")(reported(review.review))
app.command("compare")(reported(compare.compare))
app.command("mix")(reported(mix.mix))
app.command("train-check")(reported(train_check.train_check))
app.command("detect")(reported(detect.detect))
app.command("bench")(reported(bench.bench))
app.command("figures")(reported(figures.figures))
app.command("export")(reported(export.export))
app.command("fit")(reported(fit.fit))

_backgrounds = _group("backgrounds", "Makes, harvests and classifies backgrounds.")
_backgrounds.command("make")(reported(backgrounds.make))
_backgrounds.command("harvest")(reported(backgrounds.harvest))
_backgrounds.command("classify")(reported(backgrounds.classify))

_scenes = _group("scenes", "The scene CNN.")
_scenes.command("train")(reported(scenes.train))


def main() -> None:
    """Runs the command line."""
    app()
