"""The lists of training and test ids, in the layouts of the DNA-Net, BasicIRSTD and SIRST codes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from sirstgen.datasets.lists import id_of, list_lines, read_id_list
from sirstgen.errors import InputError
from sirstgen.files.atomic import write_file
from sirstgen.files.image_files import IMAGE_FOLDERS, MASK_FOLDERS, named

PARTS = ("train", "test")

# Looked for in this order; after these, the folder itself and any other one.
_KNOWN_FOLDERS = ("50_50", "img_idx", "idx_427")

_PART_FOLDERS = {
    "train": ("trainval", "train", "training"),
    "test": ("test", "testing", "val", "valid", "validation"),
}
"""Folders that state the part of the images in them, the first ones first."""

_LIST_SUFFIXES = (".txt", ".csv", ".tsv", ".lst", ".json")


def write_split_lists(
    folder: Path, name: str, train_ids: Sequence[str], test_ids: Sequence[str], scratch: Path | None = None
) -> None:
    """Write ``50_50/`` (DNA-Net) and ``img_idx/`` (BasicIRSTD), one id a line, in the order given.

    Args:
        folder: the dataset folder to write into.
        name: the dataset's name, which is its final folder's name.
        train_ids: ids of the training images.
        test_ids: ids of the test images; an empty list gives an empty file.
        scratch: see `write_file`.
    """
    for layout in ("50_50", "img_idx"):
        (folder / layout).mkdir(parents=True, exist_ok=True)
    for part, ids in zip(PARTS, (train_ids, test_ids), strict=True):
        text = "".join(f"{key}\n" for key in ids)
        write_file(folder / "50_50" / f"{part}.txt", text, scratch)
        write_file(folder / "img_idx" / f"{part}_{name}.txt", text, scratch)


def read_split_lists(folder: Path, ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the ids of each part, from the first layout found; empty where the folder holds no lists.

    ``50_50/``, ``img_idx/`` and ``idx_427/`` are looked for in this order, then the folder itself, then any other
    single folder with a ``train.txt`` or ``trainval.txt`` that is not hidden, also below ``ImageSets/``. The test list
    is ``test.txt``, else ``val.txt``. The training list is ``trainval.txt`` where there is a ``test.txt`` beside it,
    else ``train.txt``. ``train_<name>.txt`` stands for ``train.txt``; in a folder of another name, where there is one
    such list of each part that names an image. Upper and lower case of these names are equal. The lists are read as
    `sirstgen.datasets.lists.read_id_list` says.

    Args:
        folder: the dataset folder.
        ids: the ids that have an image.

    Raises:
        InputError: an id without image, an id twice or on both sides, an unreadable list, several candidate folders.
    """
    lists = _find_lists(folder, ids)
    splits = {part: read_id_list(path, ids) for part, path in lists.items()}
    both = sorted(set(splits.get("train", ())) & set(splits.get("test", ())))
    if both:
        raise InputError.of(
            lists["test"], f"{named(both)} also in {lists['train'].name}: training and test images must differ"
        )
    return splits


def split_by_folder(ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the ids of each part where all images are in folders of such names: ``train/0001``, ``test/seq/0001``.

    Empty where one is elsewhere. Of two folders for one part, ``trainval`` comes before ``train`` and ``test`` before
    ``val``, as with lists.
    """
    found: dict[str, list[str]] = {}
    for key in ids:
        place, _, below = key.partition("/")
        found.setdefault(place.lower() if below else "", []).append(key)
    if not found.keys() <= {name for names in _PART_FOLDERS.values() for name in names}:
        return {}
    chosen = {part: [name for name in names if name in found] for part, names in _PART_FOLDERS.items()}
    return {part: tuple(found[names[0]]) for part, names in chosen.items() if names}


def unread_lists(folder: Path) -> str:
    """Return which files of a dataset without lists may be such lists, in words that end a message; empty: none."""
    found = [
        path.relative_to(folder).as_posix()
        for place in [folder, *_other_places(folder)]
        for name, path in _files(place).items()
        if name.startswith(("train", "test")) and name.endswith(_LIST_SUFFIXES)
    ]
    return f"; not read as lists: {named(found)}" if found else ""


def _find_lists(folder: Path, ids: Collection[str]) -> dict[str, Path]:
    name = folder.resolve().name
    for place in (*(folder / known for known in _KNOWN_FOLDERS), folder):
        if found := _lists_in(place, name):
            return found
    others = [place for place in _other_places(folder) if _holds_split(place, name, ids)]
    if len(others) > 1:
        names = ", ".join(f"{path.relative_to(folder).as_posix()}/" for path in others)
        raise InputError.of(folder, f"holds several splits ({names}); keep one of them, or name one of them 50_50/")
    return _lists_in(others[0], name) if others else {}


def _other_places(folder: Path) -> Iterator[Path]:
    """Yield the folders that may hold lists beside the known ones."""
    for place in sorted(place for pattern in ("[!.]*/", "ImageSets/[!.]*/") for place in folder.glob(pattern)):
        if place.name.lower() not in (*IMAGE_FOLDERS, *MASK_FOLDERS):
            yield place


def _holds_split(place: Path, name: str, ids: Collection[str]) -> bool:
    if {"train.txt", "trainval.txt"} & text_files(place).keys():
        return True
    try:
        lists = _lists_in(place, name).values()
        return len(lists) == len(PARTS) and all(
            any(id_of(line, ids) in ids for line in list_lines(path)) for path in lists
        )
    except InputError:  # several lists of a part, or texts of another kind
        return False


def _lists_in(folder: Path, name: str) -> dict[str, Path]:
    texts = text_files(folder)
    found = {part: path for part in PARTS if (path := _one_list(folder, texts, part, name))}
    if "test" in found and (both := _one_list(folder, texts, "trainval", name)):
        found["train"] = both
    elif "test" not in found and (held := _one_list(folder, texts, "val", name)):
        found["test"] = held
    return found


def text_files(folder: Path) -> dict[str, Path]:
    """Return the text files of `folder` by their names in lower case."""
    return {name: path for name, path in _files(folder).items() if name.endswith(".txt")}


def _files(folder: Path) -> dict[str, Path]:
    try:
        return {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_file()}
    except OSError:
        return {}


def _one_list(folder: Path, texts: dict[str, Path], stem: str, name: str) -> Path | None:
    """Return the list ``<stem>.txt``, ``<stem>_<name>.txt`` or the only ``<stem>_*.txt`` of `folder`.

    None: there is none.
    """
    for own in (f"{stem}.txt", f"{stem}_{name.lower()}.txt"):
        if own in texts:
            return texts[own]
    others = [path for own, path in texts.items() if own.startswith(f"{stem}_")]
    if len(others) > 1:
        raise InputError.of(folder, f"holds several {stem} lists ({named([path.name for path in others])}); keep one")
    return others[0] if others else None
