"""verify: everything a dataset claims, recomputed from its files alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sirstgen.datasets.readers import Dataset
from sirstgen.datasets.unfinished import STATE
from sirstgen.errors import InputError
from sirstgen.files.image_files import check_folder
from sirstgen.files.input_files import RepeatedKeyError, parse_json
from sirstgen.storage.checksums import SUMS
from sirstgen.storage.libraries import drawn_elsewhere
from sirstgen.storage.sink import image_id
from sirstgen.synthesis.generator import Generator
from sirstgen.verification.files import (
    Tally,
    count_faults,
    group_faults,
    image_ids,
    layout_faults,
    mix_faults,
    read_manifest_loosely,
    read_sides,
    shard_faults,
    sum_faults,
)
from sirstgen.verification.images import LEVELS, SHARE, read_pair, read_plan, rebuild_faults, truth_faults
from sirstgen.verification.issues import Issue
from sirstgen.verification.stored import StoredFiles

Progress = Callable[[int, int], None]

_RECIPE_KEYS = ("width", "height", "bit_depth", "mask_level", "clutter_region")


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification has looked at and found.

    Args:
        folder: the dataset.
        kind: ``synthetic``, ``mix``, or ``plain`` for a folder that states nothing about its targets.
        images: images seen.
        targets: entries of targets that were recomputed; 0 for a plain folder.
        rebuilt: images rendered again from their lines.
        faults: empty when every claim holds.
        elsewhere: in what the processor or the libraries that drew the images differ from those here; None if in
            nothing, or if nothing was rebuilt.
    """

    folder: Path
    kind: str
    images: int
    targets: int
    rebuilt: int
    faults: list[Issue]
    elsewhere: str | None = None

    def summary(self) -> str:
        """Return what was checked and how it went, in one line."""
        checked = {
            "synthetic": f"{self.targets} targets, boxes, masks, SCRs, counts, split and checksums recomputed",
            "mix": f"sources, split and checksums; {self.targets} targets of synthetic images recomputed",
            "plain": "sizes, mask values and split lists; no targets.jsonl, so nothing is stated about its targets",
        }[self.kind]
        again = f", {self.rebuilt} images rendered again from their lines" if self.rebuilt else ""
        if self.elsewhere is not None:
            again += (
                f", drawn on another CPU or with other libraries ({self.elsewhere}); up to {LEVELS} gray levels in up "
                f"to {SHARE:.0%} of the pixels are no fault there"
            )
        found = f"{len(self.faults)} fault{'s'[: len(self.faults) != 1]}" if self.faults else "no fault"
        return f"{self.folder}: {self.images} images ({checked}{again}): {found}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "kind": self.kind,
            "images": self.images,
            "targets": self.targets,
            "rebuilt": self.rebuilt,
            "elsewhere": self.elsewhere,
            "faults": [fault.to_dict() for fault in self.faults],
        }


def verify(folder: str | Path, rebuild: Generator | None = None, progress: Progress | None = None) -> list[Issue]:
    """Return the faults of a dataset: claims that its files do not bear out; see `examine`."""
    return examine(folder, rebuild, progress).faults


def examine(folder: str | Path, rebuild: Generator | None = None, progress: Progress | None = None) -> Verification:
    """Recompute what a dataset folder states: files and their checksums, counts, split, and every target's figures.

    Images are read one by one, so that memory does not grow with the dataset. A mix is checked as what it is; a folder
    that states nothing (a real set) is checked for sizes, mask values and split lists.

    Args:
        folder: the dataset.
        rebuild: also render every image from its line, with these backgrounds and templates, and compare pixels.
        progress: called with images done and images in all.

    Raises:
        InputError: no such folder, or a folder that is no dataset at all.
    """
    path = Path(folder)
    check_folder(path)
    states = ("dataset.json", "targets.jsonl", SUMS, STATE)
    if any((path / name).exists() for name in states):
        return _examine_ours(path, rebuild, progress)
    return _examine_plain(path, progress)


def _examine_ours(folder: Path, rebuild: Generator | None, progress: Progress | None) -> Verification:
    faults: list[Issue] = []
    manifest = read_manifest_loosely(folder, faults)
    mixed = manifest.get("kind") == "mix"
    faults += layout_faults(folder, manifest)
    files = StoredFiles(folder, faults)
    images, masks = image_ids(files, faults)
    sides = read_sides(folder, images, faults)
    tally, unseen, rebuilt = Tally(), set(images & masks), 0
    recipe = {} if mixed else manifest.get("recipe", {})
    elsewhere = drawn_elsewhere(manifest.get("libraries")) if rebuild is not None else None
    previous = ""
    for number, row, line in _rows(folder, faults):
        key = row["id"]
        place = f"targets.jsonl line {number}"
        lengths = (0, 0) if mixed else (len(key), len(previous))  # ids of a mix are ordered as text
        if (lengths[0], key) <= (lengths[1], previous):
            faults.append(Issue(place, f"id {key} must come after {previous}: one line an image, in id order"))
        previous = key
        if not mixed and (row.get("index") != number - 1 or key != image_id(number - 1)):
            faults.append(Issue(place, "id and index must count the lines", [key, row.get("index")], number))
        if key not in images or key not in masks:
            if key not in images and key not in masks:
                faults.append(Issue(f"images/{key}.png", "missing with its mask; targets.jsonl has its line"))
            continue
        unseen.discard(key)
        faults += files.row_faults(key, line, sides.get(key))
        pair = read_pair(files, key, faults)
        plan = read_plan(row, key, faults)
        if plan is not None:
            tally.add(row, key, sides.get(key))
            faults += _recipe_faults(recipe, row, key)
            faults += truth_faults(plan, row, key, pair)
            if rebuild is not None:
                faults += rebuild_faults(plan, row, key, pair, rebuild, elsewhere is not None)
                rebuilt += 1
        if progress is not None:
            progress(len(images) - len(unseen), len(images))
    for key in sorted(unseen):
        if not mixed:
            faults.append(Issue("targets.jsonl", f"image {key} has no line"))
        read_pair(files, key, faults)
    faults += group_faults(tally)
    if mixed:
        faults += mix_faults(manifest, images, sides)
    elif manifest:
        faults += shard_faults(manifest, folder) if files.sharded else ()
        faults += count_faults(manifest, tally, len(images), sides)
    faults += sum_faults(folder)
    return Verification(folder, "mix" if mixed else "synthetic", len(images), tally.targets, rebuilt, faults, elsewhere)


def _rows(folder: Path, faults: list[Issue]) -> Iterator[tuple[int, dict[str, Any], str]]:
    """Yield number, content and text of each line of ``targets.jsonl``; lines that are none are added to `faults`."""
    path = folder / "targets.jsonl"
    if not path.is_file():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = parse_json(line)
            except RepeatedKeyError as fault:
                faults.append(Issue(f"targets.jsonl line {number}", str(fault)))
                continue
            except (ValueError, RecursionError):
                row = None
            if isinstance(row, dict) and isinstance(row.get("id"), str):
                yield number, row, line.decode(errors="replace").rstrip("\n")
            else:
                faults.append(Issue(f"targets.jsonl line {number}", "must be a JSON object with an id"))


def _recipe_faults(recipe: Mapping[str, Any], row: Mapping[str, Any], key: str) -> Iterator[Issue]:
    backgrounds = recipe.get("backgrounds")
    native = isinstance(backgrounds, dict) and backgrounds.get("native_size", False)  # width and height are limits
    for name in _RECIPE_KEYS:
        if name in recipe and row.get(name) != recipe[name]:
            sides = row.get(name), recipe[name]
            within = all(isinstance(side, int) for side in sides) and sides[0] <= sides[1]
            if native and name in ("width", "height") and within:
                continue
            yield Issue(key, f"{name} differs from the recipe in dataset.json", recipe[name], row.get(name))


def _examine_plain(folder: Path, progress: Progress | None) -> Verification:
    """Check pairs, sizes, mask values and split lists, as far as the reader of all layouts finds them."""
    faults: list[Issue] = []
    try:
        dataset = Dataset.open(folder)
    except InputError as error:
        missing = [Issue(key, "no mask for this image") for key in error.data.get("no_mask", ())]
        missing += [Issue(key, "no image for this mask") for key in error.data.get("no_image", ())]
        if missing:
            return Verification(folder, "plain", 0, 0, 0, missing)
        if error.data.get("path") == str(folder):  # no dataset at all; otherwise one of its files is at fault
            raise
        return Verification(folder, "plain", 0, 0, 0, [Issue(str(folder), str(error))])
    for done, key in enumerate(dataset.ids, start=1):
        try:
            dataset.sample(key)
        except InputError as error:
            faults.append(Issue(key, str(error)))
        if key in dataset.warnings:
            faults.append(Issue(key, dataset.warnings[key]))
        if progress is not None:
            progress(done, len(dataset))
    return Verification(folder, "plain", len(dataset), 0, 0, faults)
