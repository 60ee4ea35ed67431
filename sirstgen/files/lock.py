"""One writer at a time in an output folder: an advisory lock that the kernel releases when its holder ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from sirstgen.errors import GenerationError, OutputExistsError, SirstgenWarning
from sirstgen.files.atomic import is_running

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
"""Name of the lock of a folder whose parent cannot be written to."""

_LONGEST_COMMAND = 200
_LONGEST_FILE = 1 << 16
_PATIENCE = 10.0  # seconds in which the worker processes of a killed run end
_PAUSE = 0.05


@contextlib.contextmanager
def locked(folder: Path, shared: bool = False, patience: float = 0.0) -> Iterator[int | None]:
    """Hold the lock of the output `folder` for the time of the block.

    The lock is ``flock`` on ``.<name>.lock`` beside the folder, or on ``.lock`` in the folder where its parent cannot
    be written to. It ends with the process, also with ``kill -9``; the file that is left then is removed by the next
    holder. The file says who holds it.

    Args:
        folder: the output; it need not exist.
        shared: others may hold the lock in the same way at the same time, and none alone.
        patience: seconds to wait for a holder that is running.

    Yields:
        The descriptor that holds the lock, to be inherited by worker processes, which then keep the folder locked until
        they have ended too; None, with a warning, where the system or the disk has no such locks.

    Raises:
        OutputExistsError: another process holds the lock, alone or (without `shared`) at all.
        GenerationError: neither the folder nor its parent can be written to.
    """
    try:
        path, descriptor = _opened(folder.resolve(), shared, patience)
    except OSError as fault:
        warnings.warn(
            f"{folder}: this file system has no locks ({fault.strerror}); do not let two commands write there",
            SirstgenWarning,
            stacklevel=3,
        )
        yield None
        return
    try:
        if not shared:
            os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_END)
        os.write(descriptor, f"{os.getpid()} {_command()}\n".encode(errors="backslashreplace"))
        yield descriptor
    finally:
        try:
            with contextlib.suppress(OSError):
                if shared:  # the last of them removes the file
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
        finally:
            os.close(descriptor)


def _opened(folder: Path, shared: bool, patience: float) -> tuple[Path, int]:
    """Return the lock's file and a descriptor that holds it."""
    began = time.monotonic()
    while True:
        path, descriptor = _lock_file(folder)
        try:
            if fcntl is None:
                raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            if _is_at(path, descriptor):  # else its last holder has removed it meanwhile
                return path, descriptor
        except OSError as fault:
            holder = _holder(descriptor)
            os.close(descriptor)
            if fault.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            # The workers of a run that was killed keep its lock for the moment that they need to end.
            if time.monotonic() - began > (patience if _is_running(holder) else max(patience, _PATIENCE)):
                raise OutputExistsError(
                    f"{folder}: another process is writing there ({holder or 'it has just begun'}); wait until it has "
                    f"ended, or choose another --out",
                    path=str(folder),
                ) from None
            time.sleep(_PAUSE)
        else:
            os.close(descriptor)


def _lock_file(folder: Path) -> tuple[Path, int]:
    beside, inside = folder.with_name(f".{folder.name}.lock"), folder / LOCK
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
    try:
        beside.parent.mkdir(parents=True, exist_ok=True)
        return beside, os.open(beside, flags, 0o644)
    except OSError as fault:
        cause = fault
    try:
        return inside, os.open(inside, flags, 0o644)
    except OSError:
        raise GenerationError.of_disk(folder, cause) from None


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except OSError:
        return False


def _holder(descriptor: int) -> str:
    """Return process and command of the first running holder that the lock's file names, else the last one.

    May be empty.
    """
    holder = ""
    for line in os.pread(descriptor, _LONGEST_FILE, 0).decode(errors="replace").splitlines():
        process, _, command = line.partition(" ")
        if process.isdecimal():
            holder = f"process {process}: {command.strip()}"
            if _is_running(holder):
                break
    return holder


def _is_running(holder: str) -> bool:
    """Return whether the process that a lock's file names is there; False where it names none."""
    return bool(holder) and is_running(int(holder.split()[1].rstrip(":")))


def _command() -> str:
    words = [Path(sys.argv[0]).name, *sys.argv[1:]] if sys.argv else []
    return "".join(character if character.isprintable() else "?" for character in " ".join(words))[:_LONGEST_COMMAND]
