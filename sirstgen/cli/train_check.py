"""sirstgen train-check: Table VIII on one's own data."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sirstgen.cli import common
from sirstgen.errors import GenerationError, InvalidValueError

if TYPE_CHECKING:
    from sirstgen.train_check.presets import CheckPlan
    from sirstgen.train_check.train_check import CheckProgress


def train_check(
    preset: Annotated[
        str, typer.Option(help="paper, quick, benchmark, or auto: paper on a GPU, quick on a CPU.")
    ] = "auto",
    rows: Annotated[
        str | None,
        typer.Option(help="Real images in each mix, `real` for all of them alone, or FOLDER[:COUNT]. [preset]"),
    ] = None,
    detectors: Annotated[str | None, typer.Option(help="Detectors, with commas. [preset]")] = None,
    repeats: Annotated[int | None, typer.Option(help="Trainings per row and detector, each with its seed. [1]")] = None,
    total: Annotated[int | None, typer.Option(help="Images in a mixed row. [791]")] = None,
    real_copies: Annotated[
        int | None, typer.Option(help="Real images of a mix are shown this many times as often as synthetic ones. [1]")
    ] = None,
    equal: Annotated[str | None, typer.Option(help="steps, or epochs as in the paper. [steps]")] = None,
    epochs: Annotated[int | None, typer.Option(help="With --equal epochs. [1500]")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps of each training. [preset]")] = None,
    batch: Annotated[int | None, typer.Option(help="Crops per step. [preset]")] = None,
    crop: Annotated[int | None, typer.Option(help="Side of the training crops, pixels. [preset]")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Time for the whole check; the steps that fit are measured first.")
    ] = None,
    together: Annotated[int | None, typer.Option(help="Trainings that share a GPU at once. [5]")] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32 or bfloat16, of the training; tests are float32. [preset]")
    ] = None,
    compile: Annotated[str | None, typer.Option(help="Mode of torch.compile for the net, or no. [preset]")] = None,
    schedule: Annotated[str | None, typer.Option(help="Learning rate: cosine, constant or thirds. [preset]")] = None,
    synth_part: Annotated[
        str | None, typer.Option(help="Synthetic images are taken from: train, all, or auto. [auto]")
    ] = None,
    real: common.Real = None,
    synth: Annotated[Path | None, typer.Option(help="Synthetic dataset. [./sirst-synth, else made]")] = None,
    out: Annotated[Path, typer.Option(help="Folder for tables, logs and checkpoints.")] = Path("train-check"),
    device: Annotated[
        str, typer.Option(help="auto (every GPU, else the CPU), cpu, cuda:N, or several with commas.")
    ] = "auto",
    seed: common.Seed = 0,
    workers: Annotated[int, typer.Option(help="Processes that make batches ahead of time.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Continue or extend the check that is there.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the check that is there.")] = False,
    mask_threshold: common.MaskThreshold = None,
    gray_scale: common.GrayScaleOption = None,
    quiet: common.Quiet = False,
    as_json: common.Json = False,
) -> None:
    """Train detectors on mixes of images and print Table VIII.

    Tests on real images only. Without a real dataset, the surrogate domain takes its place, and the
    result says nothing about real frames.
    """
    from sirstgen.datasets.readers import Dataset
    from sirstgen.files.output import refuse_existing
    from sirstgen.mix.surrogate import default_synthetic, surrogate_dataset
    from sirstgen.train_check.presets import preset as named_preset
    from sirstgen.train_check.table_text import as_json as json_text
    from sirstgen.train_check.table_text import as_text
    from sirstgen.train_check.train_check import train_check as check
    from sirstgen.training import ranks

    changes = {
        "repeats": repeats,
        "total": total,
        "real_copies": real_copies,
        "equal": equal,
        "epochs": epochs,
        "seed": seed,
        "minutes": minutes,
        "together": together,
        "synth_part": synth_part,
    }
    settings = {
        "steps": steps,
        "batch": batch,
        "precision": precision,
        "compile": compile,
        "schedule": schedule,
    }
    plan = _adjusted(named_preset(preset, device), rows, detectors, changes, settings, crop)
    with ranks.joined(device) as device:
        quiet = quiet or ranks.number() > 0
        if ranks.number() == 0 and not resume:
            refuse_existing(out, overwrite, resume=True)  # before a surrogate domain is drawn
        folder = common.real_folder(real)
        made = out.with_name(f"{out.name}-data")
        real_set = (
            common.open_dataset(folder, mask_threshold, gray_scale)
            if folder is not None
            else ranks.from_first(lambda: surrogate_dataset(made / "surrogate"))
        )
        if folder is None and not quiet:
            typer.echo("no real dataset was given (--real): testing on the built-in surrogate domain", err=True)
        local = Path("sirst-synth")
        synth_set = Dataset.open(synth) if synth is not None else None
        if synth_set is None and plan.needs_synthetic:
            place = made / f"synth-{plan.total}-{plan.seed}"
            with common.progress("synth", quiet) as on_progress:
                synth_set = (
                    Dataset.open(local)
                    if local.is_dir()
                    else ranks.from_first(lambda: default_synthetic(place, plan.total, plan.seed, on_progress))
                )
        if plan.real_copies > 1 and not plan.mixes and not quiet:
            typer.echo("--real-copies changes nothing: no row mixes real and synthetic images", err=True)
        with _progress(quiet) as reported:
            table = check(
                plan,
                real_set,
                synth_set,
                out=out,
                resume=resume,
                overwrite=overwrite,
                surrogate=folder is None,
                device=device,
                workers=workers,
                progress=reported,
            )
        if ranks.number() == 0 and (as_json or not quiet):
            typer.echo(json_text(table) if as_json else as_text(table))
        if not any(run.trained for run in table.runs):
            raise GenerationError(f"{out}: no training came to its end: {table.runs[0].note or table.runs[0].status}")


def _adjusted(
    plan: CheckPlan,
    rows: str | None,
    detectors: str | None,
    changes: dict[str, Any],
    settings: dict[str, Any],
    crop: int | None,
) -> CheckPlan:
    """Return the preset with what the flags say in its place."""
    if rows is not None:
        changes["rows"] = tuple(_row(text) for text in common.names(rows, "--rows"))
    if detectors is not None:
        changes["detectors"] = tuple(common.names(detectors, "--detectors"))
    new_settings = {name: value for name, value in settings.items() if value is not None}
    if crop is not None:
        new_settings["augmentation"] = replace(plan.settings.augmentation, crop=crop)
    changes["settings"] = replace(plan.settings, **new_settings)
    return replace(plan, **{name: value for name, value in changes.items() if value is not None})


def _row(text: str) -> Any:
    from sirstgen.train_check.presets import FolderRow, MixedRow, RealRow

    if text.isdecimal():
        return MixedRow(int(text))
    if text == "real":
        return RealRow()
    folder, colon, count = text.rpartition(":")
    row = FolderRow(Path(folder), count=int(count)) if colon and count.isdecimal() else FolderRow(Path(text))
    if not row.folder.is_dir():
        raise InvalidValueError(f"--rows must be numbers, real, or folders that are there, got {text!r}")
    return row


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[CheckProgress], None] | None]:
    """Keep one line on standard error, rewritten: which training, how far, its loss, the time left in all."""
    if quiet or not sys.stderr.isatty():
        yield None
        return

    def on_progress(state: CheckProgress) -> None:
        line = f"{state.number}/{state.runs} {state.label}"
        if state.training is not None:
            at = state.training
            rate = at.steps_per_second
            line += f": step {at.step}/{at.steps}, {rate:.3g} steps/s, loss {at.loss:.3f}"
            if at.validation is not None:
                line += f", IoU {100 * at.validation.iou:.1f} Pd {100 * at.validation.pd:.1f}"
        if state.seconds_left is not None:
            line += f", {state.seconds_left / 60:.0f} min left"
        sys.stderr.write(f"\r\x1b[K{line[:160]}")
        sys.stderr.flush()

    try:
        yield on_progress
    finally:
        sys.stderr.write("\r\x1b[K")
