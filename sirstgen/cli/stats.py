"""sirstgen stats: Fig. 6 of the paper for any dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def stats(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="One or more datasets, side by side.")],
    figure: Annotated[Path | None, typer.Option(help="Also draw them: a PNG, PDF or SVG file to write.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the figure that is there.")] = False,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Targets per image, sizes and brightness (Fig. 6), SCR, contrast and scenes, measured in the pixels."""
    from sirstgen.stats.dataset_statistics import dataset_statistics
    from sirstgen.stats.figures import draw_statistics, refuse_figure
    from sirstgen.stats.table import statistics_table

    if figure is not None:
        refuse_figure(figure, len(folders), overwrite)
    found = []
    for folder in folders:
        with common.progress(f"stats {folder.name}", quiet) as told:
            found.append(dataset_statistics(folder, told))
    if figure is not None:
        draw_statistics(found, figure)
    result = {"datasets": [entry.to_json() for entry in found], "figure": None if figure is None else str(figure)}
    common.show(result, statistics_table(found), as_json, quiet)
