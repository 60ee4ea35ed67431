"""What a damaged dataset folder holds: images, masks and lists, found without trusting any of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sirstgen.audit.checks import Finding
from sirstgen.datasets.entries import Entry, FolderFile, Stored
from sirstgen.datasets.layouts import no_layout, paired
from sirstgen.datasets.lists import id_of, list_lines
from sirstgen.datasets.shards import shard_files, shard_paths, shard_split
from sirstgen.datasets.split import PARTS, split_by_folder, text_files
from sirstgen.errors import InputError, printable
from sirstgen.files.image_files import (
    IMAGE_FOLDERS,
    MASK_ENDING,
    MASK_FOLDERS,
    check_folder,
    equal_but_for_case,
    id_of_file,
    image_files,
    is_utf_8,
    masks_among,
    part_folder,
)


@dataclass
class Contents:
    """What a folder holds.

    Args:
        folder: the dataset.
        images: file, or member of a shard, of each id.
        masks: the same of each mask.
        parts: ``train`` or ``test`` by id, of those that a list names.
        lists: the list files that `parts` is from.
        findings: of files and lists.
    """

    folder: Path
    images: dict[str, Stored]
    masks: dict[str, Stored]
    parts: dict[str, str] = field(default_factory=dict)
    lists: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def look_into(folder: Path, masks_expected: bool = True) -> Contents:
    """Return what `folder` holds, with a finding for everything that does not fit together.

    Args:
        folder: a dataset of any layout that is read (docs/dataset-format.md), damaged or not.
        masks_expected: false for a folder that may hold images only.

    Raises:
        InputError: no such folder, no image below it, or masks are expected and in places that no layout has.
    """
    check_folder(folder)
    found: list[Finding] = []
    shards = shard_paths(folder)
    images_at = part_folder(folder, IMAGE_FOLDERS)
    masks_at = part_folder(folder, MASK_FOLDERS)
    images: dict[str, Stored]
    masks: dict[str, Stored]
    if images_at is not None:
        image_files = _by_id(images_at, folder, found)
        mask_files = _by_id(masks_at, folder, found) if masks_at is not None else {}
        mask_files = _renamed(mask_files, image_files, folder, found)
        images, masks = _stored(image_files), _stored(mask_files)
    elif shards:
        images, masks = _in_shards(shards, found)
    else:
        files = _by_id(folder, folder, found)
        images, masks = map(_stored, paired(files))
        if not masks:
            names = masks_among([path.relative_to(folder).as_posix() for path in files.values()])
            beside = {folder / name for name in names}
            if beside and masks_expected:
                raise InputError.of(folder, no_layout(folder))
            images = _stored({key: path for key, path in files.items() if path not in beside})
    if not images:
        first = f"; {len(found)} files cannot be used, {found[0].issue.place}: {found[0].issue.what}" if found else ""
        raise InputError.of(
            folder, f"holds no images: neither images/ nor shards nor pairs of <id>_1.png and <id>_2.png{first}"
        )
    for key, other in equal_but_for_case(sorted(images)).items():
        found.append(Finding.of("ids-differ-in-case", key, f"differs from {other} in upper and lower case alone"))
    if masks_expected or masks:
        for key in sorted(images.keys() - masks.keys()):
            found.append(Finding.of("image-without-mask", key, "no mask file"))
        for key in sorted(masks.keys() - images.keys()):
            found.append(Finding.of("mask-without-image", key, "no image file", masks[key].path.name))
    contents = Contents(folder, images, masks, findings=found)
    if images_at is None and shards:
        split = shard_split({key: Entry(key, image, image) for key, image in images.items()})
    else:
        _read_lists(contents)
        split = {} if contents.lists else split_by_folder(sorted(images))
    contents.parts |= {key: part for part, keys in split.items() for key in keys}
    return contents


def _stored(files: dict[str, Path]) -> dict[str, Stored]:
    return {key: FolderFile(path) for key, path in files.items()}


def _in_shards(shards: list[Path], found: list[Finding]) -> tuple[dict[str, Stored], dict[str, Stored]]:
    images, masks, broken, twice = shard_files(shards)
    found += [Finding.of("unreadable", Path(fault.data["path"]).name, fault.message) for fault in broken]
    found += [Finding.of("two-files", name, "is in more than one shard; the last is examined") for name in twice]
    return dict(images), dict(masks)


def _by_id(place: Path, folder: Path, found: list[Finding]) -> dict[str, Path]:
    """Return the image files below `place` by their path without suffix; hidden files and other kinds do not count."""
    files: dict[str, Path] = {}

    def passed_over(names: list[str]) -> None:
        names = [(place / name).relative_to(folder).as_posix() for name in names]
        found.extend(Finding.of("other-format", name, "of a format that is not read") for name in names)

    for file in image_files(
        place, lambda name, reason: found.append(Finding.of("unreadable", name, reason)), passed_over
    ):
        path = place / file
        if not path.is_file():
            if path.is_symlink():
                name = path.relative_to(folder).as_posix()
                found.append(Finding.of("unreadable", name, "a link that leads nowhere"))
            continue
        key = id_of_file(file)
        if not is_utf_8(key) or "\n" in key or "\r" in key:
            name = printable(path.relative_to(folder).as_posix())
            found.append(Finding.of("unreadable", name, "the name is not UTF-8 or has a line break; rename the file"))
            continue
        if key in files:
            what = f"is beside {files[key].name}; the first is examined"
            found.append(Finding.of("two-files", path.relative_to(folder).as_posix(), what))
        else:
            files[key] = path
    return files


def _renamed(masks: dict[str, Path], images: dict[str, Path], folder: Path, found: list[Finding]) -> dict[str, Path]:
    """Return the masks under the ids of their images, without the endings that published sets give them."""
    named: dict[str, Path] = {}
    for stem, path in masks.items():
        key = own if (own := MASK_ENDING.sub("", stem)) in images and stem not in images else stem
        if key in named:
            what = f"is a second mask beside {named[key].name}; the first is examined"
            found.append(Finding.of("two-files", path.relative_to(folder).as_posix(), what))
        else:
            named[key] = path
    return named


def _read_lists(contents: Contents) -> None:
    folder, images, found = contents.folder, contents.images, contents.findings
    layouts: dict[str, dict[str, set[str]]] = {}
    places = [folder, *sorted(folder.glob("[!.]*/")), *sorted(folder.glob("ImageSets/[!.]*/"))]
    lists = ((part, path) for place in places for part, paths in _lists_of(place).items() for path in paths)
    for part, path in lists:
        if path.parent.name.lower() in (*IMAGE_FOLDERS, *MASK_FOLDERS):
            continue
        name = path.relative_to(folder).as_posix()
        layout = path.parent.relative_to(folder).as_posix().removeprefix(".")
        try:
            keys = [id_of(line, images) for line in list_lines(path) if line]
        except (InputError, OSError) as error:
            reason = error.message.removeprefix(f"{path}: ") if isinstance(error, InputError) else str(error.strerror)
            found.append(Finding.of("list-unreadable", name, reason))
            continue
        contents.lists.append(path)
        layouts.setdefault(layout, {}).setdefault(part, set()).update(keys)
        for key, times in Counter(keys).items():
            if times > 1:
                found.append(Finding.of("twice-in-list", key, f"in {name}", times, 1))
            if key not in images:
                found.append(Finding.of("list-without-file", key, f"listed in {name}, has no image"))
    chosen = _chosen(layouts)
    for other, parts in layouts.items():
        if other != chosen and parts != layouts[chosen]:
            differing = set().union(*(parts.get(p, set()) ^ layouts[chosen].get(p, set()) for p in PARTS))
            what = f"{len(differing)} ids differ from those in {chosen or 'the folder itself'}"
            found.append(Finding.of("lists-differ", other or ".", what))
    examined = layouts.get(chosen, {})
    for part in PARTS:
        for key in sorted(examined.get(part, ())):
            if key in contents.parts:
                found.append(Finding.of("in-two-lists", key, "in the training and in the test list"))
            elif key in images:
                contents.parts[key] = part
    if len(examined) == len(PARTS):
        found += [
            Finding.of("in-no-list", key, "in neither list") for key in sorted(images) if key not in contents.parts
        ]


def _lists_of(place: Path) -> dict[str, list[Path]]:
    """Return the lists of each part in a folder, by the rule of `sirstgen.datasets.split.read_split_lists`.

    Where that would refuse to choose among several lists, all of them are returned.
    """
    texts = text_files(place)
    found = {
        stem: [path for name, path in texts.items() if name == f"{stem}.txt" or name.startswith(f"{stem}_")]
        for stem in ("train", "trainval", "val", "test")
    }
    train = found["trainval"] if found["trainval"] and found["test"] else found["train"]
    return {"train": train, "test": found["test"] or found["val"]}


def _chosen(layouts: dict[str, dict[str, set[str]]]) -> str:
    """Return the layout that is examined: the first of those that readers know, else the folder itself, else the first
    by name.
    """
    for known in ("50_50", "img_idx", "idx_427"):
        if known in layouts:
            return known
    return min(layouts, default="")
