"""The benchmark for a GPU, in small on the CPU: packed, checked, measured, trained."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from making.training_frames import make_frames
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


@pytest.fixture
def script() -> ModuleType:
    if not SCRIPT.is_file():
        pytest.skip("benchmarks/ is not there")
    spec = importlib.util.spec_from_file_location("gpu_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def tiny_net() -> None:
    """The benchmark builds its own nets, not the tiny one of the other tests."""


def write(folder: Path, count: int, seed: int, train: int | None = None) -> None:
    frames = make_frames(count, seed)
    for part in ("images", "masks", "50_50")[: 2 if train is None else 3]:
        (folder / part).mkdir(parents=True)
    for key, image, mask in zip(frames.ids, frames.images, frames.masks, strict=True):
        Image.fromarray(image).save(folder / "images" / f"{key}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{key}.png")
    if train is not None:
        for part, ids in (("train", frames.ids[:train]), ("test", frames.ids[train:])):
            (folder / "50_50" / f"{part}.txt").write_text("".join(f"{key}\n" for key in ids))


def test_it_checks_measures_and_trains(script: ModuleType, tmp_path: Path) -> None:
    write(tmp_path / "real", 8, 1, train=5)
    write(tmp_path / "synth", 6, 2)
    write(tmp_path / "more", 3, 3)
    packed, out = tmp_path / "frames.npz", tmp_path / "out"
    sets = [word for name in ("real", "synth", "more") for word in (f"--{name}", str(tmp_path / name))]
    script.main(["pack", *sets, "--out", str(packed)])
    words = ["run", "--data", str(packed), "--out", str(out), "--device", "cpu", "--small", "--minutes", "0.05"]
    script.main([*words, "--speed-seconds", "0.05", "--compile", "no", "--rows", "2", "--total", "6"])
    results = json.loads((out / "results.json").read_text())
    found = results["detectors"]["acm"]
    assert all(check["holds"] for name, check in found["checks"].items() if "bfloat16" not in name)
    assert found["speed"]["ours, 2 at once"]["crops/s"] > 0
    assert results["frames"] == {"real": 8, "synth": 6, "more": 3}
    assert [row["trained_on"] for row in found["table"]["rows"]] == ["2 real + 4 synthetic", "5 real"]
    trained = [run for run in found["table"]["runs"] if run["steps"]]
    weights = torch.load(out / "acm.fp16.pt", weights_only=True)
    assert len(weights) == len(found["more"]) == len(trained)
    assert all(torch.isfinite(value).all() for net in weights.values() for value in net.values())


def test_a_run_of_given_steps_goes_on_where_time_ran_out(script: ModuleType, tmp_path: Path) -> None:
    write(tmp_path / "real", 8, 1, train=5)
    write(tmp_path / "synth", 6, 2)
    packed, out = tmp_path / "frames.npz", tmp_path / "out"
    script.main(["pack", "--real", str(tmp_path / "real"), "--synth", str(tmp_path / "synth"), "--out", str(packed)])
    words = ["run", "--data", str(packed), "--out", str(out), "--device", "cpu", "--small", "--skip-speed"]
    words += ["--compile", "no", "--rows", "2", "--total", "6", "--steps", "3"]
    script.main([*words, "--minutes", "0.001"])
    script.main([*words, "--minutes", "5"])
    found = json.loads((out / "results.json").read_text())["detectors"]["acm"]
    assert not found["speed"]
    assert [run["steps"] for run in found["table"]["runs"]] == [3, 3]
