"""What may decide the last bit of a pixel beside the recipe: versions of libraries and features of the processor."""

from __future__ import annotations

import platform
from functools import cache

import cv2
import isal
import numpy as np


@cache
def libraries() -> dict[str, str]:
    """Return versions and processor features; equal ones give equal bytes."""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
        "isal": isal.__version__,
        "cpu": f"{cv2.getCPUFeaturesLine()}; numpy {' '.join(simd.get('found', ()))}",
    }


def drawn_elsewhere(stated: object) -> str | None:
    """Return in what a dataset's ``libraries`` differ from those here; None where nothing does or nothing is stated."""
    if not isinstance(stated, dict):
        return None
    here = libraries()
    versions = [
        f"{name} {stated[name]}, here {here[name]}"
        for name in ("numpy", "opencv", "isal")
        if name in stated and stated[name] != here[name]
    ]
    if "cpu" in stated and stated["cpu"] != here["cpu"]:
        versions.append("another processor")
    return "; ".join(versions) or None
