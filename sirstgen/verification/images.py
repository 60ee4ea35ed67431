"""Checking one image: its two files, its line of ``targets.jsonl``, and the image rendered again from that line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InputError, SirstgenError
from sirstgen.files.images import Gray, decode_gray
from sirstgen.measure.targets import MeasuredTarget, measure_targets
from sirstgen.plan import ImagePlan
from sirstgen.synthesis.generator import Generator
from sirstgen.verification.issues import Issue
from sirstgen.verification.stored import StoredFiles

LEVELS, SHARE = 3, 0.01
"""What two processors may draw differently: gray levels of 8 bits, share of the pixels."""

_TOLERANCE = 1e-9
_CENTER = 5.1e-5  # centers are written to 4 decimals
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Pair(NamedTuple):
    """An image and its mask as they are on disk; None where a file cannot be read."""

    image: Gray | None
    mask: NDArray[np.uint8] | None


def read_pair(files: StoredFiles, key: str, faults: list[Issue]) -> Pair:
    """Return image and mask of `key`, held to what holds for any image: gray PNGs of one size, masks of 8 bit with 0
    and 255.

    Args:
        files: of the dataset.
        key: the image's id.
        faults: what is wrong is added here.
    """
    image = _read_png(files, f"images/{key}.png", faults)
    mask = _read_png(files, f"masks/{key}.png", faults)
    if mask is not None:
        place = f"masks/{key}.png"
        between = mask[(mask != 0) & (mask != 255)]
        if mask.dtype != np.uint8:
            faults.append(Issue(place, "a mask must have 8 bit", found=16))
        elif between.size:
            faults.append(
                Issue(place, f"a mask must hold 0 and 255 only; {between.size} pixels do not", 255, int(between[0]))
            )
        if image is not None and mask.shape != image.shape:
            faults.append(Issue(place, "a mask must have its image's size", _size(image), _size(mask)))
            return Pair(image, None)
        if mask.dtype != np.uint8:
            return Pair(image, None)
        return Pair(image, mask.astype(np.uint8, copy=False))
    return Pair(image, None)


def _read_png(files: StoredFiles, name: str, faults: list[Issue]) -> Gray | None:
    try:
        data, path = files.read(name)
        pixels = decode_gray(data, path)
    except InputError as error:
        faults.append(Issue(name, str(error).removeprefix(f"{error.data.get('path')}: ")))
        return None
    gray = data.startswith(_PNG_SIGNATURE) and data[24] in (8, 16) and data[25] == 0
    if not gray:
        faults.append(Issue(name, "must be a gray PNG of 8 or 16 bit"))
    return pixels


def read_plan(row: Mapping[str, Any], key: str, faults: list[Issue]) -> ImagePlan | None:
    """Return the plan in a line; None where the line lacks something, which is added to `faults`."""
    try:
        plan = ImagePlan.from_dict(row)
    except (ValueError, TypeError, IndexError) as error:  # whatever a line of any content may raise
        faults.append(Issue(key, f"its line of targets.jsonl is incomplete or wrong: {error}"))
        return None
    margin = row.get("support_margin")
    if not isinstance(margin, int) or not 0 <= margin <= max(plan.width, plan.height):
        what = "support_margin must be a number of pixels, at most the longer side of the image"
        faults.append(Issue(key, what, found="nothing" if margin is None else margin))
        return None
    return plan


def truth_faults(plan: ImagePlan, row: Mapping[str, Any], key: str, pair: Pair) -> Iterator[Issue]:
    """Recompute everything a line says about the pixels of its image.

    Args:
        plan: from `read_plan`.
        row: the line.
        key: the image's id.
        pair: its files.
    """
    image, mask = pair
    if image is None:
        return
    if (plan.width, plan.height) != image.shape[::-1]:
        yield Issue(f"images/{key}.png", "size", f"{plan.width}x{plan.height}", _size(image))
    if plan.bit_depth != 8 * image.dtype.itemsize:
        yield Issue(f"images/{key}.png", "bit depth", plan.bit_depth, 8 * image.dtype.itemsize)
    if mask is None:
        return
    found = measure_targets(image, mask != 0, plan.clutter_region, row["support_margin"])
    stated = row["targets"]
    if len(found) != len(stated):
        yield Issue(key, "targets (8-connected components of the mask)", len(stated), len(found))
        return
    for number, (entry, target) in enumerate(zip(stated, found, strict=True)):
        place = f"{key} target {number}"
        yield from _target_faults(place, entry, target)
        if target.sigma_b == 0 or math.isnan(target.mu_b):
            yield Issue(place, "the clutter region must not be flat or empty (sigma_b = 0)", found=target.sigma_b)
        elif not plan.finished_later:  # a stage after the intensity changes what was met before it
            yield from _request_faults(place, entry, target)


def _target_faults(place: str, entry: Mapping[str, Any], target: MeasuredTarget) -> Iterator[Issue]:
    for name in ("area", "saturated"):
        if entry.get(name) != getattr(target, name):
            yield Issue(place, name, entry.get(name, "nothing"), getattr(target, name))
    if entry.get("bbox") != list(target.bbox):
        yield Issue(place, "bbox", entry.get("bbox", "nothing"), list(target.bbox))
    center = entry.get("center")
    if not _is_point(center) or max(abs(a - b) for a, b in zip(center, target.center, strict=True)) > _CENTER:
        yield Issue(place, "center", center or "nothing", [round(value, 4) for value in target.center])
    for name in ("mu_t", "mu_b", "sigma_b", "scr"):
        value, true = entry.get(name), getattr(target, name)
        if not _is_number(value) or not math.isclose(value, true, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
            yield Issue(place, name, "nothing" if value is None else value, true)


def _request_faults(place: str, entry: Mapping[str, Any], target: MeasuredTarget) -> Iterator[Issue]:
    """Check that what was asked for is met within half a gray level of the mask's sum, on the side that the polarity
    names.

    So ``|scr - scr_requested| <= 0.5 / (area sigma_b)``, and ``0.5 / area`` for a contrast.
    """
    contrast, polarity = entry.get("contrast_requested"), entry.get("polarity", 1)
    name, unit = ("scr_requested", target.sigma_b) if contrast is None else ("contrast_requested", 1.0)
    requested, bound = entry[name], 0.5 / (target.area * unit)
    signed = (target.mu_t - target.mu_b) / unit
    if abs(signed - polarity * requested) > bound * (1 + _TOLERANCE) + _TOLERANCE:
        rule = "0.5/(area sigma_b)" if contrast is None else "0.5/area"
        what = f"{name} must be met within {rule} = {bound:.3g}, polarity {polarity}"
        yield Issue(place, what, requested, signed * polarity)


def rebuild_faults(
    plan: ImagePlan, row: Mapping[str, Any], key: str, pair: Pair, generator: Generator, elsewhere: bool = False
) -> Iterator[Issue]:
    """Render the image again from its line; compare its pixels and the line.

    Args:
        plan: from `read_plan`.
        row: the line.
        key: the image's id.
        pair: its files.
        generator: backgrounds and templates.
        elsewhere: the image was drawn on another processor or with other libraries. Up to `LEVELS` gray levels of
            8 bits in up to `SHARE` of the pixels are no fault then, and the line need not be the same.
    """
    try:
        sample = generator.render(plan)
    except SirstgenError as error:
        yield Issue(key, f"cannot be rendered from its line: {error}")
        return
    for name, stored, made in (("images", pair.image, sample.image), ("masks", pair.mask, sample.mask)):
        if stored is None:
            continue
        place = f"{name}/{key}.png"
        if stored.shape != made.shape or stored.dtype != made.dtype:
            yield Issue(place, "rendered from its line it has another size or depth", _size(made), _size(stored))
        elif elsewhere and _alike(stored, made):
            continue
        elif differing := int(np.count_nonzero(stored != made)):
            y, x = np.argwhere(stored != made)[0].tolist()
            what = f"{differing} pixels differ from the image rendered from its line, the first at x {x}, y {y}"
            yield Issue(place, what, int(made[y, x]), int(stored[y, x]))
    again = sample.row(key)
    if elsewhere and len(row.get("targets", ())) == len(again["targets"]):
        return
    for name in ("support_margin", "targets"):
        if row.get(name) != again[name]:
            yield Issue(
                key, f"{name} differ from those of the image rendered from its line", row.get(name), again[name]
            )


def _alike(stored: NDArray[Any], made: NDArray[Any]) -> bool:
    """Return whether two images or masks differ by no more than rounding on another processor explains."""
    apart = np.abs(stored.astype(np.int64) - made)
    most = LEVELS * (257 if stored.dtype == np.uint16 else 1)
    return bool(apart.max() <= most and np.count_nonzero(apart) <= SHARE * apart.size)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_point(value: object) -> TypeGuard[list[float]]:
    return isinstance(value, list) and len(value) == 2 and all(_is_number(part) for part in value)


def _size(pixels: NDArray[Any]) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
