"""Findings: entries of a fitted recipe, each with the figure it came from; and the readable YAML they make."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDTH = 116
_QUANTILES = (5, 25, 50, 75, 95)
_KNOTS = ((200, 21), (100, 11), (40, 7), (0, 5))  # (least number of values, number of quantiles)


@dataclass(frozen=True)
class Finding:
    """One entry of a recipe.

    Args:
        place: its keys from the top, such as ``("spot", "area")``.
        value: as the recipe has it: a number, a list or a table.
        note: where it came from, with the number of frames or targets.
    """

    place: tuple[str, ...]
    value: Any
    note: str


def to_entries(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return the findings as nested tables, as `Recipe.from_dict` reads them."""
    entries: dict[str, Any] = {}
    for finding in findings:
        table = entries
        for key in finding.place[:-1]:
            table = table.setdefault(key, {})
        table[finding.place[-1]] = finding.value
    return entries


def to_yaml(findings: Iterable[Finding], head: Sequence[str]) -> str:
    """Return the findings as YAML, each under its note; entries of one section are together.

    Args:
        findings: in the order of the file; those of one section one after the other.
        head: lines of the opening comment.
    """
    import yaml

    lines = [part for line in head for part in _comment(line, 0)]
    before: tuple[str, ...] = ()
    for finding in findings:
        shared = 0
        while shared < len(finding.place) - 1 and finding.place[: shared + 1] == before[: shared + 1]:
            shared += 1
        if shared == 0:
            lines.append("")
        for depth in range(shared, len(finding.place) - 1):
            lines.append(f"{'  ' * depth}{finding.place[depth]}:")
        depth = len(finding.place) - 1
        lines += _comment(finding.note, depth)
        text = yaml.safe_dump(finding.value, default_flow_style=True, width=10**6, sort_keys=False)
        lines.append(f"{'  ' * depth}{finding.place[-1]}: {text.removesuffix(chr(10)).removesuffix('...').strip()}")
        before = finding.place[:-1]
    return "\n".join(lines) + "\n"


def _comment(text: str, depth: int) -> list[str]:
    start = "  " * depth + "# "
    return textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=start, break_long_words=False)


def rounded(value: float, digits: int = 3) -> float:
    """Return `value` to `digits` significant digits; whole numbers as such."""
    if value == 0 or not math.isfinite(value):
        return 0.0
    short = round(value, digits - 1 - math.floor(math.log10(abs(value))))
    return int(short) if short == int(short) else short


def quantiles(values: NDArray[np.float64]) -> dict[str, list[float]]:
    """Return the distribution of `values`, with as many knots as the number of values allows."""
    knots = next(knots for least, knots in _KNOTS if values.size >= least)
    return {"quantiles": [rounded(float(value)) for value in np.quantile(values, np.linspace(0, 1, knots))]}


def percentiles(values: NDArray[np.float64]) -> str:
    """Return ``5/25/50/75/95 % = ...`` for notes; ``none measured`` without values."""
    if not values.size:
        return "none measured"
    levels = " / ".join(f"{rounded(float(value)):g}" for value in np.percentile(values, _QUANTILES))
    return f"5/25/50/75/95 % = {levels}"
