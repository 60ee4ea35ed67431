"""sirstgen compare: how far a dataset is from real frames, or from any other dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def compare(
    candidate: Annotated[Path, typer.Argument(metavar="CANDIDATE", help="Dataset to judge, such as a synthetic one.")],
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="Dataset to compare it with.")],
    split: common.Split = "all",
    reference_split: Annotated[str, typer.Option(help="Images of the reference: train, test or all.")] = "all",
    size: Annotated[int, typer.Option(help="Resize frames to this side first; 0 keeps their size.")] = 256,
    seed: Annotated[int, typer.Option(help="Seed of all draws.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for the page, JSON and pictures.")] = None,
    trees: Annotated[int, typer.Option(help="Trees of each random forest; fewer are faster and less sensitive.")] = 100,
    halves: Annotated[int, typer.Option(help="Random halvings of the reference for the noise floor.")] = 5,
    workers: common.Workers = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the report in --out.")] = False,
    mask_threshold: common.MaskThreshold = None,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Measure how a dataset differs from real frames or another.

    Prints distances between statistics, and how well random forests separate the two sets. CANDIDATE and REFERENCE may
    be one folder where --split and --reference-split name the two parts of its split.
    """
    from sirstgen.bench.choice import choose_part
    from sirstgen.comparison.compare import Effort
    from sirstgen.comparison.compare import compare as compare_sets
    from sirstgen.comparison.page import refuse_report, write_comparison
    from sirstgen.comparison.text import comparison_text

    parts = choose_part(split), choose_part(reference_split)
    if out is not None:
        refuse_report(out, overwrite)
    first, second = (common.open_dataset(folder, mask_threshold) for folder in (candidate, reference))
    with common.progress("compare", quiet, unit="steps") as on_progress:
        processes = workers or common.default_workers(len(first) + len(second), each=50)
        effort = Effort(trees=trees, halves=halves, workers=processes)
        found = compare_sets(first, second, *parts, size=size, seed=seed, effort=effort, progress=on_progress)
    files = [] if out is None else write_comparison(found, first, second, out, overwrite)
    text = comparison_text(found)
    if out is not None:
        text += f"\n\nreport in {out / 'report.html'}"
    common.show(found.to_dict() | {"files": [str(path) for path in files]}, text, as_json, quiet)
