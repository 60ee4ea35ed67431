"""audit: any dataset examined for the field's known faults, all at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sirstgen.audit.alignment import set_shift
from sirstgen.audit.checks import CHECKS, FAULT, Finding
from sirstgen.audit.copies import SAME, Pair, candidates
from sirstgen.audit.folder import Contents, look_into
from sirstgen.audit.inspect import Comparison, Inspection, Task, compared, inspect
from sirstgen.audit.likeness import TURNS
from sirstgen.datasets.entries import Stored
from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InvalidValueError, SirstgenError
from sirstgen.verification.issues import Issue
from sirstgen.workers import as_finished, check_workers, worker_pool

T = TypeVar("T")
R = TypeVar("R")
Progress = Callable[[int, int], None]

_FEW = 8  # targets below which it may be chance that all are points or boxes
_POINTS = 0.95  # share of them that makes a set one of points or boxes


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit looked at and found.

    Args:
        contents: images, masks and lists of the folder.
        images: that could be read.
        targets: in all masks that could be understood.
        against: the other set's folder, if one was given.
        findings: in the order of `CHECKS`, then by id.
    """

    contents: Contents
    images: int
    targets: int
    against: Path | None
    findings: list[Finding]

    def by_check(self) -> dict[str, list[Finding]]:
        """Return the findings of each check that has some: faults first, then in the order of `CHECKS`."""
        found: dict[str, list[Finding]] = {name: [] for name in sorted(CHECKS, key=lambda name: CHECKS[name].level)}
        for finding in self.findings:
            found[finding.check].append(finding)
        return {name: entries for name, entries in found.items() if entries}

    def count(self, level: str) -> int:
        """Return the number of findings of `FAULT` or `WARNING` level."""
        return sum(CHECKS[finding.check].level == level for finding in self.findings)

    @property
    def faults(self) -> int:
        """The number of findings that give wrong results."""
        return self.count(FAULT)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: every finding, by check."""
        return {
            "images": self.images,
            "targets": self.targets,
            "against": None if self.against is None else str(self.against),
            "faults": self.faults,
            "warnings": len(self.findings) - self.faults,
            "checks": [
                {
                    "check": name,
                    "level": CHECKS[name].level,
                    "title": CHECKS[name].title,
                    "advice": CHECKS[name].advice,
                    "count": len(entries),
                    "findings": [finding.issue.to_dict() for finding in entries],
                }
                for name, entries in self.by_check().items()
            ],
        }


def audit_dataset(
    folder: Path | str,
    *,
    against: Path | str | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Audit:
    """Examine a dataset of any kind for the faults in `CHECKS`; a damaged file is a finding and stops nothing.

    Args:
        folder: the dataset; masks and lists may be missing.
        against: another set, or a folder of images, that must share no frame with this one.
        workers: processes.
        progress: called with images done and images in all.

    Raises:
        InvalidValueError: workers is not positive; `against` is the folder itself.
        InputError: no such folder, or it holds no images.
    """
    check_workers(workers)
    contents = look_into(Path(folder))
    other = None
    if against is not None:
        if Path(against).resolve() == contents.folder.resolve():
            raise InvalidValueError(f"against must be another set than the one examined, got {against}")
        other = look_into(Path(against), masks_expected=False)
    tasks = [*_tasks(contents), *(_tasks(other, with_masks=False) if other is not None else [])]
    own = len(contents.images)
    with _mapped(workers if len(tasks) > 1 else 1) as run:
        seen: dict[tuple[bool, str], Inspection] = {}
        for done, (number, result) in enumerate(run(_numbered, list(enumerate(tasks))), start=1):
            seen[number < own, result.id] = result
            if progress is not None:
                progress(done, len(tasks))
        inspections = [seen[True, key] for key in sorted(contents.images)]
        others = [seen[False, key] for key in sorted(other.images)] if other is not None else []
        findings = [*contents.findings, *(finding for entry in inspections for finding in entry.findings)]
        whole = list(_of_the_set(inspections))
        # Where all masks are shifted, single shifted masks are not reported again.
        repeated = {"mask-shifted"} if any(finding.check == "masks-shifted" for finding in whole) else set()
        findings = [*whole, *(finding for finding in findings if finding.check not in repeated)]
        findings += _copies(contents, inspections, other, others, run)
    order = {name: place for place, name in enumerate(CHECKS)}
    findings.sort(key=lambda finding: (order[finding.check], finding.issue.place))
    read = sum(entry.bits > 0 for entry in inspections)
    targets = sum(len(entry.areas) for entry in inspections)
    return Audit(contents, read, targets, None if other is None else other.folder, findings)


def _tasks(contents: Contents, with_masks: bool = True) -> list[Task]:
    def name(stored: Stored | None) -> str:
        return "" if stored is None else stored.path.relative_to(contents.folder).as_posix()

    masks = contents.masks if with_masks else {}
    return [
        Task(key, image, masks.get(key), (name(image), name(masks.get(key))))
        for key, image in sorted(contents.images.items())
    ]


def _numbered(entry: tuple[int, Task]) -> tuple[int, Inspection]:
    return entry[0], inspect(entry[1])


@contextmanager
def _mapped(workers: int) -> Iterator[Callable[[Callable[[T], R], Sequence[T]], Iterable[R]]]:
    """Yield a function that applies another one to tasks, in processes if there are to be several."""
    if workers == 1:
        yield lambda function, tasks: map(function, tasks)
        return
    with worker_pool(workers) as pool:
        yield lambda function, tasks: as_finished(pool, function, tasks)


def _of_the_set(inspections: Sequence[Inspection]) -> Iterator[Finding]:
    """Yield what only all images together show."""
    depths = Counter(entry.bits for entry in inspections if entry.bits)
    if len(depths) > 1:
        counts = {f"{bits} bit": count for bits, count in sorted(depths.items())}
        yield Finding.of("bit-depths-mixed", ".", "images", counts)
    areas = np.array([area for entry in inspections for area in entry.areas])
    filled = np.array([full for entry in inspections for full in entry.filled], dtype=bool)
    if len(areas) >= _FEW:
        if (areas == 1).mean() >= _POINTS:
            yield Finding.of("one-pixel-targets", ".", f"of {len(areas)} targets", int((areas == 1).sum()))
        else:
            # A small target may fill its box by chance: of those of 9 px and more nearly none does.
            large = areas >= 9
            if large.sum() >= _FEW and filled[large].mean() >= _POINTS:
                what = f"of {int(large.sum())} targets of 9 pixels or more"
                yield Finding.of("rectangle-targets", ".", what, int(filled[large].sum()))
    maps = [entry.fit.astype(np.float32) / np.float32(100) for entry in inspections if entry.fit is not None]
    shift = set_shift(maps)
    if shift is not None:
        dx, dy, gain = shift
        what = f"pixels (x, y) by which all masks must move; they fit {gain:.1f} times better there"
        yield Finding.of("masks-shifted", ".", what, [dx, dy])


def _copies(
    contents: Contents,
    inspections: Sequence[Inspection],
    other: Contents | None,
    others: Sequence[Inspection],
    run: Callable[[Callable[[Comparison], tuple[Pair, str | None]], Sequence[Comparison]], Iterable[Any]],
) -> Iterator[Finding]:
    """Yield the frames that are in the set twice, or in the other one."""
    entries = [(contents, entry) for entry in inspections if entry.likeness is not None]
    entries += [(other, entry) for entry in others if other is not None and entry.likeness is not None]
    likenesses = [entry.likeness for _, entry in entries if entry.likeness is not None]
    parts = [contents.parts.get(entry.id, "") if home is contents else "other" for home, entry in entries]
    names = {part: number for number, part in enumerate(sorted(set(parts)))}
    pairs = candidates(likenesses, [names[part] for part in parts])
    pairs = [pair for pair in pairs if {parts[pair.first], parts[pair.second]} != {"other"}]

    def file(number: int) -> Stored:
        home, entry = entries[number]
        return home.images[entry.id]

    tasks = [
        Comparison(
            pair,
            (file(pair.first), file(pair.second)),
            (likenesses[pair.first].scale, likenesses[pair.second].scale),
        )
        for pair in pairs
    ]
    stated = _stated_backgrounds(contents.folder)
    for pair, verdict in sorted(run(compared, tasks), key=lambda found: (found[0].first, found[0].second)):
        if verdict is None:
            continue
        first, second = entries[pair.first][1].id, entries[pair.second][1].id
        sides = parts[pair.first], parts[pair.second]
        same = verdict == SAME
        if "other" in sides:
            check = "copy-of-other-set" if same else "similar-to-other-set"
        elif set(sides) == {"train", "test"}:
            check = "copy-across-split" if same else "similar-across-split"
        elif same and (pair.certain or stated.get(first, first) != stated.get(second, second)):
            check = "copy"
        else:
            continue  # views of one scene on one side of the split: a sequence, or images drawn on one background
        partner = f"{sides[1]}: {second}" if sides[1] in ("train", "test") and sides[0] != sides[1] else second
        place = f"{sides[0]}: {first}" if sides[0] in ("train", "test") and sides[0] != sides[1] else first
        issue = Issue(first, f"{place} shows what {partner} shows, {_how(pair)}")
        yield Finding(check, issue, "" if "other" in sides else second)


def _stated_backgrounds(folder: Path) -> dict[str, Any]:
    """Return the background that ``targets.jsonl`` states for each image, by id; near-duplicates have one name."""
    try:
        rows = Dataset.open(folder).truth()
    except SirstgenError:
        return {}
    backgrounds = {key: row.get("background") or {} for key, row in rows.items()}
    return {key: entry.get("group", entry.get("id")) for key, entry in backgrounds.items() if "id" in entry}


def _how(pair: Pair) -> str:
    if pair.shift is not None:
        return f"{TURNS[pair.turn]}, moved by ({pair.shift[0]}, {pair.shift[1]}) pixels"
    return TURNS[pair.turn]
