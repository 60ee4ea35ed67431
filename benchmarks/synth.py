"""How fast synth is, beside the floor that encoding and writing alone set, and what its memory does.

    python benchmarks/synth.py [--n 2000] [--backgrounds DIR] [--memory] [--out results.md]

One process, one thread. Every figure comes from one run, in alternating rounds, so that the ratio holds on a machine
whose speed drifts. "floor" encodes and writes the very images and masks that the run has made, with the same encoder.
Times are processor seconds (user and system); the ratio is given for them and for the wall clock.
"""

from __future__ import annotations

import argparse
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from sirstgen.atomic import write_file
from sirstgen.images import read_gray
from sirstgen.png import encode_png
from sirstgen.recipe.recipe import Recipe
from sirstgen.storage import job, sink
from sirstgen.storage.writer import write_dataset
from sirstgen.synthesis import generator as generator_module
from sirstgen.synthesis.canvas import Canvas
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.placement import Ground
from sirstgen.synthesis.render import Sample
from sirstgen.synthesis.sampler import Sampler
from sirstgen.synthesis.sources import open_backgrounds

ROUNDS = 5


def main() -> None:
    """Runs the benchmark and prints its table as Markdown."""
    arguments = parse()
    cv2.setNumThreads(1)
    if arguments.peak:
        print(peak_memory(arguments.n, arguments.backgrounds))
        return
    lines = [f"`python {' '.join(sys.argv)}` on {machine()}", ""]
    lines += speed(arguments.n, arguments.backgrounds)
    if arguments.memory:
        lines += ["", "| images | peak memory (MiB) |", "|---|---|"]
        for count in (1000, 10000):
            command = [sys.executable, __file__, "--peak", "--n", str(count), "--backgrounds", arguments.backgrounds]
            lines.append(
                f"| {count} | {subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()} |"
            )
    text = "\n".join(lines)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=2000, help="images a round")
    parser.add_argument("--backgrounds", default="builtin")
    parser.add_argument("--memory", action="store_true", help="also peak memory at 1,000 and 10,000 images")
    parser.add_argument("--out", type=Path, help="file to write the table to")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def speed(count: int, backgrounds: str) -> list[str]:
    """Images per second of the run and of the floor, and the share of each step."""
    recipe = Recipe()
    generator = Generator(recipe, open_backgrounds(backgrounds, recipe), seed=0)
    folder = Path(tempfile.mkdtemp())
    rounds = []
    try:
        run(generator, folder / "warm", 200)
        for _ in range(ROUNDS):
            whole = timed(lambda: run(generator, folder / "run", count))
            samples = finished(folder / "run")
            floor = timed(partial(write_only, samples, folder / "floor"))
            rounds.append((whole, floor))
        shares = steps(generator, folder / "run", count)
    finally:
        shutil.rmtree(folder)
    cpu = [statistics.median(count / pair[side][0] for pair in rounds) for side in (0, 1)]
    wall = [statistics.median(count / pair[side][1] for pair in rounds) for side in (0, 1)]
    ratio = [statistics.median(floor[k] / whole[k] for whole, floor in rounds) for k in (0, 1)]
    lines = [
        f"{count} images of 256x256, medians of {ROUNDS} rounds.",
        "",
        "| | images/s, processor | images/s, wall |",
        "|---|---|---|",
        f"| synth, end to end to disk | {cpu[0]:.0f} | {wall[0]:.0f} |",
        f"| floor: encode and write alone | {cpu[1]:.0f} | {wall[1]:.0f} |",
        f"| synth / floor | {ratio[0]:.2f} | {ratio[1]:.2f} |",
        "",
        "| step | share | ms an image |",
        "|---|---|---|",
    ]
    total = sum(shares.values())
    lines += [
        f"| {name} | {100 * spent / total:.0f} % | {1000 * spent / count:.3f} |" for name, spent in shares.items()
    ]
    return lines


def run(generator: Generator, out: Path, count: int) -> None:
    """One dataset, from nothing."""
    shutil.rmtree(out, ignore_errors=True)
    write_dataset(generator, out, count)


def write_only(samples: list[tuple[Any, Any]], out: Path) -> None:
    """Finished arrays encoded and written as the writer does it."""
    shutil.rmtree(out, ignore_errors=True)
    scratch = out / "scratch"
    for part in (scratch, out / "images", out / "masks"):
        part.mkdir(parents=True)
    for number, (image, mask) in enumerate(samples):
        write_file(out / "images" / f"{number:06d}.png", encode_png(image), scratch)
        write_file(out / "masks" / f"{number:06d}.png", encode_png(mask), scratch)


def finished(folder: Path) -> list[tuple[Any, Any]]:
    """Images and masks of a dataset, decoded."""
    names = sorted(path.name for path in (folder / "images").iterdir())
    return [(read_gray(folder / "images" / name), read_gray(folder / "masks" / name)) for name in names]


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Processor and wall seconds of `work`."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def steps(generator: Generator, out: Path, count: int) -> dict[str, float]:
    """Processor seconds of each step, from a run with a clock around it; the clocks cost a few per cent."""
    spent: dict[str, float] = defaultdict(float)
    watched = [
        ("read backgrounds", type(generator.backgrounds), "pixels"),
        ("crop", generator_module, "crop_background"),
        ("blur", generator_module, "blur_background"),
        ("draw targets", Sampler, "target"),
        ("place targets", Ground, "place"),
        ("stamp, mask, SCR", Canvas, "add"),
        ("write targets", generator_module, "finish"),
        ("rows", Sample, "row"),
        ("encode PNG", job, "encode_png"),
        ("write files", sink, "write_file"),
    ]
    originals = [(owner, name, getattr(owner, name)) for _, owner, name in watched]
    for (title, owner, name), (_, _, original) in zip(watched, originals, strict=True):
        setattr(owner, name, clocked(original, title, spent))
    try:
        whole, _ = timed(lambda: run(generator, out, count))
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)
    shares = {title: spent[title] for title, _, _ in watched}
    return {**shares, "the rest (JSON, checksums, journal, lists)": whole - sum(shares.values())}


def clocked(function: Callable[..., Any], title: str, spent: dict[str, float]) -> Callable[..., Any]:
    """`function` with its processor seconds added to ``spent[title]``."""

    def call(*args: Any, **kwargs: Any) -> Any:
        begun = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[title] += time.process_time() - begun

    return call


def peak_memory(count: int, backgrounds: str) -> str:
    """Peak resident memory of this process for a run of `count` images, MiB."""
    recipe = Recipe()
    folder = Path(tempfile.mkdtemp())
    try:
        run(Generator(recipe, open_backgrounds(backgrounds, recipe), seed=0), folder / "run", count)
    finally:
        shutil.rmtree(folder)
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}"


def machine() -> str:
    """The machine in words."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return f"{model}, Python {platform.python_version()}, OpenCV {cv2.__version__}"


if __name__ == "__main__":
    main()
