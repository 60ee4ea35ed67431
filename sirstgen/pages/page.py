"""Pages: one self-contained HTML file each, made of sections with texts, facts, tables and pictures.

A page is data (`Page`, `Section` and their blocks); ``templates/`` turns it into HTML. It needs no network and no
script, and can be read on a phone, in print, and in a light or dark surrounding.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sirstgen.errors import InvalidValueError, OutputExistsError
from sirstgen.files.atomic import write_file
from sirstgen.pages.fonts import printable_lines
from sirstgen.pages.table import Grid

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class Note:
    """A paragraph.

    Attributes:
        text: plain text.
        kind: "note", or "warning" for what a reader must not overlook.
    """

    text: str
    kind: str = "note"


@dataclass(frozen=True)
class Facts:
    """Names and values, a line each."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Picture:
    """A picture, embedded in the page.

    Attributes:
        content: of a PNG file.
        alt: what it shows, for those who cannot see it.
        caption: text below; may be empty.
        pixelated: enlarge without smoothing.
        wide: keep its size on a narrow screen, where it scrolls sideways.
    """

    content: bytes
    alt: str
    caption: str = ""
    pixelated: bool = False
    wide: bool = False

    @property
    def url(self) -> str:
        """The content as a data URL."""
        return f"data:image/png;base64,{base64.b64encode(self.content).decode()}"


@dataclass(frozen=True)
class Gallery:
    """Small pictures in rows."""

    pictures: Sequence[Picture]


Block = Note | Facts | Grid | Picture | Gallery


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        title: of the page and of the browser's tab.
        sections: in order.
        summary: blocks between the title and the first section.
        footer: last line, such as the command that made the page.
    """

    title: str
    sections: Sequence[Section]
    summary: Sequence[Block] = ()
    footer: str = ""


def render_page(page: Page) -> str:
    """Return a page as HTML."""
    return environment().get_template("page.html.j2").render(page=page)


def refuse_page(path: Path, overwrite: bool) -> None:
    """Raise what `write_page` would, and OutputExistsError where the file may not be replaced, before the work.

    Raises:
        InvalidValueError: another suffix than .html or .htm.
        OutputExistsError: the file is there and `overwrite` is false.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise InvalidValueError(f"a page must be named *.html, got {path.name!r}")
    if path.exists() and not overwrite:
        raise OutputExistsError.of(path, "the page exists already")


def write_page(path: Path, page: Page) -> None:
    """Write a page as one HTML file, whole or not at all; replaces what is there.

    Raises:
        InvalidValueError: another suffix than .html or .htm.
        GenerationError: the file cannot be written.
    """
    refuse_page(path, overwrite=True)
    write_file(path, render_page(page))


@cache
def environment() -> Environment:
    """Return the templates of this room. Every value is escaped; an unknown name is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("sirstgen.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable_lines(value) if type(value) is str else value,
    )
    made.tests["block"] = lambda block, name: type(block).__name__ == name
    return made
