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
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from sirstgen.errors import InvalidValue, OutputExists
from sirstgen.images import Gray, read_gray
from sirstgen.scenes.augmentation import augmented
from sirstgen.scenes.card import Figures, SceneCard, counted, figures
from sirstgen.scenes.checkpoint import FILE_NAME, SceneClassifier, load_weights, round_to_storage, save_classifier
from sirstgen.scenes.classify import mean_logits
from sirstgen.scenes.network import build_network
from sirstgen.scenes.preparation import covering_squares, normalised, relative_gray
from sirstgen.scenes.tree import LabelledFrame, read_tree, split_by_group
from sirstgen.seeding import stream

Progress = Callable[[int, int, float], None]
"""Called now and then with samples seen, samples in all, validation loss."""

_KEPT_SIDE = 192  # pixels; frames wait in memory at this shorter side, from which the crops are cut
_TEST_SHARE = 0.2
_VALIDATION_SHARE = 0.15
_RATE = 2e-3
_WEIGHT_DECAY = 0.02
_SMOOTHING = 0.05
_WARM_UP = 0.1
_LOOKS = 16  # at the validation frames, evenly over the run
_PATIENCE = 6  # looks without a better loss, then stop


def train_scenes(
    folder: Path | str,
    out: Path | str,
    *,
    validation: Path | str | None = None,
    test: Path | str | None = None,
    start: Path | str | None = None,
    seed: int = 0,
    samples: int = 24_000,
    batch: int = 48,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> SceneCard:
    """Train a scene network on a tree (`sirstgen.scenes.tree`) and write it with its model card.

    `out` gets ``scenes.safetensors`` (for `load_classifier`), ``card.json`` and ``README.md``. One thread is used, so
    that the weights depend on the tree and `seed` alone on one kind of machine. Every scene is drawn equally often, and
    within a scene a group in proportion to the square root of its frames, so that one long video does not rule.

    Args:
        folder: the tree; names of its folders are the scenes, at least 2.
        out: folder to write.
        validation: a tree of its own for stopping and temperature; without it a share of the groups of `folder`.
        test: a tree of its own to measure on; without it a share of the groups of `folder`.
        start: weights file to begin from; its last layer is kept where its scenes are those of the tree. A tree of a
            few dozen frames of one's own camera needs it.
        seed: non-negative whole number.
        samples: augmented squares to train on; about 200 a second on one core.
        batch: squares a step, at least 2.
        overwrite: replace what `out` holds.
        progress: told how far it is.

    Raises:
        InvalidValue: a setting that is not allowed, or a scene that cannot be split.
        InputFault: a tree or a frame that cannot be used.
        OutputExists: `out` is not empty.
    """
    folder, out = Path(folder), Path(out)
    if batch < 2 or samples < batch or seed < 0:
        raise InvalidValue(
            f"batch must be at least 2, samples at least one batch, seed not negative; got {batch}, {samples}, {seed}"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not overwrite:
        raise OutputExists(f"{out} is not empty; name another folder or ask to overwrite", path=str(out))
    parts = _parts(folder, validation, test, seed)
    scenes = tuple(sorted({frame.scene for frame in parts["train"]}))
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network(len(scenes))
        if start is not None:
            _begin_from(network, scenes, load_weights(Path(start)))
        held = {part: _Measured(parts[part], scenes) for part in ("validation", "test")}
        draw = _Sampler(parts["train"], scenes, seed)
        best_after = _fit(network, draw, held["validation"], samples, batch, progress)
        round_to_storage(network)
        temperature = _fit_temperature(held["validation"].logits(network), held["validation"].truth)
        classifier = SceneClassifier(network, scenes, temperature)
        frames, groups = counted(parts)
        card = SceneCard(
            scenes=scenes,
            parameters=sum(weight.numel() for weight in network.parameters()),
            seed=seed,
            start=None if start is None else hashlib.sha256(Path(start).read_bytes()).hexdigest(),
            samples=samples,
            best_after=best_after,
            temperature=temperature,
            frames=frames,
            groups=groups,
            validation=held["validation"].figures(classifier),
            test=held["test"].figures(classifier),
        )
    out.mkdir(parents=True, exist_ok=True)
    save_classifier(classifier, out / FILE_NAME)
    _write(out / "card.json", json.dumps(card.as_dict(), indent=1) + "\n")
    _write(out / "README.md", card.markdown())
    return card


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
    except InvalidValue as fault:
        raise fault.within(str(folder)) from None
    return {"train": train, "validation": parts["validation"], "test": parts["test"]}


def _begin_from(network: nn.Module, scenes: tuple[str, ...], start: SceneClassifier) -> None:
    """Copy the weights of `start`, but not its last layer where that tells other scenes apart."""
    weights = start.network.state_dict()
    if start.scenes != scenes:
        weights = {name: weight for name, weight in weights.items() if not name.startswith("classifier.")}
    network.load_state_dict(weights, strict=start.scenes == scenes)


class _Sampler:
    """Endless augmented training squares, every scene equally often."""

    def __init__(self, frames: list[LabelledFrame], scenes: tuple[str, ...], seed: int) -> None:
        self._images = [_kept(read_gray(frame.path)) for frame in frames]
        self._rng = stream(seed, "scenes", "samples")
        self._scenes = len(scenes)
        size = Counter((frame.scene, frame.group) for frame in frames)
        weight = np.array([size[frame.scene, frame.group] ** -0.5 for frame in frames])
        labels = np.array([scenes.index(frame.scene) for frame in frames])
        self._members = [np.flatnonzero(labels == scene) for scene in range(len(scenes))]
        self._weights = [weight[mine] / weight[mine].sum() for mine in self._members]

    def batch(self, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(size, 1, side, side) squares and their (size,) scene numbers."""
        rng = self._rng
        labels = (rng.permutation(size) + int(rng.integers(self._scenes))) % self._scenes
        chosen = [int(rng.choice(self._members[scene], p=self._weights[scene])) for scene in labels]
        squares = np.stack([augmented(relative_gray(self._images[number]), rng) for number in chosen])
        tensor = torch.from_numpy(normalised(squares)[:, None]).contiguous(memory_format=torch.channels_last)
        return tensor, torch.from_numpy(labels.astype(np.int64))


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


class _Measured:
    """Frames that are looked at whole, as `classify_images` does."""

    def __init__(self, frames: list[LabelledFrame], scenes: tuple[str, ...]) -> None:
        self._squares = [covering_squares(read_gray(frame.path)) for frame in frames]
        self.truth = torch.tensor([scenes.index(frame.scene) for frame in frames])

    def logits(self, network: nn.Module) -> torch.Tensor:
        """(n, classes)."""
        network.eval()
        return torch.cat([mean_logits(network, self._squares[i : i + 32]) for i in range(0, len(self._squares), 32)])

    def loss(self, network: nn.Module) -> float:
        """Cross entropy, the mean over scenes of the mean over their frames: rare scenes count like common ones."""
        each = functional.cross_entropy(self.logits(network), self.truth, reduction="none")
        return float(torch.stack([each[self.truth == scene].mean() for scene in set(self.truth.tolist())]).mean())

    def figures(self, classifier: SceneClassifier) -> Figures:
        """Accuracy, recall, confusion and calibration."""
        best, scene = torch.softmax(self.logits(classifier.network) / classifier.temperature, dim=1).max(dim=1)
        predicted: NDArray[np.int64] = scene.numpy()
        return figures(classifier.scenes, self.truth.numpy(), predicted, best.double().numpy())


def _fit(
    network: nn.Module, draw: _Sampler, held: _Measured, samples: int, batch: int, progress: Progress | None
) -> int:
    """Train in place, leave the weights with the lowest validation loss; returns after how many samples they came."""
    steps = samples // batch
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate_factor(step / steps))
    look_every = max(1, steps // _LOOKS)
    best_loss, best_step, waited = math.inf, 0, 0
    best = copy.deepcopy(network.state_dict())
    for step in range(1, steps + 1):
        network.train()
        squares, labels = draw.batch(batch)
        optimiser.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(network(squares), labels, label_smoothing=_SMOOTHING)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step % look_every and step != steps:
            continue
        held_loss = held.loss(network)
        if progress is not None:
            progress(step * batch, steps * batch, held_loss)
        waited += 1
        if held_loss < best_loss:
            best_loss, best_step, waited = held_loss, step, 0
            best = copy.deepcopy(network.state_dict())
        elif waited >= _PATIENCE:
            break
    network.load_state_dict(best)
    network.eval()
    return best_step * batch


def _rate_factor(done: float) -> float:
    """Of the learning rate: a linear rise, then half a cosine down to 2 %."""
    if done < _WARM_UP:
        return (done + 0.01) / (_WARM_UP + 0.01)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - _WARM_UP) / (1 - _WARM_UP))))


def _fit_temperature(logits: torch.Tensor, truth: torch.Tensor) -> float:
    """The temperature of 0.2 to 5, on a grid of 1 % steps, with the lowest cross entropy."""
    grid = torch.exp(torch.linspace(math.log(0.2), math.log(5.0), 324))
    losses = [float(functional.cross_entropy(logits / temperature, truth)) for temperature in grid]
    return round(float(grid[int(np.argmin(losses))]), 4)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch on one thread meanwhile: sums are then added in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _write(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
