"""Reading the bytes of a file that a user named: regular files only, of bounded size, with one line where it fails."""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from sirstgen.errors import InputError, printable

MAX_IMAGE_BYTES = 1 << 30
"""No image file larger than this is read; the largest image that is decoded has less (`sirstgen.files.decoding`)."""

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MOST_DIGITS = 20  # a seed has 64 bits
_MANY_DIGITS = re.compile(r"\d{21}")


def read_bytes(path: Path | str, limit: int | None = None) -> bytes:
    """Return the content of `path`.

    Args:
        path: a regular file, or a link to one.
        limit: the largest size that is read, bytes; None: any.

    Raises:
        InputError: it is missing, empty, a folder, no regular file (a pipe, a device, a file of /proc), larger than
            `limit`, or may not be read.
    """
    try:
        # Without blocking: opening a pipe that nobody writes to would wait for ever.
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise InputError.of(path, "there is no such file") from None
    except PermissionError:
        raise InputError.of(path, "cannot be read, permission denied; change its permissions") from None
    except (OSError, ValueError) as fault:
        raise InputError.of(path, f"cannot be read ({getattr(fault, 'strerror', None) or fault})") from None
    found = os.fstat(number)
    if not stat.S_ISREG(found.st_mode):
        os.close(number)
        kind = "folder" if stat.S_ISDIR(found.st_mode) else "pipe, socket or device"
        raise InputError.of(path, f"a file is expected, this is a {kind}")
    with os.fdopen(number, "rb") as file:
        if not found.st_size:  # the files of /proc, which may never end, say 0 too
            raise InputError.of(path, "the file is empty (0 bytes); replace it or take it out")
        if limit is not None and found.st_size > limit:
            raise InputError.of(path, f"too large ({found.st_size} bytes, limit {limit}); split or shrink it")
        try:
            return file.read()
        except OSError as fault:
            raise InputError.of(path, f"cannot be read ({fault.strerror or fault})") from None


def decoded_text(data: bytes) -> str:
    """Return a text in UTF-8, with or without byte order mark, or in UTF-16 with one.

    Raises:
        ValueError: another encoding, or no text.
    """
    text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    if "\0" in text:  # UTF-16 without mark, UTF-32, or no text
        raise ValueError("not a text in UTF-8")
    return text


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        RepeatedKeyError: an object has a key twice.
        ValueError: it is none, or holds a whole number of more than 20 digits, which nothing can be computed with.
        RecursionError: it is nested too deeply.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        return json.loads(text, parse_int=_bounded if _MANY_DIGITS.search(text) else None, object_pairs_hook=_object)
    except RepeatedKeyError as fault:
        raise RepeatedKeyError(fault.key, _second_line(text, fault.key)) from None


class RepeatedKeyError(ValueError):
    """A JSON object has a key twice, so that one of the two values would be lost.

    Args:
        key: the key.
        line: of its second place, from 1; None where that is not known.
    """

    def __init__(self, key: str, line: int | None = None) -> None:
        where = "" if line is None else f", line {line}"
        super().__init__(f"the key {printable(key, 60)!r} is given twice{where}; keep one of them")
        self.key = key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise RepeatedKeyError(next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1))
    return values


def _second_line(text: str, key: str) -> int | None:
    """Return the line of the second place of a key; None in a text of one line, or where there are more places."""
    places = [found.end() for found in re.finditer(re.escape(json.dumps(key)) + r"\s*:", text)]
    return text.count("\n", 0, places[1]) + 1 if len(places) == 2 and "\n" in text.strip() else None


def _bounded(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def loaded_json(data: bytes, where: Path | str) -> Any:
    """Return the value of a JSON text; None where it is none for `parse_json`.

    Raises:
        InputError: an object has a key twice; `where` is named.
    """
    try:
        return parse_json(data)
    except RepeatedKeyError as fault:
        raise InputError.of(where, str(fault)) from None
    except (ValueError, RecursionError):
        return None
