"""Whether a folder is a dataset that a run is still writing, or has left unfinished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sirstgen.errors import InputError
from sirstgen.files.checked_json import parse_checked

STATE = ".run.json"
"""In a dataset folder: a run has begun and is not finished. Comes before the first image, goes after the last file."""

INTERRUPTED = "holds an interrupted run; --resume continues it, --overwrite replaces it"
"""Message of a command whose output holds such a run, if it was given neither option."""

RUN_FOLDER = ".run"
JOURNAL = f"{RUN_FOLDER}/journal.tsv"
SHARD_STATE = f"{RUN_FOLDER}/shards.json"
"""The state of a run that writes shards, in which several commands may work at a time."""


def refuse_unfinished(folder: Path) -> None:
    """Raise InputError where a run in `folder` is not finished, with how far it is."""
    if (folder / SHARD_STATE).is_file():
        raise InputError.of(folder, "unfinished run of shards; sirstgen synth --resume or --finish finishes it")
    if not (folder / STATE).is_file():
        return
    state = read_state(folder)
    if state is not None and state.get("finished"):
        return
    try:
        with (folder / JOURNAL).open("rb") as file:
            done = len({line.partition(b"\t")[0] for line in file})
    except OSError:
        done = 0
    total = "an unknown number of" if state is None else state["count"]
    raise InputError.of(
        folder, f"unfinished run: {done} of {total} images; sirstgen synth --resume with its arguments finishes it"
    )


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return the state of the run in `folder`; None where there is none, or a damaged one."""
    try:
        return parse_checked((folder / STATE).read_bytes())
    except OSError:
        return None
