"""The lists of training and test ids, in the layouts of the DNA-Net, BasicIRSTD and SIRST codes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from sirstgen.atomic import write_file
from sirstgen.errors import InputError
from sirstgen.images import IMAGE_SUFFIXES, read_bytes

PARTS = ("train", "test")

# Looked for in this order; after these, any other folder that holds a train.txt.
_KNOWN_FOLDERS = ("50_50", "img_idx", "idx_427")


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
    """The ids of each part, from the first layout found; empty when the folder holds no lists.

    ``50_50/``, ``img_idx/`` and ``idx_427/`` are looked for in this order, then any other single folder with a
    ``train.txt``. Line ends may be CRLF, ids may carry an image suffix, blank lines do not count.

    Args:
        folder: the dataset folder.
        ids: the ids that have an image.

    Raises:
        InputError: an id without image, an id twice or on both sides, an unreadable list, several candidate folders.
    """
    lists = _find_lists(folder)
    splits = {part: _read_list(path, ids) for part, path in lists.items()}
    both = sorted(set(splits.get("train", ())) & set(splits.get("test", ())))
    if both:
        raise InputError.of(
            lists["test"], f"{_named(both)} also in {lists['train'].name}: training and test images must differ"
        )
    return splits


def _find_lists(folder: Path) -> dict[str, Path]:
    for known in _KNOWN_FOLDERS:
        if found := _lists_in(folder / known, folder.resolve().name):
            return found
    others = sorted(path.parent for path in folder.glob("*/train.txt") if path.parent.name not in _KNOWN_FOLDERS)
    if len(others) > 1:
        names = ", ".join(f"{path.name}/" for path in others)
        raise InputError.of(folder, f"holds several splits ({names}); keep one of them, or name one of them 50_50/")
    return _lists_in(others[0], folder.resolve().name) if others else {}


def _lists_in(folder: Path, name: str) -> dict[str, Path]:
    """The list of each part in `folder`: ``train.txt``, ``train_<name>.txt`` or the only ``train_*.txt``."""
    found = {}
    for part in PARTS:
        exact = [path for path in (folder / f"{part}.txt", folder / f"{part}_{name}.txt") if path.is_file()]
        candidates = exact[:1] or sorted(folder.glob(f"{part}_*.txt"))
        if len(candidates) > 1:
            names = ", ".join(path.name for path in candidates)
            raise InputError.of(folder, f"holds several {part} lists ({names}); keep the one of this dataset")
        if candidates:
            found[part] = candidates[0]
    return found


def _read_list(path: Path, ids: Collection[str]) -> tuple[str, ...]:
    data = read_bytes(path) if path.stat().st_size else b""
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise InputError.of(path, "not a text file in UTF-8; one id a line is expected") from None
    entries = [entry for line in lines if (entry := line.strip())]
    listed = [_without_suffix(entry, ids) for entry in entries]
    missing = [entry for entry, key in zip(entries, listed, strict=True) if key not in ids]
    if missing:
        raise InputError.of(path, f"lists {_named(missing)}, without image in the dataset")
    twice = sorted({key for key in listed if listed.count(key) > 1}) if len(set(listed)) < len(listed) else []
    if twice:
        raise InputError.of(path, f"lists {_named(twice)} more than once; keep one line each")
    return tuple(listed)


def _without_suffix(entry: str, ids: Collection[str]) -> str:
    if entry not in ids and entry.lower().endswith(IMAGE_SUFFIXES):
        return entry.rpartition(".")[0]
    return entry


def _named(entries: Sequence[str], limit: int = 3) -> str:
    more = f" and {len(entries) - limit} more" if len(entries) > limit else ""
    return ", ".join(entries[:limit]) + more
