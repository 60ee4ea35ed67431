"""Adversarial training: its losses against their formulas, and all that the fit loop promises of any training."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from making.training_frames import make_frames

from sirstgen import detectors
from sirstgen.detectors.mdvsfa import MDvsFA
from sirstgen.errors import InvalidValueError
from sirstgen.train_check.presets import preset
from sirstgen.training.adversarial import (
    AdversarialSteps,
    answer_loss,
    error_loss,
    with_published_rates,
)
from sirstgen.training.batches import FrameBatches
from sirstgen.training.checkpoint import Checkpoint
from sirstgen.training.config import TrainingConfig
from sirstgen.training.evaluate import evaluate
from sirstgen.training.failures import TrainingError
from sirstgen.training.frames import Frames
from sirstgen.training.loop import Fitted, Progress, Training
from sirstgen.training.runtime import Runtime
from sirstgen.training.schedule import learning_rate
from sirstgen.training.supervised import SupervisedSteps
from sirstgen.training.training_step import steps_of

CPU = Runtime(torch.device("cpu"))


@pytest.fixture(autouse=True)
def tiny_net(monkeypatch: pytest.MonkeyPatch) -> None:
    """An MDvsFA of width 4 under the light one's name."""
    monkeypatch.setattr(detectors, "build", lambda name, in_channels=3: MDvsFA(in_channels, width=4))


@pytest.fixture
def adversarial(learnable: TrainingConfig) -> TrainingConfig:
    """TrainingConfig of a few seconds, at a rate that learns in them."""
    published = with_published_rates(dataclasses.replace(learnable, seed=3, detector="mdvsfa-light"))
    return dataclasses.replace(published, learning_rate=4e-3, steps=40, validate_every=20)


def test_the_errors_are_the_formula() -> None:
    scores = torch.tensor([[[[0.0, 0.5, 1.0, 0.2]]]])
    masks = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]])
    missed, false = (1 + 0.25) / 4, (1 + 0.04) / 4
    assert error_loss(scores, masks, 100, 1).item() == pytest.approx(100 * missed + false)
    assert error_loss(scores, masks, 1, 10).item() == pytest.approx(missed + 10 * false)


def test_a_right_answer_costs_less_than_a_wrong_one() -> None:
    answers = torch.tensor([[1.0, 0.0, 0.0]])
    costs = [answer_loss(answers, truth).item() for truth in range(3)]
    assert costs[0] < costs[1] == costs[2]


def test_rates_fall_to_a_fifth_after_each_third() -> None:
    published = with_published_rates(TrainingConfig(detector="mdvsfa", steps=30))
    rates = [
        learning_rate(step, 30, published.schedule, published.learning_rate, published.final_learning_rate)
        for step in range(30)
    ]
    assert rates == pytest.approx(10 * [1e-4] + 10 * [2e-5] + 10 * [4e-6])


def test_a_preset_gives_each_detector_its_own_rates() -> None:
    plan = dataclasses.replace(preset("quick"), detectors=("acm", "mdvsfa"))
    assert plan.run_settings("acm", 0, 10).learning_rate == 0.05
    assert plan.run_settings("mdvsfa", 0, 10) == with_published_rates(
        dataclasses.replace(plan.settings, detector="mdvsfa")
    )
    assert "mdvsfa against a discriminator from 0.0001 (Adam)" in plan.describe()["training"]


def test_the_rate_of_another_optimiser_is_refused(adversarial: TrainingConfig) -> None:
    with pytest.raises(InvalidValueError, match=r"at most 0.01 \(Adam\), got 0.05"):
        AdversarialSteps(dataclasses.replace(adversarial, learning_rate=0.05), CPU)


def test_the_detector_decides_the_kind_of_training(adversarial: TrainingConfig) -> None:
    assert isinstance(steps_of(adversarial, CPU), AdversarialSteps)
    assert isinstance(steps_of(dataclasses.replace(adversarial, detector="acm"), CPU), SupervisedSteps)


def test_a_step_moves_generators_and_discriminator_at_their_own_rates(
    adversarial: TrainingConfig, frames: Frames
) -> None:
    steps = AdversarialSteps(adversarial, CPU)
    before = {name: p.detach().clone() for name, p in steps.net.named_parameters()}
    images, masks = FrameBatches(frames, adversarial.augmentation, 4, seed=0)[0]
    steps.advance(0, images, masks)
    moved = {name: (p.detach() - before[name]).abs().max().item() for name, p in steps.net.named_parameters()}
    # Adam's first step is as long as its rate.
    assert max(v for k, v in moved.items() if k.startswith("generators")) == pytest.approx(4e-3, rel=1e-3)
    assert max(v for k, v in moved.items() if k.startswith("discriminator")) == pytest.approx(4e-4, rel=1e-3)
    assert all(value > 0 for name, value in moved.items() if name.endswith("weight"))


def test_each_generator_learns_from_its_own_loss(adversarial: TrainingConfig, frames: Frames) -> None:
    """One pass for both gives CAN the gradients of CAN's own loss, as passes of their own would."""
    steps = AdversarialSteps(adversarial, CPU)
    images, masks = FrameBatches(frames, adversarial.augmentation, 4, seed=0)[0]
    inputs = CPU.inputs(images, 1)
    can, ucan = steps.net.train().generators(inputs)
    steps._generator_loss(inputs, masks, can, ucan).backward()
    together = [p.grad.clone() for p in steps.net.generators.can.parameters() if p.grad is not None]

    steps.net.zero_grad()
    can, ucan = steps.net.train().generators(inputs)
    (answer,), feature = steps.discriminator.eval()(inputs, (can,))
    _, other = steps.discriminator(inputs, (ucan.detach(),))
    own = 100 * error_loss(can, masks, 100, 1) + 10 * answer_loss(answer, 0) + (feature - other).square().mean()
    own.backward()
    alone = [p.grad for p in steps.net.generators.can.parameters() if p.grad is not None]
    for a, b in zip(together, alone, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_it_learns_to_find_squares(adversarial: TrainingConfig) -> None:
    reports: list[Progress] = []
    fitted = Training(adversarial, make_frames(16), make_frames(3, seed=9), device="cpu", progress=reports.append).run()
    result = evaluate(fitted.net, make_frames(6, seed=77), CPU, adversarial.test_size)
    assert reports[-1].loss < reports[0].loss
    assert result.pd > 0.8
    assert result.iou > 0.4


class InterruptedTrainingError(Exception):
    pass


def test_interrupting_at_any_step_changes_no_bit(
    adversarial: TrainingConfig, frames: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = dataclasses.replace(adversarial, steps=3, validate_every=2)

    def train(folder: Path, **options: bool) -> Fitted:
        return Training(short, frames, make_frames(2, seed=9), device="cpu", folder=folder, **options).run()  # type: ignore[arg-type]

    straight = train(tmp_path / "straight")
    advance = AdversarialSteps.advance
    for stop in range(3):
        broken = tmp_path / f"broken-{stop}"

        def failing(
            self: AdversarialSteps, step: int, images: torch.Tensor, masks: torch.Tensor, stop: int = stop
        ) -> torch.Tensor:
            loss = advance(self, step, images, masks)
            if step == stop:
                raise InterruptedTrainingError
            return loss

        with monkeypatch.context() as patch:
            patch.setattr(AdversarialSteps, "advance", failing)
            with pytest.raises(InterruptedTrainingError):
                train(broken)
        resumed = train(broken, resume=True)
        assert straight.history == resumed.history
        last, again = (Checkpoint.load(folder / "last.pt") for folder in (tmp_path / "straight", broken))
        assert last.net.keys() == again.net.keys()
        assert any(name.startswith("discriminator") for name in last.net)
        assert all(torch.equal(last.net[name], again.net[name]) for name in last.net)
        for name, state in last.optimizer.items():
            for parameter, moments in state["state"].items():
                for key, value in moments.items():
                    assert torch.equal(value, again.optimizer[name]["state"][parameter][key])


def test_a_nan_loss_is_named(adversarial: TrainingConfig, frames: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sirstgen.training.adversarial.error_loss", lambda scores, masks, *weights: scores.sum() * float("nan")
    )
    with pytest.raises(TrainingError, match="NaN") as caught:
        Training(dataclasses.replace(adversarial, steps=2), frames, device="cpu").run()
    assert caught.value.data["reason"] == "nan loss"


def test_bfloat16_trains_float32_weights(adversarial: TrainingConfig, frames: Frames) -> None:
    half = dataclasses.replace(adversarial, steps=2, precision="bfloat16")
    fitted = Training(half, frames, device="cpu").run()
    assert all(value.dtype in (torch.float32, torch.int64) for value in fitted.net.state_dict().values())
