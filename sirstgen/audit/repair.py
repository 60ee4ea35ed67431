"""A corrected copy of a dataset: what has a safe repair is repaired, everything else stays as it is and is listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen import __version__
from sirstgen.audit.audit import Audit
from sirstgen.audit.checks import CHECKS, Finding
from sirstgen.audit.folder import Contents
from sirstgen.audit.mask_checks import read_stored
from sirstgen.audit.raw import Raw, open_mask, open_raw
from sirstgen.datasets.entries import Stored
from sirstgen.datasets.split import write_split_lists
from sirstgen.errors import InputError
from sirstgen.files.atomic import write_file
from sirstgen.files.images import Gray
from sirstgen.files.input_files import parse_json
from sirstgen.files.output import output_folder, refuse_existing, require_apart
from sirstgen.files.png import encode_png
from sirstgen.storage.checksums import write_sums
from sirstgen.storage.owned import listed_files

RECORD = "repair.json"
"""The file that names a folder a repaired copy; without it nothing is overwritten."""

LISTS = ("list-without-file", "twice-in-list", "in-two-lists")
"""Repaired by writing the lists anew; an id of both lists stays in the test list."""

_LEFT_OUT = ("unreadable", "image-without-mask", "mask-without-image", "two-files")
_OF_VALUES = ("mask-palette", "mask-rgb", "mask-alpha", "mask-1-bit", "mask-of-1", "mask-other-value", "mask-inverted")


@dataclass
class Repair:
    """What was done.

    Args:
        folder: the corrected copy.
        images: in it.
        repaired: ids, or places, by check.
        left: the same of what has no safe repair.
        left_out: ids, or files that cannot be read, that are not in the copy.
    """

    folder: Path
    images: int = 0
    repaired: dict[str, list[str]] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "sirstgen": __version__,
            "images": self.images,
            "repaired": self.repaired,
            "left": self.left,
            "left_out": self.left_out,
        }

    def summary(self) -> str:
        """Return what was repaired and what was left, in three lines."""

        def counted(entries: dict[str, list[str]]) -> str:
            return ", ".join(f"{name} {len(places)}" for name, places in entries.items()) or "nothing"

        lines = [
            f"{self.images} images in {self.folder}",
            f"repaired: {counted(self.repaired)}",
            f"left as it is: {counted(self.left)}",
        ]
        if self.left_out:
            lines.append(f"left out, without a readable pair: {len(self.left_out)} ({', '.join(self.left_out[:3])})")
        return "\n".join(lines)


def refuse_repair(found_in: Path, out: Path, overwrite: bool) -> None:
    """Raise what `write_repair` would, before the work.

    Raises:
        InvalidValueError: `out` is not apart from the dataset.
        OutputExistsError: `out` holds something else than a repaired copy that may be overwritten.
    """
    require_apart(out, found_in)
    refuse_existing(out, overwrite)


def write_repair(
    found: Audit, out: Path, *, overwrite: bool = False, progress: Callable[[int, int], None] | None = None
) -> Repair:
    """Write a copy of the dataset that was examined, with what has a safe repair repaired.

    Masks whose values leave no doubt become gray PNG files of 0 and 255, inverted ones are inverted, those enlarged by
    a whole number are made smaller; exchanged bytes are exchanged back; an EXIF orientation is applied where the mask
    shows that it must be; gray images stored in colour become gray; lists are written anew. Pairs of which a file is
    missing or unreadable are left out.

    Args:
        found: of `audit_dataset`.
        out: the folder; must be absent or empty, and apart from the dataset.
        overwrite: replace a repaired copy that is there.
        progress: called with images done and images in all.

    Raises:
        InvalidValueError, OutputExistsError: see `refuse_repair`.
        GenerationError: the disk is full or may not be written to.
    """
    contents = found.contents
    refuse_repair(contents.folder, out, overwrite)
    result = Repair(out)
    by_place: dict[str, list[Finding]] = {}
    for finding in found.findings:
        by_place.setdefault(finding.issue.place, []).append(finding)
    changed: set[str] = set()
    with output_folder(out, listed_files(RECORD), overwrite=overwrite, staged=True) as output:
        work = output.work
        for done, key in enumerate(sorted(contents.images), start=1):
            checks = {finding.check for finding in by_place.get(key, [])}
            if not _write_pair(contents, key, checks, work, result, changed):
                result.left_out.append(key)
            if progress is not None:
                progress(done, len(contents.images))
        kept = set(contents.images) - set(result.left_out)
        files = (file.path for file in (*contents.images.values(), *contents.masks.values()))
        pairs = {path.relative_to(contents.folder).as_posix() for path in files}
        unread = [finding.issue.place for finding in found.findings if finding.check == "unreadable"]
        result.left_out += [place for place in unread if place not in pairs]
        result.images = len(kept)
        _write_lists(found, kept, work, out.resolve().name)
        _write_rows(contents.folder / "targets.jsonl", kept - changed, work)
        _tell(found, result)
        write_file(work / RECORD, json.dumps(result.to_dict(), indent=2) + "\n")
        write_sums(work)
    return result


def _write_pair(contents: Contents, key: str, checks: set[str], work: Path, result: Repair, changed: set[str]) -> bool:
    """Write image and mask of `key`; false where one of them is missing or cannot be read."""
    mask_file = contents.masks.get(key)
    if mask_file is None:
        return False
    try:
        image, mask = open_raw(contents.images[key]), open_mask(mask_file)
    except InputError:
        return False
    pixels, image_done = _image(image, mask, checks)
    target, mask_done = _mask(key, mask, pixels.shape if pixels is not None else image.gray.shape, checks)
    _put(contents.images[key], pixels, work / "images" / key)
    white = None if target is None else target.astype(np.uint8) * np.uint8(255)
    _put(mask_file, white, work / "masks" / key)
    for check in (*image_done, *mask_done):
        result.repaired.setdefault(check, []).append(key)
    if image_done or mask_done:
        changed.add(key)
    return True


def _image(image: Raw, mask: Raw, checks: set[str]) -> tuple[Gray | None, list[str]]:
    """Return the corrected image, or None where the file stays; and which checks that repairs."""
    done = []
    pixels = image.gray
    if "byte-swapped" in checks:
        pixels = np.asarray(pixels.byteswap(), np.uint16)
        done.append("byte-swapped")
    if image.orientation != 1 and mask.orientation == 1:
        turned = _oriented(pixels, image.orientation)
        if turned.shape != pixels.shape and mask.gray.shape in (turned.shape, pixels.shape):
            # Only the size of the mask shows which of both it was drawn on.
            pixels = turned if mask.gray.shape == turned.shape else pixels
            done += ["exif-orientation", *(["transposed"] if "transposed" in checks else [])]
    if "image-not-gray" in checks and (image.orientation == 1 or done):
        done.append("image-not-gray")
    return (pixels if done else None), done


def _oriented(pixels: Gray, orientation: int) -> Gray:
    """Return the pixels as EXIF says they are to be shown: the stored rows and columns turned and mirrored."""
    shown: Gray = pixels.T if orientation in (5, 6, 7, 8) else pixels
    if orientation in (2, 3, 6, 7):
        shown = shown[:, ::-1]
    if orientation in (3, 4, 7, 8):
        shown = shown[::-1]
    return shown.copy()


def _mask(key: str, mask: Raw, shape: tuple[int, ...], checks: set[str]) -> tuple[NDArray[np.bool_] | None, list[str]]:
    """Return the corrected mask, or None where the file stays; and which checks that repairs."""
    if mask.orientation != 1:
        return None, []
    found: list[Finding] = []
    stored = read_stored(key, mask, found)
    if not stored.safe:
        return None, []
    target, done = stored.target, [check for check in (*_OF_VALUES, "mask-stray-values") if check in checks]
    if target.shape != shape:
        smaller = _by_blocks(target, shape)
        if smaller is None:
            return (target, done) if done else (None, [])
        target = smaller
        done.append("size-differs")
    return (target, done) if done else (None, [])


def _by_blocks(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """Return a mask that was enlarged a whole number of times, at its size before; None where it was not."""
    factor = mask.shape[0] // shape[0]
    if factor < 2 or mask.shape != (factor * shape[0], factor * shape[1]):
        return None
    small = mask[::factor, ::factor]
    same = np.array_equal(np.repeat(np.repeat(small, factor, axis=0), factor, axis=1), mask)
    return np.ascontiguousarray(small) if same else None


def _put(source: Stored, pixels: Gray | None, target: Path) -> None:
    """Write `pixels` as PNG, or the file itself where there are none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if pixels is None:
        target.with_name(target.name + source.path.suffix).write_bytes(source.read())
    else:
        target.with_name(f"{target.name}.png").write_bytes(encode_png(pixels))


def _write_lists(found: Audit, kept: set[str], work: Path, name: str) -> None:
    contents = found.contents
    if not contents.parts:
        return
    both = {finding.issue.place for finding in found.findings if finding.check == "in-two-lists"}
    train = [key for key, part in sorted(contents.parts.items()) if part == "train" and key in kept - both]
    test = [key for key, part in sorted(contents.parts.items()) if key in kept and (part == "test" or key in both)]
    write_split_lists(work, name, train, test)


def _write_rows(path: Path, unchanged: set[str], work: Path) -> None:
    """Write the lines of ``targets.jsonl`` of images that were not changed; figures of others may no longer hold."""
    if not path.is_file():
        return
    lines = []
    for line in path.read_bytes().splitlines():
        try:
            known = parse_json(line)["id"] in unchanged
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if known:
            lines.append(line + b"\n")
    write_file(work / "targets.jsonl", b"".join(lines))


def _tell(found: Audit, result: Repair) -> None:
    """Sort every finding into what was repaired and what was left."""
    done = {(check, key) for check, keys in result.repaired.items() for key in keys}
    for finding in found.findings:
        check, place = finding.check, finding.issue.place
        if check in LISTS:
            result.repaired.setdefault(check, []).append(place)
        elif (check, place) not in done and check not in _LEFT_OUT:
            result.left.setdefault(check, []).append(place)
    order = {name: number for number, name in enumerate(CHECKS)}
    for entries in (result.repaired, result.left):
        ordered = sorted(entries.items(), key=lambda entry: order[entry[0]])
        entries.clear()
        entries.update(ordered)
