"""sirstgen scenes train: the scene network on frames of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def train(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="One sub-folder of frames a scene.")],
    out: Annotated[Path, typer.Option(help="Folder for weights and model card.")] = Path("scenes-trained"),
    test: Annotated[Path | None, typer.Option(help="Another such folder, to measure on as well.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what OUT holds.")] = False,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Train the scene network on a folder of frames.

    It is measured on groups of frames that are held out.
    """
    from sirstgen.scenes.training import train_scenes

    with common.progress("scenes", quiet, "frames") as on_progress:
        card = train_scenes(folder, out, test=test, overwrite=overwrite, progress=on_progress)
    common.show(card.to_dict(), card.markdown(), as_json, quiet)
