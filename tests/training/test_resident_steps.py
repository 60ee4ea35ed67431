"""Training on frames that live on the device gives the losses of the loop that makes its crops on the CPU."""

from __future__ import annotations

import dataclasses
import warnings

import pytest
import torch
from making.training_frames import make_frames
from torch import nn

from sirstgen.training.adagrad import CapturableAdagrad
from sirstgen.training.augmentation import Augmentation
from sirstgen.training.batches import FrameBatches
from sirstgen.training.config import TrainingConfig
from sirstgen.training.frames import Frames
from sirstgen.training.graphed import ResidentSteps
from sirstgen.training.resident import ResidentBatches
from sirstgen.training.runtime import Runtime, fresh_net
from sirstgen.training.supervised import SupervisedSteps, without_dead_biases

CPU = Runtime(torch.device("cpu"))
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def losses(settings: TrainingConfig, frames: Frames, device: str, steps: int, **options: bool) -> list[float]:
    batches = FrameBatches(frames, settings.augmentation, settings.batch, settings.seed)
    hardware = Runtime.of(settings, device)
    resident = ResidentBatches(batches, device)
    training = ResidentSteps(settings, hardware, resident, **options)
    return [training.advance_packed(step, resident.packed(step)).item() for step in range(steps)]


def test_losses_equal_those_of_the_cpu_path(settings: TrainingConfig, frames: Frames) -> None:
    exact = dataclasses.replace(settings, augmentation=Augmentation(crop=32, base=None, blur=0.0), steps=20)
    batches = FrameBatches(frames, exact.augmentation, exact.batch, exact.seed)
    plain = SupervisedSteps(exact, CPU)
    expected = [plain.advance(step, *batches[step]).item() for step in range(20)]
    assert losses(exact, frames, "cpu", 20) == pytest.approx(expected, abs=1e-4)


def test_with_resized_crops_losses_differ_by_rounding_only(settings: TrainingConfig, frames: Frames) -> None:
    batches = FrameBatches(frames, settings.augmentation, settings.batch, settings.seed)
    plain = SupervisedSteps(settings, CPU)
    expected = [plain.advance(step, *batches[step]).item() for step in range(5)]
    assert losses(settings, frames, "cpu", 5) == pytest.approx(expected, abs=2e-3)


def test_biases_before_a_normalisation_do_not_matter(settings: TrainingConfig) -> None:
    net = fresh_net(settings)
    images = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    before = [maps.detach() for maps in net.train()(images)]
    names = list(net.state_dict())
    without_dead_biases(net)
    frozen = [name for name, parameter in net.named_parameters() if not parameter.requires_grad]
    assert frozen
    assert list(net.state_dict()) == names
    for first, second in zip(before, net(images), strict=True):
        torch.testing.assert_close(second, first, rtol=1e-4, atol=1e-4)


def test_the_capturable_adagrad_is_adagrad() -> None:
    torch.manual_seed(0)
    first = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    second = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    second.load_state_dict(first.state_dict())
    plain, own = torch.optim.Adagrad(first.parameters(), lr=0.05), CapturableAdagrad(second.parameters(), lr=0.05)
    for step in range(10):
        rate, inputs = 0.05 - 0.004 * step, torch.randn(16, 4)
        plain.param_groups[0]["lr"] = rate
        own.rate.fill_(rate)
        own.steps = step + 1
        for net, optimizer in ((first, plain), (second, own)):
            net.zero_grad(set_to_none=True)
            net(inputs).square().mean().backward()
            optimizer.step()
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    ours, torchs = own.state_dict(), plain.state_dict()
    assert ours["param_groups"][0].keys() == torchs["param_groups"][0].keys()
    assert ours["state"][0]["step"] == torchs["state"][0]["step"] == 10
    own.load_state_dict(torchs)
    torch.testing.assert_close(own.sums[1], torchs["state"][1]["sum"], rtol=0, atol=0)


@needs_cuda
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_replayed_graph_takes_the_steps_of_the_plain_loop(
    settings: TrainingConfig, frames: Frames, precision: str
) -> None:
    run = dataclasses.replace(settings, precision=precision, steps=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        captured = losses(run, frames, "cuda", 20)
    assert captured == pytest.approx(losses(run, frames, "cuda", 20, graph=False), abs=1e-3)


@needs_cuda
def test_steps_do_not_wait_for_the_device(settings: TrainingConfig, frames: Frames) -> None:
    resident = ResidentBatches(FrameBatches(frames, settings.augmentation, settings.batch, settings.seed), "cuda")
    training = ResidentSteps(settings, Runtime.of(settings, "cuda"), resident)
    packed = [resident.packed(step) for step in range(7)]
    for step in range(2):
        training.advance_packed(step, packed[step])
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(2, 7):
            training.advance_packed(step, packed[step])
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert training.captured


def test_frames_of_a_set_are_the_same_on_and_off_the_device() -> None:
    batches = FrameBatches(make_frames(4), Augmentation(crop=32, base=None, blur=0.0), 4, 0)
    torch.testing.assert_close(ResidentBatches(batches, "cpu")[0][0], batches[0][0], rtol=0, atol=1e-6)
