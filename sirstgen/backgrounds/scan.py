"""Seeing every image of a folder once: which files there are, and which can serve as backgrounds."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.duplicates import thumbnail
from sirstgen.backgrounds.index import LEAST, FrameIndex, Seen
from sirstgen.errors import InputError
from sirstgen.files.decoding import IMAGE_SUFFIXES, read_levels
from sirstgen.files.gray_scale import EIGHT_BIT, Gray, GrayScale, scale_of_files, stated_scale
from sirstgen.files.image_files import (
    IMAGE_FOLDERS,
    MASK_FOLDERS,
    check_folder,
    image_files,
    is_utf_8,
    masks_among,
    named,
    part_folder,
)
from sirstgen.files.input_files import MAX_IMAGE_BYTES, read_bytes
from sirstgen.scenes.labels import frame_name

SATURATED_SHARE = 0.95
"""A frame with at least this share of its pixels at full scale shows nothing that a target could be seen on."""

NODATA_SHARE = 0.25
"""A frame with more pixels than this without measurement is no background."""


@dataclass(frozen=True, slots=True)
class Issue:
    """A file that is not used: its name below the folder, the reason (one of a few) and the detail."""

    file: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Frame:
    """A usable file: its POSIX path below the folder, that path without suffix, the digest of its gray levels and its
    thumbnail (see `sirstgen.backgrounds.duplicates`).
    """

    file: str
    id: str
    digest: bytes
    thumbnail: NDArray[np.int8] | None


def background_files(root: Path, given: Path, faults: list[Issue]) -> list[str]:
    """Return the image files below `root` as sorted POSIX paths; sub-folders that cannot be entered go to `faults`.

    Raises:
        InputError: no such folder, a dataset with targets in its frames, or no image in it.
    """
    check_folder(given, "background images")
    of_set = root if part_folder(root, IMAGE_FOLDERS) else root.parent if root.name.lower() in IMAGE_FOLDERS else None
    masks = None if of_set is None else part_folder(of_set, MASK_FOLDERS)
    labelled = masks is not None and any(masks.iterdir())
    files = image_files(root, lambda place, reason: faults.append(Issue(place, "unreadable", reason)))
    inner = [] if labelled else masks_among(files)
    if labelled or inner:
        which = f", masks beside frames ({named(inner)})" if inner else ""
        raise InputError.of(
            given,
            f"a dataset with targets in its frames{which}; as backgrounds they would go unlabelled. "
            "Take the targets out with 'sirstgen backgrounds harvest' and give its output",
        )
    if not files:
        detail = f" ({summary(faults)})" if faults else ""
        raise InputError.of(given, f"holds no image ({', '.join(IMAGE_SUFFIXES)}){detail}; put background frames there")
    return files


def see(root: Path, files: list[str], keep: Callable[[str, Gray], None]) -> FrameIndex:
    """Return what is seen of each file: from the folder's index where a file is what it was, else by decoding it.

    Args:
        root: the folder.
        files: POSIX paths below it.
        keep: given path and pixels of each usable frame that was decoded.
    """
    known = FrameIndex.read(root) if len(files) >= LEAST else None
    seen, old = known.seen if known is not None else {}, {}
    for file in files:
        found = seen.get(file)
        if found and found.reason != "unreadable" and (found.size, found.changed) == _size_and_time(root / file):
            old[file] = found
    scale = stated_scale(root)
    if scale is None and known is not None and len(old) == len(files):
        scale = known.scale
    if scale is None:
        # One changed file may change the scale of all frames of more than 8 bits, and with it their digests.
        kept = old if known is not None and known.scale == EIGHT_BIT else {}
        scale = _scale(root, [file for file in files if file not in kept])
    if known is None or scale != known.scale:
        old = {}
    index = FrameIndex(scale)
    for file in files:
        found = old.get(file)
        if found is None:
            found, image = look(root / file, scale)
            if image is not None and not found.reason:
                keep(file, image)
        index.seen[file] = found
    if known is not None:
        index.kept_groups = known.kept_groups
        index.unchanged = len(old) == len(files) == len(known.seen)
    return index


def _scale(root: Path, files: list[str]) -> GrayScale:
    reading = ((root / file, partial(read_bytes, root / file, MAX_IMAGE_BYTES)) for file in files)
    return scale_of_files(reading, headroom=True)


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return found.st_size, found.st_mtime_ns


def look(path: Path, scale: GrayScale) -> tuple[Seen, Gray | None]:
    """Read and decode one file on the folder's scale: what is seen of it, and its pixels where it can be used."""
    size, changed = _size_and_time(path)
    try:
        levels = read_levels(path)
    except InputError as fault:
        detail = fault.message.removeprefix(f"{path}: ")
        return Seen(size, changed, 0, (0, 0), bytes(16), None, "unreadable", detail), None
    image = scale.apply(levels)
    reason, detail = _unfit(image, levels.nodata)
    image.setflags(write=False)
    height, width = image.shape
    code = None if reason else thumbnail(image)
    bits = 8 * image.dtype.itemsize
    return Seen(size, changed, bits, (height, width), digest_of(image), code, reason, detail), image


def digest_of(image: Gray) -> bytes:
    """Return a digest of a frame's gray levels, 16 bytes."""
    pixels = np.ascontiguousarray(image).data
    return hashlib.blake2b(pixels, digest_size=16, key=f"{image.shape}".encode()).digest()


def judge(seen: Mapping[str, Seen], min_size: tuple[int, int], faults: list[Issue]) -> Iterator[Frame]:
    """Return the frames that can serve as backgrounds, in the order of `seen`; the other files go to `faults`.

    Args:
        seen: by POSIX path below the folder.
        min_size: least (height, width) of a frame, pixels.
        faults: files that are not used are added here.
    """
    ids: dict[str, str] = {}
    contents: dict[bytes, str] = {}
    for file, found in seen.items():
        if not is_utf_8(file):
            faults.append(Issue(ascii(file), "unreadable", "the file name is not UTF-8; rename it"))
            continue
        name = frame_name(file)
        reason, detail = found.reason, found.detail
        if reason != "unreadable" and (found.shape[0] < min_size[0] or found.shape[1] < min_size[1]):
            reason = "too small"
            detail = f"{found.shape[1]}x{found.shape[0]}, needs at least {min_size[1]}x{min_size[0]}"
        elif not reason and name in ids:
            reason, detail = "same name", f"as {ids[name]} but for the suffix; rename one"
        elif not reason and found.digest in contents:
            reason, detail = "duplicate", f"the same gray levels as {contents[found.digest]}"
        if reason:
            faults.append(Issue(file, reason, detail))
            continue
        ids[name] = contents[found.digest] = file
        yield Frame(file, name, found.digest, found.thumbnail)


def _unfit(image: Gray, nodata: NDArray[np.bool_] | None) -> tuple[str, str]:
    """Return the reason and detail why a frame of any size cannot be a background; two empty texts where it can."""
    if nodata is not None and nodata.mean() > NODATA_SHARE:
        return "no data", f"{nodata.mean():.0%} of its pixels were not measured"
    low, high = int(image.min()), int(image.max())
    full = int(np.iinfo(image.dtype).max)
    if high == full and np.count_nonzero(image == full) >= SATURATED_SHARE * image.size:
        return "saturated", f"at least {SATURATED_SHARE:.0%} of its pixels are at {full}"
    if low == high:
        return "constant", f"every pixel is {low}"
    return "", ""


def summary(faults: Sequence[Issue]) -> str:
    """Return the faults in a few words: how many of each reason, and the first one in full."""
    counts = Counter(fault.reason for fault in faults)
    text = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    return f"{text} (first: {faults[0].file}: {faults[0].detail})" if faults else "none"
