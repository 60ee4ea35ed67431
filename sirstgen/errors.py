"""The exceptions of sirstgen, and when to raise which.

::

    SirstgenError
    ├── InvalidValueError      a setting, flag or argument is not allowed (its name, value and what is allowed)
    ├── InputError             a file or folder that was given cannot be used (its path and what is wrong with it)
    ├── OutputExistsError      the place to write to holds something already
    └── GenerationError        the arguments are fine, the work could not be done (no room for targets, disk full)

Messages state the rule, then the value, then the way out: ``scr must be positive, got -2 (recipe.yaml: scr[1])``.
`SirstgenError.within` adds context on the way up (image, target, stage). The commands turn the first three
into exit code 2 and `GenerationError` into exit code 1; anything else is a defect of sirstgen and shows its traceback.
`SirstgenWarning` is for problems that do not stop the work. All errors survive pickling, so they travel whole from
worker processes.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, Self

_LONGEST = 1000


def printable(text: str, limit: int = _LONGEST) -> str:
    """Return `text` on one line for a terminal: control characters and undecodable bytes escaped, the middle of long
    texts left out.

    Args:
        text: anything, such as the name of a file that somebody else made.
        limit: longest text that is shown whole, characters.
    """
    if not text.isprintable():
        text = "".join(
            each if each.isprintable() else each.encode("unicode_escape", "surrogatepass").decode() for each in text
        )
    return text if len(text) <= limit else f"{text[: limit * 2 // 3]}...{text[-(limit // 3 - 3) :]}"


class SirstgenError(Exception):
    """Base of every error that sirstgen raises on purpose.

    Args:
        message: rule, value, way out; one line.
        **data: what the message was made from, kept as attributes for programs.
    """

    exit_code = 1

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.message = printable(message)
        self.data = data

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.data)

    def within(self, context: str) -> Self:
        """Return the same error with `context` (image, target, stage) put before its message."""
        return type(self)(f"{context}: {self.message}", **self.data)


def _rebuild(kind: type[SirstgenError], message: str, data: dict[str, Any]) -> SirstgenError:
    return kind(message, **data)


class InvalidValueError(SirstgenError, ValueError):
    """A setting, flag or argument whose value is not allowed."""

    exit_code = 2


class InputError(SirstgenError):
    """A file or folder that was given and cannot be used; ``data["path"]`` names it."""

    exit_code = 2

    @classmethod
    def of(cls, path: str | Path, what: str, **data: Any) -> Self:
        """Return the error that `what` is wrong with `path`."""
        return cls(f"{path}: {what}", path=str(path), **data)


class OutputExistsError(SirstgenError):
    """The output folder is not empty and neither resume nor overwrite was asked for."""

    exit_code = 2

    @classmethod
    def of(cls, path: object, what: str, *, resume: bool = False, overwrite: bool = True) -> OutputExistsError:
        """Return an error about an output that is there.

        Args:
            path: the output.
            what: what is there, such as ``the page exists already``.
            resume: the command has ``--resume``.
            overwrite: the command has ``--overwrite``.
        """
        ways = "--resume continues it, " * resume + "--overwrite replaces it, or " * overwrite
        return cls(f"{path}: {what}; {ways}choose another name", path=str(path))


_DISK_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)


class GenerationError(SirstgenError):
    """The work was asked for correctly and could not be done."""

    @classmethod
    def of_disk(cls, named: object, fault: Exception, path: object = None) -> GenerationError:
        """Return an error about an output that cannot be written.

        Args:
            named: the file or folder that the message names.
            fault: what the system raised.
            path: the output that it belongs to; `named` if None.
        """
        number = getattr(fault, "errno", None)
        way = "; free disk space and run the command again" if number in _DISK_FULL else ""
        way = "; choose a place that can be written to" if number in _NOT_ALLOWED else way
        reason = getattr(fault, "strerror", None) or str(fault)
        return cls(f"{named}: cannot be written ({reason}){way}", path=str(named if path is None else path))


class SirstgenWarning(UserWarning):
    """A problem that does not stop the work, such as damaged state of an interrupted run that is made again."""
