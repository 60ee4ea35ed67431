"""Hugging Face: an image folder whose metadata names image, mask and targets of each row."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar

from sirstgen.errors import InvalidValueError
from sirstgen.export.frames import ALL, ExportFrame
from sirstgen.export.job import CLASS_NAME, Job

_ROWS = 1000  # in memory at a time


class HfWriter:
    """``<part>/images/<id>.png``, ``<part>/masks/<id>.png`` and ``<part>/metadata.parquet``.

    The metadata is Parquet and not JSON lines, because the readers guess the types of JSON from the first rows, and
    refuse a part without targets.

    Raises:
        InvalidValueError: pyarrow is not installed.
    """

    bits: ClassVar[int] = 16

    def __init__(self, job: Job) -> None:
        try:
            arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        except ImportError:
            raise InvalidValueError("format hf needs pyarrow; install it with: pip install 'sirstgen[hf]'") from None
        self._job = job
        schema = _schema(arrow)
        self._tables: dict[str, _Table] = {}
        for part in job.parts:
            folder = job.folder / _split(part)
            folder.mkdir()
            writer = job.files.enter_context(parquet.ParquetWriter(folder / "metadata.parquet", schema))
            self._tables[part] = _Table(arrow, writer, schema)

    def add(self, frame: ExportFrame) -> int:
        """Add an image."""
        job, split = self._job, _split(frame.part)
        job.pictures.image(frame, job.folder / split / "images" / f"{frame.id}.png")
        job.pictures.mask(frame, job.folder / split / "masks" / f"{frame.id}.png")
        width, height = frame.size
        self._tables[frame.part].add(
            {
                "file_name": f"images/{frame.id}.png",
                "mask_file_name": f"masks/{frame.id}.png",
                "id": frame.id,
                "width": width,
                "height": height,
                "scene": frame.scene,
                "objects": {
                    "bbox": [list(target.bbox) for target in frame.targets],
                    "category": [CLASS_NAME for _ in frame.targets],
                    "area": [target.area for target in frame.targets],
                    "scr": [target.scr for target in frame.targets],
                    "kind": [target.kind for target in frame.targets],
                },
            }
        )
        return len(frame.targets)

    def close(self) -> str:
        """Finish the metadata."""
        for table in self._tables.values():
            table.close()
        paths = "".join(f"  - split: {_split(part)}\n    path: {_split(part)}/**\n" for part in self._tables)
        self._job.card_head = f"---\nconfigs:\n- config_name: default\n  data_files:\n{paths}---\n"
        if ALL in self._tables:
            self._job.notes.append("The dataset has no split lists: all images are in the split train.")
        return (
            "```python\nfrom datasets import load_dataset\n\n"
            f'data = load_dataset(".", split="{_split(self._job.parts[0])}")\n```\n\n'
            "Columns: `image`, `mask` (0 and 255), `id`, `width`, `height`, `scene`, and `objects` with one entry a "
            "target: `bbox` [x, y, width, height] in pixels, `category`, `area`, `scr`, `kind`."
        )


class _Table:
    """A Parquet file that is written as rows come in."""

    def __init__(self, arrow: Any, writer: Any, schema: Any) -> None:
        self._arrow, self._writer, self._schema = arrow, writer, schema
        self._rows: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) == _ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []


def _schema(arrow: Any) -> Any:
    text, whole, real = arrow.string(), arrow.int64(), arrow.float64()
    columns = {"bbox": arrow.list_(whole), "category": text, "area": whole, "scr": real, "kind": text}
    objects = arrow.struct([(name, arrow.list_(kind)) for name, kind in columns.items()])
    names = {"file_name": text, "mask_file_name": text, "id": text, "width": whole, "height": whole, "scene": text}
    return arrow.schema([*names.items(), ("objects", objects)])


def _split(part: str) -> str:
    return "train" if part == ALL else part
