"""The one reader of lists of ids: split lists, and the files given as --ids, --drop or --exclude."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Container, Iterator
from pathlib import Path

from sirstgen.errors import InputError
from sirstgen.files.image_files import is_image_name, named, without_suffix
from sirstgen.files.input_files import decoded_text, read_bytes

_IMAGE_FOLDER = "/images/"


def read_id_list(path: Path, ids: Collection[str]) -> tuple[str, ...]:
    """Return the ids that a file lists, one a line.

    The file is text in UTF-8, with or without byte order mark, or in UTF-16 with one. Lines may end in CRLF or CR.
    Blank lines and spaces around an id do not count, spaces inside do. An id may be the path of an image file.

    Args:
        path: the file; an empty file lists nothing.
        ids: the ids that have an image.

    Raises:
        InputError: another encoding, an id without image, an id listed twice; all of them are counted.
    """
    return known_ids(list_lines(path), ids, str(path))


def list_lines(path: Path) -> list[str]:
    """Return the lines of a list without spaces around them, for `known_ids`.

    Raises:
        InputError: it cannot be read, or has another encoding.
    """
    try:
        empty = not path.stat().st_size
    except OSError:
        empty = False  # `read_bytes` says why it cannot be read
    try:
        text = decoded_text(b"" if empty else read_bytes(path))
    except ValueError:
        raise InputError.of(path, "not a text file in UTF-8; save it as UTF-8, one id a line") from None
    return [line.strip() for line in text.replace("\r", "\n").split("\n")]


def id_of(entry: str, known: Container[str]) -> str:
    """Return the id of `known` that a line stands for; the line itself where it stands for none."""
    return next((form for form in _forms(entry) if form in known), entry)


def known_ids(entries: list[str], ids: Collection[str], where: str) -> tuple[str, ...]:
    """Return `entries` as ids, in their order; blank ones do not count.

    Args:
        entries: ids. ``/set/images/000001.png``, ``./000001.png`` and ``"000001"`` stand for 000001 where no id is
            written so, also with backslashes; letters with accents may be composed or not (Unicode NFC, NFD).
        ids: the ids that have an image.
        where: the file or option they were given in, for messages.

    Raises:
        InputError: an id without image, an id listed twice; all of them are counted.
    """
    known = ids if isinstance(ids, set | frozenset | dict) else frozenset(ids)
    listed: dict[str, None] = {}
    missing, twice = [], []
    for entry in filter(None, entries):
        key = id_of(entry, known)
        if key not in known:
            missing.append(entry)
        elif key in listed:
            twice.append(entry)
        listed[key] = None
    if missing:
        example = f"; its ids are such as {named(sorted(known)[:1])}" if known else ""
        raise InputError.of(where, f"lists {named(missing)}, without image in the dataset{example}")
    if twice:
        raise InputError.of(where, f"lists {named(twice)} more than once; keep one line each")
    return tuple(listed)


def _forms(entry: str) -> Iterator[str]:
    """Yield the ids that a line may stand for, the most literal first."""
    path = entry.strip("\"'").replace("\\", "/").removeprefix("./")
    for form in (entry, path, path.rpartition(_IMAGE_FOLDER)[2], path.removeprefix(_IMAGE_FOLDER[1:])):
        for text in (form, unicodedata.normalize("NFC", form)):
            yield text
            if is_image_name(text):
                yield without_suffix(text)
