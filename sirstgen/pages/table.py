"""Tables for a terminal, at most 80 columns wide, and the same rows in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from sirstgen.errors import printable

WIDTH = 80

_NUMBER = re.compile(r"[-+±]?\d[\d.,/ e+%±-]*$")
_GAP = 2


@dataclass(frozen=True)
class Grid:
    """A table, for a terminal, a Markdown file or a page. Columns of numbers are right-aligned.

    Attributes:
        head: one cell a column; may be empty strings.
        rows: cells of each row, as many as in `head`.
        caption: text above the table; may be empty.
        marked: (row, column) of cells that stand out on a page.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    marked: frozenset[tuple[int, int]] = frozenset()

    @property
    def numeric(self) -> list[bool]:
        """Whether each column holds numbers, beside empty cells and dashes."""
        return [_is_numeric([row[at] for row in self.rows]) for at in range(len(self.head))]

    def text(self, width: int = WIDTH) -> str:
        """Return the table as text. No line is longer than `width`, in terminal cells.

        Heads and texts wrap at spaces where the table is too wide. Where that is not enough, the columns are spread
        over several tables, one below the other, and each repeats the first column.
        """
        lines = [[printable(cell.replace("\n", " ")) for cell in line] for line in (self.head, *self.rows)]
        first, *rest = (_Column.of(cells, width) for cells in zip(*lines, strict=True))
        blocks = [[first]]
        # A first column that names the rows is kept readable where there are several tables anyway.
        one = _total([first.least, *(column.least for column in rest)]) <= width
        named = first.least if one else max(first.least, min(first.most, width // 3))
        for column in rest:
            if len(blocks[-1]) > 1 and _total([named, *(own.least for own in [*blocks[-1][1:], column])]) > width:
                blocks.append([first])
            blocks[-1].append(column)
        tables = "\n\n".join(_drawn(block, width) for block in blocks)
        return "\n".join([*_wrapped(printable(self.caption), width), tables]) if self.caption else tables

    def markdown(self) -> str:
        """Return the table in Markdown, with aligned columns and without the caption."""
        lines = [[_escaped(cell) for cell in line] for line in (self.head, *self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.head))]
        lines.insert(1, ["-" * width for width in widths])
        return "\n".join(
            "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
            for line in lines
        )


def _is_numeric(cells: Sequence[str]) -> bool:
    """Return whether a column holds numbers, beside empty cells and dashes."""
    filled = [cell for cell in cells if cell not in ("", "-")]
    return bool(filled) and all(_NUMBER.match(cell) for cell in filled)


def _escaped(cell: str) -> str:
    return printable(cell.replace("\n", " ")).replace("|", "\\|")


@dataclass(frozen=True)
class _Column:
    """Cells of a column, its head first, and the widths it may take."""

    cells: tuple[str, ...]
    numeric: bool
    least: int
    most: int

    @classmethod
    def of(cls, cells: Sequence[str], width: int) -> _Column:
        """Return the column of some cells; numbers are kept on one line, words longer than half of `width` break."""
        numeric = _is_numeric(cells[1:])
        words = cells[0].split() + [part for cell in cells[1:] for part in ([cell] if numeric else cell.split())]
        least = min(max(map(cell_len, words), default=0), (width - _GAP) // 2)
        return cls(tuple(cells), numeric, least, max(least, *map(cell_len, cells)))

    def lines(self, width: int) -> list[list[str]]:
        """Return each cell as lines of exactly `width`."""
        wrapped = [[cell] if cell_len(cell) <= width else _wrapped(cell, width) for cell in self.cells]
        return [[self._padded(line, width - cell_len(line)) for line in lines] for lines in wrapped]

    def _padded(self, line: str, missing: int) -> str:
        return " " * missing + line if self.numeric else line + " " * missing


def _total(widths: Sequence[int], gap: int = _GAP) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _drawn(columns: Sequence[_Column], width: int) -> str:
    widths = [column.most for column in columns]
    least = [column.least for column in columns]
    # The names of the rows in the first column wrap last, unless they are long; its head may wrap.
    names = max(map(cell_len, columns[0].cells[1:]), default=0)
    readable = max(least[0], min(names, width // 3))
    narrow = _total([readable, *least[1:]]) > width >= _total([readable, *least[1:]], 1)
    gap = 1 if narrow else _GAP
    for first in (readable, least[0]):
        least[0] = first
        while _total(widths, gap) > width and any(map(int.__gt__, widths, least)):
            widths[max(range(len(widths)), key=lambda at: widths[at] if widths[at] > least[at] else -1)] -= 1
    cells = [column.lines(own) for column, own in zip(columns, widths, strict=True)]
    lines = []
    for number, row in enumerate(zip(*cells, strict=True)):
        height = max(map(len, row))
        # Heads are aligned to the bottom, other cells to the top.
        blanks = ([" " * own] * (height - len(cell)) for own, cell in zip(widths, row, strict=True))
        padded = [(blank + cell) if number == 0 else (cell + blank) for blank, cell in zip(blanks, row, strict=True)]
        lines += [(" " * gap).join(parts).rstrip() for parts in zip(*padded, strict=True)]
        if number == 0:
            lines.append((" " * gap).join("-" * own for own in widths))
    return "\n".join(lines)


def _wrapped(cell: str, width: int) -> list[str]:
    """Return lines of at most `width`, broken at spaces, and inside words that are longer."""
    lines: list[str] = []
    for word in cell.split():
        if lines and cell_len(lines[-1]) + 1 + cell_len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines += chop_cells(word, width)
    return lines
