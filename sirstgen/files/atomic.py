"""Files that appear whole or not at all: written under a temporary name, then renamed."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
from collections.abc import Iterator
from io import RawIOBase
from itertools import count
from pathlib import Path

from sirstgen.errors import GenerationError

MANIFEST = "dataset.json"

_numbers = count()  # of the temporary files of this process
_PART = re.compile(r"\.(?P<name>.+)\.(?P<process>\d+)-\d+\.part")
_LONGEST = 200  # bytes of a name that are kept in the temporary one; disks take 255


def write_file(path: Path, data: bytes | str, scratch: Path | None = None, durable: bool | None = None) -> None:
    """Write `data` (text as UTF-8 with newline ends) to `path`, whole or not at all.

    Args:
        path: the file.
        data: its content.
        scratch: an existing folder on the same file system for the file while it is being written, so that a killed
            process leaves nothing beside finished files; without it the file's own folder serves, and is made.
        durable: also after a power cut the file is either what it was or what it is now. Takes about 1 to 10 ms; by
            default done where no `scratch` is given.
    """
    content = data.encode() if isinstance(data, str) else data
    folder = path.parent if scratch is None else scratch
    temporary = f"{folder}{os.sep}{_temporary(path.name)}"
    durable = scratch is None if durable is None else durable
    with writing(path):
        if scratch is None:
            folder.mkdir(parents=True, exist_ok=True)
            remove_parts(folder, path.name)
        try:
            with open(temporary, "wb", buffering=0) as file:  # noqa: PTH123  # a Path costs as much as the write
                write_all(file, content)
                if durable:
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        if durable:
            sync_folder(path.parent)


def _temporary(name: str) -> str:
    return f".{_shortened(name)}.{os.getpid()}-{next(_numbers)}.part"


def _shortened(name: str) -> str:
    return name if len(name) * 4 <= _LONGEST else os.fsencode(name)[:_LONGEST].decode(errors="ignore")


class OpenFolder:
    """A folder that many files are written into, kept open so that the system looks its path up once. Closes in `with`.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor: int | None = None

    def __enter__(self) -> OpenFolder:
        if os.open in os.supports_dir_fd and os.rename in os.supports_dir_fd:  # not on Windows
            with writing(self.path):
                self.descriptor = os.open(self.path, os.O_RDONLY)
        return self

    def __exit__(self, *_: object) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)

    def write(self, name: str, data: bytes, scratch: OpenFolder) -> None:
        """Write a file, whole or not at all; not durable.

        Args:
            name: of the file.
            data: its content.
            scratch: a folder on the same file system for the file while it is being written.
        """
        if self.descriptor is None:
            write_file(self.path / name, data, scratch.path)
            return
        temporary = _temporary(name)
        try:
            file = os.open(temporary, _NEW_FILE, 0o666, dir_fd=scratch.descriptor)
            try:
                write_all(file, data)
            finally:
                os.close(file)
            os.rename(temporary, name, src_dir_fd=scratch.descriptor, dst_dir_fd=self.descriptor)
        except BaseException as fault:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=scratch.descriptor)
            if isinstance(fault, OSError):
                with writing(self.path / name):
                    raise
            raise


_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0)


def write_all(file: RawIOBase | int, data: bytes) -> None:
    """Write all of `data` to an unbuffered file or a descriptor.

    A full disk takes a part of it first and only then says so.
    """
    rest = memoryview(data)
    while rest:
        taken = os.write(file, rest) if isinstance(file, int) else file.write(rest)
        if not taken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rest = rest[taken:]


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut, where the disk can do that for folders."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_disk(folder: Path) -> None:
    """Put everything that was written to the disk of `folder` on that disk; once a dataset, not once a file."""
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError, TypeError):  # not Linux
        os.sync() if hasattr(os, "sync") else None
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with writing(folder):
            if syncfs(descriptor):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(descriptor)


def remove_parts(folder: Path, name: str | None = None) -> None:
    """Remove what killed processes have left of files that they were writing directly in `folder`.

    Args:
        folder: where.
        name: of one finished file; all by default.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _PART.fullmatch(entry.name)
            if (
                match is None
                or (name is not None and match["name"] != _shortened(name))
                or is_running(int(match["process"]))
            ):
                continue
            with contextlib.suppress(OSError):
                Path(entry.path).unlink()


def is_running(process: int) -> bool:
    """Return whether a process of this number is there."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


@contextlib.contextmanager
def writing(path: Path, inside: bool = False) -> Iterator[None]:
    """Turn faults of the disk inside the block into GenerationError.

    Args:
        path: what is being written, named in the message.
        inside: `path` is a folder, and the file in it that the fault names is named instead.
    """
    try:
        yield
    except OSError as fault:
        named = os.fsdecode(fault.filename) if inside and fault.filename is not None else str(path)
        raise GenerationError.of_disk(named, fault, path) from None
