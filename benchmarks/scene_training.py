"""Training of the scene network for `scenes.py`: a regression that uses what differs little between cameras."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sirstgen.scenes import training
from sirstgen.scenes.backbone import STAGES
from sirstgen.scenes.features import STATISTICS
from sirstgen.scenes.network import DESCRIPTORS
from sirstgen.scenes.training import Numbers

WEIGHTS = {"frame": 1.0, "copy": 0.25, "crop": 0.2}
DRAWN = 0.4  # weight of all procedural frames, relative to that of all real frames, copies and crops aside
STRENGTH = 0.0015  # inverse of the penalty on the squared weights, as scikit-learn has it
CAMERAS = 0.5  # variance between cameras that halves a direction's
COPIES = 3.0  # the same for the variance between a frame and its changed copies
LEAST_ROWS = 4  # of a scene and camera, for a mean of them
LEAST_SPREAD = 0.01
PLAIN = 0.25  # weight of the logits of the regression on all descriptors of the real frames alone
TONES = 10  # the statistics begin with them
TONES_SCALE = 2.0  # brightness is what makes a highlight scene


@dataclass(frozen=True)
class Rows:
    """What is trained on.

    Attributes:
        found: (n, DESCRIPTORS).
        kind: (n,) of ``frame``, ``copy``, ``crop``, ``drawn``; the real frames are first.
        scene: (n,) scene numbers.
        frame: (n,) the number of the real frame that is shown, -1 for procedural frames.
    """

    found: Numbers
    kind: NDArray[np.str_]
    scene: NDArray[np.int64]
    frame: NDArray[np.int64]

    def __getitem__(self, kept: NDArray[np.bool_]) -> Rows:
        return Rows(self.found[kept], self.kind[kept], self.scene[kept], self.frame[kept])


def scales() -> Numbers:
    """(DESCRIPTORS,): factor of each standardised descriptor, 0 where it is not used.

    Used are the means of the last stage over the upper and the lower half, and the statistics. Earlier stages differ
    more between cameras: with all descriptors fewer frames of unseen cameras are right.
    """
    factors = np.zeros(DESCRIPTORS)
    factors[-STATISTICS - 2 * STAGES[-1].channels :] = 1
    factors[-STATISTICS : DESCRIPTORS - STATISTICS + TONES] = TONES_SCALE
    return factors


def regression(rows: Rows, groups: Sequence[str], cameras: Sequence[str]) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Center and spread of the descriptors, weights (classes, DESCRIPTORS) and biases of the logistic regression.

    Before the regression each direction is divided by the root of one plus its variance between cameras (of the means
    of one scene), and between frames and their changed copies: within-class covariance normalisation (Hatch et al.,
    Interspeech 2006). A part of the regression that `sirstgen scenes train` makes of the real frames is added: it is
    more accurate on cameras that were trained on.

    Args:
        rows: every scene occurs.
        groups: of each real frame.
        cameras: of each real frame.
    """
    from sklearn.linear_model import LogisticRegression

    factors = scales()
    used = factors > 0
    center, spread = rows.found.mean(axis=0), rows.found.std(axis=0) + LEAST_SPREAD
    values = ((rows.found - center) / spread * factors)[:, used]
    camera = np.array([cameras[frame] if frame >= 0 else "drawn" for frame in rows.frame])
    variances, directions = np.linalg.eigh(_between_cameras(rows, values, camera) + _between_copies(rows, values))
    damping = (directions / np.sqrt(1 + np.maximum(variances, 0))) @ directions.T
    model = LogisticRegression(C=STRENGTH, max_iter=1000)
    model.fit(values @ damping, rows.scene, sample_weight=_weights(rows, groups, cameras))
    weight = np.zeros((len(model.classes_), DESCRIPTORS))
    weight[:, used] = model.coef_ @ damping * factors[used]
    bias = model.intercept_
    real = rows.kind == "frame"
    if real.any():
        own = [groups[frame] for frame in rows.frame[real]]
        middle, scale, plain, plain_bias = training.regression(rows.found[real], rows.scene[real], own)
        weight += PLAIN * plain * spread / scale
        bias = bias + PLAIN * (plain_bias + plain @ ((center - middle) / scale))
    return center, spread, weight, bias


def _between_cameras(rows: Rows, values: Numbers, camera: NDArray[np.str_]) -> Numbers:
    """Covariance of the means of one scene over cameras, summed over scenes, in units of `CAMERAS`."""
    covariance = np.zeros((values.shape[1],) * 2)
    for scene in np.unique(rows.scene):
        mine = [(rows.scene == scene) & (rows.kind != "crop") & (camera == name) for name in np.unique(camera)]
        means = np.array([values[some].mean(axis=0) for some in mine if some.sum() >= LEAST_ROWS])
        if len(means) > 1:
            covariance += np.cov(means.T) / 2
    return covariance / CAMERAS


def _between_copies(rows: Rows, values: Numbers) -> Numbers:
    """Mean square of the differences between copies and their frames, in units of `COPIES`."""
    place = np.zeros(rows.frame.max() + 2, dtype=int)
    place[rows.frame[rows.kind == "frame"]] = np.flatnonzero(rows.kind == "frame")
    copies = np.flatnonzero(rows.kind == "copy")
    if not len(copies):
        return np.zeros((values.shape[1],) * 2)
    differences = values[copies] - values[place[rows.frame[copies]]]
    return np.asarray(differences.T @ differences / len(copies) / COPIES)


def _weights(rows: Rows, groups: Sequence[str], cameras: Sequence[str]) -> Numbers:
    """Of each row: frames of large groups, of cameras with many frames of the scene and of common scenes weigh less."""
    real = rows.kind == "frame"
    frames = list(zip(rows.frame[real].tolist(), rows.scene[real].tolist(), strict=True))
    size = Counter((scene, groups[frame]) for frame, scene in frames)
    by_group = {frame: size[scene, groups[frame]] ** -0.5 for frame, scene in frames}
    total: Counter[tuple[int, str]] = Counter()
    for frame, scene in frames:
        total[scene, cameras[frame]] += by_group[frame]
    share = {frame: by_group[frame] * total[scene, cameras[frame]] ** -0.5 for frame, scene in frames}
    weights = np.array(
        [WEIGHTS.get(kind, 1.0) * share.get(frame, 1.0) for kind, frame in zip(rows.kind, rows.frame, strict=True)]
    )
    drawn = rows.kind == "drawn"
    if real.any() and drawn.any():
        weights[drawn] *= DRAWN * weights[real].sum() / weights[drawn].sum()
    weights /= np.sqrt(np.bincount(rows.scene, weights=weights))[rows.scene]
    return np.asarray(weights / weights.mean())


def held_out(rows: Rows, folds: Sequence[int], groups: Sequence[str], cameras: Sequence[str]) -> Numbers:
    """(real frames, classes) logits of each real frame by a regression that saw nothing of its fold."""
    fold = np.append(np.array(folds), -1)  # of procedural frames: none
    real = np.flatnonzero(rows.kind == "frame")
    logits = np.zeros((len(real), rows.scene.max() + 1))
    for number in sorted(set(folds)):
        center, spread, weight, bias = regression(rows[fold[rows.frame] != number], groups, cameras)
        held = fold[:-1] == number
        logits[held] = ((rows.found[real][held] - center) / spread) @ weight.T + bias
    return logits
