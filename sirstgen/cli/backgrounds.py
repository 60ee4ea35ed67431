"""sirstgen backgrounds make, harvest, classify."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from sirstgen.cli import common


def make(
    out: Annotated[Path, typer.Option(help="Folder to write, one sub-folder a scene.")] = Path("backgrounds-made"),
    scenes: Annotated[str | None, typer.Option(help="Scenes, separated by commas. [all five]")] = None,
    per_scene: Annotated[int, typer.Option(help="Frames of each scene.")] = 13,
    size: Annotated[str, typer.Option(help="Frame size, WIDTHxHEIGHT or one side.")] = "512",
    seed: common.Seed = 0,
    places: Annotated[Path | None, typer.Option(help="Folder that gets the place map of every frame.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace frames that are there.")] = False,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Draw procedural backgrounds, without any recorded pixel.

    Scenes: city, cloud, field, highlight, sea.
    """
    from sirstgen.backgrounds.procedural import SCENES
    from sirstgen.backgrounds.procedural.make import make as make_frames

    width, height = common.size(size)
    chosen = common.names(scenes, "--scenes") if scenes else list(SCENES)
    with common.progress("backgrounds", quiet, "frames") as on_progress:
        files = make_frames(
            out, chosen, per_scene, height, width, seed or 0, overwrite=overwrite, places=places, progress=on_progress
        )
    common.show({"out": str(out), "frames": len(files)}, f"{len(files)} frames in {out}", as_json, quiet)


def harvest(
    dataset: Annotated[
        Path, typer.Argument(metavar="DIR", help="Labelled frames: a dataset folder with images and masks.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("backgrounds-harvested"),
    split: Annotated[
        str, typer.Option(help="train, test or all. Do not harvest test frames: it leaks them into training.")
    ] = "train",
    exclude: Annotated[
        str | None, typer.Option(help="Ids to leave out, separated by commas, or a file of them.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Scene of each frame; sorts the frames into sub-folders.")] = None,
    mask_threshold: common.MaskThreshold = None,
    gray_scale: common.GrayScaleOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the harvest that is there.")] = False,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Turn labelled frames into backgrounds without targets.

    Every target is replaced by the best-matching patch nearby.
    """
    from sirstgen.backgrounds.harvest import harvest_folder
    from sirstgen.bench.choice import choose_part
    from sirstgen.scenes.labels import read_labels

    part = choose_part(split)
    source = common.open_dataset(dataset, mask_threshold, gray_scale)
    left_out = set(common.ids(exclude, "--exclude", source)) if exclude else set()
    chosen = [key for key in (source.ids if part is None else source.split(part)) if key not in left_out]
    named = read_labels(labels) if labels else {}
    scenes = {key: label.scene for key in chosen if (label := named.get(key) or named.get(PurePosixPath(key).name))}
    with common.progress("harvest", quiet, "frames") as on_progress:
        report = harvest_folder(source, chosen, out, scenes=scenes, overwrite=overwrite, progress=on_progress)
    common.warn(report.mask_notes)
    dropped = ", ".join(f"{count} {reason}" for reason, count in report.dropped_by_reason().items()) or "none"
    text = f"{len(report.written)} clean backgrounds in {out}; left out: {dropped}"
    common.show(json.loads(report.to_json()), text, as_json, quiet)


def classify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of backgrounds.")],
    labels: common.Labels = None,
    places: common.Places = None,
    places_out: Annotated[Path | None, typer.Option(help="Write the place maps to this new folder.")] = None,
    preview: Annotated[Path | None, typer.Option(help="Draw frames with their place maps to this PNG.")] = None,
    min_confidence: Annotated[float, typer.Option(help="Leave out frames with a less sure scene.")] = 0.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the picture of --preview.")] = False,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Classify the scene of each background of a folder.

    Place maps (sky, water, ground) are written and drawn where asked for.
    """
    from sirstgen.backgrounds.library import BackgroundLibrary
    from sirstgen.errors import OutputExistsError
    from sirstgen.files.output import refuse_existing

    if places_out is not None:
        refuse_existing(places_out, None)
    if preview is not None and preview.exists() and not overwrite:
        raise OutputExistsError.of(preview, "the picture exists already")
    written = []
    with common.working("classify", quiet):
        library = BackgroundLibrary.open(folder, labels=labels, min_confidence=min_confidence, places=places)
        if places_out is not None or preview is not None:
            from sirstgen.backgrounds.place_sheet import draw_sheet, write_maps

            library.prepare_places()
            if places_out is not None:
                write_maps(library, places_out)
                written.append(f"place maps in {places_out}")
            if preview is not None:
                draw_sheet(library, preview)
                written.append(f"frames with their place maps on {preview}: sky blue, water green, ground red")
    described = library.describe()
    scenes = described["scenes"]
    assert isinstance(scenes, dict)
    text = "\n".join([*(f"{scene:12} {count}" for scene, count in scenes.items()), *written])
    common.show(described, text, as_json, quiet)
