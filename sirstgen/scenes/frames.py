"""Labelled frames in memory: those that are drawn from in training, and those that are looked at whole."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from sirstgen.decoding import read_levels
from sirstgen.gray_scale import Gray, GrayScale, scale_of_files
from sirstgen.input_files import MAX_IMAGE_BYTES, read_bytes
from sirstgen.scenes.augmentation import augmented
from sirstgen.scenes.card import Figures, figures
from sirstgen.scenes.checkpoint import SceneClassifier
from sirstgen.scenes.classify import frame_logits, probabilities
from sirstgen.scenes.features import scene_statistics
from sirstgen.scenes.network import SceneNetwork
from sirstgen.scenes.preparation import normalised, prepare, relative_gray
from sirstgen.scenes.tree import LabelledFrame
from sirstgen.seeding import stream

_KEPT_SIDE = 192  # pixels; frames wait in memory at this shorter side, from which the crops are cut


def labels_and_chances(
    frames: list[LabelledFrame], scenes: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Scene number of each frame, and the chance to draw it in training.

    A chance is one over the square root of the frames of the group, and one over the square root of what that makes for
    the scene: halfway between every frame and every group or scene alike.
    """
    size = Counter((frame.scene, frame.group) for frame in frames)
    labels = np.array([scenes.index(frame.scene) for frame in frames], dtype=np.int64)
    weight = np.array([size[frame.scene, frame.group] ** -0.5 for frame in frames])
    weight /= np.sqrt(np.bincount(labels, weights=weight))[labels]
    return labels, weight / weight.sum()


class TrainingFrames:
    """The training part: augmented squares for the CNN, statistics of the whole frames for the head."""

    def __init__(self, frames: list[LabelledFrame], scenes: tuple[str, ...], seed: int) -> None:
        self._labels, self._chances = labels_and_chances(frames, scenes)
        self._images, statistics = [], []
        scale = _scale(frames)
        for frame in frames:
            image = scale.apply(read_levels(frame.path))
            statistics.append(scene_statistics(relative_gray(image)))
            self._images.append(_kept(image))
        self.statistics = torch.from_numpy(np.stack(statistics))
        self._rng = stream(seed, "scenes", "samples")

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(size, 1, side, side) squares and their (size,) scene numbers."""
        chosen = self._rng.choice(len(self._labels), size, p=self._chances)
        squares = np.stack([augmented(relative_gray(self._images[number]), self._rng) for number in chosen])
        tensor = torch.from_numpy(normalised(squares)[:, None]).contiguous(memory_format=torch.channels_last)
        return tensor, torch.from_numpy(self._labels[chosen])


def _scale(frames: list[LabelledFrame]) -> GrayScale:
    reading = ((frame.path, partial(read_bytes, frame.path, MAX_IMAGE_BYTES)) for frame in frames)
    return scale_of_files(reading, headroom=True)  # as in a folder of backgrounds


def _kept(image: Gray) -> Gray:
    """The frame no larger than training needs it."""
    height, width = image.shape
    scale = _KEPT_SIDE / min(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small: Any = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    gray: Gray = small
    return gray


class HeldFrames:
    """Frames that are looked at whole, as `classify_images` does."""

    def __init__(self, frames: list[LabelledFrame], scenes: tuple[str, ...]) -> None:
        scale = _scale(frames)
        self._frames = [prepare(scale.apply(read_levels(frame.path))) for frame in frames]
        self.statistics = torch.from_numpy(np.stack([frame.statistics for frame in self._frames]))
        self.truth = torch.tensor([scenes.index(frame.scene) for frame in frames])

    def logits(self, network: SceneNetwork) -> tuple[torch.Tensor, torch.Tensor]:
        """The CNN's and the head's, (n, classes) each."""
        network.eval()
        parts = [frame_logits(network, self._frames[i : i + 32]) for i in range(0, len(self._frames), 32)]
        cnn, head = zip(*parts, strict=True)
        return torch.cat(cnn), torch.cat(head)

    def loss(self, logits: torch.Tensor) -> float:
        """Cross entropy; a scene weighs as the square root of its frames: rare ones count, their chance less."""
        weight = torch.bincount(self.truth).double().rsqrt()[self.truth]
        each = functional.cross_entropy(logits.double(), self.truth, reduction="none")
        return float((each * weight).sum() / weight.sum())

    def figures(self, classifier: SceneClassifier) -> Figures:
        """Accuracy, recall, confusion and calibration."""
        best, scene = probabilities(classifier, *self.logits(classifier.network)).max(dim=1)
        predicted: NDArray[np.int64] = scene.numpy()
        return figures(classifier.scenes, self.truth.numpy(), predicted, best.double().numpy())
