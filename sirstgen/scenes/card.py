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
        """The confusion matrix in Markdown, recall in the last column."""
        head = ["true \\ predicted", *self.scenes, "recall"]
        rows = [head, ["---"] * len(head)]
        for scene, counts in zip(self.scenes, self.confusion, strict=True):
            recall = self.recall[scene]
            rows.append([scene, *map(str, counts), "-" if recall is None else f"{recall:.3f}"])
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def figures(
    scenes: Sequence[str], truth: NDArray[np.int64], predicted: NDArray[np.int64], confidence: NDArray[np.float64]
) -> Figures:
    """Figures from true and predicted scene numbers (n,) and the confidence (n,) of each frame, n at least 1."""
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
        seed: of the run.
        start: SHA-256 of the weights file that the CNN began from; None: random weights.
        samples: augmented squares seen in training.
        best_after: number of them after which the validation loss was lowest; those weights were kept.
        cnn_share: factor of the CNN's logits, fitted on the validation frames.
        temperature: of the softmax, fitted on the validation frames.
        frames: by part (train, validation, test) and scene: number of frames.
        groups: the same, number of groups.
        validation: figures on the frames that chose the weights and the temperature, before the head learned from
            them too.
        test: figures on the frames that chose nothing.
    """

    scenes: tuple[str, ...]
    parameters: int
    seed: int
    start: str | None
    samples: int
    best_after: int
    cnn_share: float
    temperature: float
    frames: dict[str, dict[str, int]]
    groups: dict[str, dict[str, int]]
    validation: Figures
    test: Figures

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it."""
        return asdict(self)

    def markdown(self) -> str:
        """The model card."""
        rows = ["| scene | " + " | ".join(f"{part}: frames (groups)" for part in self.frames) + " |"]
        rows.append("|---" * (len(self.frames) + 1) + "|")
        for scene in self.scenes:
            cells = [f"{self.frames[part].get(scene, 0)} ({self.groups[part].get(scene, 0)})" for part in self.frames]
            rows.append(f"| {scene} | " + " | ".join(cells) + " |")
        test = self.test
        return "\n".join(
            [
                "# Scene network",
                "",
                f"A small DenseNet and a head on statistics of the frame, together {self.parameters:,} parameters.",
                f"Scenes: {', '.join(self.scenes)}. Trained by `sirstgen scenes train` with seed {self.seed}, "
                f"{self.samples:,} augmented squares (weights kept after {self.best_after:,}).",
                f"CNN share {self.cnn_share:.2f}, softmax temperature {self.temperature:.3f}. The CNN began from "
                + ("random weights." if self.start is None else f"weights {self.start}."),
                "",
                "## Trained on",
                "",
                *rows,
                "",
                "## Measured on the test frames",
                "",
                f"Accuracy {test.accuracy:.3f}, mean recall {test.balanced_accuracy:.3f}, "
                f"expected calibration error {test.calibration_error:.3f}.",
                "",
                test.table(),
                "",
            ]
        )


def counted(parts: dict[str, list[LabelledFrame]]) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """Numbers of frames and of groups by part and scene."""
    frames = {part: dict(sorted(Counter(f.scene for f in found).items())) for part, found in parts.items()}
    pairs = {part: {(f.scene, f.group) for f in found} for part, found in parts.items()}
    groups = {part: dict(sorted(Counter(scene for scene, _ in found).items())) for part, found in pairs.items()}
    return frames, groups
