"""Pascal VOC: boxes as XML, class and object masks as palette PNG, images as JPEG."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree as Xml

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sirstgen.export.frames import ExportFrame, ExportTarget
from sirstgen.export.job import CLASS_NAME, Job, write_text
from sirstgen.files.images import decode_gray

_VOID = 255
_QUALITY = 100


class VocWriter:
    """``VOCdevkit/VOC2007/`` with Annotations, ImageSets, JPEGImages, SegmentationClass and SegmentationObject.

    The year is 2007, the only one of which readers such as torchvision know a test part.
    """

    bits: ClassVar[int] = 8

    def __init__(self, job: Job) -> None:
        self._job = job
        self._root = job.folder / "VOCdevkit" / "VOC2007"
        self._lists: dict[str, list[str]] = defaultdict(list)
        self._void = self._error = 0
        self._palette = _palette()

    def add(self, frame: ExportFrame) -> int:
        """Add an image."""
        pixels = self._job.pictures.pixels(frame)
        data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
        decoded = decode_gray(data.tobytes(), frame.id)
        self._error = max(self._error, int(np.abs(decoded.astype(int) - pixels).max()))
        _write_bytes(self._root / "JPEGImages" / f"{frame.id}.jpg", data.tobytes())
        tree = Xml.ElementTree(self._annotation(frame))
        Xml.indent(tree)
        path = self._root / "Annotations" / f"{frame.id}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        tree.write(path, encoding="utf-8")
        self._write_mask(frame.mask.astype(np.uint8), "SegmentationClass", frame.id)
        objects = np.zeros(frame.mask.shape, np.uint8)
        for number, target in enumerate(frame.targets, start=1):
            x, y, width, height = target.bbox
            objects[y : y + height, x : x + width][target.mask] = min(number, _VOID)
        self._void += max(len(frame.targets) - (_VOID - 1), 0)
        self._write_mask(objects, "SegmentationObject", frame.id)
        self._lists[frame.part].append(frame.id)
        return len(frame.targets)

    def close(self) -> str:
        """Write the lists of images."""
        lists = {"trainval" if part == "all" else part: ids for part, ids in self._lists.items()}
        if "all" in self._lists:
            lists["train"] = lists["trainval"]
        elif "train" in lists:
            lists["trainval"] = lists["train"]
        for part, ids in lists.items():
            for kind in ("Main", "Segmentation"):
                write_text(self._root / "ImageSets" / kind / f"{part}.txt", "".join(f"{key}\n" for key in ids))
        self._job.notes.append(
            f"Images are JPEG files of quality {_QUALITY}, as VOC readers expect: they differ from the dataset's by "
            f"at most {self._error} gray level{'s'[: self._error != 1]}. Masks are exact."
        )
        if self._void:
            self._job.notes.append(
                f"{self._void} targets share the void value 255 in SegmentationObject, which holds "
                f"{_VOID - 1} objects an image; their boxes and SegmentationClass are complete."
            )
        return (
            "```python\nfrom torchvision.datasets import VOCDetection, VOCSegmentation\n\n"
            f'boxes = VOCDetection(".", year="2007", image_set="{next(iter(lists))}")\n'
            f'masks = VOCSegmentation(".", year="2007", image_set="{next(iter(lists))}")\n```\n\n'
            "Boxes count pixels from 1 and include their last pixel, as in VOC. In SegmentationClass 1 is a target; in "
            "SegmentationObject each target has a number of its own, in the order of the XML file."
        )

    def _annotation(self, frame: ExportFrame) -> Xml.Element:
        width, height = frame.size
        root = Xml.Element("annotation")
        _child(root, "folder", "VOC2007")
        _child(root, "filename", f"{frame.id}.jpg")
        size = Xml.SubElement(root, "size")
        for tag, value in (("width", width), ("height", height), ("depth", 1)):
            _child(size, tag, value)
        _child(root, "segmented", 1)
        if frame.scene is not None:
            _child(root, "scene", frame.scene)
        for target in frame.targets:
            root.append(_object(target, width, height))
        return root

    def _write_mask(self, labels: NDArray[np.uint8], kind: str, key: str) -> None:
        path = self._root / kind / f"{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(labels)
        picture.putpalette(self._palette)
        picture.save(path)


def _object(target: ExportTarget, width: int, height: int) -> Xml.Element:
    x, y, w, h = target.bbox
    entry = Xml.Element("object")
    touching = x == 0 or y == 0 or x + w == width or y + h == height
    for tag, value in (("name", CLASS_NAME), ("pose", "Unspecified"), ("truncated", int(touching)), ("difficult", 0)):
        _child(entry, tag, value)
    box = Xml.SubElement(entry, "bndbox")
    for tag, value in (("xmin", x + 1), ("ymin", y + 1), ("xmax", x + w), ("ymax", y + h)):
        _child(box, tag, value)
    _child(entry, "area", target.area)
    if target.scr is not None:
        _child(entry, "scr", target.scr)
    if target.kind is not None:
        _child(entry, "kind", target.kind)
    return entry


def _child(parent: Xml.Element, tag: str, value: object) -> None:
    Xml.SubElement(parent, tag).text = str(value)


def _write_bytes(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _palette() -> list[int]:
    """Return the colours of VOC: bit k of a label is bit 7 - k // 3 of channel k % 3."""
    return [
        sum(((label >> (3 * place + channel)) & 1) << (7 - place) for place in range(3))
        for label in range(256)
        for channel in range(3)
    ]
