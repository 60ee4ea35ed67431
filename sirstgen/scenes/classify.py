"""F_scene (Fig. 7): which scene a background shows, and how sure that is.

The confidence is a calibrated probability on frames like those that the weights were measured on (see the model card
beside the weights). On frames of another camera it is too high; that is measured there too.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sirstgen.errors import InvalidValue
from sirstgen.scenes.checkpoint import FILE_NAME, SceneClassifier, load_weights
from sirstgen.scenes.preparation import covering_squares

_BATCH = 32  # frames; throughput on one core is flat from 16 on


def load_classifier(path: Path | str | None = None) -> SceneClassifier:
    """The scene classifier stored at `path`, by default the one that ships with sirstgen (read once a process).

    Raises:
        InputFault: the file is missing, cut off, damaged, or no scene weights.
    """
    return _shipped() if path is None else load_weights(Path(path))


@functools.cache
def _shipped() -> SceneClassifier:
    return load_weights(Path(__file__).parent / "weights" / FILE_NAME)


def classify_images(
    images: Iterable[NDArray[Any]], classifier: SceneClassifier | None = None
) -> Iterator[tuple[str, float]]:
    """Scene and confidence of each image, in order; memory does not grow with the number of images.

    ``softmax(mean over squares of logits / temperature)``: a frame that is not square is seen as several squares.

    Args:
        images: each (H, W), uint8 or uint16, gray levels.
        classifier: default `load_classifier()`.

    Yields:
        Scene name, and its probability, 0 to 1.

    Raises:
        InvalidValue: an image of another shape or dtype, counted from 0.
        InputFault: the shipped weights are missing or damaged.
    """
    classifier = classifier or load_classifier()
    pending: list[NDArray[np.float32]] = []
    for number, image in enumerate(images):
        try:
            pending.append(covering_squares(image))
        except InvalidValue as fault:
            raise fault.within(f"image {number}") from None
        if len(pending) == _BATCH:
            yield from _decide(classifier, pending)
            pending.clear()
    if pending:
        yield from _decide(classifier, pending)


def mean_logits(network: torch.nn.Module, frames: list[NDArray[np.float32]]) -> torch.Tensor:
    """(number of frames, classes) logits, each the mean over the squares (k, side, side) of its frame."""
    squares = torch.from_numpy(np.concatenate(frames)[:, None]).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        logits: torch.Tensor = network(squares)
    parts = torch.split(logits, [len(frame) for frame in frames])
    return torch.stack([part.mean(dim=0) for part in parts])


def _decide(classifier: SceneClassifier, frames: list[NDArray[np.float32]]) -> Iterator[tuple[str, float]]:
    probability = torch.softmax(mean_logits(classifier.network, frames) / classifier.temperature, dim=1)
    best, scene = probability.max(dim=1)
    for confidence, index in zip(best.tolist(), scene.tolist(), strict=True):
        yield classifier.scenes[index], confidence
