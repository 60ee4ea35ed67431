"""F_scene (Fig. 7): which scene a background shows, and how sure that is.

The confidence is fitted on frames of unseen places and of unseen cameras: a little low on the former, a little high on
the latter. The model card beside the weights has the figures.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.scenes.checkpoint import SceneClassifier, load_weights
from sirstgen.scenes.labels import WEIGHTS
from sirstgen.scenes.network import SceneNetwork
from sirstgen.scenes.preparation import PreparedFrame, prepare

_BATCH = 32  # frames; throughput on one core is flat from 16 on


def load_classifier(path: Path | str | None = None) -> SceneClassifier:
    """Return the scene classifier stored at `path`, by default the one that ships with sirstgen (read once a process).

    Raises:
        InputError: the file is missing, cut off, damaged, or no scene weights.
    """
    return _shipped() if path is None else load_weights(Path(path))


@functools.cache
def _shipped() -> SceneClassifier:
    return load_weights(WEIGHTS)


def classify_images(
    images: Iterable[NDArray[Any]], classifier: SceneClassifier | None = None
) -> Iterator[tuple[str, float]]:
    """Yield scene and confidence of each image, in order; memory does not grow with the number of images.

    Args:
        images: each (H, W), uint8 or uint16, gray levels.
        classifier: default `load_classifier()`.

    Yields:
        Scene name, and its probability, 0 to 1.

    Raises:
        InvalidValueError: an image of another shape or dtype, counted from 0.
        InputError: the shipped weights are missing or damaged.
    """
    classifier = classifier or load_classifier()
    pending: list[PreparedFrame] = []
    for number, image in enumerate(images):
        try:
            pending.append(prepare(image))
        except InvalidValueError as fault:
            raise fault.within(f"image {number}") from None
        if len(pending) == _BATCH:
            yield from _decide(classifier, pending)
            pending.clear()
    if pending:
        yield from _decide(classifier, pending)


def describe(network: SceneNetwork, frames: Sequence[PreparedFrame]) -> torch.Tensor:
    """Return the descriptors of frames, (n, DESCRIPTORS)."""
    squares = torch.from_numpy(np.stack([frame.square for frame in frames])[:, None])
    statistics = torch.from_numpy(np.stack([frame.statistics for frame in frames]))
    with torch.inference_mode():
        return network.describe(squares.contiguous(memory_format=torch.channels_last), statistics)


def _decide(classifier: SceneClassifier, frames: Sequence[PreparedFrame]) -> Iterator[tuple[str, float]]:
    with torch.inference_mode():
        logits = classifier.network(describe(classifier.network, frames))
    best, scene = torch.softmax(logits / classifier.temperature, dim=1).max(dim=1)
    for confidence, index in zip(best.tolist(), scene.tolist(), strict=True):
        yield classifier.scenes[index], confidence
