"""sirstgen verify: recomputes everything a dataset claims."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The dataset.")],
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Also render every image from its line and compare pixels.")
    ] = False,
    backgrounds: Annotated[
        str | None, typer.Option(help="With --rebuild: what the dataset was made from. [as its manifest says]")
    ] = None,
    labels: common.Labels = None,
    scene: common.Scene = None,
    templates: common.Templates = None,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Recompute everything that a dataset states from its files.

    Masks, boxes, SCR, counts, split and checksums. Exit code 1 where it finds faults.
    """
    from sirstgen.storage.reopen import reopen_generator
    from sirstgen.verification.verify import examine

    generator = None
    if rebuild:
        with common.working("open backgrounds", quiet):
            generator = reopen_generator(folder, backgrounds, labels=labels, scene=scene, templates=templates)
    with common.progress("verify", quiet) as on_progress:
        result = examine(folder, generator, on_progress)
    text = "\n".join([*map(str, result.faults), result.summary()])
    common.show(result.to_dict(), text, as_json, quiet and not result.faults)
    if result.faults:
        raise typer.Exit(1)
