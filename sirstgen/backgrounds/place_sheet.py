"""A folder's place maps for a person: as PNG files to edit, and as a sheet to look at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.library import BackgroundLibrary
from sirstgen.backgrounds.source import Background
from sirstgen.files.atomic import write_file
from sirstgen.files.output import output_folder
from sirstgen.places.classes import GROUND, SKY, WATER, encode_places

_CELL, _COLUMNS, _MOST = 240, 6, 60
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
    cells = [_cell(library, shown[number]) for number in chosen]
    cells += [np.zeros((_CELL, _CELL, 3), np.uint8)] * (-len(cells) % min(_COLUMNS, len(cells)))
    columns = min(_COLUMNS, len(cells))
    rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    _, png = cv2.imencode(".png", np.vstack(rows))
    write_file(path, png.tobytes())


def _all(library: BackgroundLibrary) -> list[Background]:
    return [library.background(scene, n) for scene in library.scenes() for n in range(library.count(scene))]


def _cell(library: BackgroundLibrary, background: Background) -> NDArray[np.uint8]:
    size = (_CELL, _CELL)
    gray = cv2.resize(library.pixels(background, 8), size, interpolation=cv2.INTER_AREA)
    places = cv2.resize(library.places(background), size, interpolation=cv2.INTER_NEAREST)
    cell = np.repeat(np.asarray(gray, dtype=np.float32)[..., None], 3, axis=2)
    for place, tint in _TINTS.items():
        cell[places == place] = cell[places == place] * _STRENGTH + tint
    tile = np.ascontiguousarray(np.clip(cell, 0, 255).astype(np.uint8))
    cv2.putText(tile, background.id[-30:], (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (80, 230, 255), 1, cv2.LINE_AA)
    return tile
