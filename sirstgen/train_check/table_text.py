"""Table VIII for people and programs: text, Markdown and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from sirstgen.train_check.table import (
    MEASURES,
    MOST_CHANCE,
    PAPER_NOTES,
    Comparison,
    Figures,
    Measure,
    Row,
    Table,
)

_HEADS: dict[Measure, str] = {"iou": "IoU %", "niou": "nIoU %", "pd": "Pd %", "fa": "Fa 1e-6"}
_COLUMNS = (
    "detector",
    "trained on",
    "runs",
    *_HEADS.values(),
    "paper IoU/Pd/Fa",
    "steps",
    "seconds",
    "device",
    "status",
)
_LEFT = {"detector", "trained on", "device", "status"}
_STAND_IN = (
    "The domain is a built-in stand-in: these figures show that the tool works. "
    "They are no statement about real images."
)
NONE_SHOWN = "no difference shown"


def as_text(table: Table) -> str:
    """The table in columns of fixed width, with what it shows and what it cannot below."""
    heads, *cells = _grid(table)
    widths = [max(len(line[column]) for line in (heads, *cells)) for column in range(len(heads))]

    def line(values: Sequence[str]) -> str:
        padded = [
            value.ljust(width) if head in _LEFT else value.rjust(width)
            for head, value, width in zip(heads, values, widths, strict=True)
        ]
        return "  ".join(padded).rstrip()

    rule = "  ".join("-" * width for width in widths)
    body = [table.title, *_settings(table), "", line(heads), rule, *map(line, cells), ""]
    return "\n".join([*body, *_findings(table), ""])


def as_markdown(table: Table) -> str:
    """The table in Markdown, with what it shows and what it cannot below, and what is odd about the paper's."""

    def line(values: Sequence[str]) -> str:
        return "| " + " | ".join(value.replace("|", "\\|") for value in values) + " |"

    heads, *cells = _grid(table)
    rule = "|" + "|".join(" --- " if head in _LEFT else " ---: " for head in heads) + "|"
    lines = [f"# {table.title}", "", *(f"* {setting}" for setting in _settings(table)), ""]
    lines += [line(heads), rule, *map(line, cells), ""]
    if any(row.paper for row in table.rows):
        lines += ["About the paper's table:", "", *(f"* {note}" for note in PAPER_NOTES), ""]
    lines += ["What these rows show:", "", *(f"* {finding}" for finding in _findings(table))]
    return "\n".join([*lines, ""])


def as_json(table: Table) -> str:
    """Everything in the table, every run, the comparisons and the paper's figures, as JSON."""
    content = {
        "title": table.title,
        "stand_in": table.stand_in,
        "preset": table.preset,
        "test_set": table.test_set,
        "settings": dict(table.settings or {}),
        "units": {"iou": "percent", "niou": "percent", "pd": "percent", "fa": "1e-6"},
        "rows": [_row_json(row) for row in table.rows],
        "comparisons": [_comparison_json(comparison) for comparison in table.comparisons],
        "runs": [run.as_dict() for run in table.runs],
        "notes": [*table.notes, *([_STAND_IN] if table.stand_in else [])],
        "paper_notes": list(PAPER_NOTES),
    }
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _settings(table: Table) -> list[str]:
    settings = dict(table.settings or {})
    devices = _devices(table)
    if len(devices) == 1:
        settings["device"] = devices[0]
    return [f"{name}: {value}" for name, value in settings.items()]


def _devices(table: Table) -> list[str]:
    return list(dict.fromkeys(run.device for run in table.runs if run.device))


def _grid(table: Table) -> list[list[str]]:
    """Heads and rows; a column of devices only where there are several."""
    grid = [list(_COLUMNS), *(_cells(row) for row in table.rows)]
    if len(_devices(table)) < 2:
        column = _COLUMNS.index("device")
        grid = [line[:column] + line[column + 1 :] for line in grid]
    return grid


def _cells(row: Row) -> list[str]:
    good = [run for run in row.runs if not row.problems or run.status == "ok"]
    runs = str(len(row.runs)) if len(good) == len(row.runs) else f"{len(good)} of {len(row.runs)}"
    status = ", ".join(f"{count}x {name}" if len(row.runs) > 1 else name for name, count in row.problems.items())
    reasons = [run.note for run in row.runs if run.note]
    return [
        row.detector,
        row.training_set.label,
        runs,
        *(_mean(row, measure) for measure in MEASURES),
        _paper(row.paper),
        _range([run.steps for run in row.runs]),
        f"{sum(run.seconds for run in row.runs) / len(row.runs):.0f}",
        ", ".join(dict.fromkeys(run.device for run in row.runs if run.device)),
        "; ".join([status or "ok", *dict.fromkeys(reasons)]),
    ]


def _mean(row: Row, measure: Measure) -> str:
    mean, spread = row.mean(measure), row.spread(measure)
    if math.isnan(mean):
        return "-"
    return f"{mean:.2f}" if math.isnan(spread) else f"{mean:.2f} ± {spread:.2f}"


def _paper(figures: Figures | None) -> str:
    return "-" if figures is None else f"{figures.iou:.2f}/{figures.pd:.2f}/{figures.fa:#.4g}"


def _range(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}-{high}"


def _findings(table: Table) -> list[str]:
    """What the rows show against each other, how that was judged, and what the table is no statement about."""
    lines = [_finding(comparison) for comparison in table.comparisons]
    differences = [difference for comparison in table.comparisons for difference in comparison.differences]
    if lines and not any(difference.shown for difference in differences):
        lines.insert(0, f"Between any two of these rows: {NONE_SHOWN}.")
    if any(len(row.runs) > 1 for row in table.rows):
        lines.append("± is the standard deviation over repeats, seconds their mean.")
    if lines:
        lines.append(
            "A difference is shown where the ranges of the repeats do not overlap and chance alone parts them in at "
            "most 1 case in 10 (3 runs against 3). Repeats of one training differ by 1 to 2 points of IoU."
        )
    chances = [difference.chance for difference in differences if difference.chance <= MOST_CHANCE]
    if chances:
        lines.append(
            f"Of the {len(chances)} comparisons with enough repeats, {sum(chances):.1f} would show one by chance alone."
        )
    return [*lines, *table.notes, *([_STAND_IN] if table.stand_in else [])]


def _finding(comparison: Comparison) -> str:
    first, second = comparison.first, comparison.second
    shown = [
        f"{_HEADS[difference.measure].split()[0]} {difference.value:+.2f}"
        for difference in comparison.differences
        if difference.shown
    ]
    rest = [_HEADS[difference.measure].split()[0] for difference in comparison.differences if not difference.shown]
    statement = NONE_SHOWN
    if shown:
        statement = ", ".join(shown) + (f"; {NONE_SHOWN} in {', '.join(rest)}" if rest else "")
    return f"{first.detector}, {first.training_set.label} against {second.training_set.label}: {statement}."


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "detector": row.detector,
        "trained_on": row.training_set.label,
        "real": row.training_set.real,
        "synthetic": row.training_set.synthetic,
        "runs": len(row.runs),
        "problems": row.problems,
        "mean": {measure: _number(row.mean(measure)) for measure in MEASURES},
        "spread": {measure: _number(row.spread(measure)) for measure in MEASURES},
        "paper": row.paper.as_dict() if row.paper else None,
        "steps": [run.steps for run in row.runs],
        "seconds": [run.seconds for run in row.runs],
        "devices": list(dict.fromkeys(run.device for run in row.runs)),
    }


def _comparison_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "detector": comparison.first.detector,
        "first": comparison.first.training_set.label,
        "second": comparison.second.training_set.label,
        "differences": {
            difference.measure: {
                "value": _number(difference.value),
                "chance": _number(difference.chance),
                "shown": difference.shown,
            }
            for difference in comparison.differences
        },
        "statement": _finding(comparison),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
