"""The same bytes with the features of the processor switched off: what another processor would draw."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from sirstgen.files.images import read_gray


def without_features() -> dict[str, str]:
    """Settings of NumPy and OpenCV under which they use the features that every x86-64 processor has."""
    core = np._core._multiarray_umath  # type: ignore[attr-defined]
    numpy = [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]
    opencv = [name[1:] for name in cv2.getCPUFeaturesLine().split() if name[0] == "*" and name[-1] != "?"]
    return {"NPY_DISABLE_CPU_FEATURES": " ".join(numpy), "OPENCV_CPU_DISABLE": ",".join(opencv)}


def synth(out: Path, backgrounds: str, settings: dict[str, str]) -> Path:
    words = ["synth", "--n", "12", "--seed", "5", "--workers", "1", "--backgrounds", backgrounds, "--out", str(out)]
    command = [sys.executable, "-m", "sirstgen", *words, "--quiet", "--size", "128"]
    subprocess.run(command, env=os.environ | settings, check=True)
    return out


@pytest.mark.slow
@pytest.mark.parametrize("backgrounds", ["builtin", "procedural"])
def test_bytes_do_not_depend_on_the_processor(tmp_path: Path, backgrounds: str) -> None:
    here = synth(tmp_path / "here" / "set", backgrounds, {})
    there = synth(tmp_path / "there" / "set", backgrounds, without_features())
    assert (here / "targets.jsonl").read_bytes() == (there / "targets.jsonl").read_bytes() or backgrounds != "builtin"
    for path in sorted(here.glob("*/*.png")):
        other = there / path.relative_to(here)
        if backgrounds == "builtin":
            assert path.read_bytes() == other.read_bytes(), path.name
        else:  # formulas in float32: a pixel in 50,000 by one level
            apart = np.abs(read_gray(path).astype(int) - read_gray(other))
            assert apart.max() <= 3 and np.count_nonzero(apart) <= 0.01 * apart.size
