"""sirstgen review: look through a dataset in the browser and reject images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def review(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Any dataset, real or synthetic.")],
    read_only: Annotated[bool, typer.Option("--read-only", help="List rejected ids, change no image.")] = False,
    list_file: Annotated[
        Path | None, typer.Option("--list", help="File of rejected ids. [<name of DIR>-rejected.txt]")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 for a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the default browser.")] = True,
    backgrounds: Annotated[
        str | None, typer.Option(help="Backgrounds that the dataset was made from. [as its manifest says]")
    ] = None,
    labels: common.Labels = None,
    scene: common.Scene = None,
    places: common.Places = None,
    templates: common.Templates = None,
    mask_threshold: common.MaskThreshold = None,
    gray_scale: common.GrayScaleOption = None,
) -> None:
    """Look through a dataset in the browser and reject images.

    Rejected images of a synthetic dataset are drawn anew. For any other dataset, and with --read-only, their ids are
    written to a list. Ctrl-C ends the review.
    """
    from sirstgen.errors import InvalidValueError
    from sirstgen.review.catalogue import Catalogue
    from sirstgen.review.edits import Edits, Redraws, RejectionList
    from sirstgen.storage.reopen import can_be_redrawn, reopen_generator

    try:
        from sirstgen.review.server import serve
    except ModuleNotFoundError as error:
        raise InvalidValueError(
            f"review needs the package {error.name}, which is not installed; pip install 'sirstgen[review]' adds it"
        ) from None

    dataset = common.open_dataset(folder, mask_threshold, gray_scale)
    redrawing = not read_only and list_file is None and can_be_redrawn(folder)
    generator = None
    if redrawing:
        generator = reopen_generator(
            folder, backgrounds, labels=labels, scene=scene, places=places, templates=templates
        )
    catalogue = Catalogue(dataset)
    edits: Edits
    if generator is not None:
        edits, what = Redraws(catalogue, generator), "rejected images are drawn anew"
    else:
        file = list_file if list_file is not None else Path(f"{folder.resolve().name}-rejected.txt")
        edits, what = RejectionList(catalogue, file), f"rejected ids are written to {file}"

    def announce(address: str) -> None:
        typer.echo(f"{len(dataset)} images of {dataset.name}; {what}\n{address}\nCtrl-C ends the review")
        if browser:
            import webbrowser

            webbrowser.open(address)

    serve(catalogue, edits, port, announce)
