"""Pictures for people: gray levels as a screen shows them, labels, tiles, PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.files.atomic import write_file
from sirstgen.files.images import Gray
from sirstgen.pages.fonts import drawable, shortened

Picture = NDArray[np.uint8]
"""(H, W, 3), blue, green, red as OpenCV has them."""

GROUND = 24  # gray level between tiles
LABEL_HEIGHT = 20
_LABEL_SIZE = 13  # of the letters, pixels
_LABEL_COLOUR = (225, 225, 225)
_SHOWN = (0.1, 99.9)  # percentiles of a 16-bit image that become black and white


def shown(image: Gray) -> NDArray[np.uint8]:
    """Return gray levels for a screen: 8-bit ones as they are, 16-bit ones stretched from percentile 0.1 to 99.9.

    Args:
        image: (H, W) uint8 or uint16.
    """
    if image.dtype == np.uint8:
        return image.astype(np.uint8, copy=False)
    low, high = np.percentile(image, _SHOWN)
    return stretched(image, float(low), float(high))


def stretched(image: Gray, low: float, high: float) -> NDArray[np.uint8]:
    """Return gray levels with `low` as black and `high` as white; (H, W) uint8."""
    scaled = (image.astype(np.float64) - low) * (255 / max(high - low, 1))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def coloured(gray: NDArray[np.uint8]) -> Picture:
    """Return (H, W) gray as a picture of three equal channels."""
    return np.repeat(gray[:, :, np.newaxis], 3, axis=2)


def labelled(picture: Picture, text: str) -> Picture:
    """Return the picture with a line of text below it, its middle left out where it is too long."""
    from PIL import Image, ImageDraw, ImageFont

    width = picture.shape[1]
    shown, file = drawable(text.replace("\n", " "))
    font = ImageFont.truetype(str(file), _LABEL_SIZE)
    while len(shown) > 1 and font.getlength(shown) > width - 6:
        shown = shortened(shown.replace("…", ""), len(shown.replace("…", "")) - 1)
    strip = Image.new("RGB", (width, LABEL_HEIGHT), (GROUND, GROUND, GROUND))
    ImageDraw.Draw(strip).text((3, LABEL_HEIGHT // 2), shown, font=font, fill=_LABEL_COLOUR, anchor="lm")
    return np.vstack([picture, np.asarray(strip, np.uint8)])


def tiled(tiles: Sequence[Picture], columns: int, gap: int = 4) -> Picture:
    """Return tiles in rows of `columns`; columns are as wide as the widest tile, each row as high as its highest.

    Raises:
        InvalidValueError: no tiles, or no columns.
    """
    if not tiles or columns < 1:
        raise InvalidValueError(f"a sheet takes at least 1 tile and 1 column, got {len(tiles)} and {columns}")
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    width = max(tile.shape[1] for tile in tiles)
    heights = [max(tile.shape[0] for tile in row) for row in rows]
    sheet = np.full((sum(heights) + gap * (len(rows) + 1), len(rows[0]) * (width + gap) + gap, 3), GROUND, np.uint8)
    y = gap
    for row, height in zip(rows, heights, strict=True):
        for place, tile in enumerate(row):
            x = gap + place * (width + gap)
            sheet[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
        y += height + gap
    return sheet


def require_png(path: Path) -> None:
    """Raise InvalidValueError where a file that pictures are written to is not named ``*.png``."""
    if path.suffix.lower() != ".png":
        raise InvalidValueError(f"a picture is written as PNG, name it *.png, got {path.name!r}")


def write_picture(path: Path, picture: Picture) -> None:
    """Write a PNG file, whole or not at all.

    Raises:
        InvalidValueError: another suffix than .png.
        GenerationError: the file cannot be written.
    """
    require_png(path)
    write_file(path, picture_bytes(picture))


def picture_bytes(picture: Picture) -> bytes:
    """Return a picture as the content of a PNG file."""
    return cv2.imencode(".png", picture)[1].tobytes()
