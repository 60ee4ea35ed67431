"""Mixes of real and synthetic training images, as Table VIII trains on.

Each source's training ids are put in an order that depends on the seed alone, and a mix takes them from the front. So
mixes of one seed are nested: more real images means the same real images and some others, and the same holds for the
synthetic ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.atomic import MANIFEST
from sirstgen.files.input_files import loaded_json, read_bytes
from sirstgen.seeding import stream

Kind = Literal["real", "synthetic"]
SynthPart = Literal["auto", "all", "train"]
Part = Literal["train", "test"]

# All mixed rows of Table VIII hold 791 images: the 663 of the NUDT-SIRST training set and 128 real ones.
TOTAL = 791
_PREFIX = {"real": "real-", "synthetic": "synth-"}


@dataclass(frozen=True)
class MixEntry:
    """One image of a mix and where it comes from.

    Attributes:
        kind: ``real`` or ``synthetic``.
        source: the dataset it comes from.
        source_id: its id there.
        part: ``train``, or ``test`` for the real test images of a mix that was asked to carry them.
    """

    kind: Kind
    source: Dataset
    source_id: str
    part: Part = "train"

    @property
    def id(self) -> str:
        """Its id in the mix: ``real-<id>`` or ``synth-<id>``, the same in every mix of these sources."""
        return _PREFIX[self.kind] + self.source_id


@dataclass(frozen=True)
class Mix:
    """Which images a mix consists of; `sirstgen.mix.writer.write_mix` makes a dataset folder of it.

    Attributes:
        entries: sorted by id.
        seed: what the ids were drawn with.
        surrogate: whether the real images are of the surrogate domain.
    """

    entries: tuple[MixEntry, ...]
    seed: int
    surrogate: bool = False

    def ids(self, part: Part) -> tuple[str, ...]:
        """Return the ids of one part, sorted."""
        return tuple(entry.id for entry in self.entries if entry.part == part)

    def count(self, kind: Kind) -> int:
        """Return how many training images are of `kind`."""
        return sum(entry.kind == kind and entry.part == "train" for entry in self.entries)


def mix_counts(total: int = TOTAL, real_ratio: float | None = None, real_count: int | None = None) -> tuple[int, int]:
    """Return how many real and synthetic images a mix holds.

    Args:
        total: images in all, at least 1.
        real_ratio: share of real ones, 0 to 1; half an image is rounded up.
        real_count: number of real ones, in place of the share. The paper's are 42, 85 and 128 of 791.

    Raises:
        InvalidValueError: out of range, or not exactly one of share and number.
    """
    if total < 1:
        raise InvalidValueError(f"total must be at least 1, got {total}")
    if real_ratio is not None and real_count is None:
        if not 0 <= real_ratio <= 1:
            raise InvalidValueError(f"real-ratio must be from 0 to 1, got {real_ratio:g}")
        real_count = math.floor(real_ratio * total + 0.5)
    elif real_count is None or real_ratio is not None:
        raise InvalidValueError("a mix takes either real-ratio or real-count, exactly one of them")
    if not 0 <= real_count <= total:
        raise InvalidValueError(f"real-count must be from 0 to the total of {total}, got {real_count}")
    return real_count, total - real_count


def draw_mix(
    real: Dataset | None,
    synth: Dataset | None,
    *,
    seed: int,
    total: int = TOTAL,
    real_ratio: float | None = None,
    real_count: int | None = None,
    synth_part: str = "auto",
    with_test: bool = False,
    surrogate: bool = False,
) -> Mix:
    """Draw the images of a mix; nothing is written.

    Real images come from the real set's *training* list only. See `synthetic_pool` for where synthetic ones come from.

    Args:
        real: the real set, with split lists; None if no real image is asked for.
        synth: the synthetic set; None if no synthetic image is asked for.
        seed: of the order in which ids are taken.
        total, real_ratio, real_count: see `mix_counts`.
        synth_part: see `synthetic_pool`.
        with_test: also carry the real set's test images, for testing only, so that the folder alone serves a training
            code that wants a test list.
        surrogate: whether `real` is the surrogate domain.

    Raises:
        InvalidValueError: see `mix_counts`.
        InputError: too few images, or no split lists; the message says how many there are and how many are needed. Or
            images of both kinds are asked for from one folder, whose images would be in the mix twice.
    """
    real_needed, synth_needed = mix_counts(total, real_ratio, real_count)
    places = {source.folder.resolve() for source in (real, synth) if source is not None}
    if None not in (real, synth) and len(places) < 2 and synth_needed and (real_needed or with_test):
        raise InputError.of(places.pop(), "is both the real and the synthetic set; name another one with --synth")
    entries: list[MixEntry] = []
    if real_needed:
        if real is None:
            raise InputError(f"{real_needed} real images are needed and no real set is given; name one with --real")
        entries += _take(real, "real", real.split("train"), real_needed, seed)
    if synth_needed:
        if synth is None:
            raise InputError(
                f"{synth_needed} synthetic images are needed and no synthetic set is given; name one with --synth"
            )
        entries += _take(synth, "synthetic", synthetic_pool(synth, synth_part), synth_needed, seed)
    if with_test:
        if real is None:
            raise InputError("the test images are those of the real set, and none is given; name one with --real")
        entries += [MixEntry("real", real, key, "test") for key in real.split("test")]
    return Mix(tuple(sorted(entries, key=lambda entry: entry.id)), seed, surrogate)


def synthetic_pool(synth: Dataset, part: str = "auto") -> tuple[str, ...]:
    """Return the ids that synthetic images of a mix are taken from.

    Args:
        synth: the synthetic set.
        part: ``train``: its training list. ``all``: all images, for a set that is synthetic throughout: rows 1 to 3 of
            Table VIII need more than its training half holds. ``auto``: all images of a set that `synth` wrote, of any
            other set the training list where there is one, since its other images may be real test images.
    """
    if part not in get_args(SynthPart):
        raise InvalidValueError(f"synth-part must be one of {', '.join(get_args(SynthPart))}, got {part!r}")
    drawn_here = "recipe" in _manifest_keys(synth)
    if part == "train" or (part == "auto" and synth.listed("train") is not None and not drawn_here):
        return synth.split("train")
    return synth.ids


def _manifest_keys(dataset: Dataset) -> set[str]:
    """Return the keys of a dataset's manifest; none where it has none that can be read."""
    try:
        manifest = loaded_json(read_bytes(dataset.folder / MANIFEST), MANIFEST)
    except InputError:
        return set()
    return set(manifest) if isinstance(manifest, dict) else set()


def _take(source: Dataset, kind: Kind, pool: Sequence[str], needed: int, seed: int) -> list[MixEntry]:
    if needed > len(pool):
        what = "real training images" if kind == "real" else "synthetic images"
        way_out = "lower the share of real images or --total" if kind == "real" else "make more, or lower --total"
        if kind == "synthetic" and len(pool) < len(source):
            way_out += f", or take all {len(source)} of a set that is synthetic throughout with --synth-part all"
        raise InputError.of(source.folder, f"{needed} {what} are needed, {len(pool)} are there; {way_out}")
    order = stream(seed, "mix", kind).permutation(len(pool))
    ids = sorted(pool)
    return [MixEntry(kind, source, ids[index]) for index in order[:needed]]
