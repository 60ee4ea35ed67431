"""The features of the processor that NumPy and OpenCV use, switched off one by one and one after another.

``python tests/making/processors.py`` writes small sets under every setting, compares them with those of this processor,
and prints the counts that ``docs/reliability.md`` has.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from sirstgen.files.images import read_gray

STAGES = {
    "share_outside_top10": None,
    "stages": {
        "point_spread": {"sigma": {"between": [0.3, 0.6]}},
        "undershoot": {"depth": [0, 0.3]},
        "extra_gaussians": {"count": [0, 1, 3]},
        "mask_jitter": {"deviation": 0.1},
        "sensor_noise": {"sigma": 1.5},
        "codec": {"share": 0.6, "quality": 60},
    },
}
SETS: dict[str, tuple[list[str], Mapping[str, Any] | None]] = {
    "builtin": ([], None),
    "procedural": (["--backgrounds", "procedural"], None),
    "stages": ([], STAGES),
}
"""Arguments and recipe of each set."""


def settings() -> dict[str, dict[str, str]]:
    """Return the environment of every setting, by name: each feature alone, then more and more of them."""
    numpy, opencv = _features()
    found: dict[str, dict[str, str]] = {}
    for variable, names, comma in (("NPY_DISABLE_CPU_FEATURES", numpy, " "), ("OPENCV_CPU_DISABLE", opencv, ",")):
        for name in names:
            found[f"{variable.partition('_')[0]} without {name}"] = {variable: name}
        for first in range(len(names) - 2, -1, -1):
            off = names[first:]
            found[f"{variable.partition('_')[0]} without {', '.join(off)}"] = {variable: comma.join(off)}
    return found | {"both without all": without_features()}


def without_features() -> dict[str, str]:
    """Return settings of NumPy and OpenCV under which they use the features that every x86-64 processor has."""
    numpy, opencv = _features()
    return {"NPY_DISABLE_CPU_FEATURES": " ".join(numpy), "OPENCV_CPU_DISABLE": ",".join(opencv)}


def _features() -> tuple[list[str], list[str]]:
    """The features that NumPy and OpenCV choose between on this processor."""
    core = np._core._multiarray_umath  # type: ignore[attr-defined]
    numpy = [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]
    opencv = [name.strip("*?") for name in cv2.getCPUFeaturesLine().split() if name[0] == "*" and name[-1] != "?"]
    return numpy, opencv


@dataclass(frozen=True)
class Difference:
    """How two sets differ.

    Attributes:
        images: files of images and masks with another pixel.
        pixels: pixels of those images that differ.
        levels: the largest difference of a pixel, gray levels.
        lines: lines of ``targets.jsonl`` that differ.
    """

    images: int
    pixels: int
    levels: int
    lines: int


def write_set(out: Path, name: str, environment: Mapping[str, str], count: int = 12, size: int = 128) -> Path:
    """Write a set of `SETS` in a process with the features switched off that `environment` names; return its folder."""
    arguments, recipe = SETS[name]
    words = ["synth", "--n", str(count), "--seed", "5", "--workers", "1", "--size", str(size), *arguments]
    if recipe is not None:
        file = out.with_suffix(".yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(recipe))
        words += ["--recipe", str(file)]
    command = [sys.executable, "-m", "sirstgen", *words, "--out", str(out), "--quiet"]
    subprocess.run(command, env=os.environ | environment, check=True)
    return out


def difference(one: Path, other: Path) -> Difference:
    """Compare the pixels of all images and masks and the lines of ``targets.jsonl`` of two sets."""
    apart = {
        path: np.abs(read_gray(path).astype(int) - read_gray(other / path.relative_to(one)))
        for path in sorted(one.glob("*/*.png"))
    }
    lines = [(folder / "targets.jsonl").read_text().splitlines() for folder in (one, other)]
    return Difference(
        sum(bool(found.any()) for found in apart.values()),
        sum(int(np.count_nonzero(found)) for found in apart.values()),
        max(int(found.max()) for found in apart.values()),
        sum(json.loads(ours) != json.loads(theirs) for ours, theirs in zip(*lines, strict=True)),
    )


def main() -> None:
    """Print how every set differs under every setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=12)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--set", action="append", choices=list(SETS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.set or SETS:
            here = write_set(Path(scratch) / "here" / name, name, {}, options.n, options.size)
            total = options.n * options.size**2
            for number, (title, environment) in enumerate(settings().items()):
                there = write_set(Path(scratch) / str(number) / name, name, environment, options.n, options.size)
                found = difference(here, there)
                print(f"{name}; {title}: {found} of {options.n} images, {total} pixels", flush=True)


if __name__ == "__main__":
    main()
