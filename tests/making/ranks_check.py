"""A check of one tiny training, run by a test in one process and by ``torchrun`` in two; ranks write what they saw."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import torch

from making.training_fixtures import TINY, build_tiny
from making.training_frames import make_frames
from sirstgen import detectors
from sirstgen.datasets.readers import Dataset
from sirstgen.train_check.presets import CheckPlan, RealRow
from sirstgen.train_check.train_check import CheckProgress, train_check
from sirstgen.training import loop, ranks
from sirstgen.training.batches import FrameBatches
from sirstgen.training.loss import deep_supervision_loss
from sirstgen.training.runtime import fresh_net, normalise
from sirstgen.training.supervised import without_dead_biases

PLAN = CheckPlan("tiny", (RealRow(),), (TINY.detector,), validation_share=0.25, settings=TINY)


def checked(real: Path, out: Path, device: str, batch: int, resume: bool = False) -> dict[str, Any]:
    """Return the losses of all steps, the run of the table, and a gradient."""
    losses: list[float] = []

    def told(state: CheckProgress) -> None:
        if state.training is not None:
            losses.append(state.training.loss)

    plan = dataclasses.replace(PLAN, settings=dataclasses.replace(TINY, batch=batch, learning_rate=1e-3))
    table = train_check(plan, Dataset.open(real), out=out, device=device, resume=resume, progress=told)
    return {"losses": losses, "run": table.runs[0].to_dict(), "gradient": gradient(batch)}


def gradient(batch: int) -> list[float]:
    """Return the gradient of a step in float64, of this rank's slice of a drawn batch, averaged over ranks."""
    frames = make_frames(6)
    images, masks = FrameBatches(frames, TINY.augmentation, batch, seed=0)[0]
    net = without_dead_biases(fresh_net(TINY)).double().train()
    forward = ranks.parallel(net)  # kept: gradients are averaged while it exists
    maps = forward(normalise(ranks.own(images).double(), TINY.in_channels))
    deep_supervision_loss(maps, ranks.own(masks)).backward()
    statistics = [value.flatten() for name, value in net.named_buffers() if "running" in name]
    return torch.cat([*(p.grad.flatten() for p in net.parameters() if p.grad is not None), *statistics]).tolist()


if __name__ == "__main__":
    torch.set_num_threads(1)
    detectors.build = build_tiny
    loop._REPORT_EVERY = 1
    folder, batch = Path(sys.argv[1]), int(sys.argv[2])
    with ranks.joined("cpu") as device:
        found = checked(folder / "real", folder / "out", device, batch)
        if ranks.number() == 0:  # the record is lost, the checkpoint of the last step is there
            next((folder / "out").glob("runs/*/run.json")).unlink()
        found["again"] = checked(folder / "real", folder / "out", device, batch, resume=True)
        (folder / f"rank-{ranks.number()}.json").write_text(json.dumps(found))
