"""Seeing every image of a folder once: which files there are, and which can serve as backgrounds."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.duplicates import thumbnail
from sirstgen.decoding import IMAGE_SUFFIXES, read_levels
from sirstgen.errors import InputError
from sirstgen.gray_scale import Gray, GrayScale
from sirstgen.image_files import image_files
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
    if not root.is_dir():
        raise InputError.of(given, "a folder of background images is expected, and there is none")
    if (root / "images").is_dir() and (root / "masks").is_dir():
        raise InputError.of(
            given,
            "a dataset with targets in its frames; as backgrounds they would go unlabelled. "
            "Take the targets out with 'sirstgen backgrounds harvest' and give its output",
        )
    files = image_files(root, lambda place, reason: faults.append(Issue(place, "unreadable", reason)))
    if not files:
        detail = f" ({summary(faults)})" if faults else ""
        raise InputError.of(given, f"holds no image ({', '.join(IMAGE_SUFFIXES)}){detail}; put background frames there")
    return files


def usable_frames(
    root: Path, files: list[str], scale: GrayScale, min_size: tuple[int, int], faults: list[Issue]
) -> Iterator[tuple[Frame, Gray]]:
    """Decode each file on the folder's scale; what cannot serve as a background goes to `faults`."""
    ids: dict[str, str] = {}
    contents: dict[bytes, str] = {}
    for file in files:
        path = root / file
        try:
            file.encode()
            levels = read_levels(path)
        except UnicodeEncodeError:
            faults.append(Issue(ascii(file), "unreadable", "the file name is not UTF-8; rename it"))
            continue
        except InputError as fault:
            faults.append(Issue(file, "unreadable", fault.message.removeprefix(f"{path}: ")))
            continue
        image = scale.apply(levels)
        name = frame_name(file)
        digest = hashlib.blake2b(
            np.ascontiguousarray(image).data, digest_size=16, key=f"{image.shape}".encode()
        ).digest()
        reason, detail = _unfit(image, levels.nodata, min_size)
        if not reason and name in ids:
            reason, detail = "same name", f"as {ids[name]} but for the suffix; rename one"
        elif not reason and digest in contents:
            reason, detail = "duplicate", f"the same gray levels as {contents[digest]}"
        if reason:
            faults.append(Issue(file, reason, detail))
            continue
        ids[name] = contents[digest] = file
        image.setflags(write=False)
        yield Frame(file, name, digest, thumbnail(image)), image


def _unfit(image: Gray, nodata: NDArray[np.bool_] | None, min_size: tuple[int, int]) -> tuple[str, str]:
    """The reason and detail why a frame cannot be a background; two empty texts where it can."""
    height, width = image.shape
    if height < min_size[0] or width < min_size[1]:
        return "too small", f"{width}x{height}, needs at least {min_size[1]}x{min_size[0]}"
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
    """The faults in a few words: how many of each reason, and the first one in full."""
    counts = Counter(fault.reason for fault in faults)
    text = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    return f"{text} (first: {faults[0].file}: {faults[0].detail})" if faults else "none"
