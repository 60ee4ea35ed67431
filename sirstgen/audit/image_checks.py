"""Faults of one image: colours, text, exchanged bytes, levels clipped or not used, pixels without data."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.audit.checks import Finding
from sirstgen.audit.likeness import as_levels
from sirstgen.audit.raw import Raw
from sirstgen.files.images import Gray

_TINT = 24  # gray levels between the channels of a pixel that is coloured, not a JPEG's rounding
_COLOURED = 0.02  # share of such pixels in a colour rendering
_CLIPPED = 0.01  # share of pixels at the outermost level
_PILED = 10  # times as many as at a level nearby
_USED_8, _USED_16 = 24, 4096  # levels between percentiles 0.1 and 99.9
_GAP = 5  # ranges of the rest of the image between it and pixels without data
_BORDER = 2  # constant rows or columns that are a border
_LEAST_SYMBOLS = 5
_INK, _INK_EVEN = 60, 40  # gray levels of ink above the image, and between the peaks of its symbols


def image_findings(key: str, raw: Raw) -> Iterator[Finding]:
    """Yield what is wrong with one image."""
    gray = raw.gray
    if raw.orientation != 1:
        yield Finding.of("exif-orientation", key, "the image asks to be turned", raw.orientation, 1)
    yield from _colours(key, raw)
    levels = gray[~raw.without_data]
    if levels.size == 0 or levels.min() == levels.max():
        yield Finding.of("constant", key, "all pixels are equal", int(gray.flat[0]))
        return
    if swapped_bytes(gray):
        yield Finding.of("byte-swapped", key, "smooth only after the bytes of each pixel are exchanged")
        return
    border = _border(gray)
    yield from _nodata(key, raw, levels, border)
    left, upper, right, lower = border
    inner = np.s_[upper : gray.shape[0] - lower, left : gray.shape[1] - right]
    yield from _range(key, gray[inner][~raw.without_data[inner]], gray.dtype == np.uint16)
    symbols = text_boxes(gray)
    if symbols:
        x, y, width, height = symbols[0]
        yield Finding.of("burnt-in-text", key, f"{len(symbols)} lines of symbols", [x, y, width, height])


def _colours(key: str, raw: Raw) -> Iterator[Finding]:
    if raw.rgb is None:
        return
    spread = raw.rgb.max(axis=2).astype(int) - raw.rgb.min(axis=2)
    share = float((spread > _TINT).mean())
    if share > _COLOURED:
        yield Finding.of("colour-rendering", key, "pixels with a colour", f"{100 * share:.0f} %")
    else:
        kind = "a palette" if raw.mode == "P" else raw.mode
        tint = ", with a tint" if spread.max() else ""
        yield Finding.of("image-not-gray", key, f"gray levels stored as {kind}{tint}")


def swapped_bytes(image: Gray) -> bool:
    """Return whether the bytes of each pixel of a 16-bit image are exchanged.

    They are where the image becomes smooth when they are exchanged back, or where only the upper byte carries values.
    """
    if image.dtype != np.uint16:
        return False
    as_stored, exchanged = _roughness(image), _roughness(image.byteswap())
    if as_stored > 0.03 and exchanged < as_stored / 3:
        return True
    # Of a small range the upper byte is nearly constant, and now is below. Sensors use the lower bits, or none.
    upper, lower = (len(np.unique(part)) for part in (image >> 8, image & 255))
    return int(np.ptp(image & 255)) < 16 and bool((image & 255).any()) and upper > 4 * lower


def _roughness(image: Gray) -> float:
    """Return the mean difference between neighbours as a share of the spread of the levels.

    1.1 for noise, 0 for a slope.
    """
    wide = image.astype(np.float64)
    spread = float(wide.std())
    return float(np.abs(np.diff(wide, axis=1)).mean()) / spread if spread > 0 else 0.0


def _nodata(
    key: str, raw: Raw, levels: NDArray[np.uint8 | np.uint16], border: tuple[int, int, int, int]
) -> Iterator[Finding]:
    if raw.without_data.any():
        what = "pixels of NaN, infinity or the file's nodata value"
        yield Finding.of("nodata", key, what, f"{100 * float(raw.without_data.mean()):.2f} %")
        return
    used, counts = np.unique(levels, return_counts=True)
    if raw.gray.dtype == np.uint16 and len(used) > 2:
        low, high = (int(value) for value in np.percentile(levels, (2, 98)))
        span = max(high - low, 1)
        for place, value, gap in ((0, 0, used[1] - used[0]), (-1, 65535, used[-1] - used[-2])):
            if used[place] == value and gap > _GAP * span and counts[place] > 4:
                yield Finding.of("nodata", key, f"pixels of {value}, far from all others", int(counts[place]))
                return
    if any(border):
        yield Finding.of("nodata", key, "a border of one gray level: left, top, right, bottom", list(border))


def _border(image: Gray) -> tuple[int, int, int, int]:
    """Return the number of rows and columns at each side that hold only black or only white, where the rest of the
    image differs.
    """
    sides = []
    top = int(np.iinfo(image.dtype).max)
    for lines in (image.T, image, image.T[::-1], image[::-1]):
        value = int(lines[0, 0])
        depth = 0
        if value in (0, top):
            same = (lines == value).all(axis=1)
            depth = int(np.argmin(same)) if not same.all() else 0
        next_line = lines[min(depth, len(lines) - 1)].astype(int)
        apart = depth >= _BORDER and abs(int(np.median(next_line)) - value) > (top >> 4)
        sides.append(depth if apart else 0)
    left, upper, right, lower = sides
    return left, upper, right, lower


def _range(key: str, levels: NDArray[np.uint8 | np.uint16], wide: bool) -> Iterator[Finding]:
    low, high = (int(value) for value in np.percentile(levels, (0.1, 99.9)))
    used = high - low + 1
    if used < (_USED_16 if wide else _USED_8):
        whole = 65536 if wide else 256
        yield Finding.of("unused-range", key, f"levels used of {whole}", used)
    counts = np.bincount(levels.ravel(), minlength=256)
    held = np.flatnonzero(counts)
    if len(held) < 12:
        return
    for side, ordered in (("darkest", held), ("brightest", held[::-1])):
        share = float(counts[ordered[0]]) / levels.size
        nearby = float(np.median(counts[ordered[1:11]]))
        if share > _CLIPPED and counts[ordered[0]] > _PILED * nearby:
            what = f"pixels at the {side} level, {int(ordered[0])}"
            yield Finding.of("clipped", key, what, f"{100 * share:.1f} %")


def text_boxes(image: Gray) -> list[tuple[int, int, int, int]]:
    """Return boxes (x, y, width, height) of lines of burnt-in symbols.

    Symbols are bright or dark components of one height, side by side on one line, all with the same outermost level:
    that of the ink.
    """
    gray = as_levels(image, 1.0).astype(np.uint8)
    boxes = []
    for levels in (gray, 255 - gray):
        middle, top = int(np.median(levels)), int(levels.max())
        if top - middle < _INK:
            continue
        ink = (levels > middle + 0.6 * (top - middle)).astype(np.uint8)
        if not 30 <= int(ink.sum()) <= 0.1 * ink.size:
            continue
        _, numbered, found, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
        labels, stats = np.asarray(numbered, np.int32), np.asarray(found, np.int32)
        peaks = np.zeros(len(stats), np.uint8)
        np.maximum.at(peaks, labels[ink > 0], levels[ink > 0])
        height, width, area = stats[:, 3], stats[:, 2], stats[:, 4]
        of_height = (height >= 5) & (height <= 48) & (top - peaks.astype(int) <= _INK_EVEN)
        glyph = (width <= 1.6 * height) & (width > 0.45 * height) & (area < 0.75 * height * width)
        narrow = width <= 0.45 * height  # such as 1, I and l
        chosen = of_height & (glyph | narrow)
        chosen[0] = False
        boxes += _lines(stats[chosen][:, :4], glyph[chosen])
    return boxes


def _lines(symbols: NDArray[np.int32], glyphs: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Return groups of symbols of one height on one base line, most of them as wide as glyphs are."""
    lines = []
    order = np.argsort(symbols[:, 0], kind="stable")
    left, wide = symbols[order], glyphs[order]
    while len(left) >= _LEAST_SYMBOLS:
        first = left[0]
        base = first[1] + first[3]
        alike = (np.abs(left[:, 1] + left[:, 3] - base) <= 1) & (np.abs(left[:, 3] - first[3]) <= 0.2 * first[3] + 1)
        places = np.flatnonzero(alike)
        gaps = left[places[1:], 0] - (left[places[:-1], 0] + left[places[:-1], 2])
        ends = np.flatnonzero(gaps > 1.5 * first[3])
        places = places[: int(ends[0]) + 1] if len(ends) else places
        row = left[places]
        if len(row) >= _LEAST_SYMBOLS and 2 * int(wide[places].sum()) > len(row):
            x, y = int(row[:, 0].min()), int(row[:, 1].min())
            right, bottom = int((row[:, 0] + row[:, 2]).max()), int((row[:, 1] + row[:, 3]).max())
            lines.append((x, y, right - x, bottom - y))
        left, wide = np.delete(left, places, axis=0), np.delete(wide, places)
    return lines
