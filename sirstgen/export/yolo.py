"""YOLO labels in the layout of ultralytics: boxes, or polygons for segmentation."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from sirstgen.export.frames import ExportFrame, ExportTarget
from sirstgen.export.job import CLASS_NAME, Job, write_text
from sirstgen.export.outline import outline

SMALLEST_SIDE = 2
"""Pixels at the training size; ultralytics' augmentation drops boxes whose width or height is not above this."""

_SMALLEST_IMAGE = 10  # pixels; ultralytics skips images with a side below this


class YoloWriter:
    """``images/<part>/<id>.png``, ``labels/<part>/<id>.txt`` and ``data.yaml``; one box a line."""

    bits: ClassVar[int] = 8
    task: ClassVar[str] = "detect"

    def __init__(self, job: Job) -> None:
        self._job = job
        self._equal = self._tiny_images = 0
        self._sides: list[float] = []  # the smaller side of each box, as a share of the image's longer side

    def add(self, frame: ExportFrame) -> int:
        """Add an image; one without targets gets an empty label file."""
        job = self._job
        width, height = frame.size
        job.pictures.image(frame, job.folder / "images" / frame.part / f"{frame.id}.png")
        lines = [f"0 {_joined(self._values(target, width, height))}\n" for target in frame.targets]
        write_text(job.folder / "labels" / frame.part / f"{frame.id}.txt", "".join(lines))
        self._equal += len(lines) - len(set(lines))
        self._tiny_images += min(width, height) < _SMALLEST_IMAGE
        self._sides += [min(target.bbox[2:]) / max(width, height) for target in frame.targets]
        return len(lines)

    def close(self) -> str:
        """Write ``data.yaml`` and say what ultralytics does with small boxes."""
        job = self._job
        places = {part: f"images/{part}" for part in job.parts}
        train = places.get("train") or places[job.parts[0]]
        test = places.get("test") or train
        if train == test:
            job.notes.append(
                f"data.yaml names {train} as train and val, since the dataset has no second part: hold images out "
                "before you report a score."
            )
        else:
            job.notes.append("data.yaml names the test images as val: do not choose epochs or settings by them.")
        entries = {"train": train, "val": test} | ({"test": test} if "test" in places else {})
        text = "".join(f"{key}: {place}\n" for key, place in entries.items())
        write_text(job.folder / "data.yaml", f"{text}nc: 1\nnames:\n  0: {CLASS_NAME}\n")
        job.notes += self._size_notes()
        model = "yolo11n-seg.pt" if self.task == "segment" else "yolo11n.pt"
        return f"```sh\nyolo {self.task} train data=data.yaml model={model} imgsz={job.imgsz}\n```"

    def _values(self, target: ExportTarget, width: int, height: int) -> Iterable[float]:
        """Return centre, width and height of the box, as shares of the image's."""
        x, y, w, h = target.bbox
        return (x + w / 2) / width, (y + h / 2) / height, w / width, h / height

    def _size_notes(self) -> Iterable[str]:
        imgsz = self._job.imgsz
        if self._sides:
            smallest = min(self._sides)
            dropped = sum(side * imgsz <= SMALLEST_SIDE for side in self._sides)
            hint = f"At imgsz {imgsz} the smallest box side is {smallest * imgsz:.1f} px."
            if dropped:
                needed = 32 * math.ceil((SMALLEST_SIDE / smallest + 1) / 32)  # multiples of the stride
                hint += (
                    f" The augmentation of ultralytics drops boxes with a side of {SMALLEST_SIDE} px or less: "
                    f"{dropped} of {len(self._sides)} here. imgsz {needed} keeps all of them."
                )
            yield hint
        if self._equal:
            yield f"{self._equal} targets have the label of another target of their image; ultralytics keeps one."
        if self._tiny_images:
            yield f"{self._tiny_images} images have a side below {_SMALLEST_IMAGE} px; ultralytics skips them."


class YoloSegWriter(YoloWriter):
    """As `YoloWriter`, with one polygon a line: the outline of each target along pixel edges, holes included."""

    task: ClassVar[str] = "segment"

    def _values(self, target: ExportTarget, width: int, height: int) -> Iterable[float]:
        x, y, _, _ = target.bbox
        return (np.add(outline(target.mask), (x, y)) / (width, height)).ravel().tolist()


def _joined(values: Iterable[float]) -> str:
    return " ".join(f"{value:.10g}" for value in values)
