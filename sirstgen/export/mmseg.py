"""MMSegmentation: images and label maps in folders by part."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sirstgen.export.frames import ExportFrame
from sirstgen.export.job import CLASS_NAME, Job
from sirstgen.files.png import encode_png


class MmsegWriter:
    """``img_dir/<part>/<id>.png`` and ``ann_dir/<part>/<id>.png``; label 0 is background, 1 is target."""

    bits: ClassVar[int] = 16

    def __init__(self, job: Job) -> None:
        self._job = job

    def add(self, frame: ExportFrame) -> int:
        """Add an image."""
        folder, name = self._job.folder, f"{frame.id}.png"
        self._job.pictures.image(frame, folder / "img_dir" / frame.part / name)
        labels = folder / "ann_dir" / frame.part / name
        labels.parent.mkdir(parents=True, exist_ok=True)
        labels.write_bytes(encode_png(frame.mask.astype(np.uint8)))
        return len(frame.targets)

    def close(self) -> str:
        """Say how a configuration names the folders."""
        part = self._job.parts[0]
        return (
            "```python\ntrain_dataset = dict(\n"
            '    type="BaseSegDataset",\n'
            f'    metainfo=dict(classes=("background", "{CLASS_NAME}")),\n'
            f'    data_prefix=dict(img_path="img_dir/{part}", seg_map_path="ann_dir/{part}"),\n'
            '    img_suffix=".png",\n    seg_map_suffix=".png",\n    reduce_zero_label=False,\n)\n```'
        )
