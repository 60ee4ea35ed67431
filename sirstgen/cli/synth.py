"""sirstgen synth: writes a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sirstgen.cli import common
from sirstgen.errors import InvalidValueError

if TYPE_CHECKING:
    from sirstgen.synthesis.generator import Generator


def synth(
    scr: Annotated[str | None, typer.Option(help="Signal-to-clutter ratios to draw. [recipe: 3,4,5,6]")] = None,
    n: Annotated[int | None, typer.Option("--n", help="Number of images. [1327, or all plans]")] = None,
    out: Annotated[
        str, typer.Option(metavar="PATH_OR_URL", help="Folder to write, or with --shard-size a URL (s3://...).")
    ] = "sirst-synth",
    backgrounds: common.Backgrounds = "builtin",
    labels: common.Labels = None,
    scene: common.Scene = None,
    places: common.Places = None,
    templates: common.Templates = None,
    only_templates: Annotated[
        bool, typer.Option("--only-templates", help="Leave out the built-in templates, use those of --templates alone.")
    ] = False,
    classes: Annotated[
        str | None, typer.Option(help="Template classes to draw, such as plane,uav. [recipe: all]")
    ] = None,
    kinds: Annotated[
        str | None, typer.Option(help="Kinds of targets to draw: point, spot, extended. [recipe: all]")
    ] = None,
    size: Annotated[str | None, typer.Option(help="Image size, WIDTHxHEIGHT or one side. [recipe: 256x256]")] = None,
    bit_depth: Annotated[int | None, typer.Option(help="Bits of the images, 8 or 16. [recipe: 8]")] = None,
    blur_sigma: Annotated[str | None, typer.Option(help="Blur sigmas to draw, pixels. [recipe: 0.2,0.5,1]")] = None,
    procedural_share: Annotated[
        float | None, typer.Option(help="Share of images on procedural backgrounds. [recipe: 0]")
    ] = None,
    train_share: Annotated[
        float | None, typer.Option(help="Share of images in the training split. [recipe: 0.5]")
    ] = None,
    recipe: common.RecipeFile = None,
    plans: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Render this dataset's plans again; --scr, --blur-sigma, --bit-depth apply."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all draws; drawn and printed if not given.")] = None,
    workers: common.Workers = None,
    shard_size: Annotated[
        int | None, typer.Option("--shard-size", help="Write WebDataset shards of this many images each.")
    ] = None,
    shards: Annotated[
        str | None, typer.Option(metavar="A-B", help="Make only these shards of the run, such as 40-59 or 7.")
    ] = None,
    finish: Annotated[
        str | None, typer.Option(metavar="PATH_OR_URL", help="Write the closing files of a run whose shards are made.")
    ] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Work on this Dask cluster; local starts one here.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted run, or add to a finished one.")
    ] = False,
    overwrite: common.Overwrite = False,
    print_schema: Annotated[
        bool, typer.Option("--print-schema", help="Print the recipe's JSON Schema, write nothing.")
    ] = False,
    print_recipe: Annotated[
        bool, typer.Option("--print-recipe", help="Print the commented recipe, write nothing.")
    ] = False,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Write a dataset of images with small targets and exact masks.

    Infrared backgrounds, masks, split lists, and the truth of every target in targets.jsonl.
    """
    from sirstgen.recipe.recipe import Recipe, schema_text

    if print_schema:
        typer.echo(schema_text())
        return
    if only_templates and templates is None:
        raise InvalidValueError("--only-templates needs --templates, the folder whose templates are drawn alone")
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
    if plans is not None:
        _refuse_beside_plans(changes, recipe, seed, print_recipe, classes, kinds, places)
    rules = Recipe.load(recipe, **changes) if recipe is not None else Recipe(**changes)
    if print_recipe:
        typer.echo(rules.to_yaml(), nl=False)
        return

    from sirstgen.seeding import draw_seed
    from sirstgen.storage.place import is_url
    from sirstgen.storage.reopen import reopen_plans
    from sirstgen.storage.run import FolderRun, refuse_started
    from sirstgen.storage.shard_state import seed_at
    from sirstgen.storage.shard_writer import finish_shards
    from sirstgen.synthesis.generator import Generator as RunGenerator
    from sirstgen.synthesis.sampler import check_classes
    from sirstgen.synthesis.selection import crowded, with_only
    from sirstgen.synthesis.sources import BUILTIN, open_backgrounds
    from sirstgen.synthesis.templates import TemplateLibrary

    if finish is not None:
        _show(finish_shards(finish), finish, as_json, quiet)
        return
    if shard_size is None and (shards is not None or is_url(out)):
        what = "--shards" if shards is not None else f"a URL ({out})"
        raise InvalidValueError(f"{what} needs --shard-size, the images a shard; single files go to a folder only")
    if shard_size is None and not resume:
        refuse_started(Path(out), overwrite)
    chosen = common.shard_numbers(shards) if shards is not None else None
    generator: Generator
    if plans is not None:
        where = None if backgrounds == BUILTIN else backgrounds
        with common.working("open backgrounds", quiet):
            generator = reopen_plans(plans, where, labels=labels, scene=scene, templates=templates, **changes)
        n = len(generator) if n is None else n
    else:
        n = 1327 if n is None else n
        drawn = False
        if seed is None and (resume or chosen is not None):
            seed = seed_at(out) if shard_size is not None else FolderRun.seed_of(Path(out))
        if seed is None:
            if chosen is not None:
                raise InvalidValueError("--shards needs --seed: the commands that share a run must use one seed")
            seed, drawn = draw_seed(), True
        drawings = None
        if templates is not None:
            drawings = TemplateLibrary.open(templates) if only_templates else TemplateLibrary.with_builtin(templates)
            drawings.check()
        check_classes(rules, drawings or TemplateLibrary.open())
        with common.working("open backgrounds", quiet):
            source = open_backgrounds(backgrounds, rules, labels=labels, scene=scene, seed=seed, places=places)
        if drawn and not quiet:
            typer.echo(f"seed {seed}", err=True)
        if classes is not None or kinds is not None:
            rules = with_only(
                rules,
                source,
                None if classes is None else common.names(classes, "--classes"),
                None if kinds is None else common.names(kinds, "--kinds"),
            )
        generator = RunGenerator(rules, source, drawings, seed)
        if not quiet:
            common.warn(crowded(source, rules, n))
    processes = workers if workers is not None else common.default_workers(n)
    with _executor(dask, processes, quiet) as executor, common.progress("synth", quiet) as on_progress:
        settings: dict[str, Any] = {
            "workers": processes,
            "executor": executor,
            "resume": resume,
            "overwrite": overwrite,
            "progress": on_progress,
        }
        manifest = _write(generator, out, n, shard_size, chosen, settings)
    _show(manifest, out, as_json, quiet)


def _refuse_beside_plans(changes: Mapping[str, Any], *others: Any) -> None:
    """Raise InvalidValueError for settings that plans have decided already."""
    allowed = ("scr", "blur_sigma", "bit_depth")
    if any(others) or not set(changes) <= set(allowed):
        raise InvalidValueError(
            "--plans keeps everything but --scr, --blur-sigma and --bit-depth; leave out --recipe, --size, "
            "--train-share, --procedural-share, --seed, --classes, --kinds, --places and --print-recipe"
        )


def _write(
    generator: Generator,
    out: str,
    n: int,
    shard_size: int | None,
    shards: list[int] | None,
    settings: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Write single files or shards; return the manifest where the dataset is finished then."""
    if shard_size is None:
        from sirstgen.datasets.manifest_file import read_manifest
        from sirstgen.storage.writer import write_dataset

        return read_manifest(write_dataset(generator, out, n, **settings))
    from sirstgen.storage.shard_writer import write_shards

    return write_shards(generator, out, n, shard_size, shards=shards, **settings)


@contextmanager
def _executor(dask: str | None, workers: int, quiet: bool) -> Iterator[Any | None]:
    if dask is None:
        yield None
        return
    from sirstgen.storage.cluster import dask_client

    with dask_client(dask, workers) as client:
        if not quiet:
            typer.echo(f"Dask dashboard: {client.dashboard_link}", err=True)
        yield client


def _show(manifest: dict[str, Any] | None, out: str, as_json: bool, quiet: bool) -> None:
    if manifest is None:
        text = f"the shards are in {out}; others are missing; the command that makes the last one finishes the dataset"
        common.show({"out": out, "finished": False}, text, as_json, quiet)
        return
    rejected = sum(manifest["rejections"].values())
    text = f"{manifest['count']} images with {manifest['targets']} targets in {out} "
    if manifest["plans"] is None:
        text += f"(seed {manifest['seed']}, {rejected} draws rejected and drawn again)"
    else:
        reasons = ", ".join(f"{reason} {count}" for reason, count in manifest["rejections"].items())
        text += f"(from plans; {rejected} targets cannot be met{': ' + reasons if reasons else ''})"
    common.show(manifest, text, as_json, quiet)
