"""WebDataset: tar files of whole samples, for training from one stream."""

from __future__ import annotations

import io
import tarfile
from typing import Any, ClassVar

import numpy as np

from sirstgen.errors import InputError
from sirstgen.export.frames import ExportFrame
from sirstgen.export.job import Job, attributes, compact
from sirstgen.files.png import encode_png


class WebDatasetWriter:
    """``<part>-<number>.tar``; members ``<id>.image.png``, ``<id>.mask.png`` and ``<id>.json``."""

    bits: ClassVar[int] = 16

    def __init__(self, job: Job) -> None:
        self._job = job
        self._shards: dict[str, _Shards] = {}
        self._keys: dict[str, str] = {}
        self._renamed = 0

    def add(self, frame: ExportFrame) -> int:
        """Add an image."""
        key = self._key(frame.id)
        width, height = frame.size
        about = {
            "id": frame.id,
            "width": width,
            "height": height,
            "scene": frame.scene,
            "targets": [
                {"bbox": list(target.bbox), "area": target.area, "center": list(target.center), **entry}
                for target, entry in zip(frame.targets, attributes(frame), strict=True)
            ],
        }
        if frame.part not in self._shards:
            self._shards[frame.part] = _Shards(self._job, frame.part)
        self._shards[frame.part].add(
            {
                f"{key}.image.png": encode_png(self._job.pictures.pixels(frame)),
                f"{key}.json": compact(frame.row if frame.row is not None else about).encode(),
                f"{key}.mask.png": encode_png(frame.mask.astype(np.uint8) * np.uint8(255)),
            }
        )
        return len(frame.targets)

    def close(self) -> str:
        """Finish the last shards."""
        for shards in self._shards.values():
            shards.close()
        if self._renamed:
            self._job.notes.append(
                f"{self._renamed} ids hold dots, which end a key in WebDataset: members have _ in their place. "
                "The JSON holds the id."
            )
        part, shards = next(iter(self._shards.items()))
        numbers = "000000" if shards.count == 1 else f"{{000000..{shards.count - 1:06d}}}"
        return (
            "```python\nimport webdataset as wds\n\n"
            f'data = wds.WebDataset("{part}-{numbers}.tar", shardshuffle=False).decode("pil")\n'
            'data = data.to_tuple("image.png", "mask.png", "json")\n```'
        )

    def _key(self, name: str) -> str:
        key = name.replace(".", "_")
        self._renamed += key != name
        taken = self._keys.setdefault(key, name)
        if taken != name:
            raise InputError(
                f"ids {taken} and {name} both become {key} in WebDataset, where a dot ends a key; rename one of them"
            )
        return key


class _Shards:
    """The tar files of one part; equal samples give equal bytes."""

    def __init__(self, job: Job, part: str) -> None:
        self._job, self._part = job, part
        job.files.callback(self.close)
        self._tar: tarfile.TarFile | None = None
        self._samples = 0
        self.count = 0

    def add(self, members: dict[str, bytes]) -> None:
        if self._samples == self._job.shard_size:
            self.close()
        if self._tar is None:
            path = self._job.folder / f"{self._part}-{self.count:06d}.tar"
            self._tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  # closed by `close`
            self._samples = 0
            self.count += 1
        for name, data in members.items():
            head: Any = tarfile.TarInfo(name)
            head.size, head.mode = len(data), 0o644
            self._tar.addfile(head, io.BytesIO(data))
        self._samples += 1

    def close(self) -> None:
        if self._tar is not None:
            self._tar.close()
            self._tar = None
