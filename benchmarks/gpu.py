"""What a GPU does for training, and Table VIII on it, in a few minutes of one card.

On any machine with the datasets, pack what the card needs into one file (lossless, about 30 MB)::

    python benchmarks/gpu.py pack --real NUAA-SIRST --synth NUDT-SIRST --more irstd-1k-test --out frames.npz

On the machine with the card, which needs no network::

    python benchmarks/gpu.py run --data frames.npz --out gpu --minutes 12

`run` first checks the arithmetic of the card against the CPU, then measures crops a second of several forms of the
training step, then trains Table VIII with the fastest form in the time that is left. It writes to --out as it goes:
``results.json`` (checks, speed, tables, logs, the same nets on the further test set) and the weights of each row in
half precision. Frames and checkpoints lie in --work, where `--resume` finds them. A check that fails ends the run
before anything is trained. ``--only-measures`` and ``--skip-measures`` divide the work into two commands.
``--skip-speed`` measures no speed; the nets are compiled if the compiled gradient is right. ``--steps N`` gives every
training N steps. If --minutes is too short for them, run the same command again to continue. ``--small`` uses small
nets and also works on a CPU. A machine without network needs this project's dependencies beforehand (``pip download``).
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import platform
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import torch
import torch._inductor.metrics
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from sirstgen.datasets.readers import Dataset
from sirstgen.detectors.detector import resize, resize_by_products
from sirstgen.evaluation.frame_scores import FrameScores
from sirstgen.train_check.folder import mark_folder
from sirstgen.train_check.presets import CheckPlan, MixedRow, RealRow
from sirstgen.train_check.train_check import train_check
from sirstgen.training.augmentation import Augmentation
from sirstgen.training.batches import Batch, FrameBatches
from sirstgen.training.checkpoint import Checkpoint
from sirstgen.training.compiled import compiled as compiled_net
from sirstgen.training.config import Compilation, TrainingConfig
from sirstgen.training.evaluate import logits_of
from sirstgen.training.frames import Frames
from sirstgen.training.graphed import ResidentSteps
from sirstgen.training.loop import Training
from sirstgen.training.loss import deep_supervision_loss
from sirstgen.training.resident import ResidentBatches
from sirstgen.training.runtime import Runtime, fresh_net, resolve_device, synchronise
from sirstgen.training.supervised import without_dead_biases
from sirstgen.training.together import Together

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


def arithmetic(frames: Frames, settings: TrainingConfig, device: torch.device) -> Checks:
    """What the card computes beside what the CPU computes; each with its bound and whether it holds."""
    found = Checks()
    batches = FrameBatches(frames, settings.augmentation, settings.batch, settings.seed)
    images, masks = batches[0]
    made, targets = ResidentBatches(batches, device)[0]
    found.note("mask pixels of a batch that differ", float((targets.cpu() != masks).sum()), 0)
    found.note("gray levels by which a batch differs", float((255 * (made.cpu() - images)).abs().max()), 1.001)
    features = torch.rand(2, 8, 32, 48)
    few = images[:2], masks[:2]
    expected = _loss_and_gradient(settings, torch.device("cpu"), "float32", few)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        resized = resize_by_products(features.to(device), 2.0).cpu()
        found.note("resize by products", float((resized - resize(features, 2.0)).abs().max()), 1e-4)
        found.gradient("float32", _loss_and_gradient(settings, device, "float32", few), expected, 1e-3)
    found.gradient("bfloat16", _loss_and_gradient(settings, device, "bfloat16", few), expected, 0.2)
    return found


def whole_steps(frames: Frames, settings: TrainingConfig, device: torch.device) -> Checks:
    """Whether a compiled net has the gradient of the net, and a captured step the losses of the plain step."""
    found = Checks()
    batches = FrameBatches(frames, settings.augmentation, settings.batch, settings.seed)
    if settings.compile != "no":
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            expected = _loss_and_gradient(settings, device, "float32", batches[0], train=True)
        eager = _loss_and_gradient(settings, device, settings.precision, batches[0], train=True)
        compiled = _loss_and_gradient(settings, device, settings.precision, batches[0], train=True, compiled=True)
        found.gradient(f"{settings.precision}, batch statistics", eager, expected, 1.0)
        bound = 1.5 * found[f"gradient, {settings.precision}, batch statistics"]["value"] + 1e-2
        found.gradient(f"{settings.precision}, batch statistics, compiled", compiled, expected, bound)
    if device.type == "cuda":
        plain, again, captured = (_losses(settings, batches, device, graph) for graph in (False, False, True))
        found.note("loss of the first step, graph against plain", abs(plain[0] - captured[0]), 1e-3)
        repeat = max(abs(a - b) for a, b in zip(plain, again, strict=True))
        apart = max(abs(a - b) for a, b in zip(plain, captured, strict=True))
        found.note("losses of 8 steps, graph against plain", apart, 3 * repeat + 5e-3)
        found.note("steps that waited for the device", _waits(settings, batches, device), 0)
    return found


_Gradient = tuple[float, Tensor]


class Checks(dict[str, dict[str, Any]]):
    """Values that were compared, each with its bound and whether it holds."""

    def note(self, name: str, value: float, bound: float) -> None:
        self[name] = {"value": value, "bound": bound, "holds": bool(value <= bound)}
        print(f"  {name}: {value:.3g} (bound {bound:.3g})", flush=True)

    def gradient(self, name: str, found: _Gradient, expected: _Gradient, bound: float) -> None:
        """Note how far a loss is from the expected one, and its gradient, the latter relative to its length."""
        self.note(f"loss, {name}", abs(found[0] - expected[0]), 0.1 * bound)
        self.note(f"gradient, {name}", float((found[1] - expected[1]).norm() / expected[1].norm()), bound)

    @property
    def failed(self) -> list[str]:
        return [name for name, check in self.items() if not check["holds"]]


def _loss_and_gradient(
    settings: TrainingConfig,
    device: torch.device,
    precision: str,
    batch: Batch,
    train: bool = False,
    compiled: bool = False,
) -> _Gradient:
    hardware = Runtime(device, precision, compile=settings.compile)  # type: ignore[arg-type]
    net = hardware.place(without_dead_biases(fresh_net(settings))).train(train)
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # its random values would differ
    with hardware.autocast(cache=False):
        maps = (compiled_net(net, hardware) if compiled else net)(hardware.inputs(batch[0], settings.in_channels))
    loss = deep_supervision_loss(maps, batch[1].to(device))
    loss.backward()
    gradients = [p.grad.float().cpu().flatten() for p in net.parameters() if p.grad is not None]
    return loss.item(), torch.cat(gradients)


def _losses(settings: TrainingConfig, batches: FrameBatches, device: torch.device, graph: bool) -> list[float]:
    resident = ResidentBatches(batches, device)
    steps = ResidentSteps(settings, Runtime.of(settings, str(device)), resident, graph=graph)
    losses = [steps.advance_packed(step, resident.packed(step)).item() for step in range(8)]
    if graph and not steps.captured:
        raise RuntimeError("no graph was captured")
    return losses


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


class Speed:
    """Crops a second of one detector in several forms of the training step, side by side.

    Args:
        frames: trained on.
        settings: of the training.
        device: where.
        seconds: of each measurement.
        found: takes the figures, one entry a form.
    """

    def __init__(
        self, frames: Frames, settings: TrainingConfig, device: torch.device, seconds: float, found: dict[str, Any]
    ) -> None:
        self.frames, self.settings, self.device, self.seconds, self.found = frames, settings, device, seconds, found

    def measure(self, name: str, step: Callable[[], None], trainings: int = 1) -> None:
        """Time `step`, which takes one step of each of so many trainings."""
        for _ in range(3):
            step()
        one = max(_seconds(step, 2, self.device), 1e-6)
        count = max(2, int(0.7 * self.seconds / one))
        took = count * _seconds(step, count, self.device)
        row = {"crops/s": count * trainings * self.settings.batch / took, "ms/step": 1e3 * took / count / trainings}
        if self.found:
            row["ratio to the first"] = row["crops/s"] / next(iter(self.found.values()))["crops/s"]
        if self.device.type == "cuda":
            row["GiB"] = torch.cuda.max_memory_allocated(self.device) / 2**30
            torch.cuda.reset_peak_memory_stats(self.device)
        self.found[name] = row
        print(f"  {name}: {json.dumps(row)}", flush=True)

    def plain(self) -> None:
        """The loop of the paper's code: float32, one operation after the other, crops made by the CPU or at hand."""
        plain = dataclasses.replace(self.settings, precision="float32", channels_last=False, compile="no")
        batches = FrameBatches(self.frames, plain.augmentation, plain.batch, plain.seed)
        hardware = Runtime.of(plain, str(self.device))
        net = fresh_net(plain).to(self.device).train()
        optimizer = torch.optim.Adagrad(net.parameters(), lr=1e-6)
        numbers, first = itertools.count(), batches[0]
        ready = first[0].to(self.device), first[1].to(self.device)

        def step(batch: Batch) -> None:
            optimizer.zero_grad(set_to_none=True)
            maps = net(hardware.inputs(batch[0], plain.in_channels))
            deep_supervision_loss(maps, batch[1].to(self.device)).backward()
            optimizer.step()

        self.measure("plain float32, crops made in the loop", lambda: step(batches[next(numbers)]))
        self.measure("plain float32, crops at hand", lambda: step(ready))

    def ours(self, together: int, name: str) -> None:
        """The step of this package, of so many trainings at once."""
        endless = dataclasses.replace(self.settings, steps=10**6, validate_every=10**6)
        device = str(self.device)
        trainings = [
            Training(dataclasses.replace(endless, seed=seed), self.frames, device=device) for seed in range(together)
        ]
        all_of_them = Together(trainings)
        with trainings[0].hardware.tuned():
            self.measure(f"ours, {name}{together} at once", all_of_them.advance, together)

    def traffic(self, peak: float) -> dict[str, Any]:
        """Bytes that the operations of a step read and write, and the kernels that take the time."""
        batches = FrameBatches(self.frames, self.settings.augmentation, self.settings.batch, self.settings.seed)
        resident = ResidentBatches(batches, self.device)
        steps = ResidentSteps(self.settings, Runtime.of(self.settings, str(self.device)), resident, graph=False)
        packed = resident.packed(0)
        steps.advance_packed(0, packed)
        with _Traffic() as traffic:
            steps.advance_packed(1, packed)
        found: dict[str, Any] = {"bytes/step": traffic.bytes}
        for name, row in self.found.items():
            if name.startswith("ours"):
                row["share of copy bandwidth"] = traffic.bytes / (row["ms/step"] / 1e3) / peak
        if self.device.type == "cuda":
            with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
                steps.advance_packed(2, packed)
                synchronise(self.device)
            kernels = sorted(profiler.key_averages(), key=lambda event: -event.self_device_time_total)
            found["kernels, ms"] = {
                f"{event.key[:150]} x{event.count}": event.self_device_time_total / 1e3 for event in kernels[:60]
            }
            found["kernels in all, ms"] = sum(event.self_device_time_total for event in kernels) / 1e3
        return found


def _seconds(work: Callable[[], Any], count: int, device: torch.device) -> float:
    synchronise(device)
    started = time.perf_counter()
    for _ in range(count):
        work()
    synchronise(device)
    return (time.perf_counter() - started) / count


# --- the run ---------------------------------------------------------------------------------------------------------


class Run:
    """The work of `run`: checks, speed and Table VIII, all written to ``results.json`` as they are known."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.started = time.monotonic()
        self.arguments = arguments
        self.out: Path = arguments.out
        self.work: Path = arguments.work or self.out.with_name(f"{self.out.name}-work")
        self.out.mkdir(parents=True, exist_ok=True)
        self.device = resolve_device(arguments.device)
        base = SMALL if arguments.small else FULL
        self.settings = dataclasses.replace(base, compile=arguments.compile)
        self.detectors = arguments.detectors or (["acm"] if arguments.small else ["dnanet-resnet18"])
        self.sets = unpack(arguments.data, self.work / "sets")
        self.frames = Frames.read(self.sets["real"], self.sets["real"].split("train"))
        cuda = self.device.type == "cuda"
        self.results: dict[str, Any] = {
            "machine": {
                "device": torch.cuda.get_device_name(self.device) if cuda else "cpu",
                "torch": torch.__version__,
                "cudnn": torch.backends.cudnn.version() if cuda else None,
                "python": platform.python_version(),
            },
            "frames": {name: len(dataset) for name, dataset in self.sets.items()},
            "detectors": {},
        }
        self.save()

    @property
    def minutes_left(self) -> float:
        return float(self.arguments.minutes) - (time.monotonic() - self.started) / 60

    def save(self) -> None:
        (self.out / "results.json").write_text(json.dumps(self.results, indent=1) + "\n")

    def measure(self, detector: str) -> TrainingConfig:
        """Check and time a detector; returns the settings of its fastest form whose arithmetic is right."""
        settings = dataclasses.replace(self.settings, detector=detector)
        found: dict[str, Any] = {"speed": {}}
        self.results["detectors"][detector] = found
        print(f"{detector}, checks", flush=True)
        eager = dataclasses.replace(settings, compile="no")
        found["checks"] = compared = arithmetic(self.frames, eager, self.device)
        if any("bfloat16" in name for name in compared.failed):
            eager, settings = (dataclasses.replace(form, precision="float32") for form in (eager, settings))
            print(f"{detector}: bfloat16 is too coarse, trained in float32", flush=True)
        compared |= whole_steps(self.frames, eager, self.device)
        self.save()
        if failed := [name for name in compared.failed if "bfloat16" not in name]:
            raise SystemExit(f"the card does not compute what the CPU computes: {'; '.join(failed)}")
        if self.arguments.skip_speed:
            return settings if self.compiles(settings, found) else eager
        peak = found["copy, bytes/s"] = bandwidth(self.device)
        print(f"{detector}, speed; a copy moves {peak / 1e12:.2f} TB/s", flush=True)
        speed = Speed(self.frames, eager, self.device, self.arguments.speed_seconds, found["speed"])
        speed.plain()
        for together in (1, 2, 5):
            speed.ours(together, "")
        found |= speed.traffic(peak)
        self.save()
        chosen = eager
        if settings.compile != "no":
            started = time.monotonic()
            speed.settings = settings
            torch._logging.set_logs(inductor_metrics=True)  # the compiler counts the bytes that its kernels move
            try:
                for together in (1, 2, 5):
                    speed.ours(together, "compiled, ")
                    found["compilation and its speed, s"] = time.monotonic() - started
                    self.save()
                found["bytes/step, compiled"] = torch._inductor.metrics.num_bytes_accessed
            except Exception as error:  # a compiler that fails must not end the run
                found["not compiled"] = str(error)
            eagerly, compiled = (
                found["speed"].get(f"ours, {form}5 at once", {}).get("crops/s", 0.0) for form in ("", "compiled, ")
            )
            if self.compiles(settings, found) and compiled > eagerly:
                chosen = settings
        return chosen

    def compiles(self, settings: TrainingConfig, found: dict[str, Any]) -> bool:
        """Whether the net compiles and its arithmetic is right then."""
        try:
            if settings.compile != "no" and "not compiled" not in found:
                found["checks of the compiled net"] = whole_steps(self.frames, settings, self.device)
        except Exception as error:
            found["not compiled"] = str(error)
        if "not compiled" in found:
            print(f"{settings.detector}: not compiled: {found['not compiled']}", flush=True)
        self.save()
        return "checks of the compiled net" in found and not found["checks of the compiled net"].failed

    def train(self, settings: TrainingConfig, share: float) -> None:
        """Table VIII with one detector, in a share of the minutes that are left."""
        arguments, detector = self.arguments, settings.detector
        plan = CheckPlan(
            "gpu",
            (*(MixedRow(count) for count in arguments.rows), RealRow()),
            (detector,),
            repeats=arguments.repeats,
            seed=arguments.seed,
            total=arguments.total,
            minutes=max(0.01, share * self.minutes_left),
            settings=settings,
        )
        check = self.work / f"check-{detector}"
        resume = arguments.resume or arguments.steps is not None
        if arguments.steps is not None and not check.exists():
            check.mkdir(parents=True)
            mark_folder(check, arguments.steps)
        real, synth = self.sets["real"], self.sets["synth"]
        table = train_check(plan, real, synth, out=check, device=str(self.device), progress=_told, resume=resume)
        found = self.results["detectors"].setdefault(detector, {})
        found["settings"] = plan.settings.to_dict()
        found["table"] = json.loads((check / "table.json").read_text())
        found["text"] = (check / "table.txt").read_text()
        print(found["text"], flush=True)
        self.save()
        weights: dict[str, dict[str, Tensor]] = {}
        logits: dict[str, list[Any]] = {}
        for last in sorted(check.glob("runs/*/last.pt")):  # also of trainings that ran out of time
            checkpoint, name = Checkpoint.load(last), last.parent.name
            weights[name] = {
                key: value.half() if value.is_floating_point() else value for key, value in checkpoint.net.items()
            }
            found.setdefault("logs", {})[name] = checkpoint.history
            if "more" in self.sets:
                hardware = Runtime.of(settings, str(self.device))
                further = Frames.read(self.sets["more"])
                logits[name] = list(logits_of(checkpoint.detector(), further, hardware, settings.test_size))
        save_weights(weights, self.out, detector)
        with ProcessPoolExecutor(min(8, len(logits) or 1)) as pool:
            for name, scores in zip(logits, pool.map(FrameScores.of, logits.values()), strict=True):
                found.setdefault("more", {})[name] = {"iou": scores.iou} | scores.to_dict()
                print(f"{name} on the further set: IoU {100 * scores.iou:.2f} %", flush=True)
        self.save()
        print(f"{len(table.runs)} runs, {(time.monotonic() - self.started) / 60:.1f} minutes", flush=True)


def save_weights(weights: dict[str, dict[str, Tensor]], out: Path, detector: str) -> None:
    """Write the weights of all runs of a detector to one file, or to one each where that would be large."""
    size = sum(value.nbytes for net in weights.values() for value in net.values())
    if size < 14 << 20:
        torch.save(weights, out / f"{detector}.fp16.pt")
        return
    for name, net in weights.items():
        torch.save(net, out / f"{name.replace('+', '-and-')}.fp16.pt")


def run(arguments: argparse.Namespace) -> None:
    """Check, measure, train; write everything as it is known."""
    work = Run(arguments)
    warnings.filterwarnings("error", "the net is not compiled")  # what is called compiled here must be
    chosen = [dataclasses.replace(work.settings, detector=detector) for detector in work.detectors]
    if not arguments.skip_measures:
        chosen = [work.measure(detector) for detector in work.detectors]
    for number, settings in enumerate(chosen):
        print(f"{settings.detector}: {settings.precision}, compile {settings.compile}", flush=True)
        if not arguments.only_measures:
            # The first detector takes most of the time.
            work.train(settings, 0.9 if number < len(chosen) - 1 else 1.0)


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
    running.add_argument("--speed-seconds", type=float, default=5.0, help="of each measurement")
    running.add_argument("--compile", choices=get_args(Compilation), default="default", help="mode of torch.compile")
    running.add_argument("--only-measures", action="store_true", help="train nothing")
    running.add_argument("--skip-measures", action="store_true", help="train at once, with --compile as it is given")
    running.add_argument("--skip-speed", action="store_true", help="check and train, time nothing")
    running.add_argument("--steps", type=int, help="of each training; as many as fit into --minutes by default")
    running.add_argument("--seed", type=int, default=0)
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
