"""sirstgen detect: a trained detector on a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def detect(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of images of any size; sub-folders are read too.")
    ],
    weights: Annotated[Path, typer.Option(help="Checkpoint of a training: best.pt or last.pt.")],
    out: Annotated[Path, typer.Option(help="Folder for masks, detections.csv and overlays.")] = Path("detections"),
    threshold: Annotated[float, typer.Option(help="Probability above which a pixel is target.")] = 0.5,
    size: Annotated[int | None, typer.Option(help="Resize images to this square first. [their own size]")] = None,
    overlays: Annotated[bool, typer.Option(help="Also write pictures with every target in a box.")] = True,
    gray_scale: common.GrayScaleOption = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Keep the images that are done, do the others.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Remove the results of an earlier run first.")] = False,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Detect targets in a folder of images with a trained net.

    Writes a mask and an overlay of each image, and a table of centroids with scores.
    """
    from dataclasses import asdict

    from sirstgen.detect.folder import DetectOptions, detect_folder
    from sirstgen.training.checkpoint import Checkpoint
    from sirstgen.training.runtime import Runtime

    options = DetectOptions(size, threshold, overlays, common.gray_scale(gray_scale))
    checkpoint = Checkpoint.load(weights)
    with common.progress("detect", quiet) as on_progress:
        result = detect_folder(
            checkpoint.detector(),
            folder,
            out,
            Runtime.of(checkpoint.settings, device),
            options,
            trained=checkpoint.gray_scale,
            resume=resume,
            overwrite=overwrite,
            progress=on_progress,
        )
    scale = result.gray_scale
    summary = {
        "out": str(out),
        "images": result.images,
        "gray_scale": scale.to_dict(),
        "faults": result.faults,
        "detections": [asdict(detection) for detection in result.found],
    }
    lines = [f"{len(result.found)} targets on {result.images} images, in {out}"]
    if result.wide:
        lines.append(f"gray scale: black {scale.black:g}, white {scale.white:g} (--gray-scale sets another)")
    common.show(summary, "\n".join(lines), as_json, quiet)
    if result.faults:
        total = result.images + len(result.faults)
        typer.echo(f"error: {len(result.faults)} of {total} images could not be read", err=True)
        for name, fault in result.faults.items():
            typer.echo(f"  {name}: {fault}", err=True)
        raise typer.Exit(1)
