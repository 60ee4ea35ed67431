"""sirstgen detect: a trained detector on a folder of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def detect(
    folder: Annotated[Path, typer.Argument(help="Folder of images of any size.")],
    weights: Annotated[Path, typer.Option(help="Checkpoint of a training: best.pt or last.pt.")],
    out: Annotated[Path, typer.Option(help="Folder for masks, detections.csv and overlays.")] = Path("detections"),
    threshold: Annotated[float, typer.Option(help="Probability above which a pixel is target.")] = 0.5,
    size: Annotated[int | None, typer.Option(help="Squash images to this square first. [their own size]")] = None,
    overlays: Annotated[bool, typer.Option(help="Also write pictures with every target in a box.")] = True,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Detects targets: a mask and an overlay of each image, and a table of centroids with scores."""
    from dataclasses import asdict

    from sirstgen.detect.detect import detect_folder
    from sirstgen.training.checkpoint import Checkpoint
    from sirstgen.training.runtime import Runtime

    checkpoint = Checkpoint.load(weights)
    hardware = Runtime.of(checkpoint.settings, device).for_inference()
    with common.progress("detect", quiet) as told:
        found = detect_folder(
            checkpoint.detector(),
            folder,
            out,
            hardware,
            size=size,
            threshold=threshold,
            overlays=overlays,
            progress=told,
        )
    images = len(list((out / "masks").iterdir()))
    result = {"out": str(out), "images": images, "detections": [asdict(detection) for detection in found]}
    common.show(result, f"{len(found)} targets on {images} images, in {out}", as_json, quiet)
