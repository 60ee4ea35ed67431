"""Table VIII in miniature: rows, resuming, failures by name."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from making.training_frames import write_set
from PIL import Image

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError, SirstgenWarning
from sirstgen.train_check import runs as module
from sirstgen.train_check.presets import CheckPlan, FolderRow, MixedRow, RealRow, preset
from sirstgen.train_check.table import Status, TrainingSet
from sirstgen.train_check.train_check import CheckProgress, train_check
from sirstgen.training.config import TrainingConfig
from sirstgen.training.failures import TrainingError
from sirstgen.training.frames import Frames
from sirstgen.training.loop import Fitted, Training
from sirstgen.training.together import train_together


@pytest.fixture
def real(tmp_path: Path) -> Dataset:
    return write_set(tmp_path / "real", 8, seed=1, train=5)


@pytest.fixture
def synth(tmp_path: Path) -> Dataset:
    return write_set(tmp_path / "synth", 9, seed=2)


@pytest.fixture
def plan(settings: TrainingConfig) -> CheckPlan:
    short = dataclasses.replace(settings, steps=2, validate_every=2)
    rows = (MixedRow(0), MixedRow(2), RealRow())
    return CheckPlan("tiny", rows, ("dnanet-resnet10-light",), total=6, settings=short)


def test_every_row_is_trained_tested_and_written(
    plan: CheckPlan, real: Dataset, synth: Dataset, tmp_path: Path
) -> None:
    seen: list[CheckProgress] = []
    out = tmp_path / "out"
    table = train_check(plan, real, synth, out=out, device="cpu", progress=seen.append)
    assert [run.training_set for run in table.runs] == [TrainingSet(0, 6), TrainingSet(2, 4), TrainingSet(5, 0)]
    assert all(run.steps == 2 and run.device == "cpu" and run.seconds > 0 for run in table.runs)
    assert {(step.number, step.runs) for step in seen} == {(1, 3), (2, 3), (3, 3)}
    content = json.loads((out / "table.json").read_text())
    assert content["preset"] == "tiny"
    assert "equal steps: 2 of 4 crops in every row" in (out / "table.txt").read_text()
    assert (out / "table.md").exists()
    ids = {path.parent.name.split("-")[3]: path.read_text().split() for path in out.glob("runs/*/ids.txt")}
    test = {f"real-{key}" for key in real.split("test")}
    assert not test & {key for keys in ids.values() for key in keys}
    assert {key for key in ids["2+4"] if key.startswith("synth")} < set(ids["0+6"])


def test_a_stopped_check_goes_on_and_ends_the_same(
    plan: CheckPlan, real: Dataset, synth: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = train_check(plan, real, synth, out=tmp_path / "straight", device="cpu")
    trained = []

    def interrupted(trainings: list[Training]) -> object:
        trained.extend(trainings)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train_together(trainings)

    monkeypatch.setattr(module, "train_together", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_check(plan, real, synth, out=tmp_path / "out", device="cpu")
    with pytest.raises(OutputExistsError, match="not empty"):
        train_check(plan, real, synth, out=tmp_path / "out", device="cpu")
    resumed = train_check(plan, real, synth, out=tmp_path / "out", device="cpu", resume=True)
    assert len(trained) == 4  # the first row was not trained again
    assert [run.figures for run in resumed.runs] == [run.figures for run in straight.runs]


def test_repeats_draw_other_images_and_weights(plan: CheckPlan, real: Dataset, synth: Dataset, tmp_path: Path) -> None:
    twice = dataclasses.replace(plan, rows=(MixedRow(2),), repeats=2, seed=5)
    table = train_check(twice, real, synth, out=tmp_path / "out", device="cpu")
    assert [run.seed for run in table.runs] == [5, 6]
    ids = [path.read_text() for path in sorted((tmp_path / "out").glob("runs/*/ids.txt"))]
    assert ids[0] != ids[1]
    assert len(table.rows) == 1


@pytest.mark.parametrize(
    ("reason", "status"),
    [("nan loss", Status.NAN_LOSS), ("out of memory", Status.OUT_OF_MEMORY), ("collapsed", Status.COLLAPSED)],
)
def test_failures_are_named_in_the_table(
    reason: str,
    status: Status,
    plan: CheckPlan,
    real: Dataset,
    synth: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(trainings: list[Training]) -> list[Fitted | TrainingError]:
        if [len(training.train.frames) for training in trainings] == [5]:
            return [TrainingError("it did not work", reason=reason)]
        return train_together(trainings)

    monkeypatch.setattr(module, "train_together", failing)
    table = train_check(plan, real, synth, out=tmp_path / "out", device="cpu")
    assert all(run.steps == 2 for run in table.runs[:2])
    assert (table.runs[2].status, table.runs[2].steps, table.runs[2].note) == (status, 0, "it did not work")
    # Memory may be there the next time; the others would end in the same way again.
    assert len(list(tmp_path.glob("out/runs/*/run.json"))) == (2 if reason == "out of memory" else 3)
    assert str(status) in (tmp_path / "out" / "table.txt").read_text()


def test_a_row_without_training_images_is_named(plan: CheckPlan, real: Dataset, tmp_path: Path) -> None:
    empty = write_set(tmp_path / "empty", 3, seed=4, train=0)
    rows = (FolderRow(empty.folder), RealRow())
    table = train_check(dataclasses.replace(plan, rows=rows), real, device="cpu")
    assert table.runs[0].status is Status.EMPTY_SPLIT
    assert "empty" in table.runs[0].note
    assert table.runs[1].status in (Status.OK, Status.COLLAPSED)


def test_a_folder_is_a_row_of_its_own(plan: CheckPlan, real: Dataset, synth: Dataset) -> None:
    rows = (FolderRow(synth.folder, count=4), FolderRow(synth.folder))
    table = train_check(dataclasses.replace(plan, rows=rows), real, device="cpu")
    assert [run.training_set for run in table.runs] == [TrainingSet(0, 4, "synth"), TrainingSet(0, 9, "synth")]


def test_rows_on_the_surrogate_domain_say_so(plan: CheckPlan, real: Dataset, synth: Dataset, tmp_path: Path) -> None:
    rows = (MixedRow(2), RealRow(), FolderRow(synth.folder, count=4))
    table = train_check(
        dataclasses.replace(plan, rows=rows), real, synth, out=tmp_path / "out", device="cpu", surrogate=True
    )
    labels = ["2 surrogate + 4 synthetic", "5 surrogate", "synth (4 synthetic)"]
    assert [run.training_set.label for run in table.runs] == labels
    text = (tmp_path / "out" / "table.txt").read_text()
    assert not re.search(r"\d real", text)
    assert "5 surrogate" in text


def test_real_images_of_a_mix_can_be_shown_more_often(
    plan: CheckPlan, real: Dataset, synth: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def watched(trainings: list[Training]) -> object:
        seen.extend([key[:4] for key in training.train.frames.ids] for training in trainings)
        return train_together(trainings)

    monkeypatch.setattr(module, "train_together", watched)
    often = dataclasses.replace(plan, real_copies=3)
    table = train_check(often, real, synth, out=tmp_path / "out", device="cpu")
    assert [(keys.count("real"), keys.count("synt")) for keys in seen] == [(0, 6), (6, 4), (5, 0)]
    assert table.runs[1].training_set == TrainingSet(2, 4)
    assert "shown 3 times as often" in (tmp_path / "out" / "table.txt").read_text()
    seen.clear()
    train_check(plan, real, synth, out=tmp_path / "out", device="cpu", resume=True)
    assert [(keys.count("real"), keys.count("synt")) for keys in seen] == [(2, 4)]  # the others are the same trainings


def test_equal_epochs_train_larger_sets_longer(plan: CheckPlan, real: Dataset, synth: Dataset) -> None:
    epochs = dataclasses.replace(plan, equal="epochs", epochs=10)
    assert epochs.run_settings("acm", 0, 791).steps == 1978
    assert epochs.run_settings("acm", 2, 213).steps == 532
    assert epochs.run_settings("acm", 2, 213).seed == plan.seed + 2
    (job,) = module.Check(
        dataclasses.replace(epochs, rows=(MixedRow(2),), real_copies=3), real, synth, None, "cpu", None
    ).jobs()
    assert job.settings.steps == 10 * (3 * 2 + 4) // plan.settings.batch
    assert plan.run_settings("acm", 0, 791).steps == plan.run_settings("acm", 0, 213).steps


def test_what_is_missing_is_missed_before_any_training(
    plan: CheckPlan, real: Dataset, synth: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "train_together", lambda trainings: pytest.fail("trained"))
    with pytest.raises(InputError, match="no synthetic set is given"):
        train_check(plan, real, None, device="cpu")
    with pytest.raises(InputError, match="no list of test images"):
        train_check(dataclasses.replace(plan, rows=(MixedRow(0),)), synth, synth, device="cpu")
    with pytest.raises(InvalidValueError, match="device"):
        train_check(plan, real, synth, device="tpu")


@pytest.mark.parametrize("mark", [None, "", "{", "[]", '{"kind": "mine"}'])
def test_only_a_check_is_overwritten(
    plan: CheckPlan, real: Dataset, tmp_path: Path, mark: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "train_together", lambda *args, **options: pytest.fail("trained"))
    one = dataclasses.replace(plan, rows=(RealRow(),))
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    if mark is not None:
        (out / "check.json").write_text(mark)
    for settings in ({"overwrite": True}, {"resume": True}):
        with pytest.raises(OutputExistsError, match="earlier check"):
            train_check(one, real, out=out, device="cpu", **settings)
    assert (out / "thesis.txt").exists()


def test_overwriting_keeps_what_was_there_until_the_end(
    plan: CheckPlan, real: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, out = dataclasses.replace(plan, rows=(RealRow(),)), tmp_path / "out"
    train_check(one, real, out=out, device="cpu")
    (out / "notes.txt").write_text("mine")
    before = (out / "table.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(module, "train_together", lambda *args, **options: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            train_check(one, real, out=out, device="cpu", overwrite=True)
    assert (out / "table.json").read_bytes() == before
    train_check(one, real, out=out, device="cpu", overwrite=True)
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "table.json").read_bytes() != before  # it holds the seconds of the new run
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "real"]


def test_plans_know_what_they_need(plan: CheckPlan) -> None:
    alone = dataclasses.replace(plan, rows=(RealRow(), MixedRow(6)))
    assert (plan.needs_synthetic, plan.mixes) == (True, True)
    assert (alone.needs_synthetic, alone.mixes) == (False, False)
    assert (dataclasses.replace(plan, rows=(MixedRow(0),)).mixes) is False


def test_presets() -> None:
    full = preset("paper")
    assert full.rows == (MixedRow(0), MixedRow(42), MixedRow(85), MixedRow(128), RealRow())
    assert full.detectors == ("dnanet-resnet18", "acm")
    assert (full.total, full.settings.batch, full.settings.learning_rate) == (791, 16, 0.05)
    assert preset("auto", "cpu") == preset("quick")
    with pytest.raises(InvalidValueError, match="preset must be one of"):
        preset("fast")


@pytest.mark.parametrize(
    "choice",
    [{"rows": ()}, {"rows": (RealRow(), RealRow())}, {"detectors": ("acm", "acm-unet")}, {"repeats": 0}, {"seed": -1},
     {"real_copies": 0},
     {"rows": (MixedRow(7),)}, {"validation_share": 1.0}, {"equal": "time"}, {"detectors": ("unet",)}],
    ids=str,
)  # fmt: skip
def test_plans_that_make_no_check_are_refused(choice: dict[str, object], plan: CheckPlan) -> None:
    with pytest.raises(InvalidValueError):
        dataclasses.replace(plan, **choice)  # type: ignore[arg-type]


def test_a_changed_image_makes_a_finished_run_stale(
    plan: CheckPlan, real: Dataset, synth: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, trained = tmp_path / "out", []

    def counted(trainings: list[Training]) -> object:
        trained.extend(trainings)
        return train_together(trainings)

    monkeypatch.setattr(module, "train_together", counted)
    mixed = dataclasses.replace(plan, rows=(MixedRow(2),))
    train_check(mixed, real, synth, out=out, device="cpu")
    train_check(mixed, real, synth, out=out, device="cpu", resume=True)
    assert len(trained) == 1
    for source, key in ((synth, synth.ids), (real, real.split("train")), (real, real.split("test"))):
        for path in (source.image_path, source.mask_path):
            for name in key:  # the same ids with other content
                pixels = np.array(Image.open(path(name)))
                Image.fromarray(pixels[::-1]).save(path(name))
            before = len(trained)
            train_check(
                mixed, Dataset.open(real.folder), Dataset.open(synth.folder), out=out, device="cpu", resume=True
            )
            assert len(trained) == before + 1


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"status": "ok"}', b"\xff\xfe", b"null"])
def test_a_damaged_record_is_said_and_its_run_made_again(
    plan: CheckPlan, real: Dataset, synth: Dataset, tmp_path: Path, content: bytes
) -> None:
    mixed = dataclasses.replace(plan, rows=(MixedRow(2),))
    first = train_check(mixed, real, synth, out=tmp_path / "out", device="cpu")
    (record,) = (tmp_path / "out" / "runs").glob("*/run.json")
    record.write_bytes(content)
    with pytest.warns(SirstgenWarning, match="made again"):
        again = train_check(mixed, real, synth, out=tmp_path / "out", device="cpu", resume=True)
    assert again.runs[0].figures == first.runs[0].figures
    assert json.loads(record.read_text())["status"] in (Status.OK, Status.COLLAPSED)


def test_synthetic_images_that_are_missing_are_done_without_and_said(
    plan: CheckPlan, real: Dataset, synth: Dataset, tmp_path: Path
) -> None:
    short = dataclasses.replace(plan, rows=(MixedRow(2),), total=20)
    table = train_check(short, real, synth, out=tmp_path / "out", device="cpu")
    assert table.runs[0].training_set == TrainingSet(2, 9)
    assert "18 synthetic ones were asked for, 9 are there" in (tmp_path / "out" / "table.md").read_text()


def test_test_frames_never_train(plan: CheckPlan, real: Dataset, synth: Dataset, tmp_path: Path) -> None:
    """A test frame under another name, in a set that is given as synthetic, is found by its pixels."""
    leak = real.split("test")[0]
    for part, path in (("images", real.image_path(leak)), ("masks", real.mask_path(leak))):
        (synth.folder / part / "zz.png").write_bytes(path.read_bytes())
    leaky = Dataset.open(synth.folder)
    with pytest.raises(InputError, match=rf"1 training images are test images .*zz is test image {leak}"):
        train_check(dataclasses.replace(plan, rows=(MixedRow(0),), total=10), real, leaky, device="cpu")


def test_a_set_with_a_training_list_gives_its_training_images_only(
    plan: CheckPlan, real: Dataset, tmp_path: Path
) -> None:
    other = write_set(tmp_path / "other", 8, seed=6, train=4)
    row = dataclasses.replace(plan, rows=(MixedRow(0),))
    table = train_check(row, real, other, out=tmp_path / "out", device="cpu")
    assert table.runs[0].training_set == TrainingSet(0, 4)
    (ids,) = (tmp_path / "out").glob("runs/*/ids.txt")
    assert {key.removeprefix("synth-") for key in ids.read_text().split()} == set(other.split("train"))
    everything = train_check(dataclasses.replace(row, synth_part="all"), real, other, device="cpu")
    assert everything.runs[0].training_set == TrainingSet(0, 6)


def test_a_bad_file_of_any_row_is_found_before_the_first_training(
    plan: CheckPlan, real: Dataset, synth: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "train_together", lambda trainings: pytest.fail("trained"))
    for key in synth.ids:
        synth.mask_path(key).write_bytes(b"no mask")
    with pytest.raises(InputError):
        train_check(dataclasses.replace(plan, rows=(RealRow(), MixedRow(0))), real, synth, device="cpu")


def test_a_time_budget_sets_equal_steps_and_is_kept_on_resume(
    plan: CheckPlan, real: Dataset, synth: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WARM_UP_STEPS", 1)
    monkeypatch.setattr(module, "_MEASURED_STEPS", 2)
    timed = dataclasses.replace(plan, rows=(MixedRow(2), RealRow()), minutes=0.05)
    table = train_check(timed, real, synth, out=tmp_path / "out", device="cpu")
    chosen = json.loads((tmp_path / "out" / "check.json").read_text())["steps"]
    assert {run.steps for run in table.runs if run.trained} <= {chosen}
    assert "steps chosen for: 0.05 minutes" in (tmp_path / "out" / "table.txt").read_text()
    again = train_check(
        dataclasses.replace(timed, minutes=1.0), real, synth, out=tmp_path / "out", device="cpu", resume=True
    )
    assert {run.steps for run in again.runs} == {chosen}


def test_a_training_that_runs_out_of_time_is_named_and_resumed(
    plan: CheckPlan, real: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = dataclasses.replace(plan, rows=(RealRow(),))
    late = dataclasses.replace(alone, minutes=1e-9)
    monkeypatch.setattr(module, "_WARM_UP_STEPS", 0)
    monkeypatch.setattr(module, "_MEASURED_STEPS", 1)
    monkeypatch.setattr(module.Check, "measured_steps", lambda *args: 2)
    table = train_check(late, real, out=tmp_path / "out", device="cpu")
    (run,) = table.runs
    assert (run.status, run.steps, run.note) == (Status.OUT_OF_TIME, 1, "time ran out at step 1 of 2")
    assert run.scores is not None
    assert table.rows[0].values("iou") == [run.figures.iou]  # the weights are tested as they are
    assert table.comparisons == ()
    text = (tmp_path / "out" / "table.txt").read_text()
    assert "out of time; time ran out at step 1 of 2" in " ".join(text.split())
    assert "0 of 1" in text
    done = train_check(alone, real, out=tmp_path / "out", device="cpu", resume=True)
    assert done.runs[0].status in (Status.OK, Status.COLLAPSED)


def test_trainings_that_share_a_device_end_as_they_do_alone(frames: Frames, settings: TrainingConfig) -> None:
    def trainings() -> list[Training]:
        return [Training(dataclasses.replace(settings, seed=seed), frames, device="cpu") for seed in (1, 2)]

    alone = [train_together([training])[0] for training in trainings()]
    shared = train_together(trainings())
    for one, other in zip(alone, shared, strict=True):
        assert isinstance(one, Fitted)
        assert isinstance(other, Fitted)
        for name, weights in one.net.state_dict().items():
            assert torch.equal(weights, other.net.state_dict()[name])


def test_a_time_budget_without_anything_to_train_on_is_no_error(plan: CheckPlan, real: Dataset, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    shutil.copytree(real.folder, folder)
    (folder / "50_50").mkdir(exist_ok=True)
    (folder / "50_50" / "train.txt").write_text("")
    timed = dataclasses.replace(plan, rows=(FolderRow(folder, "train"),), minutes=1.0)
    table = train_check(timed, real, device="cpu")
    assert {run.status for run in table.runs} == {Status.EMPTY_SPLIT}
