"""Plain values that a person or a file gives, as the types that records hold; and records as short text."""

from __future__ import annotations

import difflib
import math
import numbers
import operator
from collections.abc import Iterable
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from sirstgen.errors import InvalidValueError

MOST_PIXELS = 1 << 25
"""Pixels of the largest image that is drawn."""


def number(name: str, value: Any) -> float | None:
    """Return a finite number as a float; None stays.

    Raises:
        InvalidValueError: anything else; names `name` and the value.
    """
    if value is None:
        return None
    real = isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
    if not real or not math.isfinite(value):
        raise InvalidValueError(f"{name} must be a finite number, got {value!r}", name=name, value=value)
    return float(value)


def whole(name: str, value: Any) -> int:
    """Return a whole number as an int.

    Raises:
        InvalidValueError: anything else; names `name` and the value.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise InvalidValueError(f"{name} must be a whole number, got {value!r}", name=name, value=value) from None


def pair(name: str, rule: str, value: Any, repeat: bool = False) -> tuple[float, float]:
    """Return two finite numbers as floats.

    Args:
        name: of the value, for messages.
        rule: what it must be, for messages.
        value: a sequence of two numbers.
        repeat: one number is used for both.

    Raises:
        InvalidValueError: anything else; names `name` and the value.
    """
    if repeat and isinstance(value, numbers.Real):
        value = value, value
    try:
        first, second = (number(name, part) for part in value)
    except (TypeError, ValueError):
        first = second = None
    if first is None or second is None:
        raise InvalidValueError(f"{name} {rule}, got {value!r}", name=name, value=value)
    return first, second


def nearest(word: object, words: Iterable[object]) -> str:
    """Return `` (did you mean X?)`` for the nearest spelling among `words`, or nothing."""
    close = difflib.get_close_matches(str(word)[:100], [str(other) for other in words], n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def short_repr(record: Any) -> str:
    """Return a dataclass as text with the fields that differ from their defaults; its ``__repr__``."""
    shown = []
    for field in fields(record):
        value = getattr(record, field.name)
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if value != default:
            shown.append(f"{field.name}={value!r}")
    return f"{type(record).__name__}({', '.join(shown)})"
