"""The images and masks of a dataset of our own, in folders or in shards, whatever is wrong with them."""

from __future__ import annotations

import os
from pathlib import Path

from sirstgen.datasets.entries import FolderFile, Stored
from sirstgen.datasets.shards import TarMember, members, shard_paths
from sirstgen.errors import InputError
from sirstgen.verification.issues import Issue


class StoredFiles:
    """Where each image and mask is, by the name that it has in a folder (``images/000001.png``).

    Args:
        folder: the dataset.
        faults: shards that cannot be read and files that are neither image nor mask are added here.
    """

    def __init__(self, folder: Path, faults: list[Issue]) -> None:
        self.sharded = (folder / "shards").is_dir()
        self._files: dict[str, Stored] = {}
        self._rows: dict[str, TarMember] = {}
        self._sides: dict[str, str] = {}
        if self.sharded:
            self._find_members(folder, faults)
        else:
            self._find_files(folder, faults)

    def ids(self, kind: str) -> set[str]:
        """Return the ids that have a file of a kind, ``images`` or ``masks``."""
        return {name.partition("/")[2].removesuffix(".png") for name in self._files if name.startswith(f"{kind}/")}

    def read(self, name: str) -> tuple[bytes, Path]:
        """Return content and place of a file; InputError where it cannot be read."""
        file = self._files[name]
        return file.read(), file.path

    def row_faults(self, key: str, line: str, side: str | None) -> list[Issue]:
        """Return what is wrong with the row of image `key` in its shard, and with the shard it is in."""
        if not self.sharded:
            return []
        faults = []
        member = self._rows.get(key)
        if member is None:
            faults.append(Issue(key, "its shard holds no line of it"))
        elif member.read().decode(errors="replace") != line:
            faults.append(Issue(str(member.name), "the line in the shard must equal that of targets.jsonl"))
        if side is not None and self._sides.get(key) != side:
            faults.append(Issue(key, "it must be in a shard of its side of the split", side, self._sides.get(key)))
        return faults

    def _find_files(self, folder: Path, faults: list[Issue]) -> None:
        for kind in ("images", "masks"):
            places = os.walk(folder / kind)  # a mix may have sub-folders
            names = [Path(place, name).relative_to(folder).as_posix() for place, _, files in places for name in files]
            for name in sorted(names):
                if name.endswith(".png"):
                    self._files[name] = FolderFile(folder / name)
                else:
                    faults.append(Issue(name, f"an extra file; {kind}/ holds PNG files only"))

    def _find_members(self, folder: Path, faults: list[Issue]) -> None:
        for shard in shard_paths(folder):
            place = shard.relative_to(folder).as_posix()
            try:
                for member in members(shard):
                    key, _, kind = member.name.partition(".")
                    if kind == "json":
                        self._rows[key] = member
                        continue
                    name = {"image.png": f"images/{key}.png", "mask.png": f"masks/{key}.png"}.get(kind)
                    if name is None or name in self._files:
                        what = "an extra member" if name is None else "is in two shards, or twice in one"
                        faults.append(Issue(f"{place}/{member.name}", what))
                        continue
                    self._files[name] = member
                    self._sides[key] = shard.name.partition("-")[0]
            except InputError as error:
                faults.append(Issue(place, error.message.removeprefix(f"{shard}: ")))
