"""sirstgen export: a dataset in the format of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The dataset, real or synthetic.")],
    format: Annotated[str, typer.Option(help="coco, yolo, yolo-seg, voc, mmseg, webdataset, hf or fiftyone.")] = "coco",
    out: Annotated[Path | None, typer.Option(help="Folder to write. [DIR-FORMAT]")] = None,
    bit_depth: Annotated[int | None, typer.Option(help="8 writes 16-bit images in 8 bits, on one scale.")] = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy image files in place of hard links.")] = False,
    imgsz: Annotated[
        int | None, typer.Option(help="YOLO: training size at which the smallest box is given. [640]")
    ] = None,
    shard_size: Annotated[int | None, typer.Option(help="WebDataset: images in each tar file. [1000]")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the export that is there.")] = False,
    mask_threshold: common.MaskThreshold = None,
    gray_scale: common.GrayScaleOption = None,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Write a dataset in the format of COCO, YOLO or other tools."""
    from sirstgen.export.export import export_dataset

    dataset = common.open_dataset(folder, mask_threshold, gray_scale)
    with common.progress("export", quiet) as on_progress:
        found = export_dataset(
            dataset,
            format,
            out if out is not None else Path(f"{dataset.name}-{format}"),
            bit_depth=bit_depth,
            link=not copy,
            imgsz=imgsz,
            shard_size=shard_size,
            overwrite=overwrite,
            progress=on_progress,
        )
    if quiet:  # otherwise they are among the notes
        common.warn(dataset.notes())
    common.show(found.to_dict() | {"folder": str(found.folder)}, found.summary(), as_json, quiet)
