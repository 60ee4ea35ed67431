"""What several commands share: options, lists of numbers, the progress bar, printing results."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeVar

import typer

from sirstgen.errors import InputError, InvalidValueError, SirstgenWarning

if TYPE_CHECKING:
    from sirstgen.datasets.readers import Dataset
    from sirstgen.files.gray_scale import GrayScale

T = TypeVar("T")

Seed = Annotated[int | None, typer.Option(help="Seed of all draws.")]
Workers = Annotated[int | None, typer.Option(help="Processes; by default as many as cores for large runs.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the dataset that is there.")]
RecipeFile = Annotated[Path | None, typer.Option("--recipe", help="YAML or TOML file with the entries that differ.")]
Split = Annotated[str, typer.Option(help="Images to use: train, test or all.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no summary.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Backgrounds = Annotated[str, typer.Option(help="builtin, procedural, or a folder of frames.")]
Labels = Annotated[Path | None, typer.Option(help="JSON or CSV file: the scene of each frame of the folder.")]
Scene = Annotated[str | None, typer.Option(help="The one scene that all frames of the folder show.")]
Places = Annotated[
    Path | None, typer.Option(help="Folder of place maps (sky, water, ground) for the frames of the folder.")
]
Templates = Annotated[Path | None, typer.Option(help="Folder of templates to add, one sub-folder of PNGs a class.")]
Detectors = Annotated[
    str, typer.Option(help="quick (about 0.2 s an image together), all, none, or names separated by commas.")
]
Weights = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE", help="A net's checkpoint (best.pt), at probability 0.5, as one more detector; may be repeated."
    ),
]

Real = Annotated[
    Path | None,
    typer.Option(envvar="SIRSTGEN_REAL", help="Real dataset with a train/test split. [./NUAA-SIRST]"),
]

MaskThreshold = Annotated[
    int | None, typer.Option(help="Gray level from which on mask pixels are target. [decided by file]")
]
GrayScaleOption = Annotated[
    str | None,
    typer.Option("--gray-scale", metavar="BLACK:WHITE", help="Counts that are black and white, such as 20000:20800."),
]

_REAL = Path("NUAA-SIRST")
_LARGEST_SIDE = 16384
_MOST_SHARDS = 10**6


def gray_scale(text: str | None) -> GrayScale | None:
    """Return the scale of ``20000:20800``; None for None."""
    from sirstgen.files.gray_scale import GrayScale

    return None if text is None else GrayScale.parse(text)


def open_dataset(folder: Path, mask_threshold: int | None = None, gray_scale_text: str | None = None) -> Dataset:
    """Open a dataset with the options of the command line."""
    from sirstgen.datasets.readers import Dataset

    return Dataset.open(folder, mask_threshold=mask_threshold, gray_scale=gray_scale(gray_scale_text))


def numbers(text: str, name: str) -> list[float]:
    """Return ``3,4,5,6`` as numbers.

    Raises:
        InvalidValueError: something else than numbers separated by commas.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidValueError(f"{name} must be numbers separated by commas, such as 3,4,5,6, got {text!r}") from None


def size(text: str) -> tuple[int, int]:
    """Return ``320x240`` or ``256`` as (width, height).

    Raises:
        InvalidValueError: something else.
    """
    parts = text.lower().split("x")
    sides = [int(part) for part in parts if part.isdecimal() and len(part) < 9]
    if len(parts) > 2 or len(sides) < len(parts) or not all(0 < side <= _LARGEST_SIDE for side in sides):
        raise InvalidValueError(
            f"--size must be WIDTHxHEIGHT or one side, each from 1 to {_LARGEST_SIDE} pixels, such as 256x256, got "
            f"{text[:40]!r}"
        )
    return sides[0], sides[-1]


def names(text: str, name: str) -> list[str]:
    """Return ``a,b`` as a list.

    Raises:
        InvalidValueError: nothing between the commas.
    """
    found = [part.strip() for part in text.split(",") if part.strip()]
    if not found:
        raise InvalidValueError(f"{name} must name at least one entry, got {text!r}")
    return found


def ids(text: str, name: str, dataset: Dataset) -> tuple[str, ...]:
    """Return the ids of ``000001,000007``, or those of a file with one a line (`sirstgen.datasets.lists`).

    Raises:
        InputError: an id without image in `dataset`, an id twice, an unreadable file, no id at all.
    """
    from sirstgen.datasets.lists import known_ids, read_id_list

    if os.path.isfile(text):  # noqa: PTH113  # a long list of ids is no name that a Path could ask the disk for
        found = read_id_list(Path(text), dataset.ids)
    else:
        found = known_ids(names(text, name), dataset.ids, name)
    if not found:
        raise InputError.of(text, f"{name} must name at least one id, the file lists none")
    return found


def shard_numbers(text: str) -> list[int]:
    """Return ``40-59``, ``7`` or ``3,7-9`` as a list of numbers.

    Raises:
        InvalidValueError: something else.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = [int(end) for end in (first, last if dash else first) if end.isdecimal() and len(end) < 9]
        if len(ends) < 2 or ends[1] < ends[0] or len(found) + ends[1] - ends[0] >= _MOST_SHARDS:
            raise InvalidValueError(
                f"--shards must be a number or a range from low to high, such as 40-59, of at most {_MOST_SHARDS} "
                f"shards, got {text[:40]!r}"
            )
        found += range(ends[0], ends[1] + 1)
    return found


def real_folder(given: Path | None) -> Path | None:
    """Return the real dataset's folder: as given, else ``./NUAA-SIRST`` where there is one."""
    return given if given is not None else _REAL if _REAL.is_dir() else None


def warn(texts: Iterable[str]) -> None:
    """Print warnings to standard error, one a line."""
    for text in texts:
        typer.echo(f"warning: {text}", err=True)


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of this package as one line on standard error; of other packages, where it was raised."""
    place = "" if issubclass(category, SirstgenWarning) else f" ({filename}:{lineno})"
    warn([f"{message}{place}"])


def default_workers(images: int, each: int = 300) -> int:
    """Return the number of cores, but no more processes than have `each` images to make; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, images // each))


def show(result: Mapping[str, Any], text: str, as_json: bool, quiet: bool) -> None:
    """Print a result to standard output. Bytes that are not valid UTF-8 are printed as escape sequences."""
    if as_json:
        typer.echo(json.dumps(result, indent=2))
    elif not quiet:
        typer.echo(text.encode(errors="backslashreplace").decode())


@contextmanager
def progress(title: str, quiet: bool, unit: str = "images") -> Iterator[Callable[[int, int], None] | None]:
    """Show a progress bar on standard error, with rate and time left; nothing unless that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.speed or 0
            return Text(f"{speed:.{0 if speed >= 10 else 1 if speed >= 1 else 2}f} {unit}/s")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeLeft())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def on_progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield on_progress


@contextmanager
def working(title: str, quiet: bool) -> Iterator[None]:
    """Show `title` and the time passed on standard error during work of unknown length; nothing unless a terminal."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(title, total=None)
        yield
