"""Detection on a folder of images: masks, a table of centroids with scores, and overlays to look at.

Frames that cannot be read are listed and the others done. Each finished image is one line of ``detections.jsonl``, so
that an interrupted run can be resumed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from sirstgen.detect.detect import Detection, detections, probabilities
from sirstgen.detect.overlay import overlay
from sirstgen.detectors.detector import Detector, folded
from sirstgen.errors import GenerationError, InputError, InvalidValueError, OutputExistsError, SirstgenWarning
from sirstgen.files.atomic import write_file, writing
from sirstgen.files.checked_json import checked_text, parse_checked
from sirstgen.files.decoding import IMAGE_SUFFIXES, Levels, decode_levels, is_8_bit
from sirstgen.files.gray_scale import EIGHT_BIT, FrameRange, GrayScale, stated_scale
from sirstgen.files.image_files import (
    check_folder,
    contents,
    images_by_id,
    is_utf_8,
    masks_among,
    named,
    warn_of_mixed_depths,
)
from sirstgen.files.input_files import MAX_IMAGE_BYTES, loaded_json, read_bytes
from sirstgen.files.output import holds_anything, output_folder, refuse_overlap, stage_of
from sirstgen.files.png import encode_png
from sirstgen.training.failures import TrainingError, named_failures
from sirstgen.training.runtime import Runtime
from sirstgen.training.trained_scale import TrainedScale

SETTINGS, LINES, TABLE = "detect.json", "detections.jsonl", "detections.csv"
_PARTS = ("masks", "overlays")


@dataclass(frozen=True)
class DetectOptions:
    """How to detect.

    Args:
        size: see `probabilities`.
        threshold: probability above which a pixel is target, between 0 and 1.
        overlays: also write pictures to look at.
        gray_scale: black and white of frames of more than 8 bits; None: what the folder states, or else what follows
            from the trained scale and the frames (`TrainedScale.for_frames`).

    Raises:
        InvalidValueError: a threshold that is not above 0 and below 1, or a size outside 16..8192.
    """

    size: int | None = None
    threshold: float = 0.5
    overlays: bool = True
    gray_scale: GrayScale | None = None

    def __post_init__(self) -> None:
        if not 0 < self.threshold < 1:
            raise InvalidValueError(f"threshold must be in (0, 1), got {self.threshold}", value=self.threshold)
        if self.size is not None and not 16 <= self.size <= 8192:
            raise InvalidValueError(f"size must be 16 to 8192 pixels, got {self.size}", value=self.size)


@dataclass(frozen=True)
class DetectResult:
    """What a run over a folder found.

    Attributes:
        images: how many images were done.
        found: their targets, in the order of the images.
        faults: why an image was not done, by its file's path below the folder.
        gray_scale: the scale of frames of more than 8 bits.
        wide: whether there are such frames.
    """

    images: int = 0
    found: list[Detection] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    gray_scale: GrayScale = EIGHT_BIT
    wide: bool = False


def detect_folder(
    net: Detector,
    folder: Path,
    out: Path,
    hardware: Runtime,
    options: DetectOptions | None = None,
    *,
    trained: TrainedScale | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> DetectResult:
    """Detect targets on every image of `folder` and its sub-folders.

    Writes ``masks/<id>.png`` (0 and 255), ``detections.csv`` (one line per target, see `Detection`),
    ``detections.jsonl`` (one line per image) and, if asked for, ``overlays/<id>.png`` (every target in a box with its
    score). An id is the image's path below `folder` without suffix.

    Args:
        net: the detector; copied, and left as it is.
        folder: images of any size; files of other kinds, hidden files and masks (`masks_among`) do not count.
        out: a folder that is empty or not there yet.
        hardware: where and how to compute.
        options: the defaults if None.
        trained: the scale of gray levels of the detector's training.
        resume: keep the images that are done in `out`, by a run with the same detector, options and gray scale.
        overwrite: replace the results of an earlier run in `out` at the end.
        progress: called with images done and images in all.

    Raises:
        InputError: no such folder, no images in it, two images of one name, or a run that cannot be resumed.
        OutputExistsError: `out` holds something else.
        GenerationError: memory ran out, or `out` cannot be written to.
    """
    options = options if options is not None else DetectOptions()
    if resume and overwrite:
        raise InvalidValueError("resume and overwrite must not both be given: the one keeps what the other removes")
    refuse_overlap(out, folder)
    check_folder(folder, "images")
    paths = _frames(folder, out)
    if not paths:
        found = contents(folder)
        raise InputError.of(folder, f"holds no images ({', '.join(IMAGE_SUFFIXES)}){f'; {found}' if found else ''}")
    scale, wide = _scale(folder, paths, options, trained or TrainedScale())
    net = hardware.place(folded(net))
    if resume and stage_of(out) is None and holds_anything(out):
        _owned_files(out)  # only a run of detect is resumed
    with output_folder(out, _owned_files, overwrite=overwrite, resume=resume) as output:
        run = _Run(output.work, _fingerprint(net, options, scale))
        result = _detect_all(net, folder, paths, scale, hardware, options, run, progress)
        return replace(result, wide=wide)


def _frames(folder: Path, out: Path) -> dict[str, Path]:
    """Return the images by id, without the masks of a labelled set and the results of earlier runs."""
    results = [out.resolve(), *(path.resolve().parent for path in folder.rglob(SETTINGS))]
    paths = {
        key: path
        for key, path in images_by_id(folder).items()
        if not any(path.resolve().is_relative_to(place) for place in results)
    }
    if masks := set(masks_among([path.relative_to(folder).as_posix() for path in paths.values()])):
        what = "1 file is left out: it is a mask" if len(masks) == 1 else f"{len(masks)} files are left out: masks"
        warnings.warn(f"{folder}: {what} by name ({named(sorted(masks))})", SirstgenWarning, stacklevel=3)
    return {key: path for key, path in paths.items() if path.relative_to(folder).as_posix() not in masks}


def _detect_all(
    net: Detector,
    folder: Path,
    paths: dict[str, Path],
    scale: GrayScale,
    hardware: Runtime,
    options: DetectOptions,
    run: _Run,
    progress: Callable[[int, int], None] | None,
) -> DetectResult:
    result = DetectResult(gray_scale=scale)
    images = 0
    for number, (key, path) in enumerate(paths.items(), start=1):
        name = path.relative_to(folder).as_posix()
        try:
            if not is_utf_8(name):
                name = ascii(name)
                raise InputError("the file name is not UTF-8; rename it")
            data = read_bytes(path, MAX_IMAGE_BYTES)
            digest = hashlib.sha256(data).hexdigest()[:16]
            own = run.kept(key, digest, options.overlays)
            if own is None:
                own = _detect_one(net, decode_levels(data, path), scale, name, hardware, options, run, key)
                run.note(key, digest, own)
            result.found.extend(own)
            images += 1
        except InputError as fault:
            result.faults[name] = fault.message.removeprefix(f"{path}: ")
        if progress is not None:
            progress(number, len(paths))
    write_file(run.out / TABLE, _as_csv(result.found))
    return DetectResult(images, result.found, result.faults, scale)


def _detect_one(
    net: Detector,
    levels: Levels,
    scale: GrayScale,
    name: str,
    hardware: Runtime,
    options: DetectOptions,
    run: _Run,
    key: str,
) -> list[Detection]:
    height, width = levels.shape
    try:
        with named_failures():
            image = scale.apply(levels)
            scores = probabilities(net, image, hardware, options.size)
    except TrainingError:
        raise GenerationError(
            f"{name}: memory ran out on {width}x{height} pixels; use --size 512, or --device cpu"
        ) from None
    own = detections(name, scores, options.threshold)
    if options.overlays:
        run.write("overlays", key, overlay(image, own))
    run.write("masks", key, encode_png(np.where(scores > options.threshold, 255, 0).astype(np.uint8)))
    return own


def _scale(
    folder: Path, paths: dict[str, Path], options: DetectOptions, trained: TrainedScale
) -> tuple[GrayScale, bool]:
    """Return the scale of the folder's frames of more than 8 bits, and whether there are such frames.

    The scale is `EIGHT_BIT` where there are none.
    """
    stated = options.gray_scale or stated_scale(folder) or stated_scale(folder.parent)
    ranges, bits = [], {}
    for path in paths.values():
        try:
            data = read_bytes(path, MAX_IMAGE_BYTES)
            levels = None if is_8_bit(data) else decode_levels(data, path)
        except InputError:  # named when its turn comes
            continue
        bits[path.relative_to(folder).as_posix()] = 8 if levels is None or levels.values.dtype == np.uint8 else 16
        if levels is not None and levels.values.dtype != np.uint8 and stated is None:
            ranges.append(FrameRange.of(levels))
    warn_of_mixed_depths(folder, bits)
    if 16 not in bits.values():
        return EIGHT_BIT, False
    return stated or trained.for_frames(ranges), True


def _fingerprint(net: Detector, options: DetectOptions, scale: GrayScale) -> dict[str, Any]:
    weights = hashlib.sha256()
    for name, tensor in net.state_dict().items():
        weights.update(name.encode() + tensor.detach().float().cpu().numpy().tobytes())
    return {
        "weights": weights.hexdigest()[:16],
        "size": options.size,
        "threshold": options.threshold,
        "gray_scale": scale.to_dict(),
    }


class _Run:
    """The output folder of one run, and what an earlier one left in it."""

    def __init__(self, out: Path, settings: dict[str, Any]) -> None:
        self.out = out
        self._done: dict[str, dict[str, Any]] = {}
        if (out / SETTINGS).exists():
            self._continue(settings)
        write_file(out / SETTINGS, json.dumps(settings, indent=1) + "\n")

    def _continue(self, settings: dict[str, Any]) -> None:
        earlier = loaded_json(read_bytes(self.out / SETTINGS), self.out / SETTINGS)
        if not isinstance(earlier, dict):
            raise InputError.of(self.out / SETTINGS, "damaged; use --overwrite")
        differs = [name for name in settings if earlier.get(name) != settings[name]]
        if differs:
            name = differs[0]
            raise InputError.of(
                self.out, f"cannot resume: its {name} is {str(earlier.get(name))[:80]}, this run's is {settings[name]}"
            )
        self._done = _lines(self.out)
        write_file(self.out / LINES, "".join(map(checked_text, self._done.values())))

    def kept(self, key: str, digest: str, overlays: bool) -> list[Detection] | None:
        """Return the targets of an image that is done and unchanged; None where it is not."""
        row = self._done.get(key)
        files = [self._file(part, key) for part in _PARTS[: 1 + overlays]]
        if row is None or row["source"] != digest or not all(file.is_file() for file in files):
            return None
        return [Detection(**entry) for entry in row["detections"]]

    def note(self, key: str, digest: str, found: list[Detection]) -> None:
        """Add the line of a finished image."""
        row = {"id": key, "source": digest, "detections": [asdict(target) for target in found]}
        with writing(self.out / LINES), (self.out / LINES).open("a", encoding="utf-8", newline="\n") as file:
            file.write(checked_text(row))

    def write(self, part: str, key: str, data: bytes) -> None:
        """Write one picture."""
        write_file(self._file(part, key), data)

    def _file(self, part: str, key: str) -> Path:
        return self.out / part / f"{key}.png"


def _lines(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the lines of the images that are done, by id; one that was cut off is of an image that is made again."""
    path = folder / LINES
    rows = map(parse_checked, path.read_bytes().splitlines() if path.is_file() else ())
    return {row["id"]: row for row in rows if row is not None}


def _owned_files(folder: Path) -> set[str]:
    """Return the files of an earlier run in `folder`; see `sirstgen.files.output.Owned`."""
    try:
        settings = loaded_json(read_bytes(folder / SETTINGS), folder / SETTINGS)
        ours = isinstance(settings, dict) and {"weights", "threshold", "gray_scale"} <= settings.keys()
    except (InputError, ValueError):
        ours = False
    if not ours:
        raise OutputExistsError(f"{folder}: holds something else than a run of detect; choose another --out")
    pictures = {f"{part}/{key}.png" for key in _lines(folder) for part in _PARTS}
    if not (folder / TABLE).exists():  # an unfinished run; pictures come before their line
        found = (path for part in _PARTS for path in (folder / part).rglob("*.png"))
        pictures |= {path.relative_to(folder).as_posix() for path in found}
    return {SETTINGS, LINES, TABLE, *pictures}


def _as_csv(found: list[Detection]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [entry.name for entry in fields(Detection)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(target) for target in found)
    return text.getvalue()
