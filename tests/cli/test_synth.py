from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from making.clutter import clutter
from typer.testing import CliRunner

from sirstgen.cli import app
from sirstgen.storage.checksums import check_sums
from sirstgen.storage.run import FolderRun

MAIN = "import sys; from sirstgen.cli import main; sys.argv[0] = 'sirstgen'; main()"
HEAVY = {"torch", "torchvision", "matplotlib", "scipy", "sklearn"}


def run(*arguments: object) -> Any:
    """The command in this process."""
    return CliRunner().invoke(app, ["synth", *map(str, arguments)])


def errors(done: Any) -> list[str]:
    """The lines on standard error, without those that an option is given again."""
    return [line for line in done.stderr.splitlines() if "the last one is used" not in line]


def spawned(*arguments: object, code: str = MAIN) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def small(background_folder: Path, tmp_path: Path) -> list[object]:
    """Arguments of a quick run."""
    return ["--backgrounds", background_folder, "--size", "96x80", "--out", tmp_path / "set", "--seed", 0]


def test_a_run_writes_a_dataset_and_says_so(small: list[object], tmp_path: Path) -> None:
    done = run(*small, "--n", 5, "--scr", "3,4")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("5 images with ")
    assert f"in {tmp_path / 'set'} (seed 0, " in done.stdout
    rows = [json.loads(line) for line in (tmp_path / "set" / "targets.jsonl").read_text().splitlines()]
    assert {target["scr_requested"] for row in rows for target in row["targets"]} <= {3.0, 4.0}
    assert {(row["width"], row["height"]) for row in rows} == {(96, 80)}
    assert check_sums(tmp_path / "set") == []


def test_json_is_the_manifest(small: list[object], tmp_path: Path) -> None:
    done = run(*small, "--n", 2, "--json")
    assert json.loads(done.stdout) == json.loads((tmp_path / "set" / "dataset.json").read_text())
    assert run(*small, "--n", 3, "--resume", "--quiet").stdout == ""


def test_a_seed_that_is_drawn_is_told_and_found_again(small: list[object], tmp_path: Path) -> None:
    unseeded = small[:-2]
    first = run(*unseeded, "--n", 2)
    told = int(first.stderr.split("seed ")[1].split()[0])
    assert json.loads((tmp_path / "set" / "dataset.json").read_text())["seed"] == told
    again = run(*unseeded, "--n", 4, "--resume")
    assert again.exit_code == 0, again.output
    assert f"(seed {told}, " in again.stdout


def test_a_folder_that_holds_something_is_refused_before_a_seed_is_drawn(
    small: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unseeded = small[:-2]
    with monkeypatch.context() as patch:
        patch.setattr(FolderRun, "finish", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        assert run(*small, "--n", 2).exit_code != 0
    unfinished = run(*unseeded, "--n", 2)
    assert unfinished.exit_code == 2
    assert "holds an interrupted run; --resume continues it" in unfinished.stderr
    assert "seed" not in unfinished.stderr
    assert run(*small, "--n", 2, "--resume").exit_code == 0
    finished = run(*unseeded, "--n", 2)
    assert finished.exit_code == 2
    assert "not empty" in finished.stderr
    assert "seed" not in finished.stderr and "--resume" not in finished.stderr


def test_a_recipe_file_is_read_and_flags_stand_over_it(small: list[object], tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("scr: 3\nbit_depth: 16\ntargets_per_image: {2: 1.0}\n")
    assert run(*small, "--n", 2, "--recipe", tmp_path / "r.yaml", "--scr", "5").exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "set" / "targets.jsonl").read_text().splitlines()]
    assert [row["bit_depth"] for row in rows] == [16, 16]
    assert [[target["scr_requested"] for target in row["targets"]] for row in rows] == [[5.0, 5.0]] * 2
    image = cv2.imread(str(tmp_path / "set" / "images" / "000001.png"), cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint16


def test_schema_and_recipe_are_printed_without_a_run(tmp_path: Path) -> None:
    assert "targets_per_image" in json.loads(run("--print-schema").stdout)["properties"]
    (tmp_path / "r.yaml").write_text(run("--print-recipe", "--scr", "7").stdout)
    assert run("--print-recipe", "--recipe", tmp_path / "r.yaml").stdout == (tmp_path / "r.yaml").read_text()


def make(folder: Path, what: str) -> Path:
    """Input that cannot be used."""
    folder.mkdir(exist_ok=True)
    frame = clutter(1, 100, 120)
    if what == "empty folder":
        return folder
    if what == "missing folder":
        return folder / "none"
    if what == "truncated files":
        data = cv2.imencode(".png", frame)[1].tobytes()
        (folder / "a.png").write_bytes(data[: len(data) // 2])
        (folder / "b.png").write_bytes(b"")
        (folder / "c.jpg").write_text("no image")
    elif what == "too small":
        cv2.imwrite(str(folder / "a.png"), frame[:1, :1])
    elif what == "flat and white":
        cv2.imwrite(str(folder / "a.png"), np.full_like(frame, 90))
        cv2.imwrite(str(folder / "b.png"), np.full_like(frame, 255))
    elif what == "recipe key":
        (folder / "r.yaml").write_text("scrr: 3\n")
        return folder / "r.yaml"
    elif what == "template":
        (folder / "plane").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / "plane" / "solid.png"), np.full((20, 30), 200, np.uint8))
    return folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scr", "0"], "scr must be positive, got 0"),
        (["--scr", "-3,4"], "scr must be positive, got -3"),
        (["--scr", "abc"], "--scr must be numbers separated by commas, such as 3,4,5,6, got 'abc'"),
        (["--scr", "nan"], "got nan"),
        (["--n", "0"], "--n must be from 1 to 1000000000, got 0"),
        (["--n", "-5"], "--n must be from 1 to 1000000000, got -5"),
        (["--blur-sigma", "-0.5"], "blur_sigma must be positive, got -0.5"),
        (["--size", "9x9"], "width must be at least 16, got 9"),
        (["--size", "big"], "--size must be WIDTHxHEIGHT"),
        (["--bit-depth", "12"], "8 or 16, got 12"),
        (["--seed", "-1"], "--seed must be from 0 to 18446744073709551615, got -1"),
        (["--workers", "0"], "--workers must be from 1 to 1024, got 0"),
        (["--procedural-share", "2"], "--procedural-share must be from 0 to 1, got 2"),
        (["--train-share", "2"], "--train-share must be from 0 to 1, got 2"),
        (["--scene", "seaa"], "got seaa (did you mean sea?)"),
        (["--resume", "--overwrite"], "resume and overwrite must not both be given"),
        (["--recipe", "recipe key"], "unknown key scrr (did you mean scr?)"),
        (["--recipe", "missing folder"], "the recipe cannot be read"),
        (["--backgrounds", "empty folder"], "holds no image"),
        (["--backgrounds", "missing folder"], "none"),
        (["--backgrounds", "truncated files"], "no usable background among 3 images"),
        (["--backgrounds", "too small"], "no usable background among 1 images"),
        (["--backgrounds", "flat and white"], "no usable background among 2 images"),
        (["--only-templates"], "--only-templates needs --templates"),
        (["--templates", "empty folder"], "holds no template"),
        (["--templates", "template"], "neither transparent nor black pixels"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    small: list[object], tmp_path: Path, arguments: list[str], message: str
) -> None:
    flag, *values = arguments
    values = [str(make(tmp_path / "bad", value)) if " " in value or value == "template" else value for value in values]
    done = run(*small, "--n", "2", flag, *values)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    [line] = errors(done)
    assert line.startswith("error: ") and message in line
    assert not (tmp_path / "set" / "images").exists()


def test_a_template_larger_than_the_image_ends_with_the_way_out(small: list[object], tmp_path: Path) -> None:
    row = "{kinds: {extended: 1}, classes: {plane: 1}}"
    (tmp_path / "r.yaml").write_text(
        f"classes: {{plane: {{length: 200}}}}\nscenes: {{cloud: {row}, sea: {row}, city: {row}}}\n"
    )
    done = run(*small, "--n", 2, "--recipe", tmp_path / "r.yaml")
    assert done.exit_code == 1
    assert "no room" in done.stderr
    assert "smaller or fewer targets" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_full_folder_is_refused_unless_told_otherwise(small: list[object], tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("x")
    for flag in ("--quiet", "--overwrite", "--resume"):
        done = run(*small, "--n", 1, flag)
        assert done.exit_code == 2
        assert done.stderr.count("\n") == 1
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["mine.txt"]


def test_help_and_a_run_on_known_scenes_import_nothing_heavy(small: list[object]) -> None:
    told = "; print(*sys.modules, file=sys.stderr)"
    for arguments in (["--help"], ["synth", "--help"], ["synth", *small, "--n", "2", "--quiet"]):
        ended = spawned(*arguments, code=f"{MAIN.replace('main()', '')}\ntry: main()\nfinally: {told[2:]}")
        assert ended.returncode == 0, ended.stderr
        modules = {name.split(".")[0] for name in ended.stderr.split()}
        assert "sirstgen" in modules
        assert not modules & HEAVY
        if "--help" in arguments:
            assert not modules & {"cv2", "numpy"}


def test_ctrl_c_ends_with_a_message_and_resume_goes_on(small: list[object], tmp_path: Path) -> None:
    out = tmp_path / "set"
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "synth", *map(str, small), "--n", "20000", "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        # A shell that runs the tests in the background has them ignore Ctrl-C, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 40
    while not (out / ".run" / "journal.tsv").exists() or not (out / ".run" / "journal.tsv").stat().st_size:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stdout == ""
    assert "interrupted" in stderr and "--resume" in stderr
    notes = [line for line in stderr.splitlines() if not line.startswith("warning:")]
    assert "Traceback" not in stderr and len(notes) == 1
    assert not (out / "SHA256SUMS").exists()
    held = len((out / ".run" / "journal.tsv").read_text().splitlines())
    assert held > 0
    assert run(*small, "--n", 20).exit_code == 2
    refused = run(*small, "--n", 20, "--resume")
    assert refused.exit_code == 2
    assert "n must be at least" in refused.stderr


@pytest.mark.slow
def test_a_run_with_workers_that_is_killed_goes_on_to_the_same_bytes(small: list[object], tmp_path: Path) -> None:
    """Killed with -9 at three moments, workers and all; the last call ends the run."""
    whole = [*small[:4], "--out", tmp_path / "whole" / "set", "--seed", 0, "--n", 400]
    assert run(*whole, "--workers", 1).exit_code == 0
    out = tmp_path / "set"
    for step in (1, 3, 8):
        command = [sys.executable, "-c", MAIN, "synth", *map(str, small), "--n", "400", "--workers", "2", "--resume"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while len(list((out / "images").glob("*.png"))) < 40 * step and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
        process.wait()
        time.sleep(0.5)  # workers end with their parent
    assert run(*small, "--n", 400, "--workers", 2, "--resume").exit_code == 0
    for path in sorted((tmp_path / "whole" / "set").rglob("*")):
        if path.is_file():
            assert (out / path.relative_to(tmp_path / "whole" / "set")).read_bytes() == path.read_bytes()
    assert check_sums(out) == []


def test_plans_are_rendered_again_with_another_scr(
    small: list[object], background_folder: Path, tmp_path: Path
) -> None:
    assert run(*small, "--n", 4).exit_code == 0
    again = ["--plans", tmp_path / "set", "--backgrounds", background_folder, "--out", tmp_path / "again"]
    result = run(*again, "--scr", 2)
    assert result.exit_code == 0, result.output
    assert "4 images with" in result.stdout
    assert "targets cannot be met" in result.stdout
    first, second = (
        [json.loads(line) for line in (tmp_path / name / "targets.jsonl").read_text().splitlines()]
        for name in ("set", "again")
    )
    assert [target["position"] for row in first for target in row["targets"]] == [
        target["position"] for row in second for target in row["targets"]
    ]
    refused = run(*again, "--size", 64)
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1


def test_shards_from_the_command_line(small: list[object], tmp_path: Path) -> None:
    out = tmp_path / "set"
    common = [*small, "--n", "7", "--out", str(out), "--shard-size", "3"]
    assert run(*common, "--shards", "1-2").exit_code == 0
    missing = run("--finish", out)
    assert missing.exit_code == 1 and "1 of 3 shards are missing (0)" in missing.stderr
    done = run(*common, "--shards", "0", "--json")
    assert done.exit_code == 0 and json.loads(done.stdout)["shards"]["count"] == 3
    assert run("--finish", out).exit_code == 0
    assert check_sums(out) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shards", "3"], "--shards needs --shard-size"),
        (["--out", "s3://bucket/set"], "a URL (s3://bucket/set) needs --shard-size"),
        (["--shard-size", "2", "--shards", "5-3"], "--shards must be a number or a range from low to high"),
        (["--shard-size", "2", "--shards", "9"], "shards must be from 0 to 1 (3 images, 2 a shard), got 9"),
        (["--shard-size", "2", "--out", "nowhere://bucket/set"], "unknown scheme nowhere://"),
        (["--finish", "not-there"], "there is no dataset.json"),
    ],
)
def test_what_is_wrong_with_shards_is_one_line(
    small: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*small, "--n", "3", *arguments)
    assert done.exit_code == 2, done.output
    [line] = errors(done)
    assert message in line
    assert not list(tmp_path.iterdir())
