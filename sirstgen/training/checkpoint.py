"""Checkpoints that are whole or not there, and load nothing but tensors and plain values."""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from sirstgen.atomic import write_file
from sirstgen.detectors.detector import Detector
from sirstgen.errors import InputError
from sirstgen.images import read_bytes
from sirstgen.training.config import TrainingConfig
from sirstgen.training.runtime import fresh_net

FORMAT = "sirstgen-checkpoint-1"


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after some step.

    Attributes:
        settings: of the run.
        step: optimiser steps done.
        net: state of the detector.
        optimizer: state of the optimiser; empty in a checkpoint that is for use only.
        history: one row of figures for each validation, and the last step.
        data: what the run was trained on, as the caller of `fit` describes it.
    """

    settings: TrainingConfig
    step: int
    net: dict[str, Any]
    optimizer: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    data: str = ""

    def save(self, path: Path) -> None:
        """Write to `path`, whole or not at all."""
        buffer = io.BytesIO()
        fields = {
            "format": FORMAT,
            "settings": self.settings.as_dict(),
            "step": self.step,
            "net": self.net,
            "optimizer": self.optimizer,
            "history": self.history,
            "data": self.data,
        }
        torch.save(fields, buffer)
        write_file(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> Checkpoint:
        """Read what `save` wrote; only tensors and plain values are unpickled.

        Raises:
            InputError: no such file, cut off or damaged, or not a checkpoint of this package.
        """
        try:
            fields = torch.load(io.BytesIO(read_bytes(path)), map_location=device, weights_only=True)
        except (RuntimeError, EOFError, ValueError, OSError, pickle.UnpicklingError) as fault:
            raise InputError.of(path, "not a whole checkpoint, it is cut off, damaged or another file") from fault
        if not isinstance(fields, dict) or fields.get("format") != FORMAT:
            raise InputError.of(path, f"not a checkpoint of this version ({FORMAT} is expected)")
        del fields["format"]
        return cls(**{**fields, "settings": TrainingConfig.from_dict(fields["settings"])})

    def detector(self) -> Detector:
        """The detector with the weights of this checkpoint, on the CPU, in evaluation mode."""
        net = fresh_net(self.settings)
        net.load_state_dict(self.net)
        return net.eval()
