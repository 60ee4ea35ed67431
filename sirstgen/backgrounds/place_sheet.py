"""A folder's place maps for a person: as PNG files to edit, and as a sheet to look at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.backgrounds.source import Background
from sirstgen.files.atomic import write_file
from sirstgen.files.output import output_folder
from sirstgen.pages.picture import Picture, coloured, labelled, tiled, write_picture
from sirstgen.places.classes import GROUND, SKY, WATER, encode_places

_SIDE = 240  # of a frame on the sheet, pixels
_COLUMNS, _MOST = 6, 60  # frames in a row and on the sheet
_TINTS = {SKY: (120, 40, 0), WATER: (70, 90, 0), GROUND: (0, 10, 100)}  # blue, green, red of a place
_STRENGTH = 0.75  # of the frame under the tint


def write_maps(library: BackgroundLibrary, out: Path) -> None:
    """Write every map to ``<out>/<name of the frame>.png``; the folder appears whole or not at all.

    Raises:
        OutputExistsError: `out` is not empty.
    """
    with output_folder(out, lambda _: set(), overwrite=None, staged=True) as output:
        for background in _all(library):
            write_file(output.work / f"{background.id}.png", encode_places(library.places(background)))


def draw_sheet(library: BackgroundLibrary, path: Path) -> None:
    """Write a sheet of up to 60 frames, evenly spread, to `path`: sky blue, water green, ground red, unknown plain."""
    shown = list(_all(library))
    chosen = np.unique(np.linspace(0, len(shown) - 1, min(len(shown), _MOST)).round().astype(int))
    tiles = [_tile(library, shown[number]) for number in chosen]
    write_picture(path, tiled(tiles, _COLUMNS))


def _all(library: BackgroundLibrary) -> list[Background]:
    return [library.background(scene, n) for scene in library.scenes() for n in range(library.count(scene))]


def _tile(library: BackgroundLibrary, background: Background) -> Picture:
    gray = cv2.resize(library.pixels(background, 8), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    places = cv2.resize(library.places(background), (_SIDE, _SIDE), interpolation=cv2.INTER_NEAREST)
    picture = coloured(np.asarray(gray, np.uint8)).astype(np.float32)
    for place, tint in _TINTS.items():
        picture[places == place] = picture[places == place] * _STRENGTH + tint
    return labelled(np.clip(picture, 0, 255).astype(np.uint8), background.id)
