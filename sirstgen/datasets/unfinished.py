"""Whether a folder is a dataset that a run is still writing, or has left unfinished."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sirstgen.errors import InputError
from sirstgen.files.input_files import parse_json

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


def state_text(state: Mapping[str, Any]) -> str:
    """Return the text of a state file; it holds its own checksum."""
    return json.dumps({**state, "sha256": _checksum(state)}) + "\n"


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return the state of the run in `folder`; None where there is none, or a damaged one."""
    try:
        return parse_state((folder / STATE).read_bytes())
    except OSError:
        return None


def parse_state(data: bytes) -> dict[str, Any] | None:
    """Return what `state_text` wrote; None where it was changed since."""
    try:
        state = parse_json(data)
        checksum = state.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
    return state if checksum == _checksum(state) else None


def _checksum(state: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
