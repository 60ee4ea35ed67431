"""What a trained scene network was trained on and how well it does: figures, and the same as a model card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.scenes.tree import LabelledFrame


@dataclass(frozen=True)
class Figures:
    """How the network does on labelled frames.

    Attributes:
        scenes: names, in the order of the matrix.
        confusion: (true, predicted) counts.
        accuracy: share of the frames that are right.
        balanced_accuracy: mean recall of the scenes that occur.
        recall: by scene; None where it does not occur.
        calibration_error: expected calibration error over ten bins of confidence (Guo et al., ICML 2017, Eq. 3).
    """

    scenes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    accuracy: float
    balanced_accuracy: float
    recall: dict[str, float | None]
    calibration_error: float

    def table(self) -> str:
        """Return the confusion matrix in Markdown, recall in the last column."""
        head = ["true \\ predicted", *self.scenes, "recall"]
        rows = [head, ["---"] * len(head)]
        for scene, counts in zip(self.scenes, self.confusion, strict=True):
            recall = self.recall[scene]
            rows.append([scene, *map(str, counts), "-" if recall is None else f"{recall:.3f}"])
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def lines(self) -> list[str]:
        """Return the figures in a sentence, and the confusion matrix."""
        return [
            f"Accuracy {self.accuracy:.3f}, mean recall {self.balanced_accuracy:.3f}, "
            f"expected calibration error {self.calibration_error:.3f}.",
            "",
            self.table(),
        ]


def figures(
    scenes: Sequence[str], truth: NDArray[np.int64], predicted: NDArray[np.int64], confidence: NDArray[np.float64]
) -> Figures:
    """Return figures from true and predicted scene numbers (n,) and the confidence (n,) of each frame, n at least 1."""
    count = len(scenes)
    matrix = np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)
    totals = matrix.sum(axis=1)
    recall = {scene: float(matrix[i, i] / totals[i]) if totals[i] else None for i, scene in enumerate(scenes)}
    right = (truth == predicted).astype(float)
    bins = np.minimum((confidence * 10).astype(int), 9)
    gap = sum(abs(float(np.sum(right[bins == b] - confidence[bins == b]))) for b in range(10)) / len(truth)
    return Figures(
        scenes=tuple(scenes),
        confusion=tuple(tuple(int(n) for n in row) for row in matrix),
        accuracy=float(right.mean()),
        balanced_accuracy=float(np.mean([share for share in recall.values() if share is not None])),
        recall=recall,
        calibration_error=gap,
    )


@dataclass(frozen=True)
class SceneCard:
    """The record of one training run.

    Attributes:
        scenes: names, in the order of the network's outputs.
        parameters: number of weights.
        temperature: of the softmax, fitted on the answers of the cross-validation.
        folds: number of networks of the cross-validation.
        frames: number of frames by scene.
        groups: number of groups by scene.
        measured: figures on every frame, each by a network that had seen no frame of its group.
        test: figures on a tree of its own, where one was given.
    """

    scenes: tuple[str, ...]
    parameters: int
    temperature: float
    folds: int
    frames: dict[str, int]
    groups: dict[str, int]
    measured: Figures
    test: Figures | None

    def to_dict(self) -> dict[str, Any]:
        """Return everything, as JSON can hold it."""
        return asdict(self)

    def markdown(self) -> str:
        """Return the model card."""
        rows = ["| scene | frames | groups |", "|---|---|---|"]
        rows += [f"| {scene} | {self.frames[scene]} | {self.groups[scene]} |" for scene in self.scenes]
        lines = [
            "# Scene network",
            "",
            f"The first stages of EfficientNet-lite0, statistics of the frame and a linear layer: {self.parameters:,} "
            "parameters.",
            f"Scenes: {', '.join(self.scenes)}. Trained by `sirstgen scenes train`; softmax temperature "
            f"{self.temperature:.3f}.",
            "",
            "## Trained on",
            "",
            *rows,
            "",
            f"## Measured by cross-validation over groups, {self.folds} folds",
            "",
            *self.measured.lines(),
        ]
        if self.test is not None:
            lines += ["", "## Measured on the test frames", "", *self.test.lines()]
        return "\n".join([*lines, ""])


def counted(frames: Sequence[LabelledFrame]) -> tuple[dict[str, int], dict[str, int]]:
    """Return numbers of frames and of groups by scene."""
    groups = sorted({(frame.scene, frame.group) for frame in frames})
    return dict(Counter(sorted(frame.scene for frame in frames))), dict(Counter(scene for scene, _ in groups))
