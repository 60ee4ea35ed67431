"""The output folder of a check: its mark, its files, the records of finished runs."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

from sirstgen.atomic import write_file
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError, SirstgenWarning
from sirstgen.images import read_bytes
from sirstgen.train_check.table import Run

_MARK, _KIND = "check.json", "sirstgen train-check"
_OURS = re.compile(
    r"check\.json|table\.(txt|md|json|png)|runs/[^/]+/(run\.json|ids\.txt|log\.csv|(last|best)\.pt|tensorboard/events\..*)"
)
"""The files that a check writes."""


def mark_folder(folder: Path) -> None:
    """Say that `folder` is a check."""
    write_file(folder / _MARK, json.dumps({"kind": _KIND}) + "\n")


def read_record(path: Path) -> Run | None:
    """Return the finished run whose record is at `path`; None, with a warning, where the record is damaged."""
    try:
        return Run.from_dict(json.loads(read_bytes(path)))
    except (InputError, InvalidValueError, ValueError, TypeError):
        warnings.warn(f"{path}: a damaged record; this run is made again", SirstgenWarning, stacklevel=2)
        return None


def owned_files(folder: Path) -> set[str]:
    """Return the files of the check in `folder`, as paths below it; all others are the user's.

    Raises:
        OutputExistsError: its mark does not say that it is a check.
    """
    try:
        mark = json.loads((folder / _MARK).read_bytes())
        ours = isinstance(mark, dict) and mark.get("kind") == _KIND
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise OutputExistsError(
            f"{folder}: holds something, and its {_MARK} does not say that this is an earlier check; choose another",
            path=str(folder),
        )
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    return {name for name in names if _OURS.fullmatch(name)}
