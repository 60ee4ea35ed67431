"""sirstgen figures: single images after Fig. 8, 9, 10 and 13 of the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def figures(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Any dataset, real or synthetic.")],
    ids: Annotated[str | None, typer.Option(help="These images: ids separated by commas, or a file of them.")] = None,
    n: Annotated[int, typer.Option("--n", help="Number of images without --ids, from all parts of the dataset.")] = 1,
    detectors: common.Detectors = "quick",
    weights: common.Weights = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("figures"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace pictures that are there.")] = False,
    mask_threshold: common.MaskThreshold = None,
    gray_scale: common.GrayScaleOption = None,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Draw single images beside what detectors make of them.

    Maps (Fig. 8 of the paper), surfaces (Fig. 9), and features of DNA-Nets (Fig. 10 and 13).
    """
    from sirstgen.bench.choice import choose_detectors
    from sirstgen.figures.figures import write_figures
    from sirstgen.preview.contact_sheet import spread

    chosen = choose_detectors(detectors, weights or ())
    dataset = common.open_dataset(folder, mask_threshold, gray_scale)
    images = common.ids(ids, "--ids", dataset) if ids is not None else spread(dataset.ids, n)
    with common.progress("figures", quiet) as on_progress:
        paths = write_figures(dataset, images, chosen, out, overwrite=overwrite, progress=on_progress)
    common.warn(dataset.notes())
    common.show({"pictures": [str(path) for path in paths]}, "\n".join(map(str, paths)), as_json, quiet)
