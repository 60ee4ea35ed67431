"""COCO instances: boxes, areas and run-length masks in one JSON file for each part of the split."""

from __future__ import annotations

import shutil
from typing import IO, Any, ClassVar

import numpy as np

from sirstgen import __version__
from sirstgen.export.frames import ExportFrame, ExportTarget
from sirstgen.export.job import CLASS_NAME, Job, attributes, compact


class CocoWriter:
    """``images/<id>.png`` and ``annotations/instances_<part>.json``.

    Masks are uncompressed run lengths, which pycocotools, torchvision, Detectron2 and MMDetection read: polygons would
    lose targets of few pixels.
    """

    bits: ClassVar[int] = 16

    def __init__(self, job: Job) -> None:
        self._job = job
        self._images = self._annotations = 0
        (job.folder / "annotations").mkdir()
        self._parts = {part: _PartFile(job, part) for part in job.parts}

    def add(self, frame: ExportFrame) -> int:
        """Add an image."""
        self._images += 1
        width, height = frame.size
        self._job.pictures.image(frame, self._job.folder / "images" / f"{frame.id}.png")
        entry = {"id": self._images, "file_name": f"{frame.id}.png", "width": width, "height": height}
        part = self._parts[frame.part]
        part.add_image(entry | {"scene": frame.scene})
        for target, about in zip(frame.targets, attributes(frame), strict=True):
            self._annotations += 1
            part.add_annotation(
                {
                    "id": self._annotations,
                    "image_id": self._images,
                    "category_id": 1,
                    "bbox": list(target.bbox),
                    "area": target.area,
                    "iscrowd": 0,
                    "segmentation": {"size": [height, width], "counts": run_lengths(target, width, height)},
                    "attributes": about,
                }
            )
        return len(frame.targets)

    def close(self) -> str:
        """Finish the annotation files."""
        for part in self._parts.values():
            part.close()
        first = next(iter(self._parts))
        return (
            "```python\nfrom torchvision.datasets import CocoDetection\n\n"
            f'data = CocoDetection("images", "annotations/instances_{first}.json")\n```\n\n'
            "`bbox` is [x, y, width, height] in pixels. `segmentation` is an uncompressed run-length mask: "
            "`pycocotools.coco.COCO.annToMask` decodes it. `attributes` holds `scr`, `kind` and `scene`."
        )


def run_lengths(target: ExportTarget, width: int, height: int) -> list[int]:
    """Return a target's mask in an image of `width` x `height` as COCO counts.

    The counts are runs of background and target pixels in turn, column by column, from the upper left pixel.
    """
    x, y, _, _ = target.bbox
    columns, rows = np.nonzero(target.mask.T)
    places = (columns + x) * height + rows + y
    breaks = np.flatnonzero(np.diff(places) > 1)
    starts = places[np.concatenate(([0], breaks + 1))]
    ends = places[np.concatenate((breaks, [len(places) - 1]))] + 1
    edges = np.concatenate(([0], np.stack([starts, ends], axis=1).ravel(), [width * height]))
    counts: list[int] = np.diff(edges).tolist()
    return counts if counts[-1] else counts[:-1]


class _PartFile:
    """One annotation file, written as images come in: the annotations wait in a file of their own."""

    def __init__(self, job: Job, part: str) -> None:
        folder = job.folder / "annotations"
        self._target = folder / f"instances_{part}.json"
        self._waiting = folder / f".{part}"
        head = {
            "info": {"description": f"{job.name}, {part}", "version": f"sirstgen {__version__}"},
            "licenses": [],
            "categories": [{"id": 1, "name": CLASS_NAME, "supercategory": ""}],
        }
        self._images: IO[str] = job.files.enter_context(self._target.open("w", encoding="utf-8", newline="\n"))
        self._annotations: IO[str] = job.files.enter_context(self._waiting.open("w", encoding="utf-8", newline="\n"))
        self._images.write(compact(head)[:-1] + ',\n"images":[')
        self._comma = {"image": "\n", "annotation": "\n"}

    def add_image(self, entry: dict[str, Any]) -> None:
        self._images.write(self._comma["image"] + compact(entry))
        self._comma["image"] = ",\n"

    def add_annotation(self, entry: dict[str, Any]) -> None:
        self._annotations.write(self._comma["annotation"] + compact(entry))
        self._comma["annotation"] = ",\n"

    def close(self) -> None:
        self._annotations.close()
        self._images.write('],\n"annotations":[')
        with self._waiting.open(encoding="utf-8", newline="\n") as annotations:
            shutil.copyfileobj(annotations, self._images)
        self._images.write("]}\n")
        self._images.close()
        self._waiting.unlink()
