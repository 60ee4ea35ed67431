"""FiftyOne: an image detection dataset for each part, with the masks beside it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, ClassVar

from sirstgen.export.frames import ExportFrame
from sirstgen.export.job import CLASS_NAME, Job, attributes, compact, write_text


class FiftyOneWriter:
    """``<part>/data/<id>.png``, ``<part>/labels.json`` and ``<part>/masks/<id>.png``."""

    bits: ClassVar[int] = 16

    def __init__(self, job: Job) -> None:
        self._job = job
        self._labels: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(dict)

    def add(self, frame: ExportFrame) -> int:
        """Add an image."""
        folder = self._job.folder / frame.part
        self._job.pictures.image(frame, folder / "data" / f"{frame.id}.png")
        self._job.pictures.mask(frame, folder / "masks" / f"{frame.id}.png")
        width, height = frame.size
        detections = []
        for target, about in zip(frame.targets, attributes(frame), strict=True):
            x, y, w, h = target.bbox
            box = [x / width, y / height, w / width, h / height]
            entry = {"area": target.area, **about}
            detections.append({"label": CLASS_NAME, "bounding_box": box, "attributes": entry})
        self._labels[frame.part][frame.id] = detections
        return len(detections)

    def close(self) -> str:
        """Write the labels."""
        for part, labels in self._labels.items():
            write_text(self._job.folder / part / "labels.json", compact({"classes": None, "labels": labels}) + "\n")
        self._job.notes.append(
            "Detections of this layout hold no masks of their own: the mask of each image is in masks/. FiftyOne "
            "reads an export to coco with the mask of each target."
        )
        part = self._job.parts[0]
        return (
            "```python\nfrom pathlib import Path\n\nimport fiftyone as fo\n\n"
            f'data = fo.Dataset.from_dir("{part}", dataset_type=fo.types.FiftyOneImageDetectionDataset)\n'
            "for sample in data.iter_samples(autosave=True):\n"
            f'    mask = Path("{part}/masks", Path(sample.filepath).name)\n'
            '    sample["mask"] = fo.Segmentation(mask_path=str(mask.resolve()))\n```'
        )
