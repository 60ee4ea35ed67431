"""Tables, figures and pages hold any text, and are whole."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from rich.cells import cell_len

from sirstgen.errors import InvalidValueError, OutputExistsError
from sirstgen.pages.figure import figure_bytes, refuse_figure, write_figure
from sirstgen.pages.fonts import drawable, printable_lines, shortened
from sirstgen.pages.page import Facts, Gallery, Grid, Note, Page, Picture, Section, refuse_page, render_page, write_page
from sirstgen.pages.picture import LABEL_HEIGHT, labelled, picture_bytes

NAMES = (
    "海面-数据集",
    "_hidden",
    "$x_{1}$",
    "a^b\\frac",
    "<b>&amp;</b>",
    "tab\tand\x07bell",
    "\udcff",
    "שלום",
    "[red]x[/]",
    "two\nlines",
)

cells = st.text(max_size=30) | st.floats(allow_nan=False, width=32).map(lambda value: f"{value:.3f}")


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 14).flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n), min_size=1, max_size=5)))
def test_no_line_of_a_table_is_too_wide(lines: list[list[str]]) -> None:
    head, *rows = lines
    text = Grid(head, rows, "a caption " * 20).text()
    assert max(map(cell_len, text.splitlines())) <= 80


def test_names_of_rows_wrap_after_heads() -> None:
    head = ["part", "images", "targets", "Top-Hat", "New Top-Hat (ring)", "Max-Median", "TLLCM", "PSTNN"]
    lines = Grid(head, [["scene highlight", "150", "234", "67.5", "70.9", "64.1", "68.4", "59.0"]]).text().splitlines()
    assert lines[-1].startswith("scene highlight  ")
    assert max(map(len, lines)) <= 80


def test_a_wide_table_repeats_its_first_column_and_drops_no_cell() -> None:
    head = ["method", *(f"measure {number}" for number in range(20))]
    rows = [[name, *(f"{number}.5" for number in range(20))] for name in ("top-hat", "max-median")]
    text = Grid(head, rows).text()
    assert text.count("top-hat") == text.count("method") == text.count("\n\n") + 1 > 1
    assert all(len(re.findall(rf"\b{number}\.5", text)) == 2 for number in range(20))


def test_numbers_stand_right_and_texts_left() -> None:
    assert Grid(["a", "n"], [["x", "1"], ["yy", "-"], ["z", "10.5 %"]]).text().splitlines() == [
        "a        n",
        "--  ------",
        "x        1",
        "yy       -",
        "z   10.5 %",
    ]


def test_markdown_columns_line_up() -> None:
    assert Grid(("a", "bb"), [("c|c", "d")]).markdown() == "| a    | bb |\n| ---- | -- |\n| c\\|c | d  |"


def test_names_are_printable_and_short() -> None:
    assert printable_lines("a\tb\x07\udcff\n\x00") == "a\\tb\\x07\\udcff\n\\x00"
    assert shortened("abcdefghij", 5) == "ab…ij" and shortened("abc", 5) == "abc"


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_any_name_can_be_drawn(name: str, kind: str, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = Figure(figsize=(2, 2))
        axes = figure.subplots()
        axes.plot([1, 2], [1, 10], label=f" {name}")
        axes.set(title=name, xlabel=name, yscale="log")
        axes.legend()
        write_figure(figure, tmp_path / f"figure.{kind}")
        label = labelled(np.zeros((9, 200, 3), np.uint8), name)
    assert label.shape == (9 + LABEL_HEIGHT, 200, 3) and label.max() > 100


def test_characters_without_a_font_are_escaped() -> None:
    private = "a\U0010fffd"
    assert drawable(private)[0] == "a\\U0010fffd"


def test_equal_figures_have_equal_bytes() -> None:
    def make(kind: str) -> bytes:
        figure = Figure()
        figure.subplots().plot([0, 1])
        return figure_bytes(figure, kind)

    assert all(make(kind) == make(kind) for kind in ("png", "svg", "pdf"))


def test_a_page_holds_all_its_parts_and_escapes_them(tmp_path: Path) -> None:
    picture = Picture(picture_bytes(np.zeros((4, 4, 3), np.uint8)), "<dark>", "caption")
    for name in NAMES:
        blocks = [Note(name), Facts([(name, name)]), Grid([name], [[name]]), picture, Gallery([picture] * 2)]
        page = Page(name, [Section(name, blocks)], [Note(name, "warning")], name)
        write_page(tmp_path / "page.html", page)
        text = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert "<b>" not in text and "<dark>" not in text and text.count("data:image/png;base64,") == 3
        assert not re.search(r"(src|href)=\"(?!data:|#)", text) and "<script" not in text


def test_marked_cells_and_columns_of_numbers_have_their_class() -> None:
    grid = Grid(["name", "AUC"], [["a", "0.5"], ["b", "0.9"]], marked=frozenset({(1, 1)}))
    html = render_page(Page("t", [Section("s", [grid])]))
    assert '<td class="number marked">0.9</td>' in html and '<td class="number">0.5</td>' in html


def test_files_of_other_kinds_and_those_that_exist_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.html").touch()
    (tmp_path / "a.svg").touch()
    with pytest.raises(OutputExistsError, match="--overwrite"):
        refuse_page(tmp_path / "a.html", overwrite=False)
    with pytest.raises(OutputExistsError, match="--overwrite"):
        refuse_figure(tmp_path / "a.svg", overwrite=False)
    with pytest.raises(InvalidValueError, match=r"\*\.html"):
        refuse_page(tmp_path / "a.pdf", overwrite=True)
    with pytest.raises(InvalidValueError, match=r"\.png, \.pdf, \.svg"):
        refuse_figure(tmp_path / "a.bmp", overwrite=True)


def test_columns_move_closer_before_the_names_of_rows_wrap() -> None:
    head = ["part", "images", "targets", "Top-Hat", "New Top-Hat (ring)", "Max-Median", "TLLCM", "WSLCM", "PSTNN"]
    rows = [["scene highlight", "5", "7", *["57.1"] * 6], ["kind extended", "7", "11", *["36.4"] * 6]]
    lines = Grid(head, rows).text().splitlines()
    assert [line[:15] for line in lines[-2:]] == ["scene highlight", "kind extended  "]
    assert max(map(len, lines)) <= 80
