"""The images of a row of a check, drawn for one run."""

from __future__ import annotations

from collections.abc import Callable

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.mix.mix import Mix, draw_mix, synthetic_pool
from sirstgen.train_check.presets import CheckPlan, FolderRow, MixedRow, Row
from sirstgen.train_check.table import TrainingSet


def draw_row(
    plan: CheckPlan,
    row: Row,
    seed: int,
    real: Dataset,
    synth: Dataset | None,
    surrogate: bool,
    note: Callable[[str], None],
) -> tuple[TrainingSet, Mix | None, str]:
    """Draw the images of one run.

    Args:
        plan: the check.
        row: what the run trains on.
        seed: of the run.
        real: the real set.
        synth: the synthetic set; None if no row asks for synthetic images.
        surrogate: `real` is the built-in surrogate domain.
        note: called with what a reader of the table should know.

    Returns:
        The numbers of images, the images, and why there are none (then the second is None).

    Raises:
        InputError, InvalidValueError: see `sirstgen.mix.mix.draw_mix`.
    """
    if isinstance(row, MixedRow):
        asked = plan.total - row.real
        there = len(synthetic_pool(synth, plan.synth_part)) if synth is not None else asked
        if there < asked:
            kind = "surrogate" if surrogate else "real"
            note(f"{row.real} {kind} images: {asked} synthetic ones were asked for, {there} are there and were taken.")
        taken = min(asked, there)
        mix = draw_mix(
            real,
            synth,
            seed=seed,
            total=row.real + taken,
            real_count=row.real,
            synth_part=plan.synth_part,
        )
        return TrainingSet(row.real, taken, surrogate=surrogate), mix, ""
    source, part, wanted = real, "train", None
    is_real, name = True, ""
    if isinstance(row, FolderRow):
        source = Dataset.open(row.folder)
        part, wanted = row.part or ("all" if source.listed("train") is None else "train"), row.count
        is_real, name = row.real, source.name
    if part == "train":
        try:
            pool = len(source.split("train"))
        except InputError as fault:
            return TrainingSet(0, 0, name or source.name), None, str(fault)
    else:
        pool = len(source)
    count = pool if wanted is None else wanted
    if is_real:
        if part == "all":
            raise InvalidValueError(f"{source.folder}: real images are taken from the training list only, not from all")
        mix = draw_mix(source, None, seed=seed, total=count, real_count=count)
    else:
        mix = draw_mix(
            None, source, seed=seed, total=count, real_count=0, synth_part="train" if part == "train" else "all"
        )
    counts = mix.count("real"), mix.count("synthetic")
    return TrainingSet(*counts, name, surrogate and source is real), mix, ""
