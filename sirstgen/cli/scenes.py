"""sirstgen scenes train: the scene CNN on frames of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def train(
    folder: Annotated[Path, typer.Argument(help="One sub-folder of frames a scene.")],
    out: Annotated[Path, typer.Option(help="Folder for weights and model card.")] = Path("scenes-trained"),
    validation: Annotated[Path | None, typer.Option(help="A tree of its own for stopping. [part of FOLDER]")] = None,
    test: Annotated[Path | None, typer.Option(help="A tree of its own to measure on. [part of FOLDER]")] = None,
    start: Annotated[Path | None, typer.Option(help="Weights to begin from.")] = None,
    samples: Annotated[int, typer.Option(help="Augmented crops to train on; about 200 a second.")] = 24_000,
    seed: common.Seed = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what OUT holds.")] = False,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Train the scene CNN on a folder of frames.

    It is measured on groups of frames that are held out.
    """
    from sirstgen.scenes.training import train_scenes

    with common.progress("scenes", quiet, "crops") as told:
        card = train_scenes(
            folder,
            out,
            validation=validation,
            test=test,
            start=start,
            samples=samples,
            seed=seed or 0,
            overwrite=overwrite,
            progress=(lambda done, total, _: told(done, total)) if told else None,
        )
    common.show(card.to_dict(), card.markdown(), as_json, quiet)
