"""Speed and memory of training and inference on a CPU beside the plain loop: float32, NCHW, nothing folded.

For a GPU see ``benchmarks/gpu.py``.

    python benchmarks/train.py --detector dnanet-resnet10-light --threads 1 --out benchmarks/results/train.json

All variants run in one process and take turns, so that whatever else the machine does hits all of them alike; what
counts are the ratios. On a CPU times are processor seconds (user and system). Peak memory (Linux, CUDA) is measured in
a process per variant.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sirstgen.detectors.detector import Detector, folded
from sirstgen.training.augmentation import Augmentation
from sirstgen.training.batches import FrameBatches
from sirstgen.training.config import TrainingConfig
from sirstgen.training.frames import Frames
from sirstgen.training.loss import deep_supervision_loss
from sirstgen.training.runtime import Runtime, fresh_net, resolve_device


@dataclass
class Variant:
    """One way of computing: a net for training, its folded copy for inference, an optimiser."""

    name: str
    hardware: Runtime
    fold: bool

    def build(self, settings: TrainingConfig) -> None:
        self.net = self.hardware.place(fresh_net(settings))
        self.inference: Detector = self.hardware.place(folded(self.net)) if self.fold else self.net
        self.optimizer = torch.optim.Adagrad(self.net.parameters(), lr=1e-6)

    def infer(self, images: torch.Tensor) -> torch.Tensor:
        self.inference.eval()
        with torch.inference_mode(), self.tuned(), self.hardware.autocast():
            return self.inference(self.hardware.inputs(images, self.net.in_channels))[-1].float()

    def loss(self, images: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        self.net.train()
        with self.hardware.autocast():
            maps = self.net(self.hardware.inputs(images, self.net.in_channels))
        return deep_supervision_loss(maps, masks.to(self.hardware.device))

    def tuned(self) -> contextlib.AbstractContextManager[None]:
        """As `Training` runs it, except for the plain loop."""
        return self.hardware.tuned() if self.fold else contextlib.nullcontext()

    def step(self, images: torch.Tensor, masks: torch.Tensor) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        with self.tuned():
            loss = self.loss(images, masks)
            loss.backward()
        self.optimizer.step()
        return loss.item()


def variants(device: torch.device) -> list[Variant]:
    return [
        Variant("plain: float32 NCHW eager", Runtime(device, channels_last=False), fold=False),
        Variant("default: float32 channels_last", Runtime(device), fold=True),
        Variant("bfloat16 channels_last", Runtime(device, "bfloat16"), fold=True),
    ]


def some_batch(size: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth noise with a few square targets per image."""
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.random((count, 1, size, size), dtype=np.float32) * 0.2 + 0.3)
    masks = torch.zeros(count, 1, size, size)
    for index in range(count):
        for y, x in rng.integers(8, size - 8, (3, 2)):
            masks[index, 0, y : y + 4, x : x + 4] = 1
    return images + 0.4 * masks, masks


def take_turns(works: dict[str, Callable[[], Any]], repeats: int, device: torch.device) -> dict[str, dict[str, float]]:
    """Milliseconds of each work: least and median of `repeats`, after one round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in works}
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    for round_ in range(repeats + 1):
        for name, work in works.items():
            started = clock()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if round_:
                times[name].append(1000 * (clock() - started))
    return {name: {"least_ms": min(values), "median_ms": float(np.median(values))} for name, values in times.items()}


def differences(plain: Variant, fast: Variant, images: torch.Tensor, masks: torch.Tensor) -> dict[str, float]:
    """How far a variant's logits, loss and gradients are from the plain ones, as the largest absolute difference."""
    logits = (plain.infer(images[:1]) - fast.infer(images[:1])).abs().max().item()
    losses, gradients = [], []
    for variant in (plain, fast):
        variant.optimizer.zero_grad(set_to_none=True)
        loss = variant.loss(images, masks)
        loss.backward()
        losses.append(loss.item())
        gradients.append(torch.cat([p.grad.flatten() for p in variant.net.parameters() if p.grad is not None]))
    gradient = (gradients[0] - gradients[1]).abs().max() / gradients[0].abs().max()
    return {"logits": logits, "loss": abs(losses[0] - losses[1]), "gradient_relative": gradient.item()}


def peak_memory(arguments: argparse.Namespace, name: str) -> float:
    """MiB at the peak of a training step, in a process of its own."""
    command = [sys.executable, __file__, "--measure-memory", name, "--detector", arguments.detector]
    command += ["--batch", str(arguments.batch), "--size", str(arguments.size), "--device", arguments.device]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_memory(arguments: argparse.Namespace, settings: TrainingConfig) -> float:
    device = resolve_device(arguments.device)
    (variant,) = (v for v in variants(device) if v.name == arguments.measure_memory)
    variant.build(settings)
    batch = some_batch(arguments.size, arguments.batch)
    for _ in range(2):
        variant.step(*batch)
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    # Not getrusage: what it says of a new process includes the process that started it.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def loader_speed(count: int = 64) -> float:
    """Images per second of one process decoding nothing and augmenting as the paper does."""
    rng = np.random.default_rng(0)
    images = tuple(rng.integers(0, 255, (220, 320)).astype(np.uint8) for _ in range(16))
    frames = Frames(tuple(map(str, range(16))), images, tuple(np.zeros((220, 320), bool) for _ in images))
    batches = FrameBatches(frames, Augmentation(), 16, seed=0)
    batches[0]
    started = time.perf_counter()
    for step in range(count // 16):
        batches[step]
    return count / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", default="dnanet-resnet18")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of torch")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=4, help="images per training step")
    parser.add_argument("--infer-batch", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--no-memory", action="store_true", help="leave the peak memory out")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument("--measure-memory", help=argparse.SUPPRESS)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    settings = TrainingConfig(detector=arguments.detector)
    if arguments.measure_memory:
        print(measure_memory(arguments, settings))
        return
    device = resolve_device(arguments.device)
    images, masks = some_batch(arguments.size, max(arguments.batch, arguments.infer_batch))
    found = variants(device)
    for variant in found:
        variant.build(settings)
    batch = images[: arguments.batch], masks[: arguments.batch]
    seen = images[: arguments.infer_batch]
    close = {variant.name: differences(found[0], variant, *batch) for variant in found[1:]}
    inference = take_turns({v.name: lambda v=v: v.infer(seen) for v in found}, 3 * arguments.repeats, device)
    training = take_turns({v.name: lambda v=v: v.step(*batch) for v in found}, arguments.repeats, device)

    plain = found[0].name
    rows = {}
    print(f"{arguments.detector}, {arguments.size}x{arguments.size}, {device}, {arguments.threads} thread(s)")
    print(f"inference: batch {arguments.infer_batch}; training step: batch {arguments.batch}\n")
    heads = ("variant", "infer img/s", "ratio", "train img/s", "ratio", "peak MiB", "logits differ", "gradient differs")
    print(("{:33}" + "{:>13}" * 7).format(*heads))
    for variant in found:
        name = variant.name
        row: dict[str, Any] = {
            "inference": inference[name],
            "training": training[name],
            "inference_images_per_s": 1000 * arguments.infer_batch / inference[name]["least_ms"],
            "training_images_per_s": 1000 * arguments.batch / training[name]["least_ms"],
            "inference_ratio": inference[plain]["least_ms"] / inference[name]["least_ms"],
            "inference_ratio_of_medians": inference[plain]["median_ms"] / inference[name]["median_ms"],
            "training_ratio": training[plain]["least_ms"] / training[name]["least_ms"],
            "training_ratio_of_medians": training[plain]["median_ms"] / training[name]["median_ms"],
            "peak_mib": None if arguments.no_memory else peak_memory(arguments, name),
            "differs": close.get(name),
        }
        rows[name] = row
        differs = [f"{close[name][what]:.1e}" if name in close else "-" for what in ("logits", "gradient_relative")]
        print(
            f"{name:33}{row['inference_images_per_s']:13.2f}{row['inference_ratio']:13.2f}"
            f"{row['training_images_per_s']:13.2f}{row['training_ratio']:13.2f}"
            f"{row['peak_mib'] or float('nan'):13.0f}{differs[0]:>13}{differs[1]:>13}"
        )
    speed = loader_speed()
    print(f"\nthe paper's augmentation, one process: {speed:.0f} images/s")
    if arguments.out:
        content = {
            "command": "python benchmarks/train.py " + " ".join(sys.argv[1:]),
            "device": found[0].hardware.name,
            "torch": torch.__version__,
            "threads": arguments.threads,
            "variants": rows,
            "augmentation_images_per_s": speed,
        }
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
