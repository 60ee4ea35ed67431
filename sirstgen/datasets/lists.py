"""The one reader of lists of ids: split lists, and the files given as --ids, --drop or --exclude."""

from __future__ import annotations

import codecs
from collections.abc import Collection
from pathlib import Path

from sirstgen.errors import InputError
from sirstgen.files.decoding import IMAGE_SUFFIXES
from sirstgen.files.image_files import named
from sirstgen.files.input_files import read_bytes

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_id_list(path: Path, ids: Collection[str]) -> tuple[str, ...]:
    """Return the ids that a file lists, one a line.

    The file is text in UTF-8, with or without byte order mark, or in UTF-16 with one. Lines may end in CRLF. Blank
    lines and spaces around an id do not count, spaces inside do. An id may carry the suffix of an image file.

    Args:
        path: the file; an empty file lists nothing.
        ids: the ids that have an image.

    Raises:
        InputError: another encoding, an id without image, an id listed twice; all of them are counted.
    """
    data = read_bytes(path) if path.stat().st_size else b""
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        raise InputError.of(path, "not a text file in UTF-8; one id a line is expected") from None
    return known_ids([line.strip() for line in text.split("\n")], ids, str(path))


def known_ids(entries: list[str], ids: Collection[str], where: str) -> tuple[str, ...]:
    """Return `entries` as ids, in their order; blank ones do not count.

    Args:
        entries: ids, with or without the suffix of an image file.
        ids: the ids that have an image.
        where: the file or option they were given in, for messages.

    Raises:
        InputError: an id without image, an id listed twice; all of them are counted.
    """
    known = ids if isinstance(ids, set | frozenset | dict) else frozenset(ids)
    listed: dict[str, None] = {}
    missing, twice = [], []
    for entry in filter(None, entries):
        key = entry
        if entry not in known and entry.lower().endswith(IMAGE_SUFFIXES):
            key = entry.rpartition(".")[0]
        if key not in known:
            missing.append(entry)
        elif key in listed:
            twice.append(entry)
        listed[key] = None
    if missing:
        raise InputError.of(where, f"lists {named(missing)}, without image in the dataset")
    if twice:
        raise InputError.of(where, f"lists {named(twice)} more than once; keep one line each")
    return tuple(listed)
