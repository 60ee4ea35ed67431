"""An audit as a page: a section for each check that found something, with pictures of the first ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from sirstgen.audit.audit import Audit
from sirstgen.audit.checks import CHECKS, Finding
from sirstgen.audit.raw import open_raw
from sirstgen.datasets.entries import Stored
from sirstgen.errors import InputError
from sirstgen.measure.components import find_components
from sirstgen.pages.page import Block, Facts, Gallery, Note, Page, Picture, Section, write_page
from sirstgen.pages.picture import coloured, shown
from sirstgen.pages.table import Grid

_EXAMPLES, _ROWS, _NAMES = 6, 200, 30
_HEIGHT = 240  # pixels of a picture
_OUTLINE = (60, 60, 255)  # of targets; blue, green, red


def write_audit(found: Audit, path: Path) -> None:
    """Write an audit as one HTML file that holds its pictures.

    Raises:
        GenerationError: the file cannot be written.
    """
    name = found.contents.folder.resolve().name
    sections = [
        Section(f"{CHECKS[check].title} ({len(findings)})", list(_blocks(found, check, findings)))
        for check, findings in found.by_check().items()
    ]
    counts = [
        ("images", str(found.images)),
        ("targets", str(found.targets)),
        ("faults", str(found.faults)),
        ("warnings", str(len(found.findings) - found.faults)),
    ]
    level = "warning" if found.faults else "note"
    closing = (
        "Nothing was found." if not sections else "Faults give wrong results; warnings are for a person to look at."
    )
    top: list[Block] = [Facts(counts), Note(closing, level)]
    write_page(path, Page(f"Audit of {name}", sections, top, f"sirstgen audit {name}"))


def _blocks(found: Audit, check: str, findings: Sequence[Finding]) -> Iterator[Block]:
    yield Note(f"{CHECKS[check].level}, {check}. {CHECKS[check].advice}")
    pictures = [picture for finding in findings[:_EXAMPLES] for picture in _pictures(found, finding)]
    if pictures:
        yield Gallery(pictures)
    rows = _rows(findings)
    more = f"{len(rows) - _ROWS} more rows are in the JSON of --json." if len(rows) > _ROWS else ""
    head = ("where", "what", "found", "stated")
    used = [at for at in range(len(head)) if any(row[at] for row in rows)]
    yield Grid([head[at] for at in used], [[row[at] for at in used] for row in rows[:_ROWS]], more)


def _rows(findings: Sequence[Finding]) -> list[tuple[str, ...]]:
    """Return a row for each thing found, with all places where it was found."""
    places: dict[tuple[str, ...], list[str]] = {}
    for finding in findings:
        issue = finding.issue
        shown = ("" if value is None else str(value) for value in (issue.found, issue.stated))
        places.setdefault((issue.what, *shown), []).append(issue.place)
    rows = []
    for what, names in places.items():
        more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        rows.append((", ".join(names[:_NAMES]) + more, *what))
    return rows


def _pictures(found: Audit, finding: Finding) -> Iterator[Picture]:
    """Yield the image that a finding is about, its mask outlined; for copies both."""
    contents, keys = found.contents, [finding.issue.place]
    if finding.partner:
        keys.append(finding.partner)
    for key in keys:
        image_file, mask_file = contents.images.get(key), contents.masks.get(key)
        if image_file is None:
            continue
        try:
            picture = coloured(shown(open_raw(image_file).gray))
        except InputError:
            continue
        scale = max(1, round(_HEIGHT / picture.shape[0]))
        picture = np.repeat(np.repeat(picture, scale, axis=0), scale, axis=1)
        if mask_file is not None:
            picture = _outlined(picture, mask_file, scale)
        if picture.shape[0] > 2 * _HEIGHT:
            width = round(picture.shape[1] * _HEIGHT / picture.shape[0])
            picture = cv2.resize(picture, (width, _HEIGHT), interpolation=cv2.INTER_AREA).astype(np.uint8)
        yield Picture(cv2.imencode(".png", picture)[1].tobytes(), f"image {key}", key, pixelated=True)


def _outlined(picture: np.ndarray, mask_file: Stored, scale: int) -> np.ndarray:
    try:
        gray = open_raw(mask_file).gray
    except InputError:
        return picture
    mask = gray > gray.max() // 2 if gray.max() > 1 else gray > 0
    if mask.mean() > 0.5 or len(find_components(mask)) > 500:
        return picture
    size = picture.shape[1], picture.shape[0]
    large = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    grown = cv2.dilate(large, np.ones((2 * scale + 1, 2 * scale + 1), np.uint8))
    contours, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(picture.copy(), contours, -1, _OUTLINE, 1))
