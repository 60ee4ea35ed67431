"""What a format writer is given, and what it has to offer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from sirstgen.export.frames import ExportFrame
from sirstgen.export.pictures import Pictures

CLASS_NAME = "target"
"""Name of the one class of all formats."""


@dataclass
class Job:
    """One export under way.

    Args:
        folder: to write into.
        name: the dataset's name.
        parts: those that have images: ``train``, ``test``, ``all``, ``unlisted``, in this order.
        pictures: places image files.
        imgsz: side to which a YOLO trainer resizes images, pixels.
        shard_size: images in each WebDataset shard.
        notes: what the reader of the export must know; writers add to it.
        card_head: what the README starts with, set by the writer: YAML for tools that read it.
        files: closes the files that are open where the export fails; writers add to it.
    """

    folder: Path
    name: str
    parts: Sequence[str]
    pictures: Pictures
    imgsz: int
    shard_size: int
    notes: list[str] = field(default_factory=list)
    card_head: str = ""
    files: ExitStack = field(default_factory=ExitStack)


class Writer(Protocol):
    """A format. It is made for one `Job`, takes the frames one by one, and is closed."""

    bits: ClassVar[int]
    """Largest bit depth that the format's readers keep: 8 or 16."""

    def __init__(self, job: Job) -> None: ...

    def add(self, frame: ExportFrame) -> int:
        """Write one image with its targets; return the number of targets written."""
        ...

    def close(self) -> str:
        """Write the closing files; return how to load the export, in Markdown."""
        ...


def attributes(frame: ExportFrame) -> list[dict[str, Any]]:
    """Return what the formats say about each target beside its place: ``scr``, ``kind`` and the image's ``scene``."""
    return [{"scr": target.scr, "kind": target.kind, "scene": frame.scene} for target in frame.targets]


def compact(value: Any) -> str:
    """Return `value` as JSON in one line."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with newline ends; the folder is made if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
