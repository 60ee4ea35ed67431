"""Files and folders that appear whole or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sirstgen.errors import OutputExists, WorkFailed

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
    try:
        if scratch is None:
            folder.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "xb", buffering=0) as file:  # noqa: PTH123  # a Path costs as much as the write
                file.write(content)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as fault:
        raise WorkFailed(f"{path}: cannot be written ({fault.strerror or fault})", path=str(path)) from None


def refuse_existing(folder: Path, overwrite: bool) -> None:
    """Raise OutputExists unless `folder` is free, empty, or a dataset of ours that may be overwritten."""
    if folder.is_dir():
        if not any(folder.iterdir()):
            return
        if not overwrite:
            raise OutputExists(
                f"{folder}: the output folder is not empty; choose another --out, or allow --overwrite",
                path=str(folder),
            )
        if not (folder / MANIFEST).is_file():
            raise OutputExists(
                f"{folder}: only a dataset is overwritten, this folder holds no {MANIFEST}; empty it yourself",
                path=str(folder),
            )
    elif folder.exists() or folder.is_symlink():
        raise OutputExists(f"{folder}: a file is in the place of the output folder", path=str(folder))


@contextmanager
def whole_folder(folder: Path, overwrite: bool = False) -> Iterator[Path]:
    """A temporary folder beside `folder` to write into; it takes the place of `folder` when the block ends well.

    Args:
        folder: the final place; must be absent or empty, or a dataset when `overwrite` is true.
        overwrite: replace a dataset that is there; it stays untouched until the new one is complete.

    Raises:
        OutputExists: see `refuse_existing`.
        WorkFailed: the disk is full or may not be written to.
    """
    refuse_existing(folder, overwrite)
    target = folder.resolve()
    token = secrets.token_hex(4)
    work, old = (target.with_name(f".{target.name}.{token}.{kind}") for kind in ("part", "old"))
    try:
        work.mkdir(parents=True)
        yield work
        if target.is_dir():
            target.replace(old)
        work.replace(target)
    except OSError as fault:
        named = os.fsdecode(fault.filename) if fault.filename is not None else str(folder)
        raise WorkFailed(f"{named}: cannot be written ({fault.strerror or fault})", path=str(folder)) from None
    finally:
        if old.exists() and not target.exists():
            old.replace(target)
        for leftover in (work, old):
            shutil.rmtree(leftover, ignore_errors=True)
