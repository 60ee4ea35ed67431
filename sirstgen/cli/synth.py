"""sirstgen synth: writes a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sirstgen.cli import common


def synth(
    scr: Annotated[str | None, typer.Option(help="Signal-to-clutter ratios to choose from. [recipe: 3,4,5,6]")] = None,
    n: Annotated[int, typer.Option("--n", help="Number of images.")] = 1327,
    out: Annotated[Path, typer.Option(help="Folder to write; its last component names the dataset.")] = Path(
        "sirst-synth"
    ),
    backgrounds: common.Backgrounds = "builtin",
    labels: common.Labels = None,
    scene: common.Scene = None,
    templates: common.Templates = None,
    size: Annotated[str | None, typer.Option(help="Image size, WIDTHxHEIGHT or one side. [recipe: 256x256]")] = None,
    bit_depth: Annotated[int | None, typer.Option(help="8 or 16. [recipe: 8]")] = None,
    blur_sigma: Annotated[str | None, typer.Option(help="Blur sigmas to choose from. [recipe: 0.2,0.5,1]")] = None,
    procedural_share: Annotated[
        float | None, typer.Option(help="Share of images on procedural backgrounds, beside the others. [recipe: 0]")
    ] = None,
    train_share: Annotated[
        float | None, typer.Option(help="Share of images in the training split. [recipe: 0.5]")
    ] = None,
    recipe: common.RecipeFile = None,
    seed: common.Seed = None,
    workers: common.Workers = None,
    resume: common.Resume = False,
    overwrite: common.Overwrite = False,
    print_schema: Annotated[bool, typer.Option("--print-schema", help="Print the recipe's JSON Schema.")] = False,
    print_recipe: Annotated[bool, typer.Option("--print-recipe", help="Print the complete recipe.")] = False,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Writes a dataset: images with small targets on infrared backgrounds, exact masks, the truth of every target."""
    from sirstgen.recipe.recipe import Recipe, schema_text

    if print_schema:
        typer.echo(schema_text())
        return
    changes: dict[str, Any] = {}
    if scr is not None:
        changes["scr"] = common.numbers(scr, "--scr")
    if blur_sigma is not None:
        changes["blur_sigma"] = common.numbers(blur_sigma, "--blur-sigma")
    if size is not None:
        changes["width"], changes["height"] = common.size(size)
    if bit_depth is not None:
        changes["bit_depth"] = bit_depth
    if train_share is not None:
        changes["train_share"] = train_share
    if procedural_share is not None:
        changes["backgrounds"] = {"procedural_share": procedural_share}
    rules = Recipe.load(recipe, **changes) if recipe is not None else Recipe.default(**changes)
    if print_recipe:
        typer.echo(rules.to_yaml(), nl=False)
        return

    from sirstgen.seeding import draw_seed
    from sirstgen.storage.run import FolderRun, read_manifest
    from sirstgen.storage.writer import write_dataset
    from sirstgen.synthesis.generator import Generator
    from sirstgen.synthesis.sources import open_backgrounds
    from sirstgen.synthesis.templates import TemplateLibrary

    if seed is None:
        seed = FolderRun.seed_of(out) if resume else None
    if seed is None:
        seed = draw_seed()
        if not quiet:
            typer.echo(f"seed {seed}", err=True)
    source = open_backgrounds(backgrounds, rules, labels=labels, scene=scene, seed=seed)
    drawings = TemplateLibrary.open(templates) if templates is not None else None
    if drawings is not None:
        drawings.check()
    generator = Generator(rules, source, drawings, seed)
    with common.progress("synth", quiet) as told:
        write_dataset(
            generator,
            out,
            n,
            workers=workers if workers is not None else common.default_workers(n),
            resume=resume,
            overwrite=overwrite,
            progress=told,
        )
    manifest = read_manifest(out)
    rejected = sum(manifest["rejections"].values())
    text = (
        f"{manifest['count']} images with {manifest['targets']} targets in {out} "
        f"(seed {seed}, {rejected} draws rejected and drawn again)"
    )
    common.show(manifest, text, as_json, quiet)
