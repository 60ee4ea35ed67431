"""The one walker of folders of images, and the words about what else a folder holds."""

from __future__ import annotations

import os
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from sirstgen.errors import InputError, SirstgenWarning, printable
from sirstgen.files.decoding import IMAGE_SUFFIXES

_BOX_SUFFIXES = (".txt", ".xml", ".json")
_NAMED_FOLDERS = 6
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
UNREAD_SUFFIXES = (
    *(".webp", ".gif", ".pgm", ".ppm", ".pbm", ".pnm", ".pfm", ".jp2", ".j2k", ".jpx", ".jpe", ".jfif", ".jxl", ".dib"),
    *(".heic", ".heif", ".avif", ".exr", ".hdr", ".tga", ".dng", ".fits", ".fit", ".fts", ".dcm", ".nii"),
    *(".npy", ".npz", ".mat", ".raw", ".seq", ".ptw", ".mp4", ".avi", ".mov", ".mkv", ".wmv", ".mpg"),
)
"""Files of images, arrays and videos that are not read."""

IMAGE_FOLDERS = ("images", "imgs", "img", "image", "jpegimages")
MASK_FOLDERS = ("masks", "mask", "labels", "label", "gt", "segmentationclass")
"""Names that others give to the two folders of a labelled set; the first ones are those that readers take."""

MASK_ENDING = re.compile(r"[-_. ](pixels0|masks?|labels?|gt|seg)$", re.IGNORECASE)
"""What the name of a mask may have after the id of its image."""


def image_files(
    root: Path,
    refused: Callable[[str, str], None] | None = None,
    passed_over: Callable[[list[str]], None] | None = None,
) -> list[str]:
    """Return the image files below `root` as sorted POSIX paths.

    Hidden files and folders (names that begin with a dot, such as the ``._`` files of macOS) and files of other
    suffixes than `IMAGE_SUFFIXES` do not count. Those that may be images all the same (`UNREAD_SUFFIXES`) are named in
    one warning. Links are followed; a folder is entered once however it is linked.

    Args:
        root: an existing folder.
        refused: called with path and reason of each sub-folder that cannot be entered.
        passed_over: called with the paths of files that may be images and are not read, in place of the warning.

    Raises:
        InputError: a sub-folder cannot be entered, and `refused` is not given.
    """

    def refuse(fault: OSError) -> None:
        place = Path(fault.filename or root)
        name = place.relative_to(root).as_posix() if place.is_relative_to(root) else place.name
        if refused is None:
            raise InputError.of(place, f"the folder cannot be entered ({fault.strerror})")
        refused(name, f"folder cannot be entered ({fault.strerror})")

    entered: set[str] = set()
    files: list[str] = []
    others: list[str] = []
    for place, folders, names in os.walk(root, onerror=refuse, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = os.path.relpath(place, root).replace(os.sep, "/")
        prefix = "" if below == "." else f"{below}/"
        files += [prefix + name for name in names if is_image_name(name)]
        others += [prefix + name for name in names if is_unread_name(name)]
    if others and passed_over is not None:
        passed_over(sorted(others))
    elif others:
        warn_of_unread(root, sorted(others))
    return sorted(files)


def masks_among(files: Sequence[str]) -> list[str]:
    """Return those image files that are masks by their names.

    They are in a folder named as one of masks, such as ``masks/`` or ``test_gt/``, in which one has the name of an
    image elsewhere; or beside such an image. The names may differ by a `MASK_ENDING`.

    Args:
        files: POSIX paths below one folder.
    """
    stems = {file: PurePosixPath(without_suffix(file)) for file in files}
    places = {file: _mask_folder(stem) for file, stem in stems.items()}
    names = {stem.name for file, stem in stems.items() if places[file] is None}
    masks = {places[file] for file, stem in stems.items() if {stem.name, MASK_ENDING.sub("", stem.name)} & names}
    beside = set(stems.values())
    return [
        file
        for file, stem in stems.items()
        if (places[file] is not None and places[file] in masks)
        or (MASK_ENDING.search(stem.name) and stem.with_name(MASK_ENDING.sub("", stem.name) or "-") in beside)
    ]


def _mask_folder(path: PurePosixPath) -> PurePosixPath | None:
    """Return the outermost folder of a path that is named as one of masks; None where there is none."""
    named_so = (at for at in path.parents if at.name.lower() in MASK_FOLDERS or MASK_ENDING.search(at.name))
    return max(named_so, key=lambda at: -len(at.parts), default=None)


def warn_of_unread(root: Path, others: Sequence[str]) -> None:
    """Warn of files in `root` that may be images, of a format that is not read."""
    what = "1 file is" if len(others) == 1 else f"{len(others)} files are"
    warnings.warn(
        f"{root}: {what} of a format that is not read and left out ({named(others)}); save as PNG or TIFF",
        SirstgenWarning,
        stacklevel=2,
    )


def check_folder(folder: Path | str, what: str = "") -> None:
    """Raise InputError unless `folder` is one; `what` it should hold is named.

    Raises:
        InputError: it is not there, or a file.
    """
    path = Path(folder)
    if not path.is_dir():
        kind = f"folder of {what}" if what else "folder"
        archive = "; unpack it first" if path.name.lower().endswith(_ARCHIVES) else ""
        raise InputError.of(
            path, f"a {kind} is expected, this is a file{archive}" if path.is_file() else f"there is no such {kind}"
        )


def part_folder(folder: Path, names: Sequence[str]) -> Path | None:
    """Return the sub-folder of the first of `names` that is there, in lower, upper or mixed case; None: none is."""
    for name in names:
        if (folder / name).is_dir():
            return folder / name
    try:
        found = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    except OSError:
        return None
    return next((found[name] for name in names if name in found), None)


def is_image_name(name: str) -> bool:
    """Return whether a file of this name counts as an image: not hidden, with a suffix of an image."""
    return not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES)


def mixed_depths(bits: Mapping[str, int]) -> str:
    """Return that some images of a set have 8 bits and others more; empty where all have the same.

    Args:
        bits: 8 or 16 by image; others do not count.
    """
    narrow, wide = ([name for name in bits if bits[name] == depth] for depth in (8, 16))
    if not narrow or not wide:
        return ""
    return (
        f"images of 8 bits and of more in one set: {len(narrow)} of 8 bits ({named(narrow)}) are read on 0 to 255, "
        f"the other {len(wide)} ({named(wide)}) on the scale of the set; save all with one bit depth"
    )


def warn_of_mixed_depths(folder: Path, bits: Mapping[str, int]) -> None:
    """Warn of what `mixed_depths` says."""
    if text := mixed_depths(bits):
        warnings.warn(f"{folder}: {text}", SirstgenWarning, stacklevel=2)


def is_unread_name(name: str) -> bool:
    """Return whether a file of this name may be an image that is not read: not hidden, with such a suffix."""
    return not name.startswith(".") and name.lower().endswith(UNREAD_SUFFIXES)


def images_by_id(root: Path) -> dict[str, Path]:
    """Return the image files below `root` by id (`id_of_file`).

    Raises:
        InputError: files that differ in their suffix only.
    """
    found: dict[str, Path] = {}
    second: list[str] = []
    for file in image_files(root):
        key = id_of_file(file)
        if key in found:
            second.append(f"{file} beside {found[key].name}")
        else:
            found[key] = root / file
    if second:
        raise InputError.of(root, f"a second file for one id: {named(second)}; keep one of each")
    return found


def id_of_file(file: str) -> str:
    """Return the id of an image file from its path below the folder of images: ``seq/0001`` for ``seq/0001.png``.

    Letters with accents are composed (Unicode NFC), however the name of the file has them.
    """
    return unicodedata.normalize("NFC", without_suffix(file))


def equal_but_for_case(ids: Iterable[str]) -> dict[str, str]:
    """Return the ids that differ from an earlier one in upper and lower case alone, with that one.

    Where file names have no case, as on macOS and Windows by default, the files of both are one.
    """
    first: dict[str, str] = {}
    found = {key: first.setdefault(key.casefold(), key) for key in ids}
    return {key: other for key, other in found.items() if key != other}


def without_suffix(file: str) -> str:
    """Return the POSIX path `file` without the suffix of its name."""
    return str(PurePosixPath(file).with_suffix(""))


def is_utf_8(name: str) -> bool:
    """Return whether the bytes of a file name are UTF-8, so that it can be written to texts."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def named(entries: Sequence[str], limit: int = 3) -> str:
    """Return the first `limit` entries and how many more there are, on one line: ``a, b, c and 4 more``."""
    more = f" and {len(entries) - limit} more" if len(entries) > limit else ""
    return ", ".join(printable(entry, 60) for entry in entries[:limit]) + more


def contents(folder: Path) -> str:
    """Return what `folder` and its sub-folders hold, in words: ``labels/ holds 24 .txt: boxes are not masks``."""
    found = []
    places = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    for place in places[:_NAMED_FOLDERS]:
        try:
            names = [entry.name.lower() for entry in os.scandir(place) if entry.is_file()]
        except OSError:
            continue
        suffixes = Counter(Path(name).suffix for name in names)
        if not suffixes:
            inner = sorted(entry.name for entry in os.scandir(place) if entry.is_dir())
            found.append(f"{place.name}/ holds the folders {named(inner)}" if inner else f"{place.name}/ is empty")
            continue
        suffix, count = suffixes.most_common(1)[0]
        lists = all(name.startswith(("train", "val", "test")) for name in names)
        note = ": boxes are not masks" if suffix in _BOX_SUFFIXES and not lists else ""
        found.append(f"{printable(place.name, 60)}/ holds {count} {printable(suffix, 20) or 'files'}{note}")
    if len(places) > _NAMED_FOLDERS:
        found.append(f"{len(places) - _NAMED_FOLDERS} more folders")
    return "; ".join(found)
