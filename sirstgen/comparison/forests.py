"""Two-sample tests: how well a random forest separates the rows of two sets, on frames that it was not trained on.

An AUC of 0.5 means that it cannot, 1 that it always can. Rows of one group of frames are always in one fold, or the
forest would recognise the background instead of the set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sirstgen.comparison.tables import Table

FOLDS = 5
_ABSENT = -1e3  # in place of NaN: a forest splits such rows off


@dataclass(frozen=True)
class Forest:
    """How the forests of the tests are grown.

    Args:
        trees: in each fold's forest.
        leaf: rows that a leaf holds at least.
        workers: threads.
    """

    trees: int = 200
    leaf: int = 3
    workers: int = 1


@dataclass(frozen=True)
class Separation:
    """What a test found.

    Args:
        auc: mean over the folds.
        candidate_scores: (n,) probability of being the candidate's, for each of the candidate's rows; each from a
            forest that has not seen the row's group. NaN for rows left out to balance the sets.
        reference_scores: (m,) the same for the reference's rows.
        importances: (k,) share of each column in the forests' decisions.
    """

    auc: float
    candidate_scores: NDArray[np.float64]
    reference_scores: NDArray[np.float64]
    importances: NDArray[np.float64]


def separate(
    candidate: Table,
    reference: Table,
    candidate_groups: Sequence[str],
    reference_groups: Sequence[str],
    forest: Forest,
    draw: np.random.Generator,
) -> Separation:
    """Separate the rows of two tables in five folds.

    The set with rows in more frames gives up frames, drawn at random, until both have equally many.

    Args:
        candidate, reference: tables of equal columns, each with rows in at least 5 frames.
        candidate_groups, reference_groups: the group of each frame of the set.
        forest: size of the forests.
        draw: which frames are left out, how the folds are made, how the trees grow.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold

    values = np.concatenate([candidate.values, reference.values])
    values = np.where(np.isfinite(values), values, _ABSENT)
    label = np.repeat([1, 0], [len(candidate), len(reference)])
    groups = np.array(
        [candidate_groups[at] for at in candidate.frame] + [reference_groups[at] for at in reference.frame]
    )
    rows = _balanced(candidate, reference, draw)
    scores = np.full(len(values), np.nan)
    importances = np.zeros(values.shape[1])
    aucs = []
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=_state(draw))
    for training, test in folds.split(values[rows], label[rows], groups[rows]):
        grown = RandomForestClassifier(
            forest.trees,
            min_samples_leaf=forest.leaf,
            max_features="sqrt",
            class_weight="balanced",
            n_jobs=forest.workers,
            random_state=_state(draw),
        ).fit(values[rows[training]], label[rows[training]])
        if len(grown.classes_) < 2:
            continue
        importances += grown.feature_importances_
        # Threads add up the trees' votes in any order; rounding makes equal what differs in the last digit only.
        scores[rows[test]] = grown.predict_proba(values[rows[test]])[:, 1].round(9)
        if 0 < label[rows[test]].mean() < 1:
            aucs.append(float(roc_auc_score(label[rows[test]], scores[rows[test]])))
    return Separation(
        auc=float(np.mean(aucs)) if aucs else float("nan"),
        candidate_scores=scores[: len(candidate)],
        reference_scores=scores[len(candidate) :],
        importances=importances / max(importances.sum(), 1e-12),
    )


def _balanced(candidate: Table, reference: Table, draw: np.random.Generator) -> NDArray[np.int64]:
    """Return the rows of equally many frames of both sets, as indices into the two tables one after the other."""
    frames = [np.unique(table.frame) for table in (candidate, reference)]
    count = min(map(len, frames))
    kept = [
        np.isin(table.frame, draw.permutation(own)[:count])
        for table, own in zip((candidate, reference), frames, strict=True)
    ]
    return np.flatnonzero(np.concatenate(kept))


def _state(draw: np.random.Generator) -> int:
    return int(draw.integers(2**31))
