"""Checkpoints: one changed bit, NaN weights or a wrong setting is one line, never a detector that finds nothing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sirstgen.errors import InputError
from sirstgen.training import checkpoint as module
from sirstgen.training.checkpoint import FORMAT, Checkpoint
from sirstgen.training.config import TrainingConfig
from sirstgen.training.runtime import fresh_net


@pytest.fixture
def saved(settings: TrainingConfig, tmp_path: Path) -> Path:
    net = fresh_net(settings)
    optimizer = torch.optim.Adagrad(net.parameters())
    history = [{"step": 1, "loss": 0.5}]
    Checkpoint(settings, 1, net.state_dict(), optimizer.state_dict(), history, "set").save(tmp_path / "last.pt")
    return tmp_path / "last.pt"


def fields(settings: TrainingConfig) -> dict[str, Any]:
    """What a sound file holds."""
    net = dict(fresh_net(settings).state_dict())
    return {
        "format": FORMAT,
        "settings": settings.to_dict(),
        "step": 1,
        "net": net,
        "optimizer": {},
        "history": [],
        "data": "",
        "gray_scale": {"black": 0, "white": 255, "used": [0.0, 1.0]},
    }


def write(path: Path, content: Any) -> Path:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.write_bytes(module._with_digest(buffer.getvalue()))
    return path


def test_what_is_saved_is_loaded(settings: TrainingConfig, saved: Path) -> None:
    loaded = Checkpoint.load(saved)
    assert (loaded.settings, loaded.step, loaded.data) == (settings, 1, "set")
    assert all(torch.equal(value, loaded.net[name]) for name, value in fresh_net(settings).state_dict().items())
    assert torch.load(saved, weights_only=True)["step"] == 1  # other programs open it too


def test_one_changed_bit_is_found(saved: Path) -> None:
    whole = saved.read_bytes()
    rng = np.random.default_rng(0)
    for place in (0, 1, len(whole) - 1, len(whole) - 70, len(whole) - 90, *rng.integers(0, len(whole), 40)):
        changed = bytearray(whole)
        changed[place] ^= 1 << int(rng.integers(8))
        saved.write_bytes(changed)
        with pytest.raises(InputError, match="cut off, damaged"):
            Checkpoint.load(saved)


def test_a_cut_off_file_is_found(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in (1, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:length])
        with pytest.raises(InputError, match="cut off"):
            Checkpoint.load(saved)
    saved.write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        Checkpoint.load(saved)
    torch.save({"net": {}}, saved)
    with pytest.raises(InputError, match="another file"):
        Checkpoint.load(saved)
    torch.save({"format": "sirstgen-checkpoint-1", "net": {}}, saved)
    with pytest.raises(InputError, match="earlier version"):
        Checkpoint.load(saved)


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "no net": ({"net": None}, "net: Input should be a valid dictionary"),
    "format": ({"format": "another"}, "format"),
    "a list for the net": ({"net": [1, 2]}, "net"),
    "numbers for tensors": ({"net": {"a": 3.0}}, "net.a"),
    "step as text": ({"step": "7"}, "step"),
    "step below 0": ({"step": -1}, "step"),
    "extra field": ({"more": 1}, "more"),
    "history": ({"history": [{"step": "x"}]}, "history"),
    "settings as a list": ({"settings": []}, "settings"),
    "gray scale of one number": ({"gray_scale": {"black": 0, "used": [0, 1]}}, "gray_scale must be"),
    "gray scale upside down": ({"gray_scale": {"black": 9, "white": 1, "used": [0, 1]}}, "gray_scale must be"),
    "gray scale of another range": ({"gray_scale": {"black": 0, "white": 9, "used": [0, 2]}}, "used part"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_fields_that_are_wrong_are_named(settings: TrainingConfig, tmp_path: Path, name: str) -> None:
    change, message = CHANGES[name]
    with pytest.raises(InputError, match=message) as caught:
        Checkpoint.load(write(tmp_path / "x.pt", fields(settings) | change))
    assert "\n" not in str(caught.value)
    for missing in ("net", "settings", "format", "data", "gray_scale"):
        content = fields(settings)
        del content[missing]
        with pytest.raises(InputError, match=f"{missing}: Field required"):
            Checkpoint.load(write(tmp_path / "x.pt", content))
    with pytest.raises(InputError, match="not a checkpoint"):
        Checkpoint.load(write(tmp_path / "x.pt", [1, 2]))


SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"steps": "many"}, "steps"),
    ({"steps": "8"}, "settings.steps is '8'"),
    ({"steps": None}, "steps"),
    ({"batch": 0}, "batch must be at least 1"),
    ({"detector": 5}, "detector"),
    ({"augmentation": None}, "augmentation"),
    ({"augmentation": {"crop": "x"}}, "augmentation"),
    ({"colour": "red"}, "settings.colour is unknown"),
    ({"learning_rate": float("nan")}, "learning"),
]


@pytest.mark.parametrize(("change", "message"), SETTINGS, ids=lambda value: str(value)[:20])
def test_settings_that_are_wrong_are_named(
    settings: TrainingConfig, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    content = fields(settings)
    content["settings"] = content["settings"] | change
    with pytest.raises(InputError, match=message) as caught:
        Checkpoint.load(write(tmp_path / "x.pt", content))
    assert "\n" not in str(caught.value)
    del content["settings"]["seed"]
    content["settings"].update(settings.to_dict() | {"seed": None})
    with pytest.raises(InputError, match="seed"):
        Checkpoint.load(write(tmp_path / "x.pt", content))


def test_weights_that_cannot_be_used_are_named(settings: TrainingConfig, tmp_path: Path) -> None:
    sound = fields(settings)
    name = next(key for key, value in sound["net"].items() if value.is_floating_point() and value.ndim == 4)
    weights = sound["net"][name]
    for value in (float("nan"), float("inf"), -float("inf")):
        broken = weights.clone()
        broken.view(-1)[-1] = value
        with pytest.raises(InputError, match="NaN or infinite"):
            Checkpoint.load(write(tmp_path / "x.pt", sound | {"net": sound["net"] | {name: broken}}))
    state = {"state": {0: {"sum": torch.tensor([float("nan")])}}}
    with pytest.raises(InputError, match=r"state\.0\.sum hold NaN"):
        Checkpoint.load(write(tmp_path / "x.pt", sound | {"optimizer": state}))
    for change, message in (
        ({name: weights[:1]}, "are float32"),
        ({name: torch.zeros(weights.shape, dtype=torch.int64)}, "are int64"),
        ({"other": weights}, "which dnanet-resnet10-light does not have"),
    ):
        with pytest.raises(InputError, match=message):
            Checkpoint.load(write(tmp_path / "x.pt", sound | {"net": sound["net"] | change}))
    with pytest.raises(InputError, match="lacks the weights"):
        Checkpoint.load(write(tmp_path / "x.pt", sound | {"net": {name: weights}}))
