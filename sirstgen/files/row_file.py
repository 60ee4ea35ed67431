"""A file of JSON objects, one a line, sorted by id, to which rows are added one at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sirstgen.errors import InputError
from sirstgen.files.atomic import write_all, write_file, writing
from sirstgen.files.input_files import parse_json

_Stamp = tuple[int, int, int]

_last_ids: dict[Path, tuple[_Stamp, str]] = {}
"""For files that this process has written: what they were then, and their last id."""

_MOST_FILES = 64


def open_for_row(path: Path, key: str) -> Callable[[Mapping[str, Any]], None]:
    """Check the file and return the function that adds the row of id `key`, or replaces the one that is there.

    A row whose id is greater than all others is appended. For any other row the file is written anew. All lines are
    read and checked once, and again after another program has changed the file. The function raises GenerationError
    where the file cannot be written.

    Args:
        path: the file; made if missing. A last line without end, which a process that was killed has left, is dropped.
        key: the row's ``id``.

    Raises:
        InputError: a line of the file is no JSON object with an id, or has an id or a key twice.
    """
    place = path.resolve()
    stamp = _stamp(place)
    known = _last_ids.pop(place, None)
    appended = known is not None and known[0] == stamp and key > known[1]
    lines = {} if appended or stamp is None else _lines(place)

    def add(row: Mapping[str, Any]) -> None:
        text = json.dumps(row) + "\n"
        if appended and stamp is not None:
            _append(place, text, stamp[1])
            last = key
        else:
            lines[key] = text
            write_file(place, "".join(lines[name] for name in sorted(lines)))
            last = max(lines)
        if (written := _stamp(place)) is not None:
            _last_ids[place] = written, last
        while len(_last_ids) > _MOST_FILES:
            del _last_ids[next(iter(_last_ids))]

    return add


def _append(path: Path, text: str, size: int) -> None:
    with writing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
        try:
            write_all(descriptor, text.encode())
            os.fsync(descriptor)
        except BaseException:
            os.ftruncate(descriptor, size)  # part of a line is no row
            raise
        finally:
            os.close(descriptor)


def _lines(path: Path) -> dict[str, str]:
    """Return the lines of the file by id."""
    lines: dict[str, str] = {}
    *whole, _ = path.read_bytes().split(b"\n")
    for number, line in enumerate(whole, start=1):
        try:
            row = parse_json(line)
            key = row["id"]
            lines.setdefault(key, line.decode().rstrip("\r") + "\n")
        except (ValueError, TypeError, KeyError, RecursionError) as fault:
            what = str(fault) if isinstance(fault, ValueError) else "a JSON object with an id is expected"
            raise InputError.of(path, f"line {number}: {what}") from None
        if len(lines) < number:
            raise InputError.of(path, f"line {number}: the id {key!r} is given twice; keep one line of it")
    return lines


def _stamp(path: Path) -> _Stamp | None:
    """Return what changes when another program writes the file; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
