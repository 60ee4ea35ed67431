"""The range of every number that a command takes, in one place; checked before a command does anything."""

from __future__ import annotations

from collections.abc import Mapping

from sirstgen.errors import InvalidValueError

Range = tuple[float, float]

_LARGE = 10**9

RANGES: dict[str, Range] = {
    "batch": (1, 65536),
    "bit_depth": (8, 16),
    "columns": (1, 1000),
    "crop": (16, 4096),
    "epochs": (1, _LARGE),
    "halves": (1, 10_000),
    "imgsz": (1, 65536),
    "min_confidence": (0, 1),
    "minutes": (0.01, 10**5),
    "n": (1, _LARGE),
    "overlays": (0, _LARGE),
    "per_scene": (1, 10**6),
    "port": (0, 65535),
    "procedural_share": (0, 1),
    "real_copies": (1, 10_000),
    "real_count": (0, _LARGE),
    "real_ratio": (0, 1),
    "repeats": (1, 10_000),
    "seed": (0, 2**64 - 1),
    "shard_size": (1, 10**6),
    "size": (0, 16384),
    "steps": (1, _LARGE),
    "threshold": (0, 1),
    "mask_threshold": (1, 65535),
    "together": (1, 1024),
    "total": (1, _LARGE),
    "train_share": (0, 1),
    "trees": (1, 100_000),
    "workers": (1, 1024),
}
"""Least and greatest value of a parameter, both allowed, by its name in Python."""

_OF_COMMAND: dict[tuple[str, str], Range] = {
    ("train-check", "workers"): (0, 1024),
    # Seeds of torch; repeats count on from the first one.
    ("train-check", "seed"): (0, 2**63 - 1),
    ("detect", "size"): (16, 8192),
}
"""Where the range of a command's parameter is another."""


def check_ranges(command: str, arguments: Mapping[str, object]) -> None:
    """Raise InvalidValueError for the first number that is out of its range.

    Args:
        command: its name, such as ``scenes train``.
        arguments: the values of its parameters by name; None and what is no number are left out.
    """
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        low, high = range_of(command, name)
        if not low <= value <= high:
            raise InvalidValueError(
                f"--{name.replace('_', '-')} must be {range_text(command, name)}, got {value}",
                name=name,
                value=value,
            )


def range_of(command: str, name: str) -> Range:
    """Return the least and the greatest value of a command's parameter."""
    return _OF_COMMAND.get((command, name), RANGES[name])


def range_text(command: str, name: str) -> str:
    """Return the range of a command's parameter in words: ``from 1 to 65536``."""
    low, high = range_of(command, name)
    return f"from {low:.15g} to {high if isinstance(high, int) else f'{high:g}'}"
