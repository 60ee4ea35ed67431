"""Compiled nets: alike where the compiler works, plain where it does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from making.training_fixtures import build_tiny
from torch import nn

from sirstgen import detectors
from sirstgen.detectors.dnanet import DNANet
from sirstgen.detectors.mdvsfa import Generators
from sirstgen.training.adversarial import with_published_rates
from sirstgen.training.compiled import compiled
from sirstgen.training.config import TrainingConfig
from sirstgen.training.frames import Frames
from sirstgen.training.loop import Training
from sirstgen.training.runtime import Runtime

CPU = Runtime(torch.device("cpu"), channels_last=False, compile="default")


def compile_by(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `backend` compile in place of torch's code generation, which takes minutes on a CPU."""
    compile_net = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda net, mode, **options: compile_net(net, backend=backend, fullgraph=True, **options)
    )


@pytest.mark.parametrize("detector", ["dnanet-resnet10-light", "mdvsfa-light"])
def test_the_compiled_net_trains_alike(
    detector: str, settings: TrainingConfig, frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    if detector == "mdvsfa-light":
        monkeypatch.undo()  # the real net
        settings = with_published_rates(settings)
    short = dataclasses.replace(settings, steps=2, detector=detector)
    plain = Training(short, frames, device="cpu").run()
    compile_by("eager", monkeypatch)
    found = Training(dataclasses.replace(short, compile="default"), frames, device="cpu").run()
    assert found.history[-1]["loss"] == pytest.approx(plain.history[-1]["loss"], rel=1e-4)


def tripled(graph: torch.fx.GraphModule, _: Any) -> Callable[..., Any]:
    """A compiler that triples what a net gives."""
    return lambda *values: tuple(3 * value for value in graph.forward(*values))


def without_gradient(graph: torch.fx.GraphModule, _: Any) -> Callable[..., Any]:
    """A compiler whose gradients are NaN."""
    return lambda *values: tuple(value + torch.nan * (value - value.detach()) for value in graph.forward(*values))


def failing(graph: torch.fx.GraphModule, _: Any) -> Callable[..., Any]:
    """No compiler."""
    raise RuntimeError("no C++ compiler found\nset CXX")


@pytest.mark.parametrize("build", [partial(build_tiny, "dnanet-resnet10-light", 1), partial(Generators, 1, 4)])
@pytest.mark.parametrize(
    ("backend", "reason"),
    [(tripled, r"differs by [\d.]+ of"), (without_gradient, "is not finite"), (failing, "no C.. compiler found")],
)
def test_the_plain_net_is_called_where_compiling_fails(
    backend: Any, reason: str, build: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    net = build().train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    images = torch.rand(2, 1, 32, 32)
    expected = net(images)
    net.load_state_dict(before)
    compile_by(backend, monkeypatch)
    forward = compiled(net, CPU)
    with pytest.warns(UserWarning, match=f"the net is not compiled: .*{reason}"):
        found = forward(images)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    torch.testing.assert_close(forward(images), expected)  # without a second warning
    assert all(parameter.grad is None for parameter in net.parameters())


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("bfloat16", 1e-2)])
def test_generated_code_trains_alike(
    precision: str, tolerance: float, settings: TrainingConfig, frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Three levels in place of five: a third of the code to generate and compile.
    monkeypatch.setattr(detectors, "build", lambda name, channels: DNANet(channels, channels=(4, 4, 8), blocks=(1, 1)))
    choice = dataclasses.replace(settings, steps=2, precision=precision)  # type: ignore[arg-type]
    plain = Training(choice, frames, device="cpu").run()
    found = Training(dataclasses.replace(choice, compile="default"), frames, device="cpu").run()
    assert found.history[-1]["loss"] == pytest.approx(plain.history[-1]["loss"], abs=tolerance)
