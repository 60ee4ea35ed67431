"""Every example runs as a user would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sirstgen import Dataset, verify

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, *arguments: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_paper_set(tmp_path: Path) -> None:
    assert "6 images in set, 0 faults" in run("paper_set.py", "set", "6", folder=tmp_path)


def test_custom_scene_meets_its_scr(tmp_path: Path) -> None:
    lines = run("custom_scene.py", "scene", folder=tmp_path).splitlines()
    assert [float(line.rsplit(" ", 1)[1]) for line in lines] == pytest.approx([4.0, 5.0], abs=0.05)
    assert (tmp_path / "scene" / "mask.png").stat().st_size > 0


def test_own_backgrounds(tmp_path: Path, background_folder: Path) -> None:
    assert "20 images" in run("own_backgrounds.py", str(background_folder), "set", folder=tmp_path)
    assert len(list((tmp_path / "set" / "images").iterdir())) == 20


def test_sixteen_bit(tmp_path: Path) -> None:
    assert run("sixteen_bit.py", "3", folder=tmp_path).count("uint16") == 3


def test_own_templates(tmp_path: Path) -> None:
    assert "10 images" in run("own_templates.py", "set", folder=tmp_path)


def test_own_stage(tmp_path: Path) -> None:
    assert run("own_stage.py", "set", folder=tmp_path) == "12 images in set, 0 faults\n"


def test_every_example_is_tested() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{path.name}"' in tested for path in EXAMPLES.glob("*.py"))


def test_a_job_array_in_any_order_with_one_task_twice(tmp_path: Path) -> None:
    command = tmp_path / "bin" / "sirstgen"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from sirstgen.cli import main; main()' \"$@\"\n")
    command.chmod(0o755)
    settings = {"N": "8", "SIZE": "2", "PER": "2", "OUT": "set", "PATH": f"{command.parent}:{os.environ['PATH']}"}

    def start(task: int) -> subprocess.Popen[bytes]:
        environment = os.environ | settings | {"SLURM_ARRAY_TASK_ID": str(task), "PYTHONPATH": str(EXAMPLES.parent)}
        return subprocess.Popen([str(EXAMPLES / "slurm_array.sh")], cwd=tmp_path, env=environment)

    assert start(1).wait() == 0
    assert not (tmp_path / "set" / "dataset.json").exists()
    assert [task.wait() for task in (start(0), start(0))] == [0, 0]
    assert len(Dataset.open(tmp_path / "set")) == 8
    assert verify(tmp_path / "set") == []


@pytest.mark.slow
def test_dask_cluster(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="distributed is not installed")
    assert run("dask_cluster.py", "set", "20", folder=tmp_path) == "20 images in 1 shards in set\n"
