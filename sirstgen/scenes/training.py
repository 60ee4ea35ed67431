"""Training of the scene network on a folder-per-scene tree: what `sirstgen scenes train` does.

Frames are split by group, never by frame. The validation part chooses when to stop and the softmax temperature; the
test part chooses nothing and gives the figures of the model card.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sirstgen.atomic import write_file
from sirstgen.errors import InputError, InvalidValueError, OutputExistsError
from sirstgen.output import output_folder, refuse_overlap
from sirstgen.scenes.card import SceneCard, counted
from sirstgen.scenes.checkpoint import FILE_NAME, SceneClassifier, load_weights, round_to_storage, save_classifier
from sirstgen.scenes.frames import HeldFrames, TrainingFrames, labels_and_chances
from sirstgen.scenes.network import SceneNetwork, StatisticsHead, build_network
from sirstgen.scenes.tree import LabelledFrame, read_tree, split_by_group
from sirstgen.seeding import stream

Progress = Callable[[int, int, float], None]
"""Called now and then with samples seen, samples in all, validation loss."""

_CARD, _README = "card.json", "README.md"

_TEST_SHARE = 0.2
_VALIDATION_SHARE = 0.15
_RATE = 2e-3
_WEIGHT_DECAY = 0.02
_SMOOTHING = 0.05
_MEMORY = (
    0.98  # of the running mean of the weights, a step; smooths what the few validation frames would choose by chance
)
_WARM_UP = 0.1
_MOST_HEAD_STEPS, _HEAD_BATCH, _HEAD_NOISE = 800, 128, 0.3  # noise in standard deviations of each statistic
_HEAD_RATE, _HEAD_WEIGHT_DECAY = 3e-3, 0.1
_LOOKS = 16  # at the validation frames, evenly over the run
_PATIENCE = 4  # looks without a better loss, then stop; counted in the second half, when the rate falls


def train_scenes(
    folder: Path | str,
    out: Path | str,
    *,
    validation: Path | str | None = None,
    test: Path | str | None = None,
    start: Path | str | None = None,
    seed: int = 0,
    samples: int = 24_000,
    batch: int = 32,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SceneCard:
    """Train a scene network on a tree (`sirstgen.scenes.tree`) and write it with its model card.

    `out` gets ``scenes.safetensors`` (for `load_classifier`), ``card.json`` and ``README.md``. One thread is used, so
    that the weights depend on the tree and `seed` alone on one kind of machine. Scenes and groups are drawn in
    proportion to the square root of their frames, so that neither a common scene nor one long video rules.

    Args:
        folder: the tree; names of its folders are the scenes, at least 2.
        out: folder to write.
        validation: a tree of its own for stopping and temperature; without it a share of the groups of `folder`.
        test: a tree of its own to measure on; without it a share of the groups of `folder`.
        start: weights file whose CNN to begin from; its last layer is kept where its scenes are those of the tree. The
            head on the statistics is always fitted anew.
        seed: non-negative whole number.
        samples: augmented squares to train the CNN on, about 300 a second on one core; the head takes one step for ten
            of them, at most 800.
        batch: squares a step, at least 2.
        overwrite: replace the training that `out` holds, at the end; files of the user stay.
        progress: told how far it is.

    Raises:
        InvalidValueError: a setting that is not allowed, or a scene that cannot be split.
        InputError: a tree or a frame that cannot be used.
        OutputExistsError: `out` is not empty, or holds something else than a training.
    """
    folder, out = Path(folder), Path(out)
    if batch < 2 or samples < batch or seed < 0:
        raise InvalidValueError(
            f"batch must be at least 2, samples at least one batch, seed not negative; got {batch}, {samples}, {seed}"
        )
    refuse_overlap(out, folder, validation, test, start)
    with output_folder(out, _owned_files, overwrite=overwrite, staged=True) as output:
        card, classifier = _train(folder, validation, test, start, seed, samples, batch, progress)
        save_classifier(classifier, output.work / FILE_NAME)
        write_file(output.work / _CARD, json.dumps(card.to_dict(), indent=1) + "\n")
        write_file(output.work / _README, card.markdown())
    return card


def _owned_files(folder: Path) -> set[str]:
    """The files of an earlier training in `folder`; see `sirstgen.output.Owned`."""
    try:
        load_weights(folder / FILE_NAME)
        card = folder / _README
        ours = not card.exists() or card.read_text(encoding="utf-8").startswith("# Scene network\n")
    except (InputError, OSError, ValueError):
        ours = False
    if not ours:
        raise OutputExistsError(f"{folder}: holds something else than a training of scenes; choose another --out")
    return {FILE_NAME, _CARD, _README}


def _train(
    folder: Path,
    validation: Path | str | None,
    test: Path | str | None,
    start: Path | str | None,
    seed: int,
    samples: int,
    batch: int,
    progress: Progress | None,
) -> tuple[SceneCard, SceneClassifier]:
    parts = _parts(folder, validation, test, seed)
    scenes = tuple(sorted({frame.scene for frame in parts["train"]}))
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(len(scenes))
        if start is not None:
            _begin_from(network, scenes, load_weights(Path(start)))
        held = {part: HeldFrames(parts[part], scenes) for part in ("validation", "test")}
        train = TrainingFrames(parts["train"], scenes, seed)
        head_steps = max(1, min(samples // 10, _MOST_HEAD_STEPS))
        best_after = _fit_cnn(network, train, held["validation"], samples, batch, progress)
        network.head = _trained_head(parts["train"], train.statistics, scenes, seed, head_steps)
        round_to_storage(network)
        cnn_share, temperature = _fit_answer(network, held["validation"])
        classifier = SceneClassifier(network.eval(), scenes, cnn_share, temperature)
        on_validation = held["validation"].figures(classifier)
        # Groups are few and the head has nothing left to choose, so that now it learns from the validation frames too.
        statistics = torch.cat([train.statistics, held["validation"].statistics])
        network.head = _trained_head(parts["train"] + parts["validation"], statistics, scenes, seed, head_steps)
        round_to_storage(network.eval())
        frames, groups = counted(parts)
        card = SceneCard(
            scenes=scenes,
            parameters=sum(weight.numel() for weight in network.parameters()),
            seed=seed,
            start=None if start is None else hashlib.sha256(Path(start).read_bytes()).hexdigest(),
            samples=samples,
            best_after=best_after,
            cnn_share=cnn_share,
            temperature=temperature,
            frames=frames,
            groups=groups,
            validation=on_validation,
            test=held["test"].figures(classifier),
        )
    return card, classifier


def _parts(
    folder: Path, validation: Path | str | None, test: Path | str | None, seed: int
) -> dict[str, list[LabelledFrame]]:
    """The frames to train, to validate and to test on; no group is in two parts that come from one tree."""
    train = read_tree(folder)
    scenes = sorted({frame.scene for frame in train})
    parts: dict[str, list[LabelledFrame]] = {}
    try:
        for part, given, share in (("test", test, _TEST_SHARE), ("validation", validation, _VALIDATION_SHARE)):
            if given is not None:
                parts[part] = read_tree(given, scenes)
            else:
                train, parts[part] = split_by_group(train, share, stream(seed, "scenes", part))
    except InvalidValueError as fault:
        raise fault.within(str(folder)) from None
    return {"train": train, "validation": parts["validation"], "test": parts["test"]}


def _begin_from(network: SceneNetwork, scenes: tuple[str, ...], start: SceneClassifier) -> None:
    """Copy the CNN of `start`, but not its last layer where that tells other scenes apart."""
    weights = start.network.cnn.state_dict()
    if start.scenes != scenes:
        weights = {name: weight for name, weight in weights.items() if not name.startswith("classifier.")}
    network.cnn.load_state_dict(weights, strict=start.scenes == scenes)


def _fit_cnn(
    network: SceneNetwork,
    train: TrainingFrames,
    held: HeldFrames,
    samples: int,
    batch: int,
    progress: Progress | None,
) -> int:
    """Train the CNN in place; returns after how many samples the weights that it leaves came.

    What is looked at and left is the running mean of the weights with the lowest validation loss.
    """
    mean_of_weights = get_ema_multi_avg_fn(_MEMORY)  # type: ignore[no-untyped-call]
    averaged = AveragedModel(network, multi_avg_fn=mean_of_weights, use_buffers=True)
    steps = samples // batch
    optimiser = torch.optim.AdamW(network.cnn.parameters(), lr=_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate_factor(step / steps))
    look_every = max(1, steps // _LOOKS)
    best_loss, best_step, waited = math.inf, 0, 0
    best = copy.deepcopy(network.state_dict())
    for step in range(1, steps + 1):
        network.train()
        squares, labels = train.batch(batch)
        optimiser.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(network.cnn(squares), labels, label_smoothing=_SMOOTHING)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        averaged.update_parameters(network)
        if step % look_every and step != steps:
            continue
        held_loss = held.loss(held.logits(cast(SceneNetwork, averaged.module))[0])
        if progress is not None:
            progress(step * batch, steps * batch, held_loss)
        waited += step > steps // 2
        if held_loss < best_loss:
            best_loss, best_step, waited = held_loss, step, 0
            best = copy.deepcopy(averaged.module.state_dict())
        elif waited >= _PATIENCE:
            break
    network.load_state_dict(best)
    return best_step * batch


def _trained_head(
    frames: list[LabelledFrame], statistics: torch.Tensor, scenes: tuple[str, ...], seed: int, steps: int
) -> StatisticsHead:
    """A head trained on the (n, STATISTICS) of the frames; noise on them and dropout stand in for augmentation."""
    head = StatisticsHead(len(scenes))
    head.scale_by(statistics)
    values = head.standardised(statistics)
    labels, chances = labels_and_chances(frames, scenes)
    rng = stream(seed, "scenes", "head")
    for member in head.members:
        optimiser = torch.optim.AdamW(member.parameters(), lr=_HEAD_RATE, weight_decay=_HEAD_WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps)
        for _ in range(steps):
            chosen = torch.from_numpy(rng.choice(len(labels), _HEAD_BATCH, p=chances))
            noisy = values[chosen] + _HEAD_NOISE * torch.randn(_HEAD_BATCH, values.shape[1])
            optimiser.zero_grad(set_to_none=True)
            truth = torch.from_numpy(labels)[chosen]
            loss = functional.cross_entropy(member(noisy), truth, label_smoothing=_SMOOTHING)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return head


def _rate_factor(done: float) -> float:
    """Of the learning rate: a linear rise, then half a cosine down to 2 %."""
    if done < _WARM_UP:
        return (done + 0.01) / (_WARM_UP + 0.01)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - _WARM_UP) / (1 - _WARM_UP))))


def _fit_answer(network: SceneNetwork, held: HeldFrames) -> tuple[float, float]:
    """The CNN's share of 0 to 2 and the temperature of 0.2 to 5 with the lowest cross entropy on the held frames."""
    cnn, head = held.logits(network)
    losses = {
        (share / 20, temperature): float(functional.cross_entropy((share / 20 * cnn + head) / temperature, held.truth))
        for share in range(41)
        for temperature in np.round(np.geomspace(0.2, 5.0, 81), 4).tolist()
    }
    return min(losses, key=lambda answer: losses[answer])


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch on one thread meanwhile: sums are then added in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
