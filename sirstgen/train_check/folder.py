"""The output folder of a check: its mark, its files, the records of finished runs."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sirstgen.errors import OutputExistsError
from sirstgen.files.atomic import write_file
from sirstgen.files.input_files import parse_json
from sirstgen.files.output import holds_anything, output_folder, refuse_overlap, stage_of

MARK, _KIND = "check.json", "sirstgen train-check"
_OURS = re.compile(
    r"check\.json|table\.(txt|md|json|png)|runs/[^/]+/(run\.json|ids\.txt|log\.csv|(last|best)\.pt(\.damaged)?|tensorboard/events\..*)"
    r"|(runs/)?\.[^/]+\.lock"
)
"""The files that a check writes."""


@contextlib.contextmanager
def check_folder(
    out: Path | None, resume: bool, overwrite: bool, inputs: Iterable[Path | None]
) -> Iterator[Path | None]:
    """Lock the output folder of a check and give the place to write into; None where there is none.

    Checks that replace nothing share the lock: each run has its own.

    Raises:
        OutputExistsError: `out` holds something and neither `resume` nor `overwrite` is given, or no earlier check.
        InvalidValueError: `out` is or holds one of the inputs.
    """
    if out is None:
        yield None
        return
    refuse_overlap(out, *inputs)
    if resume and stage_of(out) is None and holds_anything(out):
        owned_files(out)  # only a check is resumed
    replacing = overwrite and not resume
    shared = not replacing and stage_of(out) is None
    with output_folder(out, owned_files, overwrite=replacing, resume=resume, shared=shared) as output:
        yield output.work


def mark_folder(folder: Path, steps: int | None) -> None:
    """Say that `folder` is a check, and the steps of a training that a time budget has chosen."""
    chosen = {} if steps is None else {"steps": steps}
    write_file(folder / MARK, json.dumps({"kind": _KIND, **chosen}) + "\n")


def steps_chosen(folder: Path | None) -> int | None:
    """Return the steps of a training that an earlier check in `folder` with a time budget has chosen."""
    try:
        steps = None if folder is None else parse_json((folder / MARK).read_bytes()).get("steps")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return steps if isinstance(steps, int) and steps > 0 else None


def owned_files(folder: Path) -> set[str]:
    """Return the files of the check in `folder`, as paths below it; all others are the user's.

    Raises:
        OutputExistsError: its mark does not say that it is a check.
    """
    try:
        mark = parse_json((folder / MARK).read_bytes())
        ours = isinstance(mark, dict) and mark.get("kind") == _KIND
    except (OSError, ValueError, RecursionError):
        ours = False
    if not ours:
        raise OutputExistsError(
            f"{folder}: holds something, and its {MARK} does not say that this is an earlier check; choose another",
            path=str(folder),
        )
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    return {name for name in names if _OURS.fullmatch(name)}
