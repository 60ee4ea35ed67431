"""Standard streams and Ctrl-C of a command: whatever happens to them is one line and an exit code."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from sirstgen.errors import GenerationError, OutputExistsError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 and the number of the signal."""


def tell(text: str) -> None:
    """Print a line to standard error; a standard error that cannot be written to is no fault of the work."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def open_closed_streams() -> None:
    """Give a process that was started with closed standard streams streams that lead nowhere.

    Otherwise the first files that are opened take their numbers, and messages of C libraries are written into them.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115


def end_on_interrupt() -> None:
    """Let Ctrl-C end the process at once with one line; for the time in which it has nothing to put right."""
    signal.signal(signal.SIGINT, _end)


def _end(*_: object) -> None:
    with contextlib.suppress(OSError):
        os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Make Ctrl-C inside the block a KeyboardInterrupt.

    Python prints a KeyboardInterrupt that hits a finaliser and continues; here it is raised again a moment later. Where
    a library turns it into another error, as Python 3.11 does while an enumeration is defined, that error is replaced.
    """
    asked = False

    def raise_here(_: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        while frame is not None:
            if frame.f_code is raise_again.__code__:  # what is raised there is only printed
                raise_later()
                return
            frame = frame.f_back
        raise KeyboardInterrupt

    def raise_again(arguments: Any) -> None:
        if issubclass(arguments.exc_type, KeyboardInterrupt):
            raise_later()
        else:
            hook(arguments)

    def raise_later() -> None:
        # A timer of the kernel: a thread could not be started while another start is interrupted.
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0.01)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {signal.SIGINT: signal.signal(signal.SIGINT, raise_here)}
    if hasattr(signal, "SIGALRM"):
        handlers[signal.SIGALRM] = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    hook, sys.unraisablehook = sys.unraisablehook, raise_again
    try:
        yield
    except Exception:  # whatever a library made of the interrupt
        if asked:
            raise KeyboardInterrupt from None
        raise
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook


@contextlib.contextmanager
def interrupt_held() -> Iterator[None]:
    """Delay Ctrl-C until the end of the block, and block it in the processes that are started inside.

    The signal mask alone does not delay it: another thread takes the signal, and the main thread runs the handler.
    """
    held = False

    def hold(*_: object) -> None:
        nonlocal held
        held = True

    handler = signal.getsignal(signal.SIGINT)
    handled = handler is not None and threading.current_thread() is threading.main_thread()
    if handled:
        signal.signal(signal.SIGINT, hold)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if handled:
            signal.signal(signal.SIGINT, handler)
        if held:
            signal.raise_signal(signal.SIGINT)


def close_output() -> int:
    """Flush standard output; return 0, or 1 where it could not take everything, which is reported in a line."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough
        _lead_nowhere()
        return 1
    except OSError as fault:
        _lead_nowhere()
        tell(f"error: standard output: cannot be written ({fault.strerror or fault})")
        return 1
    return 0


def _lead_nowhere() -> None:
    """Discard what is left in the buffer of standard output, so that Python's own flush at the end is silent."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def check_writable(out: str | Path) -> None:
    """Raise an error where an output cannot be made, before the work is done.

    Args:
        out: a file or folder, there or not; the nearest folder above it that is there is tried. URLs are not tried.

    Raises:
        OutputExistsError: a file is in the place of a folder above it.
        GenerationError: the folder cannot be written to.
    """
    if "://" in str(out):
        return
    place = Path(out)
    try:
        while not place.is_dir():
            if place == place.parent:
                return
            if place.exists() and place != Path(out):
                raise OutputExistsError(f"{out}: {place} is a file, a folder is expected; choose another --out")
            place = place.parent
        with tempfile.TemporaryFile(dir=place):
            pass
    except (OSError, ValueError) as fault:
        raise GenerationError.of_disk(out, fault) from None
