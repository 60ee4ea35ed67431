"""Files and folders that appear whole or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import RawIOBase
from itertools import count
from pathlib import Path

from sirstgen.errors import GenerationError, OutputExistsError

# A folder without this file was not written by sirstgen and is not ours to delete.
MANIFEST = "dataset.json"

_numbers = count()  # of the temporary files of this process


def write_file(path: Path, data: bytes | str, scratch: Path | None = None) -> None:
    """Write `data` (text as UTF-8 with newline ends) to `path`, whole or not at all.

    Args:
        path: the file.
        data: its content.
        scratch: an existing folder on the same file system for the file while it is being written, so that a killed
            process leaves nothing beside finished files; without it the file's own folder serves, and is made.
    """
    content = data.encode() if isinstance(data, str) else data
    folder = path.parent if scratch is None else scratch
    temporary = f"{folder}{os.sep}.{path.name}.{os.getpid()}-{next(_numbers)}.part"
    with writing(path):
        if scratch is None:
            folder.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "wb", buffering=0) as file:  # noqa: PTH123  # a Path costs as much as the write
                write_all(file, content)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def write_all(file: RawIOBase, data: bytes) -> None:
    """Write all of `data` to an unbuffered file; a full disk takes a part of it first and only then says so."""
    rest = memoryview(data)
    while rest:
        taken = file.write(rest)
        if not taken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rest = rest[taken:]


@contextmanager
def writing(path: Path, inside: bool = False) -> Iterator[None]:
    """Faults of the disk inside the block become GenerationError.

    Args:
        path: what is being written, named in the message.
        inside: `path` is a folder, and the file in it that the fault names is named instead.
    """
    try:
        yield
    except OSError as fault:
        named = os.fsdecode(fault.filename) if inside and fault.filename is not None else str(path)
        raise GenerationError(f"{named}: cannot be written ({fault.strerror or fault})", path=str(path)) from None


def refuse_existing(folder: Path, overwrite: bool, manifest: str = MANIFEST) -> None:
    """Raise OutputExistsError unless `folder` is free, empty, or ours (it holds `manifest`) and may be overwritten."""
    if folder.is_dir():
        if not any(folder.iterdir()):
            return
        if not overwrite:
            raise OutputExistsError(
                f"{folder}: the output folder is not empty; choose another --out, or allow --overwrite",
                path=str(folder),
            )
        if not (folder / manifest).is_file():
            raise OutputExistsError(
                f"{folder}: only output of sirstgen is overwritten, this folder holds no {manifest}; empty it yourself",
                path=str(folder),
            )
    elif folder.exists() or folder.is_symlink():
        raise OutputExistsError(f"{folder}: a file is in the place of the output folder", path=str(folder))


@contextmanager
def whole_folder(folder: Path, overwrite: bool = False, manifest: str = MANIFEST) -> Iterator[Path]:
    """A temporary folder beside `folder` to write into; it takes the place of `folder` when the block ends well.

    Args:
        folder: the final place; must be absent or empty, or hold `manifest` when `overwrite` is true.
        overwrite: replace what is there; it stays untouched until the new one is complete.
        manifest: name of the file by which a folder is known to be ours to replace.

    Raises:
        OutputExistsError: see `refuse_existing`.
        GenerationError: the disk is full or may not be written to.
    """
    refuse_existing(folder, overwrite, manifest)
    target = folder.resolve()
    token = secrets.token_hex(4)
    work, old = (target.with_name(f".{target.name}.{token}.{kind}") for kind in ("part", "old"))
    try:
        with writing(folder, inside=True):
            work.mkdir(parents=True)
            yield work
            if target.is_dir():
                target.replace(old)
            work.replace(target)
    finally:
        if old.exists() and not target.exists():
            old.replace(target)
        for leftover in (work, old):
            shutil.rmtree(leftover, ignore_errors=True)
