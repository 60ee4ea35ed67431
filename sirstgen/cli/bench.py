"""sirstgen bench: how hard a dataset is for detectors that need no training, and for trained nets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def bench(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Any dataset, real or synthetic.")],
    detectors: common.Detectors = "quick",
    weights: common.Weights = None,
    part: Annotated[str, typer.Option(help="train or test for one side of the split, or all images.")] = "all",
    out: Annotated[Path, typer.Option(help="Folder for scores, tables and figures.")] = Path("bench"),
    overlays: Annotated[int, typer.Option(help="Also draw so many images beside all maps, evenly spread.")] = 0,
    workers: common.Workers = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the scores that are there, make the others.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where there are scores.")] = False,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Scores detectors on a dataset and its parts by size, SCR and, where targets.jsonl tells them, scene and kind."""
    from sirstgen.bench import run_bench
    from sirstgen.bench.choice import choose_detectors, choose_part
    from sirstgen.bench.figures import write_bench_figures
    from sirstgen.datasets.readers import Dataset

    chosen, side = choose_detectors(detectors, weights or ()), choose_part(part)
    dataset = Dataset.open(folder)
    with common.progress("bench", quiet, unit="maps") as told:
        result = run_bench(
            dataset,
            chosen,
            out,
            part=side,
            workers=workers or common.default_workers(len(dataset), each=50),
            resume=resume,
            overwrite=overwrite,
            progress=told,
        )
    pictures = write_bench_figures(result, dataset, out, overlays)
    common.warn(dataset.notes())
    lines = [result.table()]
    if result.parts:
        lines += ["", f"{result.parts_title}:", "", result.parts_table("pd")]
    lines += ["", f"tables, scores and {len(pictures)} pictures in {out}"]
    told_result = result.as_dict() | {"out": str(out), "pictures": [str(path) for path in pictures]}
    common.show(told_result, "\n".join(lines), as_json, quiet)
