"""One target enlarged pixel by pixel, and beside it the outline of its mask."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.files.images import Gray
from sirstgen.measure.scr import Box
from sirstgen.measure.targets import MeasuredTarget, measure_targets
from sirstgen.pages.picture import GROUND, Picture, coloured, labelled, shown, stretched

_OUTLINE = (80, 230, 255)  # yellow
_LEAST_SIDE = 21  # pixels of the image around a small target
_SURROUNDINGS = 2.5  # side of the window / side of the target


def enlarged_target(
    image: Gray, mask: NDArray[np.bool_], number: int = 0, size: int = 320, name: str = "", row: Any = None
) -> Picture:
    """Return a target and its surroundings, twice: gray levels as they are, and stretched with the mask's outline.

    Every pixel of the image becomes a square of equal size. The right half is stretched from the darkest to the
    brightest pixel of the window, so that faint targets show; its range is in the label.

    Args:
        image: (H, W) uint8 or uint16.
        mask: (H, W) bool.
        number: which target, in raster order.
        size: side of each half, pixels.
        name: the image's id, for the label.
        row: the image's line of ``targets.jsonl``, for the label; None if there is none.

    Raises:
        InvalidValueError: no such target.
    """
    targets = measure_targets(image, mask)
    check_number(number, len(targets), name)
    rows, columns, scale = _window(targets[number].bbox, image.shape, size)
    window, cells = image[rows, columns], mask[rows, columns]
    low, high = int(window.min()), int(window.max())
    left = _grown(shown(image)[rows, columns], scale)
    right = _grown(stretched(window, low, high), scale)
    _draw_outline(right, cells, scale)
    both = np.hstack([left, np.full((left.shape[0], 4, 3), GROUND, np.uint8), right])
    lines = (
        _label(targets[number], number, name, row),
        f"{window.shape[1]}x{window.shape[0]} px, right: {low} to {high}",
    )
    for line in lines:
        both = labelled(both, line)
    return both


def check_number(number: int, count: int, name: str) -> None:
    """Raise InvalidValueError unless an image of `count` targets has one of this number."""
    if not 0 <= number < count:
        raise InvalidValueError(f"image {name} has {count} targets, numbered from 0, got {number}", value=number)


def _window(bbox: Box, shape: tuple[int, ...], size: int) -> tuple[slice, slice, int]:
    """Return a square around a box, moved into the image where it would stick out, and the scale at which it fills
    `size`.
    """
    x, y, w, h = bbox
    scale = max(size // max(_LEAST_SIDE, round(_SURROUNDINGS * max(w, h))), 1)
    side = size // scale
    return _span(y + h / 2, side, shape[0]), _span(x + w / 2, side, shape[1]), scale


def _span(middle: float, side: int, limit: int) -> slice:
    side = min(side, limit)
    start = min(max(round(middle - side / 2), 0), limit - side)
    return slice(start, start + side)


def _grown(gray: NDArray[np.uint8], scale: int) -> Picture:
    return coloured(np.repeat(np.repeat(gray, scale, axis=0), scale, axis=1))


def _draw_outline(picture: Picture, cells: NDArray[np.bool_], scale: int) -> None:
    """Draw lines on the edges between pixels of the mask and others, exactly where the mask ends."""
    inside = np.pad(cells, 1)
    for y, x in np.argwhere(inside[:, 1:] != inside[:, :-1]).tolist():
        cv2.line(picture, (x * scale, (y - 1) * scale), (x * scale, y * scale), _OUTLINE, 1)
    for y, x in np.argwhere(inside[1:] != inside[:-1]).tolist():
        cv2.line(picture, ((x - 1) * scale, y * scale), (x * scale, y * scale), _OUTLINE, 1)


def _label(target: MeasuredTarget, number: int, name: str, row: Any) -> str:
    """Return id, target, kind and SCR as stated, area; what no line states is measured."""
    stated = row["targets"][number] if row and number < len(row.get("targets", ())) else {}
    kind = stated.get("template") or stated.get("kind") or ""
    scr = target.scr if stated.get("scr") is None else stated["scr"]
    return " ".join(part for part in (name, f"#{number}", kind, f"{target.area} px", f"SCR {scr:.2f}") if part)
