"""sirstgen fit: a recipe from a labelled real set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sirstgen.cli import common


def fit(
    real: Annotated[
        Path, typer.Argument(metavar="REAL", help="Dataset of 20 or more labelled frames, at native size.")
    ],
    out: Annotated[Path, typer.Option(help="Recipe file to write.")] = Path("recipe.yaml"),
    split: Annotated[str | None, typer.Option(help="Images to use: train or all. [train if split]")] = None,
    ids: Annotated[str | None, typer.Option(help="Frames, separated by commas, or a file with one a line.")] = None,
    labels: Annotated[Path | None, typer.Option(help="JSON or CSV file: the scene of each frame.")] = None,
    noise: Annotated[
        bool, typer.Option("--noise", help="Draw sensor noise too, for backgrounds without noise.")
    ] = False,
    no_match: Annotated[
        bool, typer.Option("--no-match", help="Skip the search for shapes and codec by rendering.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
    mask_threshold: common.MaskThreshold = None,
    gray_scale: common.GrayScaleOption = None,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Write a recipe that is measured in labelled frames.

    Each entry is below a comment with the figures it was estimated from.
    """
    from sirstgen.datasets.split import unread_lists
    from sirstgen.errors import OutputExistsError
    from sirstgen.files.atomic import write_file
    from sirstgen.fit.fit import fit_recipe
    from sirstgen.scenes.labels import read_labels

    if out.exists() and not overwrite:
        raise OutputExistsError.of(out, "the file exists already")
    dataset = common.open_dataset(real, mask_threshold, gray_scale)
    with common.progress("fit", quiet, "steps") as on_progress:
        found = fit_recipe(
            dataset,
            common.ids(ids, "--ids", dataset) if ids is not None else None,
            read_labels(labels) if labels is not None else None,
            part=split,
            noise=noise,
            match=not no_match,
            progress=None if on_progress is None else lambda _, done, total: on_progress(done, total),
        )
    if ids is None and split is None and dataset.listed("train") is None and dataset.listed("test") is None:
        also = unread_lists(dataset.folder)
        common.warn([f"{real}: no split list found, all {len(dataset)} frames were taken{also}"])
    write_file(out, found.text())
    common.warn(dataset.notes())
    lines = [f"{out}: {len(found.findings)} entries from {found.frames} frames with {found.targets} targets"]
    lines += [f"  {place}: {note}" for place, note in found.notes.items() if place in _SHOWN]
    if found.distance is not None:
        lines.append(f"  mean KS distance of rendered shapes from labelled ones: {found.distance:.3f}")
    lines += [f"not estimated: {unknown}" for unknown in found.unknowns]
    common.show({"recipe": str(out), **found.to_dict()}, "\n".join(lines), as_json, quiet)


_SHOWN = (
    "targets_per_image",
    "contrast",
    "point.area",
    "spot.area",
    "stages.extra_gaussians.count",
    "stages.codec.share",
)
