"""Table VIII for people and programs: text of at most 80 columns, Markdown and JSON."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable
from statistics import fmean
from typing import Any

from sirstgen.evaluation.bootstrap import Interval
from sirstgen.evaluation.frame_scores import FIXED_FA, FIXED_PD, FrameScores
from sirstgen.pages.table import WIDTH, Grid
from sirstgen.train_check.table import MEASURES, PAPER_NOTES, Comparison, Figures, Measure, Row, Table, number_or_null

_HEADS: dict[Measure, str] = {"iou": "IoU %", "niou": "nIoU %", "pd": "Pd %", "fa": "Fa 1e-6"}
SURROGATE_NOTE = (
    "The domain is a built-in surrogate: these figures show that the tool works. They say nothing about real images."
)
_FEW_REPEATS = "No row is compared with another: a comparison needs two runs of each (--repeats 2)."


def as_text(table: Table) -> str:
    """Return the tables in columns of fixed width, with what they show below."""
    lines = [*_wrapped(table.title)]
    for setting in _settings(table):
        lines += _wrapped(setting)
    for grid in _grids(table):
        lines += ["", grid.text()]
    lines.append("")
    for finding in _findings(table):
        lines += _wrapped(finding)
    return "\n".join([*lines, ""])


def as_markdown(table: Table) -> str:
    """Return the tables in Markdown, with what they show below, and what is odd about the paper's."""
    lines = [f"# {table.title}", "", *(f"* {setting}" for setting in _settings(table)), ""]
    for grid in _grids(table):
        lines += [*([f"{grid.caption}:", ""] if grid.caption else []), grid.markdown(), ""]
    if any(row.paper for row in table.rows):
        lines += ["About the paper's table:", "", *(f"* {note}" for note in PAPER_NOTES), ""]
    lines += ["What these rows show:", "", *(f"* {finding}" for finding in _findings(table))]
    return "\n".join([*lines, ""])


def as_json(table: Table) -> str:
    """Return everything in the table, every run, the comparisons and the paper's figures, as JSON."""
    content = {
        "title": table.title,
        "surrogate": table.surrogate,
        "preset": table.preset,
        "test_set": table.test_set,
        "settings": dict(table.settings or {}),
        "units": {"iou": "percent", "niou": "percent", "pd": "percent", "fa": "1e-6"},
        "rows": [_row_json(row) for row in table.rows],
        "comparisons": [_comparison_json(comparison) for comparison in table.comparisons],
        "runs": [run.to_dict() for run in table.runs],
        "notes": [*table.notes, *([SURROGATE_NOTE] if table.surrogate else [])],
        "paper_notes": list(PAPER_NOTES),
    }
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _settings(table: Table) -> list[str]:
    settings = dict(table.settings or {})
    devices = list(dict.fromkeys(run.device for run in table.runs if run.device))
    if devices:
        settings["device"] = ", ".join(devices)
    return [f"{name}: {value}" for name, value in settings.items()]


def _grids(table: Table) -> list[Grid]:
    grids = []
    detectors = list(dict.fromkeys(row.detector for row in table.rows))
    for detector in detectors:
        rows = [row for row in table.rows if row.detector == detector]
        head = ["trained on", "runs", *_HEADS.values(), "paper IoU/Pd/Fa"]
        grids.append(Grid(head, [_cells(row) for row in rows], detector))
        judged = [row for row in rows if row.scores]
        if judged:
            head = ["trained on", "IoU %, 95 %", "IoU % of found", "median frame IoU %", *_fixed_heads(), "steps", "s"]
            grids.append(Grid(head, [_judged_cells(row) for row in judged], f"{detector}, judged frame by frame"))
    return grids


def _fixed_heads() -> list[str]:
    return [f"Pd % at Fa {1e6 * FIXED_FA:g}e-6", f"Fa 1e-6 at Pd {100 * FIXED_PD:g} %"]


def _cells(row: Row) -> list[str]:
    good = len(row.runs) - sum(row.problems.values())
    runs = f"{good} of {len(row.runs)}" if row.problems else str(good)
    return [
        row.training_set.label,
        runs,
        *(_mean(row, measure) for measure in MEASURES),
        _paper(row.paper),
    ]


def _problems(row: Row) -> str:
    """Return how the runs of a row ended that did not end well, and why."""
    status = [f"{count}x {name}" if len(row.runs) > 1 else name for name, count in row.problems.items()]
    reasons = dict.fromkeys(run.note for run in row.runs if run.note)
    return f"{row.detector}, {row.training_set.label}: {'; '.join([*status, *reasons])}."


def _judged_cells(row: Row) -> list[str]:
    found = row.iou_interval
    assert found is not None  # only rows with counts by frame are judged

    def mean(figure: Callable[[FrameScores], float], scale: float) -> str:
        values = [figure(scores) for scores in row.scores]
        return "-" if any(math.isnan(value) for value in values) else f"{scale * fmean(values):.2f}"

    steps = [run.steps for run in row.counted]
    return [
        row.training_set.label,
        f"{100 * found.low:.1f}-{100 * found.high:.1f}",
        mean(lambda scores: scores.iou_without_false_alarms, 100),
        mean(lambda scores: scores.median_iou, 100),
        mean(lambda scores: scores.pd_at_fa(), 100),
        mean(lambda scores: scores.fa_at_pd(), 1e6),
        str(min(steps)) if min(steps) == max(steps) else f"{min(steps)}-{max(steps)}",
        f"{fmean(run.seconds for run in row.counted):.0f}",
    ]


def _mean(row: Row, measure: Measure) -> str:
    mean, spread = row.mean(measure), row.spread(measure)
    if math.isnan(mean):
        return "-"
    return f"{mean:.2f}" if math.isnan(spread) else f"{mean:.2f} ± {spread:.2f}"


def _paper(figures: Figures | None) -> str:
    return "-" if figures is None else f"{figures.iou:.2f}/{figures.pd:.2f}/{figures.fa:#.4g}"


def _findings(table: Table) -> list[str]:
    """Return what the rows show against each other, how that was judged, and what the table says nothing about."""
    judged = [comparison for comparison in table.comparisons if comparison.differences]
    lines = [_problems(row) for row in table.rows if row.problems]
    lines += [_finding(comparison) for comparison in judged]
    if any(len(row.runs) > 1 for row in table.rows):
        lines.append("± is the standard deviation over repeats, seconds are their mean.")
    if any(row.scores for row in table.rows):
        lines.append(
            "IoU of found: without the pixels of false alarms. Intervals: 95 %, bootstrap over test frames and repeats."
        )
    if judged:
        lines.append("A difference is stated where the interval of a paired bootstrap excludes 0.")
    elif len(table.rows) > 1:
        lines.append(_FEW_REPEATS)
    return [*lines, *table.notes, *([SURROGATE_NOTE] if table.surrogate else [])]


def _finding(comparison: Comparison) -> str:
    first, second = comparison.first, comparison.second
    pair = f"{first.detector}, {first.training_set.label} against {second.training_set.label}"
    return f"{pair}: {'; '.join(_statement(name, found) for name, found in comparison.differences.items())}."


def _statement(measure: str, found: Interval) -> str:
    name = {"iou": "IoU", "pd": "Pd"}[measure]
    span = f"{100 * found.value:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return f"{name} {span}" if found.excludes_zero else f"no difference shown in {name}, {span}"


def _row_json(row: Row) -> dict[str, Any]:
    found = row.iou_interval
    return {
        "detector": row.detector,
        "trained_on": row.training_set.label,
        "real": row.training_set.real,
        "synthetic": row.training_set.synthetic,
        "runs": len(row.runs),
        "problems": row.problems,
        "mean": {measure: number_or_null(row.mean(measure)) for measure in MEASURES},
        "spread": {measure: number_or_null(row.spread(measure)) for measure in MEASURES},
        "iou_interval": None if found is None else [number_or_null(100 * found.low), number_or_null(100 * found.high)],
        "judged": [_judged_json(scores) for scores in row.scores],
        "paper": row.paper.to_dict() if row.paper else None,
        "steps": [run.steps for run in row.runs],
        "seconds": [run.seconds for run in row.runs],
        "devices": list(dict.fromkeys(run.device for run in row.runs)),
    }


def _judged_json(scores: FrameScores) -> dict[str, float | None]:
    return {
        "iou_without_false_alarms": number_or_null(100 * scores.iou_without_false_alarms),
        "median_frame_iou": number_or_null(100 * scores.median_iou),
        "pd_at_fa": number_or_null(100 * scores.pd_at_fa()),
        "fa_at_pd": number_or_null(1e6 * scores.fa_at_pd()),
        "fa_dnanet": number_or_null(1e6 * scores.fa_dnanet),
    }


def _comparison_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "detector": comparison.first.detector,
        "first": comparison.first.training_set.label,
        "second": comparison.second.training_set.label,
        "differences": {
            measure: {
                "value": number_or_null(100 * found.value),
                "low": number_or_null(100 * found.low),
                "high": number_or_null(100 * found.high),
                "shown": found.excludes_zero,
            }
            for measure, found in comparison.differences.items()
        },
    }
