"""Training of the scene network on a folder-per-scene tree: what `sirstgen scenes train` does.

Only the linear layer is trained, so it takes a pass over the frames and a few seconds. Figures and confidence come from
cross-validation over groups: every frame is measured by a network that has seen no frame of its place.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from sirstgen.errors import InputError, InvalidValueError, OutputExistsError
from sirstgen.files.atomic import write_file
from sirstgen.files.decoding import read_levels
from sirstgen.files.gray_scale import Gray, scale_of_files
from sirstgen.files.image_files import warn_of_mixed_depths
from sirstgen.files.input_files import MAX_IMAGE_BYTES, read_bytes
from sirstgen.files.output import output_folder, refuse_overlap
from sirstgen.scenes.card import Figures, SceneCard, counted, figures
from sirstgen.scenes.checkpoint import FILE_NAME, SceneClassifier, load_weights, round_to_storage, save_classifier
from sirstgen.scenes.classify import describe, load_classifier
from sirstgen.scenes.network import DESCRIPTORS, SceneNetwork
from sirstgen.scenes.preparation import PreparedFrame, prepare
from sirstgen.scenes.tree import LabelledFrame, folds_by_group, read_tree

Progress = Callable[[int, int], None]
"""Called with the number of frames looked at, and how many there are."""

Numbers = NDArray[np.float64]

FOLDS = 5
_CARD, _README = "card.json", "README.md"
_STRENGTH = 0.03  # inverse of the penalty on the squared weights, as scikit-learn has it
_LEAST_SPREAD = 0.01
_BATCH = 16
_TEMPERATURES = np.geomspace(0.2, 5.0, 161)


def train_scenes(
    folder: Path | str,
    out: Path | str,
    *,
    test: Path | str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SceneCard:
    """Train a scene network on a tree (`sirstgen.scenes.tree`) and write it with its model card.

    `out` gets ``scenes.safetensors`` (for `load_classifier`), ``card.json`` and ``README.md``. The result depends on
    the tree alone. A frame weighs one over the square root of the frames of its group, and scenes likewise, so that
    neither a common scene nor one long video rules.

    Args:
        folder: the tree; names of its folders are the scenes, at least 2, each of at least 2 groups.
        out: folder to write.
        test: a tree of its own to measure on as well.
        overwrite: replace the training that `out` holds, at the end; files of the user stay.
        progress: called as the work advances.

    Raises:
        InvalidValueError: a scene of one group.
        InputError: a tree or a frame that cannot be used.
        OutputExistsError: `out` is not empty, or holds something else than a training.
    """
    folder, out = Path(folder), Path(out)
    refuse_overlap(out, folder, test)
    with output_folder(out, _owned_files, overwrite=overwrite, staged=True) as output:
        card, classifier = _train(folder, test, progress)
        save_classifier(classifier, output.work / FILE_NAME)
        write_file(output.work / _CARD, json.dumps(card.to_dict(), indent=1) + "\n")
        write_file(output.work / _README, card.markdown())
    return card


def _owned_files(folder: Path) -> set[str]:
    """Return the files of an earlier training in `folder`; see `sirstgen.files.output.Owned`."""
    try:
        load_weights(folder / FILE_NAME)
        card = folder / _README
        ours = not card.exists() or card.read_text(encoding="utf-8").startswith("# Scene network\n")
    except (InputError, OSError, ValueError):
        ours = False
    if not ours:
        raise OutputExistsError(f"{folder}: holds something else than a training of scenes; choose another --out")
    return {FILE_NAME, _CARD, _README}


def _train(folder: Path, test: Path | str | None, progress: Progress | None) -> tuple[SceneCard, SceneClassifier]:
    frames = read_tree(folder)
    scenes = tuple(sorted({frame.scene for frame in frames}))
    others = [] if test is None else read_tree(test, scenes)
    groups = [frame.group for frame in frames]
    try:
        folds = folds_by_group([frame.scene for frame in frames], groups, FOLDS)
    except InvalidValueError as fault:
        raise fault.within(str(folder)) from None
    known, total = len(frames), len(frames) + len(others)
    own = descriptors(_images(folder, frames), progress and (lambda done: progress(done, total)))
    foreign = descriptors(_images(Path(test or ""), others), progress and (lambda done: progress(known + done, total)))
    truth = np.array([scenes.index(frame.scene) for frame in [*frames, *others]], dtype=np.int64)
    own_truth = truth[:known]
    logits = cross_validated(own, own_truth, groups, folds, len(scenes))
    temperature = fitted_temperature(logits, own_truth)
    network = fitted(own, own_truth, groups)
    names, numbers = counted(frames)
    card = SceneCard(
        scenes=scenes,
        parameters=sum(weight.numel() for weight in network.parameters()),
        temperature=temperature,
        folds=FOLDS,
        frames=names,
        groups=numbers,
        measured=measured(scenes, logits, own_truth, temperature),
        test=measured(scenes, answered(network, foreign), truth[known:], temperature) if others else None,
    )
    return card, SceneClassifier(network, scenes, temperature)


def _images(folder: Path, frames: Sequence[LabelledFrame]) -> Iterator[Gray]:
    """Return the frames of a tree on the one gray scale that follows from all of them."""
    reading = ((frame.path, partial(read_bytes, frame.path, MAX_IMAGE_BYTES)) for frame in frames)
    scale = scale_of_files(reading, headroom=True)  # as in a folder of backgrounds
    bits: dict[str, int] = {}
    for frame in frames:
        image = scale.apply(read_levels(frame.path))
        bits[frame.path.relative_to(folder).as_posix()] = 8 * image.dtype.itemsize
        yield image
    warn_of_mixed_depths(folder, bits)


def descriptors(
    images: Iterable[Gray], progress: Callable[[int], None] | None = None, network: SceneNetwork | None = None
) -> Numbers:
    """Return the descriptors of frames, (n, DESCRIPTORS), by a network's backbone; by default the shipped one."""
    network = network or load_classifier().network
    parts: list[NDArray[np.float32]] = []
    pending: list[PreparedFrame] = []
    number = 0
    for number, image in enumerate(images, start=1):
        pending.append(prepare(image))
        if len(pending) == _BATCH:
            parts.append(describe(network, pending).numpy())
            pending.clear()
        if progress is not None:
            progress(number)
    if pending:
        parts.append(describe(network, pending).numpy())
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros((0, DESCRIPTORS))


def fitted(found: Numbers, truth: NDArray[np.int64], groups: Sequence[str]) -> SceneNetwork:
    """Return a network whose linear layer is the multinomial logistic regression on these frames, rounded to storage.

    Args:
        found: (n, DESCRIPTORS).
        truth: (n,) scene numbers, each at least once.
        groups: of each frame.
    """
    return with_layer(*regression(found, truth, groups), load_classifier().network)


def with_layer(
    center: Numbers, spread: Numbers, weight: Numbers, bias: Numbers, backbone: SceneNetwork
) -> SceneNetwork:
    """Return a network of the backbone of `backbone` and this linear layer, rounded to storage.

    Args:
        center: mean of each descriptor, (DESCRIPTORS,).
        spread: what each is divided by, (DESCRIPTORS,).
        weight: (classes, DESCRIPTORS), of the standardised descriptors.
        bias: (classes,).
        backbone: its linear layer is not used.
    """
    network = SceneNetwork(len(weight)).eval()
    network.backbone.load_state_dict(backbone.backbone.state_dict())
    with torch.no_grad():
        network.center.copy_(torch.from_numpy(center))
        network.spread.copy_(torch.from_numpy(spread))
        network.answer.weight.copy_(torch.from_numpy(weight))
        network.answer.bias.copy_(torch.from_numpy(bias))
    round_to_storage(network)
    return network


def answered(network: SceneNetwork, found: Numbers) -> Numbers:
    """Return (n, classes) logits of the network."""
    with torch.inference_mode():
        return np.asarray(network(torch.from_numpy(found.astype(np.float32))).numpy(), dtype=np.float64)


def cross_validated(
    found: Numbers,
    truth: NDArray[np.int64],
    groups: Sequence[str],
    folds: Sequence[int],
    classes: int,
) -> Numbers:
    """Return (n, classes) logits of each frame by a regression that saw no frame of its fold.

    Args:
        found: (n, DESCRIPTORS).
        truth: (n,) scene numbers.
        groups: of each frame.
        folds: of each frame.
        classes: number of scenes.
    """
    fold = np.array(folds)
    logits = np.full((len(found), classes), -30.0)
    for number in sorted(set(folds)):
        held = fold == number
        kept = ~held
        own = [group for group, seen in zip(groups, kept, strict=True) if seen]
        center, spread, weight, bias = regression(found[kept], truth[kept], own)
        seen = sorted(set(truth[kept].tolist()))
        logits[np.ix_(held, seen)] = ((found[held] - center) / spread) @ weight.T + bias
    return logits


def fitted_temperature(logits: Numbers, truth: NDArray[np.int64]) -> float:
    """Return the temperature with the lowest cross entropy on (n, classes) logits (Guo et al., ICML 2017)."""
    answers, scenes = torch.from_numpy(logits), torch.from_numpy(truth)
    losses = [float(functional.cross_entropy(answers / temperature, scenes)) for temperature in _TEMPERATURES]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 4)


def probabilities(logits: Numbers, temperature: float) -> Numbers:
    """Return the softmax of (n, classes) logits over a temperature."""
    return np.asarray(torch.softmax(torch.from_numpy(logits / temperature), dim=1).numpy())


def measured(scenes: Sequence[str], logits: Numbers, truth: NDArray[np.int64], temperature: float) -> Figures:
    """Return figures of (n, classes) logits."""
    found = probabilities(logits, temperature)
    return figures(scenes, truth, found.argmax(axis=1).astype(np.int64), found.max(axis=1))


def regression(
    found: Numbers, truth: NDArray[np.int64], groups: Sequence[str]
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Return center and spread of the descriptors, weights (classes, DESCRIPTORS) and biases of the regression.

    Args:
        found: (n, DESCRIPTORS).
        truth: (n,) scene numbers.
        groups: of each frame.
    """
    from sklearn.linear_model import LogisticRegression

    size = Counter(zip(truth.tolist(), groups, strict=True))
    share = np.array([size[pair] ** -0.5 for pair in zip(truth.tolist(), groups, strict=True)])
    share /= np.sqrt(np.bincount(truth, weights=share))[truth]
    center, spread = found.mean(axis=0), found.std(axis=0) + _LEAST_SPREAD
    model = LogisticRegression(C=_STRENGTH, max_iter=1000)
    model.fit((found - center) / spread, truth, sample_weight=share / share.mean())
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # scikit-learn has one row for two classes
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return center, spread, weight, bias
