"""Text that pictures and pages can show: dataset names in any script, with the installed fonts."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

from sirstgen.errors import printable

_EMPHASIS = re.compile("bold|italic|oblique", re.IGNORECASE)


def printable_lines(text: str) -> str:
    r"""Return `text` with control characters and undecodable bytes escaped, such as ``\x07``; its line feeds stay.

    The result can be encoded as UTF-8.
    """
    if text.isprintable():
        return text
    return "\n".join(printable(line, sys.maxsize) for line in text.split("\n"))


def shortened(text: str, most: int = 36) -> str:
    """Return `text` with its middle replaced by an ellipsis where it has more than `most` characters."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def drawable(text: str) -> tuple[str, Path]:
    r"""Return `text` as an installed font can draw it, and the font's file.

    The font is DejaVu Sans where it has every character, else the installed font that has most of the others.
    Characters that neither has are escaped, such as ``\u4e2d``.
    """
    text = printable_lines(text)
    default = _default_font()
    wanted = frozenset(map(ord, text)) - _characters(default) - {ord("\n")}
    if not wanted:
        return text, default
    font = _font_for(wanted)
    known = _characters(font)
    shown = "".join(
        character if character == "\n" or ord(character) in known else character.encode("unicode_escape").decode()
        for character in text
    )
    return shown, font


@cache
def _default_font() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


@cache
def _characters(font: Path) -> frozenset[int]:
    """Return the code points that a font file has glyphs for."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(str(font)).get_charmap())
    except (OSError, RuntimeError):  # a damaged or unsupported font file
        return frozenset()


@cache
def _font_for(wanted: frozenset[int]) -> Path:
    """Return the installed font with most of `wanted`.

    Of equal ones an upright one that has ASCII too, first by name.
    """
    from matplotlib.font_manager import findSystemFonts

    best, most = _default_font(), (0, True)
    slanted_last = sorted(findSystemFonts(), key=lambda name: (bool(_EMPHASIS.search(name)), name))
    for file in map(Path, slanted_last):
        characters = _characters(file)
        score = len(wanted & characters), ord("a") in characters
        if score > most:
            best, most = file, score
        if most == (len(wanted), True):
            break
    return best
