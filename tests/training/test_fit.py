"""The fit loop: it learns, it resumes to the same bits, and its failures have names."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from making.training_frames import make_frames

from sirstgen.errors import InputError, InvalidValueError, OutputExistsError, SirstgenWarning
from sirstgen.training.batches import FrameBatches
from sirstgen.training.checkpoint import Checkpoint
from sirstgen.training.config import TrainingConfig
from sirstgen.training.evaluate import evaluate
from sirstgen.training.failures import TrainingError
from sirstgen.training.frames import Frames
from sirstgen.training.loop import Fitted, Progress, Training
from sirstgen.training.loss import deep_supervision_loss
from sirstgen.training.runtime import Runtime, fresh_net, resolve_device

CPU = Runtime(torch.device("cpu"))


class InterruptedTrainingError(Exception):
    pass


def same_weights(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def train(settings: TrainingConfig, frames: Frames, **options: object) -> Fitted:
    return Training(settings, frames, make_frames(3, seed=9), device="cpu", **options).run()  # type: ignore[arg-type]


def test_it_learns_to_find_squares(learnable: TrainingConfig) -> None:
    reports: list[Progress] = []
    fitted = train(learnable, make_frames(16), progress=reports.append)
    result = evaluate(fitted.net, make_frames(6, seed=77), CPU, learnable.test_size)
    assert result.pd == 1
    assert result.iou > 0.5
    assert reports[-1].step == reports[-1].steps == 60
    assert reports[-1].seconds_left == 0
    assert reports[-1].validation is not None
    assert reports[0].loss > reports[-1].loss
    assert fitted.step in (30, 60)


def test_interrupting_at_any_step_changes_no_bit(
    settings: TrainingConfig, frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = dataclasses.replace(settings, steps=6, validate_every=2)
    straight = train(short, frames, folder=tmp_path / "straight")
    for stop_in_step in range(1, 7):
        broken = tmp_path / f"broken-{stop_in_step}"
        with monkeypatch.context() as patch:
            fail_in_step(stop_in_step, patch)
            with pytest.raises(InterruptedTrainingError):
                train(short, frames, folder=broken)
        resumed = train(short, frames, folder=broken, resume=True)
        assert same_weights(straight.net.state_dict(), resumed.net.state_dict())
        assert straight.step == resumed.step
        assert straight.history == resumed.history
        last = [Checkpoint.load(folder / "last.pt") for folder in (tmp_path / "straight", broken)]
        assert same_weights(last[0].net, last[1].net)
        for parameter, state in last[0].optimizer["state"].items():
            assert torch.equal(state["sum"], last[1].optimizer["state"][parameter]["sum"])
        assert (tmp_path / "straight" / "log.csv").read_text() == (broken / "log.csv").read_text()


def fail_in_step(number: int, patch: pytest.MonkeyPatch) -> None:
    made = 0
    advance = torch.optim.Adagrad.step

    def failing(self: torch.optim.Adagrad, *args: object) -> object:
        nonlocal made
        made += 1
        if made == number:
            raise InterruptedTrainingError
        return advance(self, *args)  # type: ignore[arg-type]

    patch.setattr(torch.optim.Adagrad, "step", failing)


def test_a_finished_run_resumes_to_itself(settings: TrainingConfig, frames: Frames, tmp_path: Path) -> None:
    first = train(settings, frames, folder=tmp_path)
    again = train(settings, frames, folder=tmp_path, resume=True)
    assert same_weights(first.net.state_dict(), again.net.state_dict())


@pytest.mark.parametrize("name", ["last.pt", "best.pt"])
@pytest.mark.parametrize("damage", ["bit", "cut", "empty", "optimizer"])
def test_a_damaged_checkpoint_is_said_kept_aside_and_the_training_made_again(
    settings: TrainingConfig, frames: Frames, tmp_path: Path, name: str, damage: str
) -> None:
    short = dataclasses.replace(settings, steps=4, validate_every=2)
    first = train(short, frames, folder=tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    if damage == "optimizer":
        loaded = Checkpoint.load(tmp_path / name)
        dataclasses.replace(loaded, optimizer={"state": 1}, history=[]).save(tmp_path / name)
        data = bytearray((tmp_path / name).read_bytes())
    else:
        data[len(data) // 2] ^= 1
        data = data[: {"bit": len(data), "cut": len(data) // 2, "empty": 0}[damage]]
        (tmp_path / name).write_bytes(data)
    with pytest.warns(SirstgenWarning, match=r"kept as \*\.pt\.damaged, this training is made again"):
        again = train(short, frames, folder=tmp_path, resume=True)
    assert same_weights(first.net.state_dict(), again.net.state_dict())
    assert first.history == again.history
    assert (tmp_path / f"{name}.damaged").read_bytes() == data
    Checkpoint.load(tmp_path / name)


def test_workers_and_global_random_state_change_nothing(settings: TrainingConfig, frames: Frames) -> None:
    short = dataclasses.replace(settings, steps=2)
    first = train(short, frames)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    second = train(short, frames, workers=1)
    assert same_weights(first.net.state_dict(), second.net.state_dict())
    assert torch.equal(before, torch.get_rng_state())


def test_channels_last_gives_the_same_gradients(settings: TrainingConfig, frames: Frames) -> None:
    images, masks = FrameBatches(frames, settings.augmentation, 4, seed=0)[0]
    losses, gradients = [], []
    for channels_last in (False, True):
        hardware = Runtime(torch.device("cpu"), channels_last=channels_last)
        net = hardware.place(fresh_net(settings)).train()
        loss = deep_supervision_loss(net(hardware.inputs(images, 1)), masks)
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]))
    assert losses[1] == pytest.approx(losses[0], abs=1e-6)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-5)


def test_bfloat16_trains_float32_weights(settings: TrainingConfig, frames: Frames) -> None:
    reports: list[Progress] = []
    half = dataclasses.replace(settings, steps=3, precision="bfloat16")
    fitted = Training(half, frames, make_frames(2), device="cpu", progress=reports.append).run()
    assert all(value.dtype in (torch.float32, torch.int64) for value in fitted.net.state_dict().values())
    assert 0 < reports[-1].loss < 1


def test_without_validation_the_last_weights_are_kept(settings: TrainingConfig, frames: Frames, tmp_path: Path) -> None:
    fitted = Training(settings, frames, device="cpu", folder=tmp_path).run()
    assert fitted.step == settings.steps
    assert same_weights(fitted.net.state_dict(), Checkpoint.load(tmp_path / "last.pt").net)
    assert not (tmp_path / "best.pt").exists()


def test_a_run_is_neither_overwritten_nor_mixed(settings: TrainingConfig, frames: Frames, tmp_path: Path) -> None:
    short = dataclasses.replace(settings, steps=1)
    train(short, frames, folder=tmp_path)
    with pytest.raises(OutputExistsError, match="already"):
        train(short, frames, folder=tmp_path)
    with pytest.raises(InputError, match="other settings"):
        train(dataclasses.replace(short, seed=8), frames, folder=tmp_path, resume=True)
    with pytest.raises(InputError, match="other settings or data"):
        train(short, frames, folder=tmp_path, resume=True, data="another set")


def test_a_nan_loss_is_named(settings: TrainingConfig, frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sirstgen.training.supervised.deep_supervision_loss", lambda maps, masks: maps[0].sum() * float("nan")
    )
    with pytest.raises(TrainingError, match="NaN") as caught:
        train(settings, frames)
    assert caught.value.data["reason"] == "nan loss"


@pytest.mark.parametrize(
    "fault",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: ..."),
    ],
    ids=["cuda", "cpu"],
)
def test_running_out_of_memory_is_named(
    fault: Exception, settings: TrainingConfig, frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(maps: object, masks: object) -> None:
        raise fault

    monkeypatch.setattr("sirstgen.training.supervised.deep_supervision_loss", full)
    with pytest.raises(TrainingError, match="memory ran out") as caught:
        train(settings, frames)
    assert caught.value.data["reason"] == "out of memory"


def test_a_collapsed_net_is_named(settings: TrainingConfig, frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = functools.partial(evaluate, net=fresh_net(settings))
    blank = dataclasses.replace(
        nothing(frames=make_frames(1), hardware=CPU, size=32), predicted_pixels=0, intersection=0
    )
    monkeypatch.setattr("sirstgen.training.loop.evaluate", lambda *args: blank)
    monkeypatch.setattr("sirstgen.training.loop._LEAST_TRAINING", settings.steps)
    with pytest.raises(TrainingError, match="background everywhere") as caught:
        train(settings, frames)
    assert caught.value.data["reason"] == "collapsed"


def test_unknown_devices_are_refused() -> None:
    assert resolve_device("cpu").type == "cpu"
    with pytest.raises(InvalidValueError, match="device must be auto, cpu, cuda"):
        resolve_device("gpu")
    if not torch.cuda.is_available():
        assert resolve_device("auto").type == "cpu"
        with pytest.raises(InvalidValueError, match="0 CUDA devices"):
            resolve_device("cuda")


@pytest.mark.parametrize(
    "choice",
    [{"steps": 0}, {"batch": 0}, {"in_channels": 2}, {"seed": -1}, {"schedule": "linear"}, {"precision": "float16"},
     {"compile": "yes"}, {"learning_rate": 0.0}, {"test_size": 8}, {"detector": "yolo"}],
    ids=str,
)  # fmt: skip
def test_settings_that_make_no_run_are_refused(choice: dict[str, object]) -> None:
    with pytest.raises(InvalidValueError):
        TrainingConfig(**choice)  # type: ignore[arg-type]


def test_settings_survive_their_own_json() -> None:
    assert TrainingConfig.from_dict(TrainingConfig(seed=5).to_dict()) == TrainingConfig(seed=5)


def test_the_log_is_closed_when_a_training_fails(
    settings: TrainingConfig, frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = Mock()
    monkeypatch.setattr("sirstgen.training.loop.tensorboard", lambda folder: board)
    monkeypatch.setattr(
        "sirstgen.training.supervised.deep_supervision_loss", lambda maps, masks: maps[0].sum() * float("nan")
    )
    with pytest.raises(TrainingError, match="NaN"):
        train(settings, frames, folder=tmp_path)
    board.close.assert_called_once_with()
