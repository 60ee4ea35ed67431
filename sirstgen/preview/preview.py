"""preview: a contact sheet of a dataset, and one of its targets enlarged with its mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InvalidValueError, OutputExistsError
from sirstgen.measure.components import find_components
from sirstgen.pages.picture import require_png, write_picture
from sirstgen.preview.contact_sheet import image_sheet, spread, target_sheet
from sirstgen.preview.enlarged import check_number, enlarged_target


@dataclass(frozen=True, slots=True)
class Preview:
    """The pictures that were written.

    Args:
        sheet: the contact sheet.
        ids: the images it shows.
        target: the enlarged target; None where the images on the sheet have none, or the sheet itself shows targets.
        warnings: what was mended while reading.
    """

    sheet: Path
    ids: tuple[str, ...]
    target: Path | None
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        target = None if self.target is None else str(self.target)
        return {"sheet": str(self.sheet), "ids": list(self.ids), "target": target, "warnings": list(self.warnings)}


def target_picture(sheet: Path) -> Path:
    """Return where the enlarged target goes that belongs to a sheet."""
    return sheet.with_name(f"{sheet.stem}-target{sheet.suffix}")


def refuse_pictures(sheet: Path, overwrite: bool) -> None:
    """Raise what `write_preview` would before the work is done.

    Raises:
        InvalidValueError: another file than PNG.
        OutputExistsError: the sheet or the enlarged target would take the place of a file that may not be replaced.
    """
    require_png(sheet)
    for path in (sheet, target_picture(sheet)):
        if path.exists() and not overwrite:
            raise OutputExistsError.of(path, "the picture exists already")


def write_preview(
    folder: Dataset | Path | str,
    sheet: Path,
    *,
    count: int = 24,
    ids: Sequence[str] | None = None,
    targets: bool = False,
    enlarge: str | None = None,
    columns: int | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Preview:
    """Write a contact sheet of any dataset that can be read, and beside it one target enlarged.

    Args:
        folder: the dataset, opened or not.
        sheet: PNG file; the enlarged target goes beside it as ``<stem>-target.png``.
        count: images on the sheet, from all parts of the dataset.
        ids: these images in place of spread ones.
        targets: the sheet shows every target of these images enlarged, in place of whole images.
        enlarge: the image whose target is enlarged, ``<id>`` for its first one or ``<id>:<number>`` from 0; the first
            target on the sheet if None.
        columns: tiles in a row; 6 images or 4 targets if None.
        overwrite: replace pictures that are there.
        progress: called with images done and images in all.

    Raises:
        OutputExistsError: a picture is there already.
        InvalidValueError: no such target, a number below 1, another file than PNG.
        InputError: the dataset, an id or a file cannot be read.
    """
    refuse_pictures(sheet, overwrite)
    dataset = Dataset.of(folder)
    place = target_place(dataset, enlarge) if enlarge is not None else None
    chosen = list(ids) if ids is not None else spread(dataset.ids, count)
    if targets:
        picture = target_sheet(dataset, chosen, columns if columns is not None else 4, progress=progress)
    else:
        picture = image_sheet(dataset, chosen, columns if columns is not None else 6, progress=progress)
    if enlarge is None and not targets:
        place = _first(dataset, chosen)
    if place is not None:
        key, number = place
        image, mask = dataset.sample(key)
        enlarged = enlarged_target(image, mask, number, size=512, name=key, row=dataset.truth().get(key))
        write_picture(target_picture(sheet), enlarged)
    write_picture(sheet, picture)
    target = None if place is None else target_picture(sheet)
    return Preview(sheet, tuple(chosen), target, tuple(dataset.notes()))


def _first(dataset: Dataset, ids: Sequence[str]) -> tuple[str, int] | None:
    for key in ids:
        if dataset.mask(key).any():
            return key, 0
    return None


def target_place(dataset: Dataset, text: str) -> tuple[str, int]:
    """Return the id and the target's number that ``000012`` or ``000012:1`` names.

    Raises:
        InvalidValueError: no such image, no number, or no target of that number.
    """
    if text in dataset.ids:
        return _there(dataset, text, 0)
    key, _, number = text.rpartition(":")
    if key not in dataset.ids or not (number.isdecimal() and len(number) < 9):
        raise InvalidValueError(f"the target to enlarge must be an id, or id:number, of {dataset.folder}, got {text!r}")
    return _there(dataset, key, int(number))


def _there(dataset: Dataset, key: str, number: int) -> tuple[str, int]:
    check_number(number, len(find_components(dataset.mask(key))), key)
    return key, number
