"""The checkpoints in the folder of a training, from which it is resumed."""

from __future__ import annotations

import warnings
from pathlib import Path

from sirstgen.errors import InputError, SirstgenWarning
from sirstgen.files.atomic import writing
from sirstgen.training.checkpoint import Checkpoint
from sirstgen.training.config import TrainingConfig


def load_run(folder: Path, settings: TrainingConfig, data: str) -> tuple[Checkpoint, Checkpoint | None] | None:
    """Return ``last.pt`` and, where it is there, ``best.pt``; None, with a warning, where one of them is damaged.

    Raises:
        InputError: the run has other settings or data.
    """
    try:
        last = Checkpoint.load(folder / "last.pt")
        best = Checkpoint.load(folder / "best.pt") if (folder / "best.pt").exists() else None
    except InputError as fault:
        set_aside(folder, fault.message)
        return None
    if (last.settings, last.data) != (settings, data):
        raise InputError(
            f"{folder}: holds a run with other settings or data; resume it with those or choose another folder"
        )
    return last, best


def set_aside(folder: Path, fault: str) -> None:
    """Rename the checkpoints of a run that cannot be resumed, and warn."""
    for name in ("last.pt", "best.pt"):
        if (folder / name).exists():
            with writing(folder, inside=True):
                (folder / name).replace(folder / f"{name}.damaged")
    warnings.warn(f"{fault}; kept as *.pt.damaged, this training is made again", SirstgenWarning, stacklevel=5)
