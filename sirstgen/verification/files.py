"""Checking what belongs to the images: files that should be there, split lists, the manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sirstgen.datasets.manifest_file import check_manifest
from sirstgen.datasets.split import PARTS
from sirstgen.datasets.unfinished import STATE, refuse_unfinished
from sirstgen.errors import InputError
from sirstgen.files.image_files import named
from sirstgen.files.input_files import parse_json
from sirstgen.storage.checksums import SUMS, check_sums
from sirstgen.storage.manifest import SCHEMA_VERSION
from sirstgen.verification.issues import Issue
from sirstgen.verification.stored import StoredFiles


@dataclass
class Tally:
    """What the lines of ``targets.jsonl`` add up to.

    Args:
        rows: lines.
        targets: entries of their targets.
        scenes: lines of each scene.
        rejections: rejected draws by reason.
        sides: for each background and group of near-duplicates, an image of each part of the split that shows it.
    """

    rows: int = 0
    targets: int = 0
    scenes: Counter[str] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)
    sides: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any], key: str, part: str | None) -> None:
        """Add a line whose plan can be read; `part` is the side of the split it is on."""
        self.rows += 1
        self.targets += len(row["targets"])
        self.scenes[str(row.get("scene"))] += 1
        rejections = row.get("rejections", {})
        if isinstance(rejections, dict):
            self.rejections.update({name: count for name, count in rejections.items() if type(count) is int})
        if part is not None:
            background = row["background"]
            for name in {str(background["id"]), str(background.get("group") or background["id"])}:
                self.sides.setdefault(name, {}).setdefault(part, key)


def read_manifest_loosely(folder: Path, faults: list[Issue]) -> dict[str, Any]:
    """Return ``dataset.json`` without the entries that have a fault, empty where it cannot be read.

    `faults` names these.
    """
    try:
        manifest = parse_json((folder / "dataset.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        faults.append(Issue("dataset.json", f"missing or unreadable ({error})"))
        return {}
    if not isinstance(manifest, dict):
        faults.append(Issue("dataset.json", "must be a JSON object"))
        return {}
    wrong = dict(check_manifest(manifest))
    faults += [Issue("dataset.json", f"{named([entry])}: {message}") for entry, message in wrong.items()]
    return {name: value for name, value in manifest.items() if name not in {entry.partition(".")[0] for entry in wrong}}


def layout_faults(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Issue]:
    """Check the files that a finished dataset has beside its images; the name that its lists carry."""
    try:
        refuse_unfinished(folder)
    except InputError as error:
        yield Issue(STATE, str(error).removeprefix(f"{folder}: "))
    for name in ("targets.jsonl", "README.md", SUMS):
        if name == "targets.jsonl" and manifest.get("kind") == "mix":
            continue  # a mix of sets that have no lines has none
        if not (folder / name).is_file():
            yield Issue(name, "missing")
    if manifest:
        if manifest.get("schema_version") != SCHEMA_VERSION:
            what = "written in a format that this version of sirstgen cannot read"
            yield Issue("dataset.json", f"schema_version: {what}", manifest.get("schema_version"), SCHEMA_VERSION)
        if manifest.get("name") != folder.resolve().name:
            what = "name must be the folder's name, which the lists in img_idx/ carry; rename the folder back"
            yield Issue("dataset.json", what, manifest.get("name"), folder.resolve().name)


def image_ids(files: StoredFiles, faults: list[Issue]) -> tuple[set[str], set[str]]:
    """Return the ids that have an image and ids that have a mask.

    Those that have one of them only are added to `faults`.
    """
    images, masks = files.ids("images"), files.ids("masks")
    faults += [Issue(f"masks/{key}.png", "missing; its image is there") for key in sorted(images - masks)]
    faults += [Issue(f"images/{key}.png", "missing; its mask is there") for key in sorted(masks - images)]
    return images, masks


def read_sides(folder: Path, ids: Collection[str], faults: list[Issue]) -> dict[str, str]:
    """Return the part (``train``, ``test``) that each id is in, by the lists in both layouts.

    Faults are missing lists, lists that differ between the layouts, ids twice, in both parts, in none, without image.
    """
    name = folder.resolve().name
    sides: dict[str, str] = {}
    for part in PARTS:
        first, second = f"50_50/{part}.txt", f"img_idx/{part}_{name}.txt"
        listed = _read_list(folder, first, faults)
        again = _read_list(folder, second, faults)
        if listed is None and again is None:
            continue
        if listed is not None and again is not None and listed != again:
            others = sorted(set(listed) ^ set(again))
            what = f"differs from {first}" + (f": {named(others)} in one of them only" if others else " in its order")
            faults.append(Issue(second, what, len(listed), len(again)))
        for key, times in Counter(listed if listed is not None else again).items():
            if times > 1:
                faults.append(Issue(first, f"lists {key} more than once", 1, times))
            if key not in ids:
                faults.append(Issue(first, f"lists {key}, which has no image"))
            if key in sides:
                faults.append(Issue(first, f"lists {key}, which is in {sides[key]}.txt too; parts must be disjoint"))
            sides[key] = part
    missing = sorted(set(ids) - sides.keys())
    if missing and sides:
        faults.append(Issue("50_50", f"{named(missing)} in neither train.txt nor test.txt", len(ids), len(sides)))
    return sides


def _read_list(folder: Path, name: str, faults: list[Issue]) -> list[str] | None:
    try:
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = "missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        faults.append(Issue(name, reason))
        return None
    return [line.strip() for line in lines if line.strip()]


def group_faults(tally: Tally) -> Iterator[Issue]:
    """Find backgrounds, and groups of near-duplicates, that show in training and test images."""
    for name, shown in tally.sides.items():
        if len(shown) > 1:
            where = ", ".join(f"{key} in {part}" for part, key in sorted(shown.items()))
            yield Issue("50_50", f"background {name} is on both sides of the split ({where})")


def count_faults(manifest: Mapping[str, Any], tally: Tally, images: int, sides: Mapping[str, str]) -> Iterator[Issue]:
    """Check the manifest's figures against what was counted."""
    split = Counter(sides.values())
    found: dict[str, Any] = {
        "count": images,
        "targets": tally.targets,
        "scenes": dict(sorted(tally.scenes.items())),
        "rejections": dict(sorted(tally.rejections.items())),
        "split": {part: split[part] for part in PARTS},
    }
    for name, value in found.items():
        stated = manifest.get(name)
        if stated != value:
            yield Issue("dataset.json", name, "nothing" if stated is None else stated, value)


def shard_faults(manifest: Mapping[str, Any], folder: Path) -> Iterator[Issue]:
    """Check the manifest's list of shards against the files that are there; their checksums are in ``SHA256SUMS``."""
    if "shards" not in manifest:
        return
    files = manifest["shards"]["files"]
    stated = {entry["name"]: entry["bytes"] for entry in files}
    count = sum(entry["count"] for entry in files)
    there = {path.relative_to(folder).as_posix(): path.stat().st_size for path in (folder / "shards").glob("*.tar")}
    for name in sorted(stated.keys() | there.keys()):
        if name not in there:
            yield Issue(name, "missing; dataset.json lists it")
        elif name not in stated:
            yield Issue(name, "not listed in dataset.json")
        elif stated[name] != there[name]:
            yield Issue(name, "size in bytes", stated[name], there[name])
    if count != manifest.get("count"):
        yield Issue("dataset.json", "the images of its shards must add up to count", manifest.get("count"), count)


def mix_faults(manifest: Mapping[str, Any], ids: Collection[str], sides: Mapping[str, str]) -> Iterator[Issue]:
    """Check a mix's list of where each image comes from, against its files and split."""
    if not {"count", "real", "synthetic", "images"} <= manifest.keys():  # said already: these entries have a fault
        return
    entries = {entry["id"]: (entry["kind"], entry["part"]) for entry in manifest["images"]}
    counted = Counter(entries.values())
    stated = {
        "count": manifest["count"],
        "real": (manifest["real"]["train"], manifest["real"].get("test", 0)),
        "synthetic": manifest["synthetic"]["train"],
    }
    found = {
        "count": len(entries),
        "real": (counted["real", "train"], counted["real", "test"]),
        "synthetic": counted["synthetic", "train"],
    }
    for name, value in found.items():
        if stated[name] != value:
            yield Issue("dataset.json", name, stated[name], value)
    for key in sorted(entries.keys() ^ set(ids)):
        yield Issue("dataset.json", f"image {key} is {'listed but has no file' if key in entries else 'not listed'}")
    for key, (_, part) in entries.items():
        if key in sides and sides[key] != part:
            yield Issue("50_50", f"{key} is on the other side than dataset.json says", part, sides[key])


def sum_faults(folder: Path) -> Iterator[Issue]:
    """Check every file against ``SHA256SUMS``."""
    try:
        texts = check_sums(folder)
    except InputError as error:
        if (folder / SUMS).is_file():  # else it is missing; reported by `layout_faults`
            yield Issue(SUMS, error.message.removeprefix(f"{folder / SUMS}: "))
        return
    for text in texts:
        place, _, what = text.rpartition(": ")
        yield Issue(place, what)
