"""Several processes make one check: a process a device, commands that join by --resume, ranks of torchrun."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from making import ranks_check
from making.training_frames import write_set

import sirstgen
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InvalidValueError, OutputExistsError
from sirstgen.files.lock import locked
from sirstgen.train_check import runs as module
from sirstgen.train_check import train_check as check_module
from sirstgen.train_check.folder import mark_folder
from sirstgen.train_check.presets import CheckPlan, RealRow
from sirstgen.train_check.train_check import CheckProgress, train_check
from sirstgen.training.config import TrainingConfig
from sirstgen.training.loop import Training
from sirstgen.training.together import train_together


@pytest.fixture
def real(tmp_path: Path) -> Dataset:
    return write_set(tmp_path / "real", 8, seed=1, train=5)


@pytest.fixture
def plan(settings: TrainingConfig) -> CheckPlan:
    short = dataclasses.replace(settings, steps=2, validate_every=2)
    return CheckPlan("tiny", (RealRow(),), ("dnanet-resnet10-light",), repeats=3, settings=short)


def counted(monkeypatch: pytest.MonkeyPatch, wait_for: Path | None = None) -> list[int]:
    """The seeds of the trainings of this process; with `wait_for` they wait until a record is below it."""
    seeds: list[int] = []

    def watched(trainings: list[Training]) -> object:
        seeds.extend(training.settings.seed for training in trainings)
        end = time.monotonic() + 120
        while wait_for is not None and not list(wait_for.glob("runs/*/run.json")) and time.monotonic() < end:
            time.sleep(0.05)
        return train_together(trainings)

    monkeypatch.setattr(module, "train_together", watched)
    return seeds


def test_two_devices_share_the_runs(
    plan: CheckPlan, real: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    here = counted(monkeypatch, wait_for=out)  # a first record can only be that of the other process
    table = train_check(plan, real, out=out, device="cpu,cpu")
    assert [run.seed for run in table.runs] == [0, 1, 2]
    assert all(run.trained and run.steps == 2 for run in table.runs)
    assert 0 < len(here) < 3
    assert len(json.loads((out / "table.json").read_text())["runs"]) == 3
    assert not list(out.rglob(".*.lock"))


def test_a_run_of_another_process_is_left_to_it_and_read_when_it_is_finished(
    plan: CheckPlan, real: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    train_check(plan, real, out=other, device="cpu")
    (first,) = other.glob("runs/*-0-*")
    here = counted(monkeypatch)
    monkeypatch.setattr(check_module, "_PAUSE", 0.0)
    waited = []

    def told(state: CheckProgress) -> None:
        if state.label.endswith("made by another process"):
            waited.append(state.number)
            first.rename(out / "runs" / first.name)
            held.__exit__(None, None, None)

    mark_folder(out, None)
    held = locked(out / "runs" / first.name)
    held.__enter__()
    table = train_check(plan, real, out=out, device="cpu", resume=True, progress=told)
    assert (here, waited) == ([1, 2], [1])
    assert [run.seed for run in table.runs] == [0, 1, 2]


def test_checks_that_join_a_folder_share_it_and_one_that_replaces_it_waits_for_none(
    plan: CheckPlan, real: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, out = dataclasses.replace(plan, repeats=1), tmp_path / "out"

    def during(trainings: list[Training]) -> object:
        monkeypatch.setattr(module, "train_together", train_together)
        inner = train_check(dataclasses.replace(one, seed=5), real, out=out, device="cpu", resume=True)
        assert inner.runs[0].trained
        with pytest.raises(OutputExistsError, match="another process is writing there"):
            train_check(one, real, out=out, device="cpu", overwrite=True)
        return train_together(trainings)

    monkeypatch.setattr(module, "train_together", during)
    assert train_check(one, real, out=out, device="cpu").runs[0].trained
    assert len(list(out.glob("runs/*/run.json"))) == 2


def test_several_devices_need_an_output_folder(plan: CheckPlan, real: Dataset) -> None:
    with pytest.raises(InvalidValueError, match="output folder"):
        train_check(plan, real, device="cpu,cpu")


def test_two_ranks_train_as_one_process(real: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = 5  # slices of 3 and 2 crops
    tests = Path(ranks_check.__file__).parent.parent
    paths = os.pathsep.join((str(tests), str(Path(sirstgen.__file__).parent.parent)))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [ranks_check.__file__, str(tmp_path), str(batch)]
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
    ranks = [json.loads((tmp_path / f"rank-{number}.json").read_text()) for number in (0, 1)]
    monkeypatch.setattr("sirstgen.training.loop._REPORT_EVERY", 1)
    alone = ranks_check.checked(real.folder, tmp_path / "alone", "cpu", batch)
    assert ranks[0]["gradient"] == ranks[1]["gradient"]
    assert np.abs(alone["gradient"]).max() > 1e-3
    np.testing.assert_allclose(ranks[0]["gradient"], alone["gradient"], rtol=0, atol=1e-11)  # float64
    assert ranks[0]["losses"] == ranks[1]["losses"]
    # float32. The first steps of Adagrad are as long as the learning rate, with the sign of the gradient: rounding of
    # gradients near 0 changes weights.
    np.testing.assert_allclose(ranks[0]["losses"], alone["losses"], rtol=0, atol=1e-4)
    assert ranks[0]["run"] == ranks[1]["run"]  # seconds too: rank 0 tests and tells the others
    assert ranks[0]["again"]["losses"] == []  # the checkpoint was resumed at its last step
    assert ranks[0]["again"]["run"]["figures"] == ranks[0]["run"]["figures"]
    assert sorted(path.name for path in tmp_path.glob("out/runs/*/*.*")) == sorted(
        path.name for path in tmp_path.glob("alone/runs/*/*.*")
    )
