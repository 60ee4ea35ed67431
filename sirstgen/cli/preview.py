"""sirstgen preview: a contact sheet to look at, and the way to drop what a person rejects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def preview(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Any dataset, real or synthetic.")],
    out: Annotated[
        Path | None,
        typer.Option(help="PNG file to write. [<name of DIR>-preview.png, with --targets <name>-targets.png]"),
    ] = None,
    n: Annotated[int, typer.Option("--n", help="Images on the sheet, from all parts of the dataset.")] = 24,
    ids: Annotated[str | None, typer.Option(help="These images: ids separated by commas, or a file of them.")] = None,
    targets: Annotated[bool, typer.Option("--targets", help="Enlarged targets in place of whole images.")] = False,
    enlarge: Annotated[
        str | None, typer.Option(help="The target to enlarge beside the sheet: id or id:number. [the first]")
    ] = None,
    columns: Annotated[int | None, typer.Option(help="Tiles in a row. [6 images or 4 targets]")] = None,
    drop: Annotated[
        str | None,
        typer.Option(help="Ids, or a file of them, to draw anew and show."),
    ] = None,
    backgrounds: Annotated[
        str | None, typer.Option(help="With --drop: what the dataset was made from. [as its manifest says]")
    ] = None,
    labels: common.Labels = None,
    scene: common.Scene = None,
    places: common.Places = None,
    templates: common.Templates = None,
    workers: Annotated[int | None, typer.Option(help="Processes that draw the images of --drop. [1]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace pictures that are there.")] = False,
    mask_threshold: common.MaskThreshold = None,
    gray_scale: common.GrayScaleOption = None,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Draw a contact sheet of a dataset and one enlarged target.

    --drop draws images anew that you reject; sirstgen review does the same in the browser.
    """
    from sirstgen.preview.preview import refuse_pictures, target_place, write_preview
    from sirstgen.storage.reopen import reopen_generator
    from sirstgen.storage.writer import redraw

    sheet = out or Path(f"{folder.resolve().name}-{'targets' if targets else 'preview'}.png")
    refuse_pictures(sheet, overwrite)
    dataset = common.open_dataset(folder, mask_threshold, gray_scale)
    chosen = common.ids(ids, "--ids", dataset) if ids is not None else None
    if enlarge is not None:
        target_place(dataset, enlarge)  # before images are drawn anew
    dropped: tuple[str, ...] = ()
    if drop is not None:
        dropped = chosen = common.ids(drop, "--drop", dataset)
        with common.working("open backgrounds", quiet):
            generator = reopen_generator(
                folder, backgrounds, labels=labels, scene=scene, places=places, templates=templates
            )
        with common.progress("redraw", quiet) as on_progress:
            redraw(generator, folder, dropped, workers=workers or 1, progress=on_progress)
        dataset = common.open_dataset(folder, mask_threshold, gray_scale)
    with common.progress("preview", quiet) as on_progress:
        result = write_preview(
            dataset,
            sheet,
            count=n,
            ids=chosen,
            targets=targets,
            enlarge=enlarge,
            columns=columns,
            overwrite=overwrite,
            progress=on_progress,
        )
    common.warn(result.warnings)
    lines = [f"drawn again: {', '.join(dropped)}"] if dropped else []
    lines.append(f"{'targets of ' * targets}{len(result.ids)} images on {result.sheet}")
    lines += [f"one target enlarged on {result.target}"] if result.target is not None else []
    common.show(result.to_dict() | {"dropped": dropped}, "\n".join(lines), as_json, quiet)
