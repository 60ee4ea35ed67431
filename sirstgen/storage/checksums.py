"""``SHA256SUMS``: every other file's checksum, as the program ``sha256sum`` writes and checks it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from sirstgen.errors import InputError
from sirstgen.files.atomic import sync_disk, write_file

SUMS = "SHA256SUMS"

_LINE = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)")
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_UNESCAPES = {escaped: character for character, escaped in _ESCAPES.items()}


def write_sums(folder: Path, known: Mapping[str, str] | None = None, kept: Mapping[str, Path] | None = None) -> None:
    """Write ``SHA256SUMS`` over every file below `folder`, sorted by path.

    Itself and what is hidden in `folder` (names that begin with a dot) are left out. All other files are on the disk,
    not in its cache only, before it appears: it is what makes a dataset finished.

    Args:
        folder: the dataset folder.
        known: checksums by path below `folder` that need not be computed again.
        kept: files that will be moved into the folder, by path below it, and where they are now.
    """
    places = {name: folder / name for name in _files(folder)}
    places |= {name: path for name, path in (kept or {}).items() if not name.startswith(".") and path.is_file()}
    sums = known or {}
    lines = [sum_line(sums.get(name) or _checksum(place), name) for name, place in sorted(places.items())]
    sync_disk(folder)
    write_file(folder / SUMS, "".join(lines))


def read_sums(folder: Path) -> dict[str, str]:
    """Return the checksums in ``SHA256SUMS`` by path below `folder`; lines that are no checksum are left out.

    Raises:
        InputError: there is no ``SHA256SUMS``, or it cannot be read.
    """
    matches = (_LINE.fullmatch(line.removesuffix("\r")) for line in _lines(folder))
    return {_name(match): match[2].lower() for match in matches if match}


def check_sums(folder: Path) -> list[str]:
    """Return what is wrong with the files of `folder` by its ``SHA256SUMS``; empty when nothing is.

    Finds files that changed, are missing, cannot be read, or are not listed, and lines that are no checksum; each fault
    is one text that names the file.

    Raises:
        InputError: there is no ``SHA256SUMS``.
    """
    faults: list[str] = []
    listed: dict[str, str] = {}
    for number, line in enumerate(_lines(folder), start=1):
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is None:
            faults.append(f"{SUMS}: line {number} is no checksum line")
            continue
        name = _name(match)
        if name in listed:
            faults.append(f"{name}: listed twice in {SUMS}")
        elif listed and name < next(reversed(listed)):
            faults.append(f"{SUMS}: line {number}, {name}, is not in the order of the paths")
        listed[name] = match[2].lower()
    present = set(_files(folder))
    for name in sorted(listed.keys() | present):
        try:
            if name not in listed:
                faults.append(f"{name}: not listed in {SUMS}")
            elif (name not in present or (folder / name).is_symlink()) and not _is_below(folder, name):
                faults.append(f"{name}: leads out of the folder")
            elif not (folder / name).is_file():
                faults.append(f"{name}: missing, but listed in {SUMS}")
            elif _checksum(folder / name) != listed[name]:
                faults.append(f"{name}: its checksum differs from {SUMS}")
        except OSError as fault:  # it may not be read, or its name is too long for the disk
            faults.append(f"{name}: cannot be read ({fault.strerror or fault})")
    return faults


def _lines(folder: Path) -> list[str]:
    try:
        if (folder / SUMS).exists() and not (folder / SUMS).is_file():
            raise InputError.of(folder / SUMS, "a file is expected, this is a folder, pipe or device")
        text = (folder / SUMS).read_bytes().decode("utf-8", "surrogateescape")
    except OSError as fault:
        raise InputError.of(folder / SUMS, f"cannot be read ({fault.strerror or fault})") from None
    return text.removesuffix("\n").split("\n") if text else []


def _is_below(folder: Path, name: str) -> bool:
    try:
        return (folder / name).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a link to itself, a name that is none
        return False


def _name(match: re.Match[str]) -> str:
    return _unescape(match[3]) if match[1] else match[3]


def _files(folder: Path) -> list[str]:
    names: list[str] = []
    pending = [(str(folder), "")]
    while pending:
        place, prefix = pending.pop()
        with os.scandir(place) as entries:  # a Path for each file costs more than its checksum
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append((entry.path, f"{prefix}{entry.name}/"))
                elif entry.is_file():
                    names.append(prefix + entry.name)
    return sorted(name for name in names if name != SUMS and not name.startswith("."))


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_sha256(path: Path) -> str | None:
    """Return the SHA-256 of a file in hexadecimal; None where there is no such file."""
    try:
        return _checksum(path)
    except FileNotFoundError:
        return None


def sum_line(checksum: str, name: str) -> str:
    """Return a file's line of ``SHA256SUMS``."""
    escaped = name
    if not name.isprintable() or "\\" in name:
        escaped = "".join(_ESCAPES.get(character, character) for character in name)
    return f"{'' if escaped == name else chr(92)}{checksum}  {escaped}\n"


def _unescape(name: str) -> str:
    return re.sub(r"\\[\\nr]", lambda match: _UNESCAPES[match[0]], name)
