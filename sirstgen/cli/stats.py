"""sirstgen stats: Fig. 6 of the paper for any dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def stats(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="One or more datasets, side by side.")],
    out: Annotated[Path | None, typer.Option(help="Write a page with figures and sheets: *.html.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Write the figures: *.png, *.pdf or *.svg.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the page and the figure.")] = False,
    mask_threshold: common.MaskThreshold = None,
    gray_scale: common.GrayScaleOption = None,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Measure targets, sizes, brightness, SCR and scenes.

    The paper's figures of its own set (Fig. 6) are printed beside.
    """
    from sirstgen.pages.figure import refuse_figure, write_figure
    from sirstgen.pages.page import refuse_page, write_page
    from sirstgen.stats.dataset_statistics import dataset_statistics
    from sirstgen.stats.figures import check_count, draw_statistics
    from sirstgen.stats.page import statistics_page
    from sirstgen.stats.table import statistics_text

    if figure is not None:
        refuse_figure(figure, overwrite)
    if out is not None:
        refuse_page(out, overwrite)
    if figure is not None or out is not None:
        check_count(len(folders))
    datasets = [common.open_dataset(folder, mask_threshold, gray_scale) for folder in folders]
    found = []
    for dataset in datasets:
        with common.progress(f"stats {dataset.name}", quiet) as on_progress:
            found.append(dataset_statistics(dataset, on_progress))
    if figure is not None:
        write_figure(draw_statistics(found), figure)
    text = statistics_text(found)
    if out is not None:
        with common.progress("page", quiet, "datasets") as on_progress:
            write_page(out, statistics_page(list(zip(datasets, found, strict=True)), on_progress))
        text += f"\n\npage in {out}"
    files = {"page": None if out is None else str(out), "figure": None if figure is None else str(figure)}
    common.show({"datasets": [entry.to_dict() for entry in found], **files}, text, as_json, quiet)
