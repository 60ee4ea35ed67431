"""The log of a training: a CSV file, and TensorBoard where that is installed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def as_csv(history: list[dict[str, Any]]) -> str:
    """Return rows of figures as CSV, with the columns of the last one."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(history[-1]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()


def tensorboard(folder: Path | None) -> Any | None:
    """Return a writer for TensorBoard, None where no folder is given or TensorBoard is not installed."""
    if folder is None:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"))


@contextmanager
def closed_at_failure(board: Any | None) -> Iterator[None]:
    """Close a writer for TensorBoard where the block fails; its thread and file would stay open."""
    try:
        yield
    except BaseException:
        if board is not None:
            board.close()
        raise
