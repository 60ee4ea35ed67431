"""sirstgen bench: how hard a dataset is for detectors that need no training, and for trained nets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sirstgen.cli import common

if TYPE_CHECKING:
    from sirstgen.bench.results import BenchResult


def bench(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Any dataset, real or synthetic.")],
    detectors: common.Detectors = "quick",
    weights: common.Weights = None,
    split: common.Split = "all",
    out: Annotated[Path, typer.Option(help="Folder for scores, tables, figures and the page.")] = Path("bench"),
    overlays: Annotated[int, typer.Option(help="Number of images to plot beside every detector's output.")] = 0,
    workers: common.Workers = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep scores in --out, add missing ones.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the scores in --out.")] = False,
    mask_threshold: common.MaskThreshold = None,
    gray_scale: common.GrayScaleOption = None,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Score classical and trained detectors on a dataset.

    Figures are given for all images and by size, SCR and, where targets.jsonl states them, scene and kind.
    """
    from sirstgen.bench import run_bench
    from sirstgen.bench.choice import choose_detectors, choose_part
    from sirstgen.bench.figures import write_bench_figures
    from sirstgen.bench.page import PAGE, write_bench_page
    from sirstgen.bench.run import grids

    chosen, side = choose_detectors(detectors, weights or ()), choose_part(split)
    dataset = common.open_dataset(folder, mask_threshold, gray_scale)
    pictures: list[Path] = []

    def write_pages(result: BenchResult) -> None:
        pictures.extend(write_bench_figures(result, dataset, out, overlays))
        write_bench_page(result, pictures, out)

    with common.progress("bench", quiet, unit="maps") as on_progress:
        result = run_bench(
            dataset,
            chosen,
            out,
            part=side,
            workers=workers or common.default_workers(len(dataset), each=50),
            resume=resume,
            overwrite=overwrite,
            progress=on_progress,
            then=write_pages,
        )
    common.warn(dataset.notes())
    page = out / PAGE
    tables = [grid.text() for grid in grids(result)[:2]]
    text = "\n\n".join([*tables, f"tables, scores and {len(pictures)} pictures in {out}, page in {page}"])
    files = {"out": str(out), "page": str(page), "pictures": [str(path) for path in pictures]}
    common.show(result.to_dict() | files, text, as_json, quiet)
