"""The lock of an output folder: one holder, which is named; nothing of it survives a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from sirstgen.errors import GenerationError, OutputExistsError, SirstgenWarning
from sirstgen.files import lock
from sirstgen.files.lock import locked

HOLD = (
    "import sys, time; from pathlib import Path; from sirstgen.files.lock import locked\n"
    "with locked(Path(sys.argv[1])):\n"
)


def holder(folder: Path, then: str = " print('held', flush=True); time.sleep(60)") -> subprocess.Popen[str]:
    """A process that holds the lock of `folder`."""
    process = subprocess.Popen([sys.executable, "-c", HOLD + then, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_the_second_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    process = holder(tmp_path / "set")
    try:
        with pytest.raises(OutputExistsError, match=f"process {process.pid}: -c .*set"), locked(tmp_path / "set"):
            pytest.fail("two hold one lock")
        with locked(tmp_path / "other"):
            pass
    finally:
        process.kill()
        process.wait()


def test_nothing_is_left(tmp_path: Path) -> None:
    with locked(tmp_path / "set"):
        assert [path.name for path in tmp_path.iterdir()] == [".set.lock"]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="fails"), locked(tmp_path / "set"):
        raise ValueError("it fails")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    process = holder(tmp_path / "set")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / ".set.lock").exists()
    with locked(tmp_path / "set"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_inherits_the_lock_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end = tmp_path / "end"
    then = (
        " import os; child = os.fork()\n"
        f" while child == 0 and not os.path.exists({str(end)!r}): time.sleep(0.02)\n"
        " if child == 0: os._exit(0)\n"
        " print('held', flush=True); os.kill(os.getpid(), 9)"
    )
    process = holder(tmp_path / "set", then)
    process.wait()
    Timer(0.3, end.touch).start()
    with locked(tmp_path / "set"):  # waits for the child: the holder itself is gone
        assert end.exists()


def test_some_may_hold_it_together_and_none_alone_then(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    process = holder(folder)
    try:
        with pytest.raises(OutputExistsError, match=f"process {process.pid}"), locked(folder, shared=True):
            pytest.fail("one holds it alone")
    finally:
        process.kill()
        process.wait()
    with locked(folder, shared=True):
        with locked(folder, shared=True):
            with pytest.raises(OutputExistsError, match=f"process {os.getpid()}"), locked(folder):
                pytest.fail("others hold it")
            assert [path.name for path in tmp_path.iterdir()] == [".set.lock"]
        assert [path.name for path in tmp_path.iterdir()] == [".set.lock"], "the last one removes it"
        with pytest.raises(OutputExistsError), locked(folder):
            pytest.fail("one still holds it")
    assert list(tmp_path.iterdir()) == []


def test_a_command_may_wait_for_a_running_holder(tmp_path: Path) -> None:
    process = holder(tmp_path / "set", " print('held', flush=True); time.sleep(0.5)")
    with locked(tmp_path / "set", patience=20):
        pass
    assert process.wait() == 0


def test_two_threads_of_one_process_are_two(tmp_path: Path) -> None:
    with locked(tmp_path / "set"), pytest.raises(OutputExistsError, match=str(os.getpid())), locked(tmp_path / "set"):
        pytest.fail("two hold one lock")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_parent_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    tmp_path.chmod(0o500)
    try:
        with locked(tmp_path / "set"):
            assert (tmp_path / "set" / ".lock").exists()
        with pytest.raises(GenerationError, match="cannot be written"), locked(tmp_path / "new"):
            pytest.fail("locked")
    finally:
        tmp_path.chmod(0o700)


def test_a_file_in_the_place_of_the_parent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GenerationError, match="cannot be written"), locked(tmp_path / "file" / "set"):
        pytest.fail("locked")


def test_a_system_without_locks_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "fcntl", None)
    with pytest.warns(SirstgenWarning, match="has no locks"), locked(tmp_path / "set") as descriptor:
        assert descriptor is None
