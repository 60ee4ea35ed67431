"""A bench as one self-contained page: its tables, ROC, Pd against SCR, and images beside the detectors' maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sirstgen.bench.results import BenchResult
from sirstgen.bench.run import grids
from sirstgen.pages.page import Block, Facts, Page, Picture, Section, write_page

PAGE = "bench.html"

_PICTURES = {
    "roc": ("ROC", "Pd over Fa of every detector. Filled: at the detector's own threshold."),
    "scr": ("Pd against SCR", "Pd of every detector by SCR of the targets, and the number of targets in each bin."),
}


def write_bench_page(result: BenchResult, pictures: Sequence[Path], folder: Path) -> Path:
    """Write ``bench.html`` of a bench.

    Args:
        result: the bench.
        pictures: PNG files that `sirstgen.bench.figures.write_bench_figures` wrote.
        folder: where the page goes; a page that is there is replaced.

    Returns:
        The page.

    Raises:
        GenerationError: the file cannot be written.
    """
    whole, *parts = grids(result)
    blocks: list[Block] = [whole]
    sections = [Section("All images", blocks)]
    overlays: list[Block] = []
    for path in pictures:
        if path.stem in _PICTURES and path.parent == folder:
            title, caption = _PICTURES[path.stem]
            sections.append(Section(title, [Picture(path.read_bytes(), title, caption, wide=True)]))
        else:
            caption = f"{path.stem}: labelled targets ringed green, detections red"
            overlays.append(Picture(path.read_bytes(), f"Image {path.stem} beside the maps", caption, wide=True))
    if parts:
        sections.append(Section("By size, SCR, scene and kind", parts))
    if overlays:
        sections.append(Section("Images beside the maps", overlays))
    citations = [(detector.title, detector.citation) for detector in result.detectors]
    sections.append(Section("Detectors", [Facts(citations)]))
    page = Page(f"Detectors on {result.dataset}", sections, footer="Made by sirstgen bench.")
    write_page(folder / PAGE, page)
    return folder / PAGE
