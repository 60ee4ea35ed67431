"""sirstgen mix: a dataset of real and synthetic images in a given ratio."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common

_SYNTH = Path("sirst-synth")


def mix(
    real_ratio: Annotated[float | None, typer.Option(help="Share of real images, 0 to 1.")] = None,
    real_count: Annotated[int | None, typer.Option(help="Number of real images, in place of a share.")] = None,
    total: Annotated[int, typer.Option(help="Training images in all; Table VIII has 791.")] = 791,
    synth: Annotated[Path | None, typer.Option(help="Synthetic dataset. [./sirst-synth, else made]")] = None,
    real: common.Real = None,
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("sirst-mix"),
    link: Annotated[bool, typer.Option("--link", help="Make hard links in place of copies.")] = False,
    with_test: Annotated[bool, typer.Option("--with-test", help="Add the real test images, listed in test.txt.")] = (
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
    """Mix real training images and synthetic ones in a given ratio.

    Real test images never enter the training part. Without a real dataset, the surrogate domain takes its place, and
    the result says nothing about real frames.
    """
    from sirstgen.datasets.manifest_file import read_manifest
    from sirstgen.datasets.readers import Dataset
    from sirstgen.files.output import refuse_existing
    from sirstgen.mix.mix import draw_mix, mix_counts
    from sirstgen.mix.surrogate import COUNT, NOTE, default_synthetic, surrogate_count, surrogate_dataset
    from sirstgen.mix.writer import write_mix

    if real_ratio is None and real_count is None:
        real_ratio = 0.1
    seed = seed or 0
    real_needed, synth_needed = mix_counts(total, real_ratio, real_count)
    if not resume:
        refuse_existing(out, overwrite, resume=True)
    made = out.with_name(f"{out.name}-data")
    folder = common.real_folder(real)
    surrogate = folder is None and (real_needed > 0 or with_test)
    if surrogate and not quiet:
        typer.echo(NOTE, err=as_json)
    source = common.open_dataset(folder, mask_threshold) if folder is not None else None
    if synth is None and _SYNTH.is_dir():
        synth = _SYNTH
    with common.progress("synth", quiet) as on_progress:
        if surrogate:
            count = COUNT if with_test else surrogate_count(real_needed)
            source = surrogate_dataset(made / f"surrogate-{count}", count, on_progress)
        synthetic = Dataset.open(synth) if synth is not None else None
        if synthetic is None and synth_needed:
            synthetic = default_synthetic(made / f"synth-{synth_needed}-{seed}", synth_needed, seed, on_progress)
    drawn = draw_mix(
        source,
        synthetic,
        seed=seed,
        total=total,
        real_ratio=real_ratio,
        real_count=real_count,
        synth_part=synth_part,
        with_test=with_test,
        surrogate=surrogate,
    )
    with common.progress("mix", quiet) as on_progress:
        write_mix(drawn, out, link=link, overwrite=overwrite, resume=resume, progress=on_progress)
    manifest = read_manifest(out)
    for part in filter(None, (source, synthetic)):
        common.warn(part.notes())
    counts = {kind: manifest[kind]["train"] for kind in ("real", "synthetic")}
    name = "surrogate" if surrogate else "real"
    text = f"{manifest['count']} images in {out}: {counts['real']} {name} and {counts['synthetic']} synthetic"
    common.show(manifest, f"{text} for training (seed {seed})", as_json, quiet)
