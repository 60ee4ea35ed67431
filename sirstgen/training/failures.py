"""The ways in which a training fails, by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sirstgen.errors import GenerationError


class TrainingError(GenerationError):
    """A training run that ended without a usable net; ``data["reason"]`` is one of `REASONS`."""


REASONS = ("nan loss", "out of memory", "out of time", "collapsed")


@contextmanager
def named_failures() -> Iterator[None]:
    """Turn the ways in which torch runs out of memory into one `TrainingError`."""
    try:
        yield
    except (torch.cuda.OutOfMemoryError, MemoryError) as fault:
        raise TrainingError(f"{_OUT_OF_MEMORY} ({fault})", reason="out of memory") from fault
    except RuntimeError as fault:
        # The CPU's allocator has no exception of its own.
        if "can't allocate memory" not in str(fault) and "out of memory" not in str(fault):
            raise
        raise TrainingError(f"{_OUT_OF_MEMORY} ({fault})", reason="out of memory") from fault


_OUT_OF_MEMORY = "memory ran out; use a smaller batch, a smaller crop or bfloat16"
