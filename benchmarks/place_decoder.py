"""Training of the decoder of the place network for `places.py`, on features of its encoder that are computed once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from place_frames import NOT_SKY
from place_training import GROUP_EXPONENT, Batches, chances_of, loss_of
from torch import nn
from torch.nn import functional

from sirstgen.places.classes import GROUND, SKY, WATER
from sirstgen.places.network import FINE_STAGES, CoarseAnswer, PlaceNetwork, coarse_levels
from sirstgen.places.segment import as_input
from sirstgen.scenes.backbone import Backbone
from sirstgen.scenes.preparation import INPUT_SIDE as SIDE
from sirstgen.scenes.preparation import square

_BATCH = 16
_LEVELS = 80  # whole numbers a unit of input
_SPLIT = (40, 80, 112)  # channels of the three stages at 1/16
_CELLS = SIDE // 16
_DRAWN = 0.05  # weight of the procedural frames in the linear layer, of that of the real ones
_MORE_SKY = 0.62  # added to the logit of sky: the IoU at probability 0.5 is then largest in frames of unseen groups
_PENALTY = 0.01  # on the squared weights of the linear layer
_LEAST_SPREAD = 0.01
_REAL = 0.67  # share of frames with sky masks among the changed ones
_UNCHANGED = 0.3  # share of unchanged frames while the context is trained
_COARSE_RATE, _COARSE_BATCH = 2e-3, 64
_FINE_RATE = 4e-3


@dataclass(frozen=True)
class Part:
    """Frames of one fold, and what the encoder gives for them.

    Attributes:
        frames: (n, SIDE, SIDE) int8, the network's input times 80.
        places: (n, SIDE, SIDE) uint8.
        cells: (n, 232, 12, 12) float16, the three stages at 1/16.
        top: (n, 192, 6, 6) float16, the stage at 1/32.
        weight: (n,) float32, of each frame.
    """

    frames: torch.Tensor
    places: torch.Tensor
    cells: torch.Tensor
    top: torch.Tensor
    weight: torch.Tensor

    def levels(self, picked: torch.Tensor) -> list[torch.Tensor]:
        """What `coarse_levels` gives for some of the frames."""
        return [*self.cells[picked].float().split(_SPLIT, dim=1), self.top[picked].float()]


def joined(parts: Sequence[Part], shares: Sequence[float]) -> Part:
    """The frames of several parts, whose weights sum to `shares`."""
    weights = [share * part.weight / part.weight.sum() for part, share in zip(parts, shares, strict=True)]
    names = ("frames", "places", "cells", "top")
    return Part(*(torch.cat([getattr(part, name) for part in parts]) for name in names), torch.cat(weights))


def changed_part(pool: dict[str, NDArray[Any]], fold: int, count: int, encoder: Backbone) -> Part:
    """`count` changed frames; they are made of frames of the fold alone."""
    chances = chances_of(pool) * (pool["folds"] == fold)
    batches = Batches(pool, chances / chances.sum(), "cpu", 100 + fold)
    drawn = [batches.draw(_BATCH) for _ in range(count // _BATCH)]
    return _described([frames for frames, _ in drawn], [places for _, places in drawn], encoder)


def unchanged_part(pool: dict[str, NDArray[Any]], fold: int, encoder: Backbone) -> Part:
    """The frames of the fold as they are; of fold -1 the procedural ones alone, all with one weight."""
    kept = (pool["folds"] == fold) & ((fold >= 0) | (pool["datasets"] == "drawn"))
    frames = [torch.from_numpy(as_input(square(image)))[None] for image in pool["images"][kept]]
    small = [cv2.resize(places, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) for places in pool["places"][kept]]
    _, number, sizes = np.unique(pool["groups"][kept], return_inverse=True, return_counts=True)
    part = _described(frames, [torch.from_numpy(places)[None] for places in small], encoder)
    weight = torch.from_numpy(sizes[number].astype(np.float32) ** GROUP_EXPONENT)
    return Part(part.frames, part.places, part.cells, part.top, weight)


def _described(frames: Sequence[torch.Tensor], places: Sequence[torch.Tensor], encoder: Backbone) -> Part:
    found = []
    with torch.inference_mode():
        for batch in frames:
            *middle, top = coarse_levels(encoder(batch.contiguous(memory_format=torch.channels_last)))
            found.append((torch.cat(middle, dim=1).half().contiguous(), top.half().contiguous()))
    whole = torch.cat([(batch[:, 0] * _LEVELS).round().to(torch.int8) for batch in frames])
    cells, top = (torch.cat(part) for part in zip(*found, strict=True))
    return Part(whole, torch.cat([batch.to(torch.uint8) for batch in places]), cells, top, torch.ones(len(whole)))


def save_part(part: Part, path: Path) -> None:
    """Write the part; `load_part` reads it."""
    np.savez(path, **{name: tensor.numpy() for name, tensor in vars(part).items()})


def load_part(path: Path) -> Part:
    """The part in a file."""
    with np.load(path) as found:
        return Part(**{name: torch.from_numpy(values) for name, values in found.items()})


def train(
    network: PlaceNetwork, changed: dict[int, Part], unchanged: dict[int, Part], coarse_steps: int, fine_steps: int
) -> None:
    """Train the decoder in place; it ends on the CPU, in evaluation mode.

    Args:
        network: its encoder stays as it is.
        changed: changed frames by fold; -1 is that of frames without sky masks.
        unchanged: frames as they are, by fold; those of -1, procedural ones, are for the linear layer alone.
        coarse_steps: of 64 frames, for the context of the cells.
        fine_steps: of 16 frames, for the finer answers.
    """
    real = [part for fold, part in unchanged.items() if fold >= 0]
    plain = joined(real, [float(part.weight.sum()) for part in real])
    shares = [1 - _REAL if fold < 0 else _REAL / (len(changed) - 1) for fold in changed]
    _standardise(network.coarse, plain)
    _fit_linear(network.coarse, joined([plain, unchanged[-1]], [1, _DRAWN]))
    both = joined([joined(list(changed.values()), shares), plain], [1 - _UNCHANGED, _UNCHANGED])
    _fit_context(network.coarse, both, coarse_steps)
    _fit_fine(network, both, fine_steps)
    with torch.no_grad():
        network.fine_change.bias[SKY - 1] += _MORE_SKY  # type: ignore[index]
    network.eval()


def _cell_shares(places: torch.Tensor) -> torch.Tensor:
    """(n, 4, cells, cells): shares of sky, water, ground and of either of the latter."""
    shares = [
        functional.avg_pool2d((places == place).float(), SIDE // _CELLS) for place in (SKY, WATER, GROUND, NOT_SKY)
    ]
    return torch.stack(shares, dim=1)


def _standardise(coarse: CoarseAnswer, plain: Part) -> None:
    with torch.inference_mode():
        cells, frame = coarse.gathered(plain.levels(torch.arange(len(plain.top))))
        coarse.center.copy_(torch.cat([cells.mean(dim=(0, 2, 3)), frame.mean(dim=0)]))
        coarse.spread.copy_(torch.cat([cells.std(dim=(0, 2, 3)), frame.std(dim=0)]) + _LEAST_SPREAD)


def _fit_linear(coarse: CoarseAnswer, plain: Part) -> None:
    """Logistic regression of the sky of a cell, on unchanged frames."""
    with torch.no_grad():
        cells, frame = coarse.standard(*coarse.gathered(plain.levels(torch.arange(len(plain.top)))))
        sky = _cell_shares(plain.places)[:, :1]
        weight = (plain.weight / plain.weight.sum() / _CELLS**2)[:, None, None, None]
        coarse.linear.weight.zero_()
        assert coarse.linear.bias is not None
        coarse.linear.bias.zero_()
        coarse.linear_frame.weight.zero_()
    layers = [*coarse.linear.parameters(), *coarse.linear_frame.parameters()]
    optimiser = torch.optim.LBFGS(layers, max_iter=60, history_size=10)

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        logits = coarse.linear(cells) + coarse.linear_frame(frame)[:, :, None, None]
        found = (functional.binary_cross_entropy_with_logits(logits, sky, reduction="none") * weight).sum()
        found = found + _PENALTY * ((coarse.linear.weight**2).sum() + (coarse.linear_frame.weight**2).sum())
        found.backward()  # type: ignore[no-untyped-call]
        return torch.as_tensor(found)

    optimiser.step(loss)  # type: ignore[no-untyped-call]


def _fit_context(coarse: CoarseAnswer, part: Part, steps: int) -> None:
    """Train what relates the cells, by the cross entropy of the cells."""
    layers: list[nn.Module] = [coarse.cell, coarse.frame, coarse.context, coarse.answer]
    coarse.train()
    truth = torch.cat([_cell_shares(part.places[k : k + 256]).half() for k in range(0, len(part.places), 256)])
    optimiser, schedule = _optimiser([weight for layer in layers for weight in layer.parameters()], _COARSE_RATE, steps)
    for step in range(steps):
        picked = torch.multinomial(part.weight, _COARSE_BATCH, replacement=True)
        cells, frame = coarse.dropped(*coarse.standard(*coarse.gathered(part.levels(picked))))
        chances = functional.log_softmax(coarse.related(cells, frame)[1], dim=1)
        either = torch.logsumexp(chances[:, 1:], dim=1, keepdim=True)
        shares = truth[picked].float()
        loss = -(torch.cat([chances, either], dim=1) * shares).sum() / shares.sum()
        _step(optimiser, schedule, loss, step, "coarse")
    coarse.eval()


def _fit_fine(network: PlaceNetwork, part: Part, steps: int) -> None:
    """Train the steps from coarse to fine; the coarse answer drops features and is less sure, as on new places."""
    network.eval()
    layers: list[nn.Module] = [network.up, network.change, network.fine, network.fine_change]
    for layer in layers:
        layer.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    with torch.no_grad():
        for weight in (*network.change.parameters(), *network.fine_change.parameters()):
            weight.zero_()
    optimiser, schedule = _optimiser([weight for layer in layers for weight in layer.parameters()], _FINE_RATE, steps)
    for step in range(steps):
        picked = torch.multinomial(part.weight, _BATCH, replacement=True)
        frames = (part.frames[picked].float() / _LEVELS)[:, None].contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            levels = network.encoder(frames, FINE_STAGES)
            known = network.coarse.standard(*network.coarse.gathered(part.levels(picked)))
            network.coarse.training = True  # only its own dropout; batch normalisation stays as it is
            features, logits = network.coarse.answered(*network.coarse.dropped(*known))
            network.coarse.training = False
        loss = loss_of(network.refined(frames, levels, features, logits), part.places[picked].long())
        _step(optimiser, schedule, loss, step, "fine")


def _optimiser(
    weights: list[nn.Parameter], rate: float, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    optimiser = torch.optim.AdamW(weights, lr=rate, weight_decay=0.05)
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)


def _step(
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    loss: torch.Tensor,
    step: int,
    name: str,
) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_([weight for group in optimiser.param_groups for weight in group["params"]], 1.0)
    optimiser.step()
    schedule.step()
    if (step + 1) % 50 == 0:
        print(f"{name} step {step + 1}, loss {float(loss.detach()):.3f}", file=sys.stderr, flush=True)
