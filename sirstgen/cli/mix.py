"""sirstgen mix: a dataset of real and synthetic images in a given ratio."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def mix(
    real_ratio: Annotated[float | None, typer.Option(help="Share of real images, 0 to 1.")] = None,
    real_count: Annotated[int | None, typer.Option(help="Number of real images, in place of a ratio.")] = None,
    total: Annotated[int, typer.Option(help="Images in all; the paper's Table VIII has 791.")] = 791,
    synth: Annotated[Path, typer.Option(help="Synthetic dataset.")] = Path("sirst-synth"),
    real: common.Real = None,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("sirst-mix"),
    link: Annotated[bool, typer.Option("--link", help="Hard links in place of copies.")] = False,
    with_test: Annotated[bool, typer.Option("--with-test", help="Carry the real test images, listed in test.txt.")] = (
        False
    ),
    synth_part: Annotated[str, typer.Option(help="Synthetic images are taken from: train, all, or auto.")] = "auto",
    seed: common.Seed = 0,
    resume: common.Resume = False,
    overwrite: common.Overwrite = False,
    mask_threshold: common.MaskThreshold = None,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Mixes real training images and synthetic ones; real test images never enter the training part."""
    from sirstgen.datasets.readers import Dataset
    from sirstgen.mix.mix import draw_mix
    from sirstgen.mix.writer import write_mix
    from sirstgen.storage.run import read_manifest

    if real_ratio is None and real_count is None:
        real_ratio = 0.1
    folder = common.real_folder(real)
    source = common.open_dataset(folder, mask_threshold) if folder is not None else None
    drawn = draw_mix(
        source,
        Dataset.open(synth),
        seed=seed or 0,
        total=total,
        real_ratio=real_ratio,
        real_count=real_count,
        synth_part=synth_part,
        with_test=with_test,
    )
    with common.progress("mix", quiet) as told:
        write_mix(drawn, out, link=link, overwrite=overwrite, resume=resume, progress=told)
    manifest = read_manifest(out)
    if source is not None:
        common.warn(source.notes())
    real_images, synthetic = manifest["real"]["train"], manifest["synthetic"]["train"]
    text = (
        f"{manifest['count']} images in {out}: {real_images} real and {synthetic} synthetic for training (seed {seed})"
    )
    common.show(manifest, text, as_json, quiet)
