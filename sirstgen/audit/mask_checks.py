"""Faults of one mask: how it is stored, what it covers, and whether the image shows something there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.audit.checks import Finding
from sirstgen.audit.raw import Raw
from sirstgen.datasets.masks import numbers_regions
from sirstgen.files.images import Gray
from sirstgen.measure.targets import MeasuredTarget, measure_targets

_NEAR = 16  # gray levels from 0 and 255 that JPEG and resizing leave
_STRAY, _FEW = 0.05, 5  # share of the pixels that are not black, and number, up to which other values are stray
_COVERAGE, _INVERTED = 0.05, 0.5
_FLAT = 0.5  # gray levels of contrast, of 8 bits
_NO_CONTRAST, _CONTRAST = 0.15, 1.0  # SCR


@dataclass(frozen=True, slots=True)
class ReadMask:
    """A mask as far as it can be understood.

    Args:
        target: (H, W) bool, targets, inverted back where the mask is inverted.
        safe: whether the stored values leave no doubt which pixels are targets.
    """

    target: NDArray[np.bool_]
    safe: bool


def read_stored(key: str, raw: Raw, found: list[Finding]) -> ReadMask:
    """Return the mask of `raw`; what is wrong with the way it is stored is added to `found`."""
    if raw.orientation != 1:
        found.append(Finding.of("exif-orientation", key, "the mask asks to be turned", raw.orientation, 1))
    colours = None if raw.rgb is None else np.unique(raw.rgb.reshape(-1, 3), axis=0)
    if raw.mode == "P":
        found.append(
            Finding.of(
                "mask-palette", key, "colours in the palette that are used", 0 if colours is None else len(colours)
            )
        )
    elif raw.rgb is not None:
        found.append(Finding.of("mask-rgb", key, f"stored as {raw.mode}"))
    if raw.alpha is not None:
        found.append(
            Finding.of("mask-alpha", key, "an alpha channel", f"{int(raw.alpha.min())} to {int(raw.alpha.max())}")
        )
    if raw.mode == "1":
        found.append(Finding.of("mask-1-bit", key, "stored with 1 bit a pixel"))
    values, counts = np.unique(raw.gray, return_counts=True)
    if raw.classes is not None:
        void = int(np.count_nonzero(raw.gray)) - int(np.count_nonzero(raw.classes))
        found.append(Finding.of("mask-void", key, "pixels of the border, 255", void))
        return ReadMask(raw.classes, False)
    if colours is not None and len(colours) > 2 and not raw.lossy and _coloured(colours):
        found.append(Finding.of("mask-colours", key, "colours beside black", len(colours) - 1, 1))
        return ReadMask(raw.gray != values[np.argmax(counts)], False)
    if len(values) > 2 and not raw.lossy and numbers_regions(raw.gray):
        shown = [int(value) for value in values[:5]]
        found.append(Finding.of("mask-gray", key, "counting values, as of instances or classes", shown))
        return ReadMask(raw.gray != 0, False)
    target, safe = _by_values(key, raw.gray, values, counts, found)
    share = float(target.mean())
    if share > _INVERTED:
        found.append(Finding.of("mask-inverted", key, "share of white pixels", f"{100 * share:.1f} %"))
        return ReadMask(~target, safe and 0 < 1 - share <= _COVERAGE)
    if share > _COVERAGE:
        found.append(Finding.of("coverage", key, "share of target pixels", f"{100 * share:.1f} %", "at most 5 %"))
    return ReadMask(target, safe)


def _coloured(colours: NDArray[np.uint8]) -> bool:
    return bool((colours.max(axis=1) != colours.min(axis=1)).any())


def _by_values(
    key: str, gray: Gray, values: NDArray[Any], counts: NDArray[np.intp], found: list[Finding]
) -> tuple[NDArray[np.bool_], bool]:
    """Return which pixels are target, and whether that is beyond doubt."""
    top = int(np.iinfo(gray.dtype).max)
    if len(values) <= 2:
        high = int(values[-1])
        if len(values) == 2 and values[0] != 0:
            found.append(Finding.of("mask-other-value", key, "values", [int(value) for value in values], [0, top]))
            return np.asarray(gray == high, dtype=bool), False
        if high == 1:
            found.append(Finding.of("mask-of-1", key, "targets have the value", 1, 255))
        elif high not in (0, top):
            found.append(Finding.of("mask-other-value", key, "targets have the value", high, top))
        return np.asarray(gray != 0, dtype=bool), True
    near = _NEAR * (top // 255)
    if values[-1] < top - near and values[-1] < 256 and len(values) - 1 == int(values[-1]):  # that touch
        shown = [int(value) for value in values[:5]]
        found.append(Finding.of("mask-gray", key, "counting values, as of instances or classes", shown))
        return np.asarray(gray != 0, dtype=bool), False
    between = (values != 0) & (values != top)
    strays = int(counts[between].sum())
    far = int(counts[(values > near) & (values < top - near)].sum())
    inked = int(counts[values != 0].sum())
    shown = [int(value) for value in values[between][:5]]
    if (far == 0 and values[-1] >= top - near) or (
        values[-1] == top and strays <= max(_STRAY * inked, _FEW) and 2 * strays < inked
    ):
        found.append(Finding.of("mask-stray-values", key, f"{strays} pixels are neither 0 nor {top}, such as", shown))
        return np.asarray(gray > top // 2, dtype=bool), True
    what = f"{len(values)} values; {strays} pixels are neither 0 nor {top}, such as"
    found.append(Finding.of("mask-gray", key, what, shown))
    return np.asarray(gray > int(values[-1]) // 2, dtype=bool), False


def target_findings(key: str, image: Gray, mask: NDArray[np.bool_], targets: list[MeasuredTarget]) -> Iterator[Finding]:
    """Yield what is wrong with the targets of one image, by what the image shows under its mask."""
    height, width = mask.shape
    level = 1.0 if image.dtype == np.uint8 else max(float(np.ptp(np.percentile(image, (0.1, 99.9)))) / 255, 1.0)
    bright = dark = 0
    for number, target in enumerate(targets, start=1):
        x, y, w, h = target.bbox
        if x == 0 or y == 0 or x + w == width or y + h == height:
            yield Finding.of("border-target", key, f"target {number} touches the border; box", list(target.bbox))
        if np.isnan(target.mu_b):
            continue
        rise = target.mu_t - target.mu_b
        if abs(rise) < _FLAT * level or target.scr < _NO_CONTRAST:
            yield Finding.of("no-contrast", key, f"target {number} at {_place(target)}; SCR", round(target.scr, 3))
        elif target.scr >= _CONTRAST:
            bright, dark = bright + (rise > 0), dark + (rise < 0)
    if bright and dark:
        yield Finding.of("mixed-sign", key, f"{bright} bright and {dark} dark targets")


def measured(image: Gray, mask: NDArray[np.bool_]) -> list[MeasuredTarget]:
    """Return the targets of a mask with 2 px around them left out of their clutter."""
    return measure_targets(image, mask, support_margin=2)


def _place(target: MeasuredTarget) -> str:
    return f"({target.center[0]:.0f}, {target.center[1]:.0f})"
