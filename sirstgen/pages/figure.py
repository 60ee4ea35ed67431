"""Figures to files: PNG, PDF or SVG, written whole or not at all, with text in any script."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from sirstgen.errors import InvalidValueError, OutputExistsError
from sirstgen.files.atomic import write_file
from sirstgen.pages.fonts import drawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".pdf", ".svg")
COLOURS = ("#1f5fa8", "#c2571a", "#2e7d4f", "#7b4fa3", "#8a6d1f")
"""Of datasets or detectors, in order."""

# Files that would name the time of day.
_METADATA = {"png": None, "pdf": {"CreationDate": None}, "svg": {"Date": None}}


def refuse_figure(path: Path, overwrite: bool) -> None:
    """Raise what `write_figure` would, and OutputExistsError where the file may not be replaced, before the work.

    Raises:
        InvalidValueError: another suffix than .png, .pdf or .svg.
        OutputExistsError: the file is there and `overwrite` is false.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidValueError(f"a figure must be one of {', '.join(SUFFIXES)}, got {path.name!r}")
    if path.exists() and not overwrite:
        raise OutputExistsError.of(path, "the figure exists already")


def figure_bytes(figure: Figure, kind: str = "png", dpi: int = 130) -> bytes:
    """Return a figure as the content of a file.

    Args:
        figure: a matplotlib figure. Its texts are shown literally, without mathematics.
        kind: png, pdf or svg.
        dpi: pixels per inch of a PNG.
    """
    from matplotlib import rc_context

    _fit_texts(figure)
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "sirstgen"}):
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=_METADATA[kind])
    return buffer.getvalue()


def write_figure(figure: Figure, path: Path, dpi: int = 130) -> None:
    """Write a figure to `path`, whole or not at all, in the format of its suffix; replaces what is there.

    Raises:
        InvalidValueError: another suffix than .png, .pdf or .svg.
        GenerationError: the file cannot be written.
    """
    refuse_figure(path, overwrite=True)
    write_file(path, figure_bytes(figure, path.suffix[1:].lower(), dpi))


def _fit_texts(figure: Figure) -> None:
    """Give every text a font that has its characters; a name with dollar signs is no formula."""
    from matplotlib.axes import Axes
    from matplotlib.font_manager import FontProperties
    from matplotlib.text import Text

    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            axis.get_ticklabels()  # makes them, so that they are found below
    for text in figure.findobj(Text):
        content = text.get_text()
        if "\\mathdefault" in content:  # tick labels of a logarithmic axis
            continue
        text.set_parse_math(False)
        if not (content.isascii() and content.isprintable()):
            shown, font = drawable(content)
            text.set_text(shown)
            text.set_fontproperties(FontProperties(fname=str(font), size=text.get_fontsize()))
