"""A comparison of two sets as a folder: JSON, a self-contained page, and its pictures."""

from __future__ import annotations

import json
from pathlib import Path

from sirstgen.comparison.comparison import Comparison
from sirstgen.comparison.figures import draw_distances, draw_examples
from sirstgen.comparison.text import (
    AUC_NOTE,
    DISTANCE_NOTE,
    distances_grid,
    statistics_grid,
    summary,
    tests_grid,
)
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import OutputExistsError
from sirstgen.files.atomic import write_file
from sirstgen.files.lock import locked
from sirstgen.pages.page import Facts, Note, Page, Picture, Section, render_page
from sirstgen.pages.picture import picture_bytes

JSON_FILE, PAGE = "report.json", "report.html"

_EXAMPLES = (
    "Patches with the most certain predictions of the forest, and patches typical of their set. Below each: its frame, "
    "the predicted probability that it is the candidate's, and the gray levels that are black and white."
)


def refuse_report(folder: Path, overwrite: bool) -> None:
    """Raise OutputExistsError where `write_comparison` would replace a report, before the work is done."""
    for name in (JSON_FILE, PAGE):
        if (folder / name).exists() and not overwrite:
            raise OutputExistsError.of(folder / name, "the report exists already")


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
        OutputExistsError: a report is there already, or another process is writing there.
        GenerationError: a file cannot be written.
    """
    refuse_report(folder, overwrite)
    pictures = _pictures(found, candidate, reference)
    contents: dict[str, bytes | str] = {f"{name}.png": picture for name, picture in pictures.items()}
    contents[PAGE] = render_page(_page(found, pictures))
    contents[JSON_FILE] = json.dumps(found.to_dict(), indent=2) + "\n"
    with locked(folder):
        refuse_report(folder, overwrite)
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
        if test.examples is not None and test.examples.most_certain:
            sheet = draw_examples(test.examples, candidate, reference, found.size)
            pictures[test.name.replace(" ", "-")] = picture_bytes(sheet)
    return pictures


def _page(found: Comparison, pictures: dict[str, bytes]) -> Page:
    sections = [
        Section("Can a random forest separate the sets?", [Note(AUC_NOTE), tests_grid(found)]),
        Section("Mean distances", [distances_grid(found), Note(DISTANCE_NOTE)]),
    ]
    for key, title, distances in (
        ("targets", "Targets", found.targets),
        ("backgrounds", "Backgrounds", found.backgrounds),
    ):
        if distances is not None:
            picture = Picture(pictures[key], f"Distributions of statistics of {key} in both sets", wide=True)
            sections.append(Section(title, [picture, statistics_grid(title, distances)]))
    for test in found.tests:
        key = test.name.replace(" ", "-")
        if test.examples is not None and key in pictures:
            picture = Picture(pictures[key], f"Example patches: {test.name}", wide=True)
            sections.append(Section(f"Examples: {test.name}", [Note(_EXAMPLES), picture]))
    title = f"{found.candidate.name} against {found.reference.name}"
    warnings = [Note(text, "warning") for text in found.warnings]
    return Page(title, sections, [Facts(summary(found)), *warnings], "Made by sirstgen compare.")
