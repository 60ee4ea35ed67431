"""torchvision, also where its compiled operators and torch's build do not match.

The wheel of torchvision on PyPI is linked against CUDA. Beside a CPU-only torch its compiled operators cannot be
loaded, and then ``import torchvision`` itself fails with "operator torchvision::nms does not exist" (pytorch/vision
issues 9077 and 9085), although models and transforms need none of them. Declaring the missing operators first lets
the import through; the compiled operators themselves (nms, roi_align, ...) still raise when they are called.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

import torch

# torch removes a declaration when its Library object is collected, so the module keeps these objects.
_declared: list[torch.library.Library] = []


def _operators_missing() -> bool:
    """Return whether torchvision's compiled operators are there and cannot be loaded into this torch."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return False  # no torchvision at all: the import below says so in the usual words
    compiled = [path for path in Path(spec.submodule_search_locations[0]).glob("_C*") if path.suffix in {".so", ".pyd"}]
    try:
        for path in compiled:
            torch.ops.load_library(str(path))
    except OSError:
        return True
    return False


def import_torchvision(module: str = "") -> ModuleType:
    """Return torchvision, or its part `module`, made importable beside any build of torch.

    Args:
        module: dotted name below ``torchvision`` (``"models"``, ``"transforms.v2"``, ``"tv_tensors"``); empty for the
            package itself.

    Raises:
        ImportError: torchvision is not installed, or there is no such part.
    """
    if not _declared and not hasattr(torch.ops.torchvision, "nms") and _operators_missing():
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)
    return importlib.import_module(f"torchvision.{module}" if module else "torchvision")
