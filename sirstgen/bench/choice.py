"""What is to be benched, from words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sirstgen.bench.learned import LearnedDetector
from sirstgen.bench.results import MapSource
from sirstgen.checks import nearest
from sirstgen.detectors.classical import chosen
from sirstgen.errors import InvalidValueError

_PARTS = ("train", "test", "all")


def choose_detectors(names: str, weights: Iterable[Path] = ()) -> list[MapSource]:
    """Return classical detectors by name, then the nets of checkpoints.

    Args:
        names: see `sirstgen.detectors.classical.chosen`.
        weights: checkpoints of trainings.

    Raises:
        InvalidValueError: no such detector, or none at all.
        InputError: a checkpoint cannot be read.
    """
    found: list[MapSource] = [*chosen(names), *(LearnedDetector.load(path) for path in weights)]
    if not found:
        raise InvalidValueError("at least one detector is needed, got none; name some with --detectors or --weights")
    return found


def choose_part(word: str) -> str | None:
    """Return ``train`` or ``test`` as they are; None for ``all``.

    Raises:
        InvalidValueError: another word.
    """
    plain = word.strip().lower()
    if plain not in _PARTS:
        raise InvalidValueError(
            f"split must be one of {', '.join(_PARTS)}, got {word!r}{nearest(plain, _PARTS)}",
            value=word,
            allowed=_PARTS,
        )
    return None if plain == "all" else plain
