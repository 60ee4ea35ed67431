"""The layouts of dataset folders: where images and masks are. All faults of a folder are named in one message.

* ``images/`` and ``masks/`` with equal paths below them (DNA-Net, BasicIRSTD, our own); sub-folders make ids such as
  ``seq/0001``,
* the same with masks named ``<id>_pixels0.png`` (SIRST as published), ``<id>_mask.png`` or with another `MASK_ENDING`,
* ``<id>_1.png`` and ``<id>_2.png`` side by side (NUST-SIRST),
* WebDataset shards (`sirstgen.datasets.shards`).
"""

from __future__ import annotations

from pathlib import Path

from sirstgen.datasets.entries import Entry, FolderFile
from sirstgen.datasets.shards import shard_entries, shard_paths
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.decoding import IMAGE_SUFFIXES
from sirstgen.files.image_files import (
    IMAGE_FOLDERS,
    MASK_ENDING,
    MASK_FOLDERS,
    check_folder,
    contents,
    images_by_id,
    is_utf_8,
    named,
    part_folder,
)

_PAIR_IMAGE, _PAIR_MASK = "_1", "_2"


def find_entries(folder: Path) -> dict[str, Entry]:
    """Return the images of a dataset folder with their masks, by id.

    Raises:
        InputError: no such folder, no known layout, no images, images without mask, masks without image, two files for
            one id.
    """
    check_folder(folder)
    images_at = part_folder(folder, IMAGE_FOLDERS[:1])
    if images_at is None and (shards := shard_paths(folder)):
        return shard_entries(shards, folder)
    if images_at is not None:
        masks_at = part_folder(folder, MASK_FOLDERS[:1])
        if masks_at is None:
            raise InputError.of(folder, f"holds images/ but no masks/ ({contents(folder)}); put the masks there")
        images = images_by_id(images_at)
        if not images:
            known = ", ".join(IMAGE_SUFFIXES)
            raise InputError.of(images_at, f"holds no images of a kind that is read ({known}): {contents(folder)}")
        masks = _masks_by_id(masks_at, images)
    else:
        files = images_by_id(folder)
        images, masks = paired(files)
        if not images or not masks:
            raise InputError.of(folder, no_layout(folder))
    _check_pairs(folder, images, masks)
    if odd := [key for key in images if "\n" in key or "\r" in key]:
        raise InputError.of(
            folder, f"file names with a line break: {len(odd)} ({named(odd)}); lists have one id a line, so rename them"
        )
    if odd := [key for key in images if not is_utf_8(key)]:
        raise InputError.of(folder, f"{len(odd)} file names are not UTF-8 ({named(odd)}); rename them")
    return {key: Entry(key, FolderFile(images[key]), FolderFile(masks[key])) for key in sorted(images)}


def refuse_inside(out: Path, given: Path, frames: bool) -> None:
    """Raise InvalidValueError where `out` is in a folder whose images are read, so that its files would be read too.

    Args:
        out: a folder or picture that is going to be written.
        given: a dataset, or a folder of frames; another path counts for nothing.
        frames: all images below `given` are read where it has no folder of images or masks.
    """
    if not given.is_dir():
        return
    names = IMAGE_FOLDERS + MASK_FOLDERS
    parts = [path for path in (part_folder(given, [name]) for name in names) if path is not None]
    for place in parts or ([given] if frames else []):
        if out.resolve().is_relative_to(place.resolve()):
            raise InvalidValueError(
                f"--out must not be in a folder whose images are read, got {out}, which is in {place}; choose another",
                name="out",
                value=str(out),
            )


def _check_pairs(folder: Path, images: dict[str, Path], masks: dict[str, Path]) -> None:
    no_mask, no_image = sorted(images.keys() - masks.keys()), sorted(masks.keys() - images.keys())
    faults = []
    if no_mask:
        faults.append(
            f"{len(no_mask)} images without mask ({named(no_mask)}): add masks, all black where there is no target"
        )
    if no_image:
        faults.append(f"{len(no_image)} masks without image ({named(no_image)}): add the images or take the masks out")
    if no_mask and no_image:
        faults.append(f"a mask has the name of its image, such as {named(no_mask[:1])}")
    if faults:
        raise InputError.of(folder, "; ".join(faults), no_mask=no_mask, no_image=no_image)


def no_layout(folder: Path) -> str:
    """Return that a folder is no dataset, and what it or a folder below it is, in words for a message."""
    text = (
        "not a dataset: neither images/ and masks/ nor pairs of <id>_1.png and <id>_2.png are there, nor shards (*.tar)"
    )
    inner = sorted(path.parent for path in folder.glob("*/images") if (path.parent / "masks").is_dir())
    if inner:
        return f"{text}; {named([path.name for path in inner])} below it is one: name that folder"
    found = contents(folder)
    return f"{text} ({found}); name the folders images/ and masks/" if found else text


def _masks_by_id(folder: Path, images: dict[str, Path]) -> dict[str, Path]:
    masks: dict[str, Path] = {}
    second = []
    for stem, path in images_by_id(folder).items():
        key = stem if stem in images else MASK_ENDING.sub("", stem)
        if key in masks:
            second.append(f"{path.name} beside {masks[key].name}")
        masks[key] = path
    if second:
        raise InputError.of(folder, f"a second mask for one image: {named(second)}; keep one of each")
    return masks


def paired(files: dict[str, Path]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return images and masks of ``<id>_1`` and ``<id>_2`` by id; none where files of other names are among them."""
    if not all(stem.endswith((_PAIR_IMAGE, _PAIR_MASK)) for stem in files):
        return {}, {}
    return _with_ending(files, _PAIR_IMAGE), _with_ending(files, _PAIR_MASK)


def _with_ending(files: dict[str, Path], ending: str) -> dict[str, Path]:
    return {stem.removesuffix(ending): path for stem, path in files.items() if stem.endswith(ending)}
