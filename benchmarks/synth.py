"""How fast synth is, beside the floor that encoding and writing alone set, and what its memory does.

    python benchmarks/synth.py [--n 2000] [--recipe FILE] [--other CHECKOUT] [--memory] [--out results.md]

One process, one thread. Every figure comes from one run, in alternating rounds, so that the ratios hold on a machine
whose speed drifts. "floor" encodes and writes the very images and masks that the run has made, with the same encoder.
``--other`` names a checkout of another version, which writes as many images in turn. Times are processor seconds (user
and system) of the fastest round, ratios the medians of those of each round.

Nothing is removed before the end, and ``--folder`` names where the datasets go: ext4 without a journal passes over
inodes that were freed in the last minutes one by one, which makes a new file several times as expensive after a large
folder was removed. A folder in memory (``--folder /dev/shm``) shows the least that the system takes for a file.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from sirstgen import Generator, Recipe, write_dataset
from sirstgen.files.atomic import OpenFolder
from sirstgen.files.images import read_gray
from sirstgen.files.png import encode_png
from sirstgen.storage import job
from sirstgen.synthesis import generator as generator_module
from sirstgen.synthesis.canvas import Canvas
from sirstgen.synthesis.layers import BackgroundLayers
from sirstgen.synthesis.placement import PlacementContext
from sirstgen.synthesis.render import Sample
from sirstgen.synthesis.sampler import Sampler

ROUNDS = 5

# Runs in the other version too: names that both have.
WRITE = """
import shutil, sys, time
import cv2
import sirstgen
from sirstgen import Generator, Recipe, write_dataset
cv2.setNumThreads(1)
folder, count, recipe = sys.argv[1], int(sys.argv[2]), sys.argv[3]
generator = Generator(Recipe.load(recipe) if recipe else Recipe.default(), seed=0)
write_dataset(generator, folder + "/warm", 200)
begun = time.process_time()
write_dataset(generator, folder + "/set", count)
print(time.process_time() - begun, sirstgen.__file__)
"""


def main() -> None:
    """Run the benchmark and print its table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=2000, help="images a round")
    parser.add_argument("--recipe", default="", help="recipe file; the default recipe if not given")
    parser.add_argument("--other", type=Path, help="checkout of another version, run in turn")
    parser.add_argument("--other-recipe", default="", help="recipe file of the other version")
    parser.add_argument("--memory", action="store_true", help="also peak memory at 1,000 and 10,000 images")
    parser.add_argument("--folder", type=Path, help="where the datasets go; by default the folder of temporary files")
    parser.add_argument("--out", type=Path, help="file to write the table to")
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    recipe = Recipe.load(arguments.recipe) if arguments.recipe else Recipe()
    if arguments.peak:
        with scratch(arguments.folder) as folder:
            write_dataset(Generator(recipe, seed=0), folder / "set", arguments.n)
        # Not getrusage: its peak of a new process includes the process that started it.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        print(f"{int(status.partition('VmHWM:')[2].split()[0]) / 1024:.0f}")
        return
    lines = [f"`python {' '.join(sys.argv)}` on {machine()}", ""]
    lines += speed(arguments, recipe)
    if arguments.memory:
        lines += ["", "| images | peak memory (MiB) |", "|---|---|"]
        for count in (1000, 10000):
            command = [sys.executable, __file__, "--peak", "--n", str(count), "--recipe", arguments.recipe]
            command += ["--folder", str(arguments.folder)] if arguments.folder else []
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            lines.append(f"| {count} | {done.stdout.strip()} |")
    text = "\n".join(lines)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


def speed(arguments: argparse.Namespace, recipe: Recipe) -> list[str]:
    """Images per second of the run, of the floor and of the other version, and the share of each step."""
    count, generator = arguments.n, Generator(recipe, seed=0)
    rounds: dict[str, list[float]] = defaultdict(list)
    with scratch(arguments.folder) as folder:
        write_dataset(generator, folder / "warm", 200)
        for number in range(ROUNDS):
            out = folder / f"set-{number}"
            rounds["synth, end to end to disk"].append(timed(partial(write_dataset, generator, out, count)))
            floor = folder / f"floor-{number}"
            rounds["floor: encode and write alone"].append(timed(partial(write_only, finished(out), floor)))
            if arguments.other:
                rounds["synth of the other version"].append(other_version(arguments, folder / f"other-{number}"))
        shares = steps(generator, folder / "steps", count)
    best = {name: min(times) for name, times in rounds.items()}
    synth, floor, *others = rounds.values()
    lines = [f"{count} images, {ROUNDS} rounds.", "", "| | images/s | ms an image |", "|---|---|---|"]
    lines += [f"| {name} | {count / spent:.0f} | {1000 * spent / count:.3f} |" for name, spent in best.items()]
    lines += ["", f"synth / floor: {ratios(floor, synth)} of the images per second."]
    lines += [f"synth / other version: {ratios(other, synth)} of the images per second." for other in others]
    lines += ["", "| step | share | ms an image |", "|---|---|---|"]
    total = sum(shares.values())
    return lines + [
        f"| {name} | {100 * spent / total:.0f} % | {1000 * spent / count:.3f} |" for name, spent in shares.items()
    ]


def ratios(others: list[float], times: list[float]) -> str:
    """The median of the ratios of each round, and their range."""
    found = sorted(other / time for other, time in zip(others, times, strict=True))
    return f"{statistics.median(found):.2f} ({found[0]:.2f} to {found[-1]:.2f})"


def other_version(arguments: argparse.Namespace, folder: Path) -> float:
    """Processor seconds of the other version for as many images."""
    folder.mkdir()
    recipe = str(Path(arguments.other_recipe).resolve()) if arguments.other_recipe else ""
    command = [sys.executable, "-c", WRITE, str(folder), str(arguments.n), recipe]
    environment = {**os.environ, "PYTHONPATH": str(arguments.other.resolve())}
    # Not from this folder: Python looks for modules in the folder that it is started in first.
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    spent, place = done.stdout.split(maxsplit=1)
    assert Path(place.strip()).is_relative_to(arguments.other.resolve()), f"{place.strip()} is not the other version"
    return float(spent)


@contextmanager
def scratch(where: Path | None) -> Iterator[Path]:
    """A folder that is removed at the end."""
    folder = Path(tempfile.mkdtemp(dir=where))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def write_only(samples: list[tuple[Any, Any]], out: Path) -> None:
    """Encode and write finished arrays as the writer does it."""
    for part in ("scratch", "images", "masks"):
        (out / part).mkdir(parents=True)
    with OpenFolder(out / "scratch") as place, OpenFolder(out / "images") as images, OpenFolder(out / "masks") as masks:
        for number, (image, mask) in enumerate(samples):
            images.write(f"{number:06d}.png", encode_png(image), place)
            masks.write(f"{number:06d}.png", encode_png(mask), place)


def finished(folder: Path) -> list[tuple[Any, Any]]:
    """Images and masks of a dataset, decoded."""
    names = sorted(path.name for path in (folder / "images").iterdir())
    return [(read_gray(folder / "images" / name), read_gray(folder / "masks" / name)) for name in names]


def timed(work: Callable[[], object]) -> float:
    """Processor seconds of `work`."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def steps(generator: Generator, out: Path, count: int) -> dict[str, float]:
    """Processor seconds of each step, from a run with a clock around it; the clocks cost some per cent."""
    spent: dict[str, float] = defaultdict(float)
    watched = [
        ("crop and blur backgrounds", BackgroundLayers, "layer"),
        ("draw targets", Sampler, "target"),
        ("rasterise targets", Sampler, "rasterised"),
        ("predict where targets fit", PlacementContext, "predict"),
        ("find places", PlacementContext, "place"),
        ("masks, clutter, intensities", Canvas, "add"),
        ("write targets into images", generator_module, "finish"),
        ("rows", Sample, "row"),
        ("encode PNG", job, "encode_png"),
        ("write files", OpenFolder, "write"),
    ]
    originals = [(owner, name, getattr(owner, name)) for _, owner, name in watched]
    for (title, owner, name), (_, _, original) in zip(watched, originals, strict=True):
        setattr(owner, name, clocked(original, title, spent))
    try:
        whole = timed(partial(write_dataset, generator, out, count))
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)
    shares = {title: spent[title] for title, _, _ in watched}
    return {**shares, "the rest (plans, JSON, checksums, journal, lists)": whole - sum(shares.values())}


def clocked(function: Callable[..., Any], title: str, spent: dict[str, float]) -> Callable[..., Any]:
    """`function` with its processor seconds added to ``spent[title]``."""

    def call(*args: Any, **kwargs: Any) -> Any:
        begun = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[title] += time.process_time() - begun

    return call


def machine() -> str:
    """The machine in words."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    return f"{model}, Python {platform.python_version()}, OpenCV {cv2.__version__}"


if __name__ == "__main__":
    main()
