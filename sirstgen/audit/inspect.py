"""Everything that an audit takes from one image and its mask; runs in a worker process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sirstgen.audit.alignment import frame_shift, shift_maps
from sirstgen.audit.checks import Finding
from sirstgen.audit.copies import Pair, compare
from sirstgen.audit.image_checks import image_findings
from sirstgen.audit.likeness import Likeness, likeness
from sirstgen.audit.mask_checks import measured, read_stored, target_findings
from sirstgen.audit.raw import Raw, open_mask, open_raw
from sirstgen.datasets.entries import Stored
from sirstgen.errors import InputError


@dataclass(frozen=True, slots=True)
class Task:
    """One image to look at.

    Args:
        id: of the image.
        image: its file.
        mask: its mask's file, if there is one.
        names: both as a finding is to call them.
    """

    id: str
    image: Stored
    mask: Stored | None
    names: tuple[str, str]


@dataclass(slots=True)
class Inspection:
    """What one image showed.

    Args:
        id: of the image.
        findings: of this image alone.
        likeness: to find copies by; None where the image cannot be read.
        bits: 8 or 16; 0 where the image cannot be read.
        areas: of the targets, pixels.
        filled: whether each target fills its box.
        fit: mean map of `shift_maps`, int8 of 0 to 100; None without targets.
    """

    id: str
    findings: list[Finding] = field(default_factory=list)
    likeness: Likeness | None = None
    bits: int = 0
    areas: list[int] = field(default_factory=list)
    filled: list[bool] = field(default_factory=list)
    fit: NDArray[np.int8] | None = None


def inspect(task: Task) -> Inspection:
    """Look at one image and its mask; a file that cannot be read is a finding."""
    result = Inspection(task.id)
    found = result.findings
    image = _opened(task.image, task.names[0], found)
    if image is not None:
        found += image_findings(task.id, image)
        result.bits = 8 * image.gray.dtype.itemsize
        result.likeness = likeness(image.gray)
    stored = None if task.mask is None else _opened(task.mask, task.names[1], found, open_mask)
    if stored is None:
        return result
    mask = read_stored(task.id, stored, found)
    if image is None:
        return result
    if image.size != stored.size:
        check = "transposed" if image.size == stored.size[::-1] else "size-differs"
        found.append(Finding.of(check, task.id, "mask (width, height)", list(stored.size), list(image.size)))
        return result
    known = {finding.check for finding in found}
    if ("mask-inverted" in known and not mask.safe) or known & {"byte-swapped", "colour-rendering", "constant"}:
        return result  # what the mask shows, or the image, is no target
    targets = measured(image.gray, mask.target)
    found += target_findings(task.id, image.gray, mask.target, targets)
    result.areas = [target.area for target in targets]
    result.filled = [target.area == target.bbox[2] * target.bbox[3] for target in targets]
    maps = shift_maps(image.gray, mask.target)
    if maps:
        result.fit = np.rint(100 * np.mean(maps, axis=0)).astype(np.int8)
        shift = frame_shift(image.gray, mask.target, maps)
        if shift is not None:
            what = "pixels (x, y) by which the mask must move to fit"
            found.append(Finding.of("mask-shifted", task.id, what, list(shift)))
    return result


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two images to compare, in a worker process."""

    pair: Pair
    files: tuple[Stored, Stored]
    scales: tuple[float, float]


def compared(task: Comparison) -> tuple[Pair, str | None]:
    """Return the pair and what `compare` says of it."""
    try:
        first, second = (open_raw(stored).gray for stored in task.files)
    except InputError:
        return task.pair, None
    return task.pair, compare(first, second, task.pair, task.scales)


def _opened(stored: Stored, name: str, found: list[Finding], how: Callable[[Stored], Raw] = open_raw) -> Raw | None:
    try:
        return how(stored)
    except InputError as error:
        found.append(Finding.of("unreadable", name, error.message.removeprefix(f"{stored.path}: ")))
        return None
