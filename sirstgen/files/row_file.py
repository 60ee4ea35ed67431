"""A file of JSON objects, one a line, sorted by id, to which rows are added one at a time."""

from __future__ import annotations

import json
import os
from bisect import bisect_left
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sirstgen.errors import InputError
from sirstgen.files.atomic import write_all, write_file, writing
from sirstgen.files.input_files import parse_json

_Stamp = tuple[int, int, int]


class _Lines(NamedTuple):
    """What is known of a file that this process has written.

    Args:
        stamp: what the file was then.
        ids: of the rows, sorted.
        sizes: bytes of their lines, in the same order.
    """

    stamp: _Stamp
    ids: list[str]
    sizes: list[int]


_known: dict[Path, _Lines] = {}

_MOST_FILES = 64


def open_for_row(path: Path, key: str) -> Callable[[Mapping[str, Any]], None]:
    """Check the file and return the function that adds the row of id `key`, or replaces the one that is there.

    A row whose id is greater than all others is appended. For any other row the bytes of the other lines are copied.
    All lines are read and checked once, and again after another program has changed the file. The function raises
    GenerationError where the file cannot be written.

    Args:
        path: the file; made if missing. A last line without end, which a process that was killed has left, is dropped.
        key: the row's ``id``.

    Raises:
        InputError: a line of the file is no JSON object with an id, or has an id or a key twice.
    """
    place = path.resolve()
    stamp = _stamp(place)
    known = _known.pop(place, None)
    if known is not None and known.stamp == stamp:
        ids, sizes, content = known.ids, known.sizes, None
    else:
        lines = {} if stamp is None else _lines(place)
        ids = sorted(lines)
        sizes = [len(lines[name]) for name in ids]
        content = b"".join(lines[name] for name in ids)

    def add(row: Mapping[str, Any]) -> None:
        line = (json.dumps(row) + "\n").encode()
        at = bisect_left(ids, key)
        replaced = at < len(ids) and ids[at] == key
        if at == len(ids) and content is None and stamp is not None:
            _append(place, line, stamp[1])
        else:
            with writing(place):
                others = place.read_bytes() if content is None else content
            start = sum(sizes[:at])
            write_file(place, others[:start] + line + others[start + sum(sizes[at : at + replaced]) :])
        ids[at : at + replaced] = [key]
        sizes[at : at + replaced] = [len(line)]
        if (written := _stamp(place)) is not None:
            _known[place] = _Lines(written, ids, sizes)
        while len(_known) > _MOST_FILES:
            del _known[next(iter(_known))]

    return add


def _append(path: Path, line: bytes, size: int) -> None:
    with writing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
        try:
            write_all(descriptor, line)
            os.fsync(descriptor)
        except BaseException:
            os.ftruncate(descriptor, size)  # part of a line is no row
            raise
        finally:
            os.close(descriptor)


def _lines(path: Path) -> dict[str, bytes]:
    """Return the lines of the file by id."""
    lines: dict[str, bytes] = {}
    *whole, _ = path.read_bytes().split(b"\n")
    for number, line in enumerate(whole, start=1):
        try:
            row = parse_json(line)
            key = row["id"]
            lines.setdefault(key, line.rstrip(b"\r") + b"\n")
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
