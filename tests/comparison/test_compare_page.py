"""Comparisons without targets, and frames of 16 bits, are reported too."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from making.frame_sets import write_set

from sirstgen.comparison.compare import Effort, compare
from sirstgen.comparison.comparison import Example, Examples
from sirstgen.comparison.figures import draw_examples
from sirstgen.comparison.page import write_comparison
from sirstgen.comparison.text import comparison_text, quantile_text
from sirstgen.datasets.readers import Dataset


def test_a_set_without_targets_has_no_figure_of_them(tmp_path: Path) -> None:
    empty, real = write_set(tmp_path / "empty", 1, frames=12, targets=0), write_set(tmp_path / "real", 2, frames=12)
    found = compare(empty, real, size=0, effort=Effort(trees=5, halves=1))
    text = comparison_text(found)
    assert "skipped" in text and "empty has 0" in " ".join(text.split()) and "Targets:" not in text
    files = write_comparison(found, empty, real, tmp_path / "out")
    assert {path.name for path in files} == {"backgrounds.png", "background-patches.png", "report.html", "report.json"}
    assert "needs 10" in (tmp_path / "out" / "report.html").read_text()


def test_examples_at_the_edge_of_16_bit_frames(tmp_path: Path) -> None:
    for name in ("images", "masks"):
        (tmp_path / "deep" / name).mkdir(parents=True)
    image = np.full((40, 50), 20_000, np.uint16)
    image[0, 0] = 60_000
    cv2.imwrite(str(tmp_path / "deep" / "images" / "a.png"), image)
    cv2.imwrite(str(tmp_path / "deep" / "masks" / "a.png"), np.zeros((40, 50), np.uint8))
    deep = Dataset.open(tmp_path / "deep")
    pair = (Example("a", 0, 0, 0.9), Example("a", 49, 39, 0.1))
    sheet = draw_examples(Examples((pair,), (pair,)), deep, deep, 0)
    assert sheet.ndim == 3 and sheet.max() == 255
    tile = sheet[25:153, 4:132]  # the middle of the window is the frame's corner, the brightest pixel of all
    assert (tile[64:68, 64:68] > 250).all() and (tile[:60, :60] < 20).all()


def test_percentiles_are_short() -> None:
    assert quantile_text([1e-17, 0.1234, 3.14159, 31.4, 314]) == "0 / 0.12 / 3.1 / 31 / 314"
    assert quantile_text([float("nan")] * 5) == "-"
