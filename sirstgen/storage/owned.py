"""Which files of a dataset folder sirstgen has written, and may remove again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sirstgen.datasets.manifest_file import read_manifest
from sirstgen.datasets.unfinished import RUN_FOLDER, SHARD_STATE, STATE, read_state
from sirstgen.errors import InputError, OutputExistsError
from sirstgen.files.atomic import MANIFEST
from sirstgen.files.output import Owned
from sirstgen.storage.checksums import SUMS, file_sha256, read_sums

_CLOSING = ("50_50/train.txt", "50_50/test.txt", "targets.jsonl", "README.md", MANIFEST, SUMS)
_FOLDERS = ("images", "masks", "shards", "50_50", "img_idx")
"""Where a file of the user would become a part of the new dataset."""

_IMAGE = re.compile(r"(images|masks)/\d{6,}\.png|shards/(train|test)-\d+\.tar")


def owned_files(folder: Path) -> set[str]:
    """Return the files of the dataset in `folder`, as paths below it; all others are the user's.

    Of a finished dataset these are the files of its layout that ``SHA256SUMS`` lists with the content that they have.
    Of an unfinished run they are the files of its layout.

    Raises:
        OutputExistsError: no dataset of sirstgen, a file of it was changed, or one of the user's is among its images.
    """
    state = read_state(folder)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or path.is_file()}
    shards = (folder / SHARD_STATE).is_file()
    own = {name for name in names if name == STATE or name.startswith(f"{RUN_FOLDER}/")} if state or shards else set()
    if shards or (state is not None and not state["finished"]):
        own |= {name for name in names if _IMAGE.fullmatch(name) or name in (*_CLOSING, *_lists(folder.name))}
    else:
        sums, manifest = _proof(folder)
        own.add(SUMS)
        for name in names & sums.keys() & set(_layout(manifest, folder.name)):
            if (folder / name).is_symlink() or file_sha256(folder / name) != sums[name]:
                raise _not_ours(folder / name, f"changed since the dataset was written (by {SUMS})")
            own.add(name)
    strange = sorted(name for name in names - own if name.split("/")[0] in _FOLDERS)
    if strange:
        raise _not_ours(
            folder / strange[0], f"one of {len(strange)} files in {folder.name} that sirstgen did not write"
        )
    return own


def listed_files(record: str) -> Owned:
    """Return the rule for folders with a file `record` and a ``SHA256SUMS``: what that lists is ours if unchanged."""

    def owned(folder: Path) -> set[str]:
        try:
            sums = read_sums(folder)
            proven = file_sha256(folder / record) == sums.get(record, "")
        except (InputError, OSError):
            proven = False
        if not proven:
            raise OutputExistsError(
                f"{folder}: {record} and {SUMS} do not show that sirstgen wrote this folder; empty it yourself, or "
                f"choose another --out",
                path=str(folder),
            )
        for name in sums:
            path = folder / name
            if path.exists() and (path.is_symlink() or file_sha256(path) != sums[name]):
                raise _not_ours(path, f"changed since it was written (by {SUMS})")
        return {SUMS, *sums}

    return owned


def _not_ours(path: Path, why: str) -> OutputExistsError:
    return OutputExistsError(f"{path}: {why}, so the folder is not overwritten; move it away", path=str(path))


def _proof(folder: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the checksums and manifest of a finished dataset.

    OutputExistsError where they do not prove that it is one.
    """
    try:
        sums = read_sums(folder)
        manifest = read_manifest(folder)
        known = {"sirstgen", "schema_version"} <= manifest.keys()
        proven = known and sums.get(MANIFEST) == file_sha256(folder / MANIFEST)
    except (InputError, OSError):
        proven = False
    if not proven:
        raise OutputExistsError(
            f"{folder}: only a dataset of sirstgen is overwritten, and {MANIFEST} and {SUMS} do not show that this is "
            f"one; empty the folder yourself, or choose another --out",
            path=str(folder),
        )
    return sums, manifest


def _layout(manifest: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the files that a dataset of this manifest consists of."""
    yield from (*_CLOSING[:-1], *_lists(name), *_lists(manifest.get("name", name)))
    if "shards" in manifest:
        yield from (entry["name"] for entry in manifest["shards"]["files"])
        return
    if manifest.get("kind") == "mix":
        ids = [entry["id"] for entry in manifest["images"]]
    else:
        ids = [f"{number:06d}" for number in range(1, manifest["count"] + 1)]
    for key in ids:
        yield f"images/{key}.png"
        yield f"masks/{key}.png"


def _lists(name: str) -> tuple[str, str]:
    return f"img_idx/train_{name}.txt", f"img_idx/test_{name}.txt"
