"""The scale of gray levels of a set of frames: which values are black and white. One rule, for the whole set.

Frames of 8 bits have the scale 0 to 255 and stay as they are. Every other frame is delivered in 16 bits, black as 0 and
white as 65535. Black and white of a set are what its ``dataset.json`` states (for harvested backgrounds,
``harvest.json``); else they follow from its pixels:

1. These are left out: pixels not measured (`sirstgen.files.decoding.NODATA`), an extreme value that many pixels
   share and that is farther from all others than those from each other (borders, saturation), isolated pixels more
   than 3 times the range of the other values away (hot and dead pixels), and anything more than 32 times that range
   away.
2. Where what remains begins at 0 or above and takes at least half of 0 to 1, 255, 1023, 4095, 16383 or 65535 (the first
   that holds it), black is 0 and white is that number: the scale of a sensor of that depth.
3. Else black and white are the least and the greatest value that remain: raw counts with an offset, degrees. In a
   folder of backgrounds white is 3/4 of that range higher and black 1/4 lower, for the targets to be drawn there.

The scale never depends on a single frame of a set, so frames keep their relative brightness.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.atomic import MANIFEST
from sirstgen.files.decoding import Levels, decode_levels, is_8_bit
from sirstgen.files.input_files import loaded_json, read_bytes

Gray = NDArray[np.uint8] | NDArray[np.uint16]

WHITE = 65535
"""The white of delivered frames of more than 8 bits."""

FULL_SCALES = (1.0, 255.0, 1023.0, 4095.0, 16383.0, 65535.0)
_HARVEST = "harvest.json"
_LEAST_FILLED = 0.5
_ISOLATED_SPANS, _FAR_SPANS = 3.0, 32.0
_LEAST_SUPPORT = 0.1  # of a pixel's excess over the median, in the greatest of its neighbours: less is isolated
_TAIL = 0.001  # share of pixels at either end that does not decide a frame's range
_KEPT = 32  # extreme values kept of each frame
_NEIGHBOURS = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)


@dataclass(frozen=True, slots=True)
class GrayScale:
    """The values of a set that are black and white.

    Attributes:
        black: delivered as 0.
        white: delivered as 65535.

    Raises:
        InvalidValueError: white does not be above black, or one of them is no number.
    """

    black: float
    white: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.black) and math.isfinite(self.white) and self.white > self.black):
            raise InvalidValueError(
                f"gray_scale needs two numbers with white above black, got black {self.black} and white {self.white}",
                name="gray_scale",
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the scale that `to_dict` wrote.

        Raises:
            InvalidValueError: an entry is missing or no number.
        """
        try:
            return cls(float(values["black"]), float(values["white"]))
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InvalidValueError(
                f"gray_scale must be {{black: number, white: number}}, got {str(values)[:80]}", name="gray_scale"
            ) from None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the scale of ``20000:20800``, black and white.

        Raises:
            InvalidValueError: something else.
        """
        black, _, white = text.partition(":")
        try:
            return cls(float(black), float(white))
        except ValueError:
            raise InvalidValueError(f"gray_scale must be BLACK:WHITE, such as 20000:20800, got {text[:80]!r}") from None

    def to_dict(self) -> dict[str, float]:
        """Return black and white as plain numbers, whole where they are whole."""
        return {name: int(value) if value == int(value) else value for name, value in asdict(self).items()}

    def __str__(self) -> str:
        return f"{self.black:g}:{self.white:g}"

    def apply(self, levels: Levels) -> Gray:
        """Return a frame on this scale: (H, W), uint8 unchanged, anything else uint16 with black 0 and white 65535.

        Values outside the scale become black or white. Pixels without measurement take the nearest measured value.
        """
        values = _filled(levels)
        if values.dtype == np.uint8 or (values.dtype == np.uint16 and (self.black, self.white) == (0, WHITE)):
            unchanged: Gray = values
            return unchanged
        if values.dtype == np.uint16:
            table = self._delivered(np.arange(WHITE + 1))
            return np.asarray(table[values])
        return self._delivered(values)

    def count(self, level: float) -> float:
        """Return the value of the file for a delivered `level` of 0 to 65535."""
        return self.black + level * (self.white - self.black) / WHITE

    def _delivered(self, values: NDArray[Any]) -> NDArray[np.uint16]:
        scaled = (values.astype(np.float64) - self.black) * (WHITE / (self.white - self.black))
        return np.rint(np.clip(scaled, 0, WHITE, out=scaled), out=scaled).astype(np.uint16)


EIGHT_BIT = GrayScale(0, 255)
SIXTEEN_BIT = GrayScale(0, WHITE)


@dataclass(frozen=True, slots=True)
class FrameRange:
    """The values that one frame contributes to the scale of its set.

    Attributes:
        low, high: values that all but a thousandth of its pixels are above, and below.
        connected: (n,) its extreme values that a neighbouring pixel supports, float64.
        isolated: (n,) its extreme values that none supports, float64.
    """

    low: float
    high: float
    connected: NDArray[np.float64]
    isolated: NDArray[np.float64]

    @classmethod
    def of(cls, levels: Levels) -> Self:
        """Return the range of one frame."""
        values = levels.values if levels.values.dtype in (np.uint8, np.uint16) else levels.values.astype(np.float64)
        valid = _measured(values, levels.nodata)
        chosen = values[valid]
        middle = float(np.median(chosen))
        clean = np.where(valid, values, np.asarray(middle, values.dtype))
        alone = _isolated(clean, cv2.dilate(clean, _NEIGHBOURS), middle) & valid
        alone |= _isolated(-_signed(clean), -_signed(cv2.erode(clean, _NEIGHBOURS)), -middle) & valid
        last = chosen.size - 1
        ends = np.partition(chosen, (int(last * _TAIL), last - int(last * _TAIL)))
        return cls(
            float(ends[int(last * _TAIL)]),
            float(ends[last - int(last * _TAIL)]),
            _extremes(values[valid & ~alone]),
            _extremes(values[alone]),
        )


def levels_of_bits(bits: int) -> float:
    """Return how many gray levels of an image of `bits` make one level of 8 bits: 1 for 8, 257 for 16."""
    return ((1 << bits) - 1) / 255


def levels_per_256(image: Gray) -> float:
    """Return how many gray levels of `image` make one level of 8 bits: 1 for uint8, 257 for uint16."""
    return levels_of_bits(8 * image.dtype.itemsize)


def stated_scale(folder: Path) -> GrayScale | None:
    """Return the scale that a folder of frames states; None where it states none.

    ``dataset.json`` and ``harvest.json`` are read. A recipe in it means the full scale of its bit depth.

    Raises:
        InputError: the file is no JSON object, or states something else than two numbers.
    """
    for path in (folder / MANIFEST, folder / _HARVEST):
        if not path.is_file() or not path.stat().st_size:
            continue
        manifest = loaded_json(read_bytes(path), path)
        if not isinstance(manifest, dict):
            raise InputError.of(path, "not a JSON object, so the gray scale is not known; mend it or take it out")
        if "gray_scale" in manifest:
            try:
                return GrayScale.from_dict(manifest["gray_scale"])
            except InvalidValueError as fault:
                raise InputError.of(path, fault.message) from None
        recipe = manifest.get("recipe")
        if isinstance(recipe, dict) and "bit_depth" in recipe:  # a set of ours from before it stated one
            return EIGHT_BIT if recipe["bit_depth"] == 8 else SIXTEEN_BIT
    return None


def derive_scale(ranges: Iterable[FrameRange], headroom: bool = False) -> GrayScale:
    """Return the scale of a set from the ranges of its frames (of more than 8 bits), by the rule of this module.

    Args:
        ranges: of all frames.
        headroom: the frames are backgrounds, and targets that are brighter or darker will be drawn on them: in step 3
            the scale reaches 3/4 of their range further up and 1/4 further down.
    """
    low, high = used_range(ranges)
    full = container_scale(low, high)
    if full is not None:
        return full
    span = high - low if high > low else 1.0
    return GrayScale(low - span / 4, high + 3 * span / 4) if headroom else GrayScale(low, low + span)


def container_scale(low: float, high: float) -> GrayScale | None:
    """Return the full scale of the sensor whose frames use `low` to `high` (step 2 of the rule); None: they do not."""
    white = next((full for full in FULL_SCALES if high <= full), math.inf)
    return GrayScale(0.0, white) if low >= 0 and high - low >= _LEAST_FILLED * white else None


def scale_of_files(files: Iterable[tuple[Path, Callable[[], bytes]]], headroom: bool = False) -> GrayScale:
    """Return the scale of a set from its image files, by the rule of this module; `EIGHT_BIT` where none has more.

    Files that cannot be read are left out here: they are reported where their pixels are read.

    Args:
        files: path, for nothing but messages, and what reads the content, of each image.
        headroom: see `derive_scale`.
    """
    ranges = []
    for path, read in files:
        try:
            data = read()
            levels = None if is_8_bit(data) else decode_levels(data, path)
        except InputError:
            continue
        if levels is not None and levels.values.dtype != np.uint8:
            ranges.append(FrameRange.of(levels))
    return derive_scale(ranges, headroom) if ranges else EIGHT_BIT


def used_range(ranges: Iterable[FrameRange]) -> tuple[float, float]:
    """Return the least and the greatest value of a set that count (step 1 of the rule)."""
    frames = list(ranges)
    if not frames:
        raise InvalidValueError("the range of a set needs at least one frame, got none")
    # A tenth of the frames may be outside: a frame of the shutter, or one that is damaged.
    low = float(np.quantile([frame.low for frame in frames], 0.1, method="lower"))
    high = float(np.quantile([frame.high for frame in frames], 0.9, method="higher"))
    span = high - low if high > low else math.inf  # of nothing but single levels, all of them count
    frames = [frame for frame in frames if frame.high >= low - span and frame.low <= high + span]
    connected = np.concatenate([frame.connected for frame in frames])
    isolated = np.concatenate([frame.isolated for frame in frames])
    kept = np.concatenate(
        [
            connected[(connected >= low - _FAR_SPANS * span) & (connected <= high + _FAR_SPANS * span)],
            isolated[(isolated >= low - _ISOLATED_SPANS * span) & (isolated <= high + _ISOLATED_SPANS * span)],
            [low, high],
        ]
    )
    return float(kept.min()), float(kept.max())


def _measured(values: NDArray[Any], nodata: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Return True for pixels that count: measured, and not at an extreme value that is far from all others."""
    valid = np.ones(values.shape, bool) if nodata is None else ~nodata
    ends = values[valid].min(), values[valid].max()
    for end in ends:
        at_end = valid & (values == end)
        rest = values[valid & (values != ends[0]) & (values != ends[1])]
        if np.count_nonzero(at_end) < max(_TAIL * values.size, 2) or not rest.size:
            continue
        low, high = (float(level) for level in np.quantile(rest, (_TAIL, 1 - _TAIL)))
        gap = low - float(end) if end < low else float(end) - high
        if gap > high - low > 0:
            valid &= ~at_end
    return valid


def _isolated(clean: NDArray[Any], neighbours: NDArray[Any], middle: float) -> NDArray[np.bool_]:
    """Return True where a value above the median has no neighbour that rises with it."""
    excess = _signed(clean) - middle
    return (excess > 0) & (_signed(neighbours) - middle < _LEAST_SUPPORT * excess)


def _signed(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.dtype.kind == "f" else values.astype(np.int32)


def _extremes(values: NDArray[Any]) -> NDArray[np.float64]:
    if values.size > 2 * _KEPT:
        ends = np.partition(values, (_KEPT, values.size - _KEPT))
        values = np.concatenate([ends[:_KEPT], ends[-_KEPT:]])
    return values.astype(np.float64)


def _filled(levels: Levels) -> NDArray[Any]:
    """Return the values, with those of the nearest measured pixel where there is none."""
    if levels.nodata is None:
        return levels.values
    _, nearest = cv2.distanceTransformWithLabels(
        levels.nodata.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(nearest.max()) + 1, levels.values.dtype)
    measured = ~levels.nodata
    table[nearest[measured]] = levels.values[measured]
    return np.asarray(table[nearest])
