"""Whatever happens to the standard streams, the disk of an output or the keyboard is one line and an exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sirstgen.errors import GenerationError, OutputExistsError
from sirstgen.terminal import INTERRUPTED, check_writable, interrupt_held, interruptible

PROGRAM = [sys.executable, "-m", "sirstgen"]
FULL = Path("/dev/full")


def run(*words: object, shell: str = "", **options: object) -> subprocess.CompletedProcess[str]:
    command = " ".join([*PROGRAM, *map(str, words), shell])
    return subprocess.run(command, shell=True, capture_output=True, text=True, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_a_full_standard_output_is_one_line(tmp_path: Path) -> None:
    told = run("backgrounds make --per-scene 1 --scenes sea --size 32 --out", tmp_path / "made", shell=">/dev/full")
    assert (told.returncode, told.stderr) == (1, "error: standard output: No space left on device\n")
    silent = run("synth --seed -1", shell="2>/dev/full")
    assert (silent.returncode, silent.stdout) == (2, "")


def test_closed_streams_change_nothing(tmp_path: Path) -> None:
    words = "backgrounds make --per-scene 1 --scenes sea --size 32 --out"
    for name, shell in (("a", "2>&-"), ("b", "<&- >&- 2>&-")):
        told = run(words, tmp_path / name, shell=shell)
        assert (told.returncode, told.stderr) == (0, "")
        assert [path.name for path in (tmp_path / name / "sea").iterdir()] == ["0001.png"]
    assert (tmp_path / "a/sea/0001.png").read_bytes() == (tmp_path / "b/sea/0001.png").read_bytes()


@pytest.mark.parametrize("delay", [0.02, 0.25, 0.8])
def test_ctrl_c_is_one_line_at_any_time(tmp_path: Path, delay: float) -> None:
    begin = "import sys; from sirstgen.__main__ import main; print('begun', flush=True); main()"
    words = ["synth", "--n", "100000", "--seed", "1", "--workers", "2", "--out", str(tmp_path / "set")]
    process = subprocess.Popen(
        [sys.executable, "-c", begin, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    lines = [line for line in told.splitlines() if "share a background" not in line]  # said where the run got so far
    assert len(lines) == 1 and lines[0].startswith("interrupted")


@pytest.mark.parametrize("report", [0.0, 0.05])
def test_an_interrupt_in_a_finaliser_is_not_lost(report: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that comes in the seconds of its `report`, where Python only prints it too."""

    class Finalised:
        def __del__(self) -> None:
            raise KeyboardInterrupt

    def slow(which: int, seconds: float) -> None:
        set_timer(which, seconds)
        if seconds and pauses:
            time.sleep(pauses.pop())

    def work() -> None:
        with interruptible():
            Finalised()
            time.sleep(1)
            pytest.fail("went on")

    set_timer, pauses = signal.setitimer, [report]
    monkeypatch.setattr(signal, "setitimer", slow)
    with pytest.raises(KeyboardInterrupt):
        work()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0) and not pauses


def test_an_interrupt_that_a_library_turns_into_another_error_is_an_interrupt() -> None:
    def load(interrupt: bool) -> None:
        with interruptible():
            try:
                if interrupt:
                    signal.raise_signal(signal.SIGINT)
            finally:
                raise ImportError("numpy.core.multiarray failed to import")

    with pytest.raises(KeyboardInterrupt):
        load(interrupt=True)
    with pytest.raises(ImportError):
        load(interrupt=False)


def test_a_held_interrupt_comes_at_the_end_of_the_block_whichever_thread_takes_the_signal() -> None:
    reached = []
    other = threading.Thread(target=time.sleep, args=(0.3,))

    def work() -> None:
        with interruptible():
            with interrupt_held():
                for _ in range(2):
                    os.kill(os.getpid(), signal.SIGINT)
                    time.sleep(0.05)
                reached.append("end of the block")
            reached.append("after the block")

    other.start()
    with pytest.raises(KeyboardInterrupt):
        work()
    other.join()
    assert reached == ["end of the block"]


def test_an_output_that_cannot_be_made_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_writable(tmp_path / "new" / "deeper")
    check_writable(tmp_path / "file")
    check_writable("s3://bucket/set")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with pytest.raises(OutputExistsError, match="file is a file, a folder is expected"):
        check_writable(tmp_path / "file" / "out")
    for out in (Path("/proc/nothing/out"), tmp_path / ("x" * 300) / "out"):
        with pytest.raises(GenerationError, match="cannot be written"):
            check_writable(out)
