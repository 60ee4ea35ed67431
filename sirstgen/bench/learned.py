"""A trained net as one more detector of a bench."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sirstgen.files.images import read_bytes

if TYPE_CHECKING:
    from sirstgen.detectors.detector import Detector
    from sirstgen.training.runtime import Runtime

_FULL_SCALE = 65535 / 255


@dataclass(frozen=True, eq=False)
class LearnedDetector:
    """The net of a checkpoint, on the CPU, at each image's own size; its map holds probabilities.

    Attributes:
        path: the checkpoint.
        name: the net's name and the first digits of the checkpoint's checksum, so that scores of other weights are
            distinguished when a bench is resumed.
        title: the same.
        citation: the checkpoint's last step.
        threshold: 0.5, at which the net was trained to decide (logit 0).
    """

    path: Path
    name: str
    title: str
    citation: str
    net: Detector = field(repr=False)
    hardware: Runtime = field(repr=False)
    threshold: float = 0.5

    @classmethod
    def load(cls, path: Path | str) -> LearnedDetector:
        """Read a checkpoint of a training; the same file is read once by a process.

        Raises:
            InputError: no such file, or not a whole checkpoint.
        """
        return _loaded(str(path))

    @property
    def is_dnanet(self) -> bool:
        """Whether its nodes can be drawn."""
        from sirstgen.detectors.dnanet import DNANet

        return isinstance(self.net, DNANet)

    def __call__(self, image: ArrayLike) -> NDArray[np.float32]:
        """Return the probability of each pixel (H, W) of an image (H, W) in gray levels 0..255."""
        from sirstgen.detect.detect import probabilities

        levels = np.asarray(image, np.float64)
        return probabilities(self.net, np.rint(levels * _FULL_SCALE).astype(np.uint16), self.hardware)

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker reads the checkpoint itself: weights are large, and are sent with every task otherwise.
        return _loaded, (str(self.path),)


@lru_cache(maxsize=8)
def _loaded(path: str) -> LearnedDetector:
    from sirstgen.detectors.detector import folded
    from sirstgen.training.checkpoint import Checkpoint
    from sirstgen.training.runtime import Runtime

    checkpoint = Checkpoint.load(Path(path))
    hardware = Runtime.of(checkpoint.settings, "cpu").for_inference()
    digest = hashlib.sha256(read_bytes(Path(path))).hexdigest()
    name = f"{checkpoint.settings.detector}-{digest[:8]}"
    return LearnedDetector(
        path=Path(path),
        name=name,
        title=name,
        citation=f"trained by sirstgen, {checkpoint.step} steps",
        net=hardware.place(folded(checkpoint.detector())),
        hardware=hardware,
    )
