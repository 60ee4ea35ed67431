"""Running a bench: every detector on every image of a dataset, in parallel, and on from where it was stopped."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sirstgen.bench.results import BenchResult, MapSource, Scored, check_rows
from sirstgen.bench.subsets import measured_rows, subsets
from sirstgen.datasets.readers import Dataset, check_files
from sirstgen.errors import InvalidValueError, OutputExistsError, SirstgenError, SirstgenWarning
from sirstgen.evaluation.map_score import MapScore
from sirstgen.files.atomic import write_file, writing
from sirstgen.files.checked_json import checked_text, parse_checked
from sirstgen.files.gray_scale import EIGHT_BIT, GrayScale
from sirstgen.files.lock import locked
from sirstgen.files.output import refuse_file, refuse_overlap
from sirstgen.pages.table import Grid
from sirstgen.workers import as_finished, check_workers, worker_pool

Progress = Callable[[int, int], None]
"""Called with (maps scored, maps in all)."""

SCORES, REPORT, TABLE = "scores.jsonl", "bench.json", "bench.md"
_NEW_SCORES = ".scores.jsonl.new"


def run_bench(
    dataset: Dataset,
    detectors: Sequence[MapSource],
    out: Path | str,
    *,
    part: str | None = None,
    workers: int = 1,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    then: Callable[[BenchResult], None] | None = None,
) -> BenchResult:
    """Score detectors on a dataset and write ``scores.jsonl``, ``bench.json`` and ``bench.md``.

    Args:
        dataset: an opened dataset folder.
        detectors: what to bench, each name once.
        out: folder for the results; made if missing.
        part: ``train`` or ``test`` for one side of the dataset's split; None for all images.
        workers: processes, each on one thread; 1 works in this one.
        resume: keep the scores that are there and still fit their image and mask (those of other detectors and other
            images too), make those that are missing.
        overwrite: begin anew where there are scores already; those stay until the new ones are there.
        progress: called as the work advances.
        then: called with the result before others may write to `out`, to write more files there.

    Raises:
        InvalidValueError: no detector, one twice, no workers, or both `resume` and `overwrite`.
        OutputExistsError: `out` holds scores and neither `resume` nor `overwrite` is given, or a file of that name that
            holds no scores.
        InputError: an image or mask cannot be read; ``targets.jsonl`` does not fit the masks.
    """
    names = [detector.name for detector in detectors]
    if not names or len(set(names)) < len(names):
        raise InvalidValueError(
            f"detectors must be one or more, each once, got {', '.join(names) or 'none'}", value=names
        )
    check_workers(workers)
    if resume and overwrite:
        raise InvalidValueError("resume and overwrite must not both be given: the one keeps what the other removes")
    images = dataset.ids if part is None else dataset.split(part)
    check_files([(dataset, images)])
    folder = Path(out)
    refuse_overlap(folder, dataset.folder)
    refuse_file(folder)
    with locked(folder) as lock, writing(folder, inside=True):
        result = _run(dataset, detectors, images, folder, workers, lock, resume, overwrite, progress)
        if then is not None:
            then(result)
        return result


def _run(
    dataset: Dataset,
    detectors: Sequence[MapSource],
    images: Sequence[str],
    folder: Path,
    workers: int,
    lock: int | None,
    resume: bool,
    overwrite: bool,
    progress: Progress | None,
) -> BenchResult:
    scores, new = folder / SCORES, folder / _NEW_SCORES
    if scores.exists() and not resume:
        if not overwrite:
            raise OutputExistsError.of(scores, "the scores exist already", resume=True)
        _kept(scores, dataset)  # scores of some bench, not a file of the user's
        new.unlink(missing_ok=True)
    if scores.exists() and (overwrite or new.exists()):
        place = new  # the old scores stay until there are others
    else:
        place = scores
        new.unlink(missing_ok=True)
    kept = _kept(place, dataset) if resume else []
    write_file(place, "".join(kept))
    names = [detector.name for detector in detectors]
    names_wanted, images_wanted = set(names), set(images)
    done: dict[tuple[str, str], Scored] = {}

    def take(line: str) -> None:
        data = json.loads(line)
        if data["detector"] in names_wanted and data["id"] in images_wanted:
            done[data["detector"], data["id"]] = _entry(data)
            if "warning" in data:
                dataset.warnings[data["id"]] = data["warning"]

    for line in kept:
        take(line)
    how = _Reading(str(dataset.folder), dataset.gray_scale, dataset.mask_threshold)
    missing = [
        (how, image, tuple(d for d in detectors if (d.name, image) not in done))
        for image in images
        if any((name, image) not in done for name in names)
    ]
    total = len(images) * len(detectors)
    if progress:
        progress(len(done), total)
    for lines in _results(missing, workers, lock):
        with writing(place), place.open("a", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        for line in lines:
            take(line)
        if progress:
            progress(len(done), total)
    truth = dataset.truth()
    if truth:
        rows = {image: row for image, row in truth.items() if image in images_wanted}
        check_rows(rows, done.values())
    else:
        rows = measured_rows(dataset, images)
    parts = tuple(subsets(rows))
    result = BenchResult(dataset.name, tuple(images), tuple(detectors), done, parts, measured=not truth)
    write_report(result, folder)
    if place == new:
        with writing(scores):
            new.replace(scores)
    return result


def write_report(result: BenchResult, folder: Path) -> None:
    """Write ``bench.json`` and ``bench.md`` of a bench into `folder`."""
    write_file(folder / REPORT, json.dumps(result.to_dict(), indent=1, allow_nan=False) + "\n")
    whole, *parts = grids(result)
    text = f"# {whole.caption}\n\n{whole.markdown()}\n"
    text += "".join(f"\n{grid.caption}:\n\n{grid.markdown()}\n" for grid in parts)
    write_file(folder / TABLE, text)


def grids(result: BenchResult) -> list[Grid]:
    """Return the tables of a bench: all images, then Pd and IoU of the parts where there are parts."""
    return [result.grid(), *([result.parts_grid("pd"), result.parts_grid("iou")] if result.parts else [])]


def gray_levels(image: NDArray[np.uint8] | NDArray[np.uint16]) -> NDArray[np.float64]:
    """Return an image (H, W) of 8 or 16 bits in gray levels 0..255, float64."""
    return image.astype(np.float64) / (257.0 if image.dtype == np.uint16 else 1.0)


class _Reading(NamedTuple):
    """How a worker opens the dataset."""

    folder: str
    gray_scale: GrayScale
    mask_threshold: int | None


Task = tuple[_Reading, str, tuple[MapSource, ...]]


def _score(task: Task) -> list[str]:
    """Return one image's lines of ``scores.jsonl``; runs in a worker."""
    how, image, detectors = task
    dataset = _opened(how)
    pixels, mask = dataset.sample(image)
    gray, source = gray_levels(pixels), _fingerprint(dataset, image)
    mended = {"warning": dataset.warnings[image]} if image in dataset.warnings else {}
    lines = []
    for detector in detectors:
        start = time.process_time()
        try:
            target_map = detector(gray)
        except SirstgenError as error:
            raise error.within(f"{detector.name} on {image}") from error
        seconds = time.process_time() - start
        score = MapScore.of(target_map, mask, detector.threshold)
        head = {"id": image, "detector": detector.name, "source": source, "seconds": round(seconds, 6)} | mended
        lines.append(checked_text(head | score.to_dict()))
    return lines


@lru_cache(maxsize=1)
def _opened(how: _Reading) -> Dataset:
    return Dataset.open(how.folder, gray_scale=how.gray_scale, mask_threshold=how.mask_threshold)


def _fingerprint(dataset: Dataset, image: str) -> str:
    """Return a fingerprint of the files of an image and its mask: scores are kept only as long as both are what they
    were.
    """
    entry = dataset.entry(image)
    digest = hashlib.sha256(entry.image.read())
    digest.update(entry.mask.read())
    if dataset.gray_scale != EIGHT_BIT or dataset.mask_threshold is not None:
        digest.update(f"{dataset.gray_scale} {dataset.mask_threshold}".encode())
    return digest.hexdigest()[:16]


def _entry(data: dict[str, Any]) -> Scored:
    return Scored(data["id"], data["detector"], data["seconds"], MapScore.from_dict(data))


def _kept(path: Path, dataset: Dataset) -> list[str]:
    """Return the lines at `path` that are whole and made from the files as they are now."""
    if not path.exists():
        return []
    fingerprints: dict[str, str] = {}
    known = set(dataset.ids)
    kept, damaged, sound = [], 0, False
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.endswith("\n"):
                break  # the run was killed while writing it
            data = parse_checked(line)
            if data is None:
                damaged += 1
                continue
            sound, image = True, data["id"]
            if image not in known:
                continue
            if image not in fingerprints:
                fingerprints[image] = _fingerprint(dataset, image)
            if data["source"] == fingerprints[image]:
                kept.append(line)
    if damaged and not sound:
        raise OutputExistsError(f"{path}: holds no scores; move it away, or choose another --out", path=str(path))
    if damaged:
        warnings.warn(f"{path}: {damaged} damaged lines; their scores are made again", SirstgenWarning, stacklevel=2)
    return kept


def _results(tasks: Sequence[Task], workers: int, lock: int | None) -> Iterator[list[str]]:
    """Yield the lines of all tasks as they come."""
    if workers == 1 or len(tasks) < 2:
        yield from map(_score, tasks)
        return
    with worker_pool(workers, lock) as pool:
        yield from as_finished(pool, _score, tasks)
