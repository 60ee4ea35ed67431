"""The one walker of folders of images, and the words about what else a folder holds."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from sirstgen.errors import InputError, printable
from sirstgen.files.decoding import IMAGE_SUFFIXES

_BOX_SUFFIXES = (".txt", ".xml", ".json")
_NAMED_FOLDERS = 6
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
IMAGE_FOLDERS = ("images", "imgs", "img", "image", "jpegimages")
MASK_FOLDERS = ("masks", "mask", "labels", "label", "gt", "segmentationclass")
"""Names that others give to the two folders of a labelled set; the first ones are those that readers take."""


def image_files(root: Path, refused: Callable[[str, str], None] | None = None) -> list[str]:
    """Return the image files below `root` as sorted POSIX paths.

    Hidden files and folders (names that begin with a dot, such as the ``._`` files of macOS) and files of other
    suffixes than `IMAGE_SUFFIXES` do not count. Links are followed; a folder is entered once however it is linked.

    Args:
        root: an existing folder.
        refused: called with path and reason of each sub-folder that cannot be entered.

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
    return sorted(files)


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
            suffixes = Counter(Path(entry.name).suffix.lower() for entry in os.scandir(place) if entry.is_file())
        except OSError:
            continue
        if not suffixes:
            inner = sorted(entry.name for entry in os.scandir(place) if entry.is_dir())
            found.append(f"{place.name}/ holds the folders {named(inner)}" if inner else f"{place.name}/ is empty")
            continue
        suffix, count = suffixes.most_common(1)[0]
        note = ": boxes are not masks" if suffix in _BOX_SUFFIXES else ""
        found.append(f"{printable(place.name, 60)}/ holds {count} {printable(suffix, 20) or 'files'}{note}")
    if len(places) > _NAMED_FOLDERS:
        found.append(f"{len(places) - _NAMED_FOLDERS} more folders")
    return "; ".join(found)
