"""sirstgen compare: how far a dataset is from real frames, or from any other dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common

Part = typer.Option(help="train or test for one side of its split, or all images.")


def compare(
    candidate: Annotated[Path, typer.Argument(metavar="A", help="The dataset in question, such as a synthetic one.")],
    reference: Annotated[Path, typer.Argument(metavar="B", help="What it should be like, such as real frames.")],
    a_part: Annotated[str, Part] = "all",
    b_part: Annotated[str, Part] = "all",
    size: Annotated[
        int, typer.Option(help="Frames are squashed to this side first, as a detector sees them; 0: as they are.")
    ] = 256,
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for report.html, report.json and the pictures.")] = None,
    trees: Annotated[int, typer.Option(help="In each forest; fewer are faster and see less.")] = 100,
    halves: Annotated[int, typer.Option(help="Halvings of B that the noise floor is taken from.")] = 5,
    workers: common.Workers = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a report that is there.")] = False,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Tells how candidate A differs from reference B: distances of statistics, and whether forests tell them apart.

    A and B may be one folder when --a-part and --b-part name the two sides of its split.
    """
    from sirstgen.bench.choice import choose_part
    from sirstgen.comparison.compare import Effort
    from sirstgen.comparison.compare import compare as compare_sets
    from sirstgen.comparison.page import refuse_report, write_comparison
    from sirstgen.comparison.text import comparison_text
    from sirstgen.datasets.readers import Dataset

    parts = choose_part(a_part), choose_part(b_part)
    if out is not None:
        refuse_report(out, overwrite)
    first, second = Dataset.open(candidate), Dataset.open(reference)
    with common.progress("compare", quiet, unit="steps") as told:
        processes = workers or common.default_workers(len(first) + len(second), each=50)
        effort = Effort(trees=trees, halves=halves, workers=processes)
        found = compare_sets(first, second, *parts, size=size, seed=seed, effort=effort, progress=told)
    files = [] if out is None else write_comparison(found, first, second, out, overwrite)
    text = comparison_text(found)
    if out is not None:
        text += f"\n\nreport in {out / 'report.html'}"
    common.show(found.to_json() | {"files": [str(path) for path in files]}, text, as_json, quiet)
