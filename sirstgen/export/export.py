"""A dataset in the format of another tool."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sirstgen import __version__
from sirstgen.datasets.readers import Dataset, check_files
from sirstgen.errors import InvalidValueError
from sirstgen.export.coco import CocoWriter
from sirstgen.export.fiftyone import FiftyOneWriter
from sirstgen.export.frames import UNLISTED, parts_of, read_frames
from sirstgen.export.hf import HfWriter
from sirstgen.export.job import Job, Writer
from sirstgen.export.mmseg import MmsegWriter
from sirstgen.export.pictures import Pictures
from sirstgen.export.voc import VocWriter
from sirstgen.export.webdataset import WebDatasetWriter
from sirstgen.export.yolo import YoloSegWriter, YoloWriter
from sirstgen.files.atomic import write_file
from sirstgen.files.gray_scale import GrayScale
from sirstgen.files.output import output_folder, require_apart
from sirstgen.storage.checksums import write_sums
from sirstgen.storage.owned import listed_files

FORMATS: dict[str, type[Writer]] = {
    "coco": CocoWriter,
    "yolo": YoloWriter,
    "yolo-seg": YoloSegWriter,
    "voc": VocWriter,
    "mmseg": MmsegWriter,
    "webdataset": WebDatasetWriter,
    "hf": HfWriter,
    "fiftyone": FiftyOneWriter,
}
"""What makes the writer of each format."""

RECORD = "export.json"
"""The file that names a folder an export; ``SHA256SUMS`` lists it and all others, and nothing else is overwritten."""

IMGSZ, SHARD_SIZE = 640, 1000
"""Defaults of `export_dataset`: the training size of ultralytics, and images in a WebDataset shard."""

_ORDER = ("train", "test", "all", UNLISTED)


@dataclass(frozen=True, slots=True)
class Export:
    """What an export wrote.

    Args:
        folder: its folder.
        format: its name.
        source: the dataset's name.
        images: written.
        targets: written; as many as the masks of the dataset hold.
        parts: images by part of the split.
        levels: gray levels of 16 bits that became 0 and 255; None where no image changed its bit depth.
        notes: what a reader of the export must know: what the format cannot hold, and what was changed.
        usage: how to load it, in Markdown.
    """

    folder: Path
    format: str
    source: str
    images: int
    targets: int
    parts: dict[str, int]
    levels: GrayScale | None
    notes: list[str]
    usage: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON values that ``export.json`` holds."""
        return {
            "sirstgen": __version__,
            "format": self.format,
            "source": self.source,
            "images": self.images,
            "targets": self.targets,
            "parts": self.parts,
            "levels": None if self.levels is None else self.levels.to_dict(),
            "notes": self.notes,
        }

    def summary(self) -> str:
        """Return what was written, and the notes, one a line."""
        parts = ", ".join(f"{part} {count}" for part, count in self.parts.items())
        head = f"{self.images} images with {self.targets} targets in {self.folder} ({self.format}; {parts})"
        return "\n".join([head, *(f"* {note}" for note in self.notes)])


def export_dataset(
    dataset: Dataset | Path | str,
    format: str,
    out: Path | str,
    *,
    bit_depth: int | None = None,
    link: bool = True,
    imgsz: int | None = None,
    shard_size: int | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Export:
    """Write a dataset in the format of another tool, whole or not at all.

    Every target of every mask is written; what a format cannot hold is counted in the notes.

    Args:
        dataset: any dataset that `Dataset.open` reads, or its folder.
        format: one of `FORMATS`.
        out: the folder; must be absent or empty, and apart from the dataset.
        bit_depth: 8 writes 16-bit images in 8 bits, on one scale for the whole set; None keeps 16 bits where the
            format's readers do.
        link: hard links in place of copies where a file's bytes are kept and both places are on one disk. A linked
            file is the dataset's own: change neither.
        imgsz: side to which a YOLO trainer resizes, pixels; the notes say how small the boxes become there.
        shard_size: images in each WebDataset shard.
        overwrite: replace an export that is there, once the new one is complete.
        progress: called with images done and images in all.

    Raises:
        InvalidValueError: an unknown format, or a setting that the format does not have.
        InputError: a file of the dataset cannot be used.
        OutputExistsError: `out` holds something else.
        GenerationError: the disk is full or may not be written to.
    """
    kind = _checked(format, bit_depth, imgsz, shard_size)
    source = Dataset.of(dataset)
    folder = Path(out)
    require_apart(folder, source.folder)
    check_files([(source, source.ids)])
    with output_folder(folder, listed_files(RECORD), overwrite=overwrite, staged=True) as output:
        work = output.work
        narrow = min(bit_depth or 16, kind.bits) == 8
        parts = parts_of(source)
        present = [part for part in _ORDER if part in set(parts.values())]
        pictures = Pictures(source, link, narrow)
        job = Job(work, source.name, present, pictures, imgsz or IMGSZ, shard_size or SHARD_SIZE)
        with job.files:
            writer = kind(job)
            images, targets = Counter[str](), 0
            for done, frame in enumerate(read_frames(source, parts), start=1):
                targets += writer.add(frame)
                images[frame.part] += 1
                if progress is not None:
                    progress(done, len(source))
            usage = writer.close()
        levels = source.gray_scale if narrow and pictures.wide else None
        notes = [*_notes(source, images, levels, pictures), *job.notes]
        counts = {part: images[part] for part in present}
        result = Export(folder, format, source.name, len(source), targets, counts, levels, notes, usage)
        write_file(work / "README.md", job.card_head + _card(result))
        write_file(work / RECORD, json.dumps(result.to_dict(), indent=2) + "\n")
        write_sums(work)
    return result


def _checked(format: str, bit_depth: int | None, imgsz: int | None, shard_size: int | None) -> type[Writer]:
    """Return the writer of `format`; InvalidValueError for a setting that would do nothing or cannot be."""
    if format not in FORMATS:
        raise InvalidValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}", value=format)
    kind = FORMATS[format]
    if bit_depth not in (None, 8, 16):
        raise InvalidValueError(f"bit_depth must be 8 or 16, got {bit_depth}", value=bit_depth)
    if bit_depth == 16 and kind.bits == 8:
        raise InvalidValueError(f"bit_depth must be 8 for {format}, whose readers keep no more, got 16")
    for name, value, where in (
        ("imgsz", imgsz, ("yolo", "yolo-seg")),
        ("shard_size", shard_size, ("webdataset",)),
    ):
        if value is not None and format not in where:
            raise InvalidValueError(f"{name} has an effect on {' and '.join(where)} only, got it for {format}")
        if value is not None and value < 1:
            raise InvalidValueError(f"{name} must be at least 1, got {value}", value=value)
    return kind


def _notes(source: Dataset, images: Counter[str], levels: GrayScale | None, pictures: Pictures) -> Iterator[str]:
    if levels is not None:
        yield (
            f"16-bit images became 8-bit ones, on one scale for the whole set: gray level {levels.black:g} is 0, "
            f"{levels.white:g} is 255; levels beyond are clipped."
        )
    elif pictures.wide:
        yield "Images keep their 16 bits; --bit-depth 8 is for readers that take 8 bits only."
    if images[UNLISTED]:
        yield f"{images[UNLISTED]} images are in no split list; they are in part {UNLISTED}."
    yield from source.notes()


def _card(result: Export) -> str:
    parts = "\n".join(f"| {part} | {count} |" for part, count in result.parts.items())
    notes = "".join(f"* {note}\n" for note in result.notes) or "* Nothing was changed or left out.\n"
    return (
        f"# {result.source}, {result.format}\n\n{result.images} images with {result.targets} targets, exported by "
        f"sirstgen {__version__}.\n\n| part | images |\n|---|---|\n{parts}\n\n## Load\n\n{result.usage}\n\n"
        f"## Notes\n\n{notes}"
    )
