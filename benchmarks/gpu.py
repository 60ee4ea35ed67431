"""What a GPU does for training, and Table VIII on it, in a few minutes of one card.

On any machine with the datasets, pack what the card needs into one file (lossless, about 30 MB)::

    python benchmarks/gpu.py pack --real NUAA-SIRST --synth NUDT-SIRST --more irstd-1k-test --out frames.npz

On the machine with the card, which needs no network::

    python benchmarks/gpu.py run --data frames.npz --out gpu --minutes 12

`run` first checks the arithmetic of the card against the CPU, then measures crops a second, then trains Table VIII with
the time that is left. It writes to --out as it goes: ``results.json`` (checks, speed, the same nets on the further test
set), the tables of `train-check`, and the weights of each row in half precision. Frames and checkpoints lie in --work,
where `--resume` finds them. A check that fails ends the run before anything is trained. ``--small`` does all of it with
small nets, on a CPU too. A machine without network needs this project's dependencies beforehand (``pip download``).
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sirstgen.datasets.readers import Dataset
from sirstgen.detectors.detector import resize, resize_by_products
from sirstgen.evaluation.frame_scores import FrameScores
from sirstgen.train_check.presets import CheckPlan, MixedRow, RealRow
from sirstgen.train_check.train_check import train_check
from sirstgen.training.augmentation import Augmentation
from sirstgen.training.batches import FrameBatches
from sirstgen.training.checkpoint import Checkpoint
from sirstgen.training.config import TrainingConfig
from sirstgen.training.evaluate import logits_of
from sirstgen.training.frames import Frames
from sirstgen.training.graphed import ResidentSteps
from sirstgen.training.loop import Training
from sirstgen.training.loss import deep_supervision_loss
from sirstgen.training.resident import ResidentBatches
from sirstgen.training.runtime import Runtime, fresh_net, resolve_device, synchronise

FULL = TrainingConfig(precision="bfloat16", validate_every=1000)
SMALL = TrainingConfig(
    detector="acm", batch=2, steps=4, test_size=32, validate_every=10, augmentation=Augmentation(crop=32, base=40)
)


# --- packing -------------------------------------------------------------------------------------------------------


def pack(arguments: argparse.Namespace) -> None:
    """Write the frames of both sets, and the further test set at 256x256, as lossless WebP in one npz file."""
    real, synth = Dataset.open(arguments.real), Dataset.open(arguments.synth)
    train, test = real.split("train"), real.split("test")
    drawn = synth.split("train") if synth.has_splits else synth.ids
    sets: dict[str, Frames] = {
        "real-train": Frames.read(real, train),
        "real-test": Frames.read(real, test),
        "synth": Frames.read(synth, drawn[: arguments.count]),
    }
    if arguments.more is not None:
        sets["more"] = Frames.read(Dataset.open(arguments.more)).resized(256)
    arrays: dict[str, Any] = {}
    for name, frames in sets.items():
        arrays[f"{name}/ids"] = np.array(frames.ids)
        for number, (image, mask) in enumerate(zip(frames.images, frames.masks, strict=True)):
            if image.dtype != np.uint8:
                raise SystemExit(f"{name}: frames must be 8 bit, {frames.ids[number]} is {image.dtype}")
            arrays[f"{name}/{number}/image"] = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])[1]
            arrays[f"{name}/{number}/mask"] = np.packbits(mask)
            arrays[f"{name}/{number}/shape"] = np.array(image.shape)
    np.savez(arguments.out, **arrays)
    print(
        f"{arguments.out}: {Path(arguments.out).stat().st_size / 2**20:.1f} MiB", {k: len(v) for k, v in sets.items()}
    )


def unpack(path: Path, folder: Path) -> dict[str, Dataset]:
    """Write the packed frames as dataset folders: ``real`` with its lists, ``synth``, and ``more`` where packed."""
    with np.load(path) as data:
        names = {key.split("/")[0] for key in data.files}
        for name in sorted(names):
            home = folder / name.split("-")[0]
            for part in ("images", "masks", "50_50"):
                (home / part).mkdir(parents=True, exist_ok=True)
            ids = [str(key) for key in data[f"{name}/ids"]]
            for number, key in enumerate(ids):
                height, width = (int(side) for side in data[f"{name}/{number}/shape"])
                bits = np.unpackbits(data[f"{name}/{number}/mask"])[: height * width].reshape(height, width)
                image = cv2.imdecode(data[f"{name}/{number}/image"], cv2.IMREAD_GRAYSCALE)
                cv2.imwrite(str(home / "images" / f"{key}.png"), image)
                cv2.imwrite(str(home / "masks" / f"{key}.png"), 255 * bits)
            if name.startswith("real"):
                (home / "50_50" / f"{name.split('-')[1]}.txt").write_text("".join(f"{key}\n" for key in ids))
    for home in (folder / "synth", folder / "more"):
        if home.is_dir():
            (home / "50_50").rmdir()
    return {name: Dataset.open(folder / name) for name in ("real", "synth", "more") if (folder / name).is_dir()}


# --- checks ----------------------------------------------------------------------------------------------------------


def checks(frames: Frames, settings: TrainingConfig, device: torch.device) -> dict[str, dict[str, Any]]:
    """What the card computes beside what the CPU computes; each with its bound and whether it holds."""
    found: dict[str, dict[str, Any]] = {}

    def note(name: str, value: float, bound: float) -> None:
        found[name] = {"value": value, "bound": bound, "holds": bool(value <= bound)}

    batches = FrameBatches(frames, settings.augmentation, settings.batch, settings.seed)
    images, masks = batches[0]
    made, targets = ResidentBatches(batches, device)[0]
    note("mask pixels of a batch that differ", float((targets.cpu() != masks).sum()), 0)
    note("gray levels by which a batch differs", float((255 * (made.cpu() - images)).abs().max()), 1.001)
    features = torch.rand(2, 8, 32, 48)
    note(
        "resize by products",
        float((resize_by_products(features.to(device), 2.0).cpu() - resize(features, 2.0)).abs().max()),
        1e-4,
    )
    few = images[:2], masks[:2]
    exact = _loss_and_gradient(settings, torch.device("cpu"), "float32", few)
    for precision, bounds in (("float32", (1e-4, 5e-2)), ("bfloat16", (2e-2, 0.35))):
        loss, gradient = _loss_and_gradient(settings, device, precision, few)
        note(f"loss, {precision} against the CPU's float32", abs(loss - exact[0]), bounds[0])
        difference = (gradient - exact[1]).norm() / exact[1].norm()
        note(f"gradient, {precision}, relative", float(difference), bounds[1])
    if device.type == "cuda":
        steps = [_losses(settings, batches, device, graph) for graph in (True, False)]
        note("losses of 8 steps, graph against plain", max(abs(a - b) for a, b in zip(*steps, strict=True)), 5e-3)
        note("steps that waited for the device", _waits(settings, batches, device), 0)
    return found


def _loss_and_gradient(
    settings: TrainingConfig, device: torch.device, precision: str, batch: tuple[Tensor, Tensor]
) -> tuple[float, Tensor]:
    hardware = Runtime(device, precision)  # type: ignore[arg-type]
    net = hardware.place(fresh_net(settings)).eval()  # without dropout and batch statistics
    with hardware.autocast():
        maps = net(hardware.inputs(batch[0], settings.in_channels))
    loss = deep_supervision_loss(maps, batch[1].to(device))
    loss.backward()
    gradients = [p.grad.float().cpu().flatten() for p in net.parameters() if p.grad is not None]
    return loss.item(), torch.cat(gradients)


def _losses(settings: TrainingConfig, batches: FrameBatches, device: torch.device, graph: bool) -> list[float]:
    resident = ResidentBatches(batches, device)
    steps = ResidentSteps(settings, Runtime.of(settings, str(device)), resident, graph=graph)
    return [steps.advance_packed(step, resident.packed(step)).item() for step in range(8)]


def _waits(settings: TrainingConfig, batches: FrameBatches, device: torch.device) -> float:
    resident = ResidentBatches(batches, device)
    steps = ResidentSteps(settings, Runtime.of(settings, str(device)), resident)
    packed = [resident.packed(step) for step in range(7)]
    for step in range(2):
        steps.advance_packed(step, packed[step])
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(2, 7):
            steps.advance_packed(step, packed[step])
    except RuntimeError as error:
        print(f"a step waited for the device: {error}", flush=True)
        return 1.0
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return 0.0


# --- speed -----------------------------------------------------------------------------------------------------------


class _Traffic(TorchDispatchMode):
    """Counts the bytes that operations read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if not getattr(func, "is_view", False):
            self.bytes += sum(leaf.nbytes for leaf in tree_leaves((args, kwargs, out)) if isinstance(leaf, Tensor))
        return out


def bandwidth(device: torch.device) -> float:
    """Bytes a second of a copy on the device, read and written."""
    source = torch.empty((1 << 30) if device.type == "cuda" else (1 << 26), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    seconds = min(_seconds(lambda: target.copy_(source), 5, device) for _ in range(3))
    return 2 * source.nbytes / seconds


def speed(frames: Frames, settings: TrainingConfig, device: torch.device, seconds: float) -> dict[str, Any]:
    """Crops a second of the plain loop and of ours, with 1, 2 and 5 trainings at once."""
    peak = bandwidth(device)
    found: dict[str, Any] = {"copy, bytes/s": peak}
    plain = dataclasses.replace(settings, precision="float32", channels_last=False)
    batches = FrameBatches(frames, settings.augmentation, settings.batch, settings.seed)
    hardware = Runtime.of(plain, str(device))
    ready = [tuple(part.to(device) for part in batches[step]) for step in range(2)]
    net = fresh_net(plain).to(device).train()
    optimizer = torch.optim.Adagrad(net.parameters(), lr=1e-6)

    def plain_step() -> None:
        images, masks = ready[0]
        optimizer.zero_grad(set_to_none=True)
        deep_supervision_loss(net(hardware.inputs(images, plain.in_channels)), masks).backward()
        optimizer.step()

    share = seconds / 5
    endless = dataclasses.replace(settings, steps=10**6, validate_every=10**6)
    count, took = _within(plain_step, share, device)
    found["plain eager float32, data free"] = {"crops/s": count * settings.batch / took, "ms/step": 1e3 * took / count}
    for together in (1, 2, 5):
        trainings = [
            Training(dataclasses.replace(endless, seed=seed), frames, device=str(device)) for seed in range(together)
        ]

        def ours(trainings: list[Training] = trainings) -> None:
            for training in trainings:
                training.advance()

        streams = contextlib.nullcontext() if device.type == "cpu" else _on_streams(trainings)
        with trainings[0].hardware.tuned(), streams:
            count, took = _within(ours, share, device)
        row: dict[str, Any] = {
            "crops/s": count * together * settings.batch / took,
            "ms/step": 1e3 * took / count / together,
        }
        if together == 1:
            steps = trainings[0].steps
            if isinstance(steps, ResidentSteps):
                row["captured"] = steps.captured
                with _Traffic() as traffic:
                    steps._work()
                row["bytes/step"] = traffic.bytes
                row["share of copy bandwidth"] = traffic.bytes * count / took / peak
        row["ratio to plain"] = row["crops/s"] / found["plain eager float32, data free"]["crops/s"]
        found[f"ours, {together} at once"] = row
        del trainings, ours
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return found


@contextlib.contextmanager
def _on_streams(trainings: list[Training]) -> Iterator[None]:
    """Each training on a stream of its own, as `train_together` runs them."""
    plain = {}
    for training in trainings:
        stream, advance = torch.cuda.Stream(training.hardware.device), training.advance
        stream.wait_stream(torch.cuda.current_stream(training.hardware.device))

        def on_stream(stream: Any = stream, advance: Callable[[], None] = advance) -> None:
            with torch.cuda.stream(stream):
                advance()

        plain[id(training)] = advance
        training.advance = on_stream  # type: ignore[method-assign]
    yield
    for training in trainings:
        training.advance = plain[id(training)]  # type: ignore[method-assign]


def _within(step: Callable[[], None], seconds: float, device: torch.device) -> tuple[int, float]:
    """How many steps were taken, and in how many seconds, after a few to warm up; about `seconds` in all."""
    for _ in range(2):
        step()
    one = max(_seconds(step, 2, device), 1e-6)
    count = max(2, int(0.7 * seconds / one))
    return count, count * _seconds(step, count, device)


def _seconds(work: Callable[[], Any], count: int, device: torch.device) -> float:
    synchronise(device)
    started = time.perf_counter()
    for _ in range(count):
        work()
    synchronise(device)
    return (time.perf_counter() - started) / count


# --- the run ---------------------------------------------------------------------------------------------------------


def run(arguments: argparse.Namespace) -> None:
    """Check, measure, train; write everything as it is known."""
    started = time.monotonic()
    device = resolve_device(arguments.device)
    out: Path = arguments.out
    work: Path = arguments.work or out.with_name(f"{out.name}-work")
    out.mkdir(parents=True, exist_ok=True)
    settings = SMALL if arguments.small else FULL
    sets = unpack(arguments.data, work / "sets")
    real, synth = sets["real"], sets["synth"]
    frames = Frames.read(real, real.split("train"))
    results: dict[str, Any] = {
        "machine": {
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "frames": {name: len(dataset) for name, dataset in sets.items()},
        "checks": checks(frames, settings, device),
    }

    def save(*names: str) -> None:
        (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        for name in names:
            print(f"{name}: {json.dumps(results[name])}", flush=True)

    save("machine", "frames", "checks")
    failed = [name for name, check in results["checks"].items() if not check["holds"]]
    if failed:
        raise SystemExit(f"the card does not compute what the CPU computes: {'; '.join(failed)}")
    results["speed"] = {}
    for detector in ("acm",) if arguments.small else ("dnanet-resnet18", "acm"):
        one = dataclasses.replace(settings, detector=detector)
        results["speed"][detector] = speed(frames, one, device, arguments.speed_seconds / 2)
        save("speed")
    plan = CheckPlan(
        "gpu",
        (*(MixedRow(count) for count in arguments.rows), RealRow()),
        tuple(arguments.detectors or (("acm",) if arguments.small else ("dnanet-resnet18",))),
        repeats=arguments.repeats,
        total=arguments.total,
        minutes=max(0.01, arguments.minutes - (time.monotonic() - started) / 60),
        settings=settings,
    )
    check = work / "check"
    table = train_check(plan, real, synth, out=check, device=str(device), progress=_told, resume=arguments.resume)
    for name in ("table.txt", "table.json"):
        (out / name).write_text((check / name).read_text())
    print((out / "table.txt").read_text(), flush=True)
    results["more"] = {}
    for record in sorted(check.glob("runs/*/run.json")):
        checkpoint, name = Checkpoint.load(record.with_name("last.pt")), record.parent.name
        half = {key: value.half() if value.is_floating_point() else value for key, value in checkpoint.net.items()}
        torch.save(half, out / f"{name}.fp16.pt")
        if "more" in sets:
            hardware = Runtime.of(settings, str(device))
            tested = logits_of(checkpoint.detector(), Frames.read(sets["more"]), hardware, settings.test_size)
            scores = FrameScores.of(tested)
            results["more"][name] = {"iou": scores.iou, "iou without false alarms": scores.iou_without_false_alarms}
            results["more"][name] |= scores.to_dict()
            print(f"{name} on the further set: IoU {100 * scores.iou:.2f} %", flush=True)
    save()
    print(f"{len(table.runs)} runs, {(time.monotonic() - started) / 60:.1f} minutes", flush=True)


def _told(progress: Any) -> None:
    line = f"{progress.number}/{progress.runs} {progress.label}"
    if progress.training is not None:
        at = progress.training
        line += f": step {at.step}/{at.steps}, {at.steps_per_second:.3g} steps/s, loss {at.loss:.3f}"
    print(line, flush=True)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    packing = commands.add_parser("pack")
    packing.add_argument("--real", type=Path, required=True)
    packing.add_argument("--synth", type=Path, required=True)
    packing.add_argument("--more", type=Path, help="a further real test set")
    packing.add_argument("--count", type=int, default=791, help="synthetic images")
    packing.add_argument("--out", type=Path, default=Path("frames.npz"))
    packing.set_defaults(command=pack)
    running = commands.add_parser("run")
    running.add_argument("--data", type=Path, required=True)
    running.add_argument("--out", type=Path, default=Path("gpu"))
    running.add_argument("--work", type=Path, help="frames and checkpoints; beside --out by default")
    running.add_argument("--minutes", type=float, default=12.0, help="of the whole run")
    running.add_argument("--speed-seconds", type=float, default=60.0)
    running.add_argument("--device", default="auto")
    running.add_argument("--rows", type=int, nargs="*", default=[0, 42, 85, 128])
    running.add_argument("--total", type=int, default=791)
    running.add_argument("--detectors", nargs="*")
    running.add_argument("--repeats", type=int, default=1)
    running.add_argument("--small", action="store_true", help="small nets and crops")
    running.add_argument("--resume", action="store_true")
    running.set_defaults(command=run)
    arguments = parser.parse_args(words)
    arguments.command(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
