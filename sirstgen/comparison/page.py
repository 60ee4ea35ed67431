"""A comparison of two sets as a folder: JSON, a page that holds all its pictures, and the pictures."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path

import cv2

from sirstgen.atomic import write_file
from sirstgen.comparison.comparison import Comparison, Distances, StatisticGap
from sirstgen.comparison.figures import draw_distances, draw_examples
from sirstgen.comparison.text import comparison_text, quantile_text
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import OutputExistsError

JSON_FILE, PAGE = "report.json", "report.html"

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1180px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-size: 14px; } td, th { text-align: left; padding: .15rem .9rem .15rem 0; }
th { border-bottom: 1px solid #999; font-weight: 600; } td.figure { font-variant-numeric: tabular-nums; }
td.apart { color: #b3470f; font-weight: 600; } img { max-width: 100%; } p.note { color: #555; }
"""


def refuse_report(folder: Path, overwrite: bool) -> None:
    """Raise OutputExistsError where `write_comparison` would replace a report, before the work is done."""
    for name in (JSON_FILE, PAGE):
        if (folder / name).exists() and not overwrite:
            raise OutputExistsError(
                f"{folder / name}: a report is there already; choose another --out, or allow --overwrite"
            )


def write_comparison(
    found: Comparison, candidate: Dataset, reference: Dataset, folder: Path, overwrite: bool = False
) -> list[Path]:
    """Write ``report.json``, ``report.html`` and the pictures that the page holds.

    Args:
        found: the comparison.
        candidate, reference: the datasets that were compared; the example patches are read from them.
        folder: made if missing.
        overwrite: replace a report that is there.

    Returns:
        The files.

    Raises:
        OutputExistsError: a report is there already.
        GenerationError: a file cannot be written.
    """
    refuse_report(folder, overwrite)
    pictures = _pictures(found, candidate, reference)
    contents: dict[str, bytes | str] = {f"{name}.png": picture for name, picture in pictures.items()}
    contents[PAGE] = _page(found, pictures)
    contents[JSON_FILE] = json.dumps(found.to_json(), indent=2) + "\n"
    for name, content in contents.items():
        write_file(folder / name, content)
    return [folder / name for name in contents]


def _pictures(found: Comparison, candidate: Dataset, reference: Dataset) -> dict[str, bytes]:
    names = (found.candidate.name, found.reference.name)
    pictures = {}
    if found.targets is not None:
        tables = (found.candidate.targets, found.reference.targets)
        pictures["targets"] = draw_distances(found.targets, *tables, names, "Targets")
    tables = (found.candidate.backgrounds, found.reference.backgrounds)
    pictures["backgrounds"] = draw_distances(found.backgrounds, *tables, names, "Backgrounds")
    for test in found.tests:
        if test.examples is not None and test.examples.telling:
            sheet = draw_examples(test.examples, candidate, reference, found.size)
            pictures[test.name.replace(" ", "-")] = cv2.imencode(".png", sheet)[1].tobytes()
    return pictures


def _page(found: Comparison, pictures: dict[str, bytes]) -> str:
    title = f"{found.candidate.name} against {found.reference.name}"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<pre>{html.escape(comparison_text(found))}</pre>",
        "<h2>Can a forest tell them apart?</h2>",
        '<p class="note">AUC of random forests on frames they have not seen; 0.5: they cannot, 1: they always can. '
        "Floor: the same between random halves of the reference.</p>",
        _tests_table(found),
    ]
    for key, heading, distances in (
        ("targets", "Targets", found.targets),
        ("backgrounds", "Backgrounds", found.backgrounds),
    ):
        if distances is not None:
            parts += [f"<h2>{heading}, the most tell-tale statistics first</h2>", _image(heading, pictures[key])]
            parts.append(_distances_table(distances))
    for test in found.tests:
        key = test.name.replace(" ", "-")
        if test.examples is not None and key in pictures:
            note = (
                "Rows that the forest is surest about, and rows typical of their set. Under each: its frame, the "
                "probability that it is the candidate's, and the gray levels that black and white stand for."
            )
            parts += [
                f"<h2>Examples: {test.name}</h2>",
                f'<p class="note">{note}</p>',
                _image(test.name, pictures[key]),
            ]
    body = "\n".join(parts)
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _tests_table(found: Comparison) -> str:
    rows = []
    for test in found.tests:
        if test.auc is None:
            rows.append(_row([test.name, "-", "-", f"skipped: {test.skipped}"]))
            continue
        floor = "-" if test.floor is None else f"{test.floor.mean:.3f}, at most {test.floor.most:.3f}"
        rows.append(_row([test.name, f"{test.auc:.3f}", floor, _named(test.importances)], apart=not test.at_floor))
    return _table(["test", "AUC", "floor", "what tells them apart"], rows)


def _named(importances: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in importances[:6])


def _distances_table(distances: Distances) -> str:
    head = ["statistic", "KS", "floor", "EMD / sd", "candidate 5/25/50/75/95 %", "reference 5/25/50/75/95 %"]
    return _table(head, [_gap_row(gap) for gap in distances.gaps])


def _gap_row(gap: StatisticGap) -> str:
    floor = "-" if gap.floor is None else f"{gap.floor.mean:.2f}"
    figures = ["-" if value != value else f"{value:.2f}" for value in (gap.ks, gap.emd)]
    return _row(
        [gap.measure.meaning, figures[0], floor, figures[1], quantile_text(gap.candidate), quantile_text(gap.reference)]
    )


def _table(head: Sequence[str], rows: Sequence[str]) -> str:
    cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    return f"<table><tr>{cells}</tr>\n" + "\n".join(rows) + "\n</table>"


def _row(cells: Sequence[str], apart: bool = False) -> str:
    kinds = ["", " class=apart" if apart else " class=figure", *[" class=figure"] * (len(cells) - 2)]
    inner = "".join(f"<td{kind}>{html.escape(cell)}</td>" for kind, cell in zip(kinds, cells, strict=True))
    return f"<tr>{inner}</tr>"


def _image(name: str, picture: bytes) -> str:
    return f'<img alt="{html.escape(name)}" src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
