"""Templates: drawings of planes, ships and UAVs with relative radiance, in folders that users can add to.

A folder of templates holds one sub-folder a class and one PNG a template; the file's place is its id (``plane/03``).
An index beside the classes (``index.yaml`` or ``index.json``) may say more, for a class or for one of its templates::

    plane: {scenes: [cloud, field], typical_length: [7, 25]}
    plane/03: {heading: 180, pose: "side view, nose to the left"}

Radiance is the gray value times alpha. Without alpha, black is outside the object.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sirstgen.assets import asset_folder, packed_path, unpacked_path
from sirstgen.checks import nearest
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.image_files import check_folder, image_files
from sirstgen.files.images import decode_gray, read_bytes
from sirstgen.synthesis.template_index import read_index

_FINEST = 512  # drawings are halved until their longer side is below this: finer than any small target can show


@dataclass(frozen=True, eq=False)
class Template:
    """One drawing of a target.

    Args:
        id: class and file stem, such as ``plane/03``.
        cls: the class.
        source: the PNG, read when it is first needed, or the relative radiance itself: shape (H, W), float, at least 0,
            zero outside the object.
        scenes: scenes where the object belongs; empty means any.
        typical_length: (shortest, longest) usual length in pixels of a 256 x 256 image.
        heading: where the nose points in the drawing, degrees from the x axis towards the y axis (clockwise on screen).
        pose: a note on what is shown.
    """

    id: str
    cls: str
    source: Path | NDArray[np.floating]
    scenes: tuple[str, ...] = ()
    typical_length: tuple[float, float] = (6.0, 25.0)
    heading: float = 0.0
    pose: str = ""

    @cached_property
    def radiance(self) -> NDArray[np.float32]:
        """Relative radiance, shape (H, W), float32, from 0 to 1, cropped to the object's box; zero outside the object.

        Raises:
            InputError: the PNG cannot be used; names the file and the way out.
            InvalidValueError: the array is negative, not finite, zero everywhere or not two-dimensional.
        """
        drawn = _read_radiance(self.source) if isinstance(self.source, Path) else _checked(self.source, self.id)
        rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
        box = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        while max(box.shape) >= _FINEST:
            box = _halved(box)
        return np.ascontiguousarray(box / box.max(), dtype=np.float32)

    @cached_property
    def pyramid(self) -> tuple[NDArray[np.float32], ...]:
        """The drawing and its halves (2 x 2 means) down to a single pixel; all keep the upper left corner."""
        levels = [self.radiance]
        while max(levels[-1].shape) > 1:
            levels.append(_halved(levels[-1]))
        return tuple(levels)

    def shrunk_to(self, length: float) -> tuple[int, NDArray[np.float32]]:
        """Return the smallest pyramid level, and its number, whose longer side is at least `length` (or level 0)."""
        level = max(0, min(int(math.log2(max(self.radiance.shape) / length)), len(self.pyramid) - 1))
        return level, self.pyramid[level]

    def peak_per_level(self, level: float) -> float:
        """Return the peak radiance over the mean of what is at least this share of the peak."""
        if level not in self._peaks:
            self._peaks[level] = float(1 / self.radiance[self.radiance >= level].mean())
        return self._peaks[level]

    @cached_property
    def _peaks(self) -> dict[float, float]:
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone: what was read from files is read again by the process that needs it."""
        state = {field.name: getattr(self, field.name) for field in fields(self)}
        if isinstance(self.source, Path):
            state["source"] = packed_path(self.source, "templates")
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state["source"], Path):
            state = state | {"source": unpacked_path(state["source"], "templates")}
        self.__dict__.update(state)


class TemplateLibrary:
    """The templates of a folder, by id and by class; their files are read when they are first drawn."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = dict(templates)

    @classmethod
    def open(cls, folder: Path | str | None = None) -> TemplateLibrary:
        """Return the templates in `folder`, or those that ship with sirstgen; reads names and the index, no image.

        Args:
            folder: holds ``<class>/<name>.png`` and perhaps an index; None means the built-in templates.

        Raises:
            InputError: there is no such folder, it holds no template, an image is outside a class or is no PNG, or
                the index is not YAML.
            InvalidValueError: the index names an unknown template or key, or gives a value that is not allowed.
        """
        root = asset_folder("templates") if folder is None else Path(folder)
        check_folder(root, "templates")
        files = dict(sorted(_find(root)))
        if not files:
            raise InputError.of(root, "holds no template; put PNGs in a folder per class, such as plane/01.png")
        index = read_index(root, files)
        classes = {key: entry for key, entry in index.items() if "/" not in key}
        return cls(
            {
                key: Template(key, key.split("/")[0], file, **classes.get(key.split("/")[0], {}) | index.get(key, {}))
                for key, file in files.items()
            }
        )

    @classmethod
    def with_builtin(cls, folder: Path | str) -> TemplateLibrary:
        """Return the built-in templates and those in `folder`, whose templates go before built-in ones of the same id.

        Raises:
            InputError, InvalidValueError: as `open`.
        """
        return cls({template.id: template for library in (cls.open(), cls.open(folder)) for template in library})

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in alphabetical order."""
        return tuple(sorted({template.cls for template in self}))

    def of_class(self, cls: str) -> tuple[Template, ...]:
        """Return the templates of a class, in order of id.

        Raises:
            InvalidValueError: there is no such class.
        """
        found = tuple(template for template in self if template.cls == cls)
        if not found:
            known = ", ".join(self.classes)
            raise InvalidValueError(f"template class must be one of {known}; got {cls!r}{nearest(cls, self.classes)}")
        return found

    def get(self, id: str) -> Template:
        """Return the template of that id.

        Raises:
            InvalidValueError: there is no such template; names the nearest spelling.
        """
        try:
            return self._templates[id]
        except KeyError:
            hint = nearest(id, self._templates)
            raise InvalidValueError(
                f"template must be one of the {len(self)} in the library, got {id!r}{hint}"
            ) from None

    def check(self) -> None:
        """Read every template once, so that a bad file is found before work starts; keeps none in memory.

        Raises:
            InputError: a template cannot be used.
        """
        for template in self:
            if isinstance(template.source, Path):
                _read_radiance(template.source)

    def digest(self) -> str:
        """Return the SHA-256 of all templates and their settings, in hexadecimal.

        Libraries with equal ones draw equal targets.
        """
        content = hashlib.sha256()
        for template in self:
            source = template.source
            drawing = source.read_bytes() if isinstance(source, Path) else source.tobytes()
            settings = (template.id, template.cls, template.scenes, template.typical_length, template.heading)
            content.update(repr(settings).encode() + hashlib.sha256(drawing).digest())
        return content.hexdigest()

    def __iter__(self) -> Iterator[Template]:
        return iter(self._templates.values())

    def __repr__(self) -> str:
        return f"TemplateLibrary({len(self)} templates: {', '.join(self.classes)})"

    def __len__(self) -> int:
        return len(self._templates)


def _find(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield every template's id and file; images that would be passed over are faults."""
    seen: dict[str, Path] = {}
    for name in image_files(root):
        file, parts = root / name, name.split("/")
        if not file.is_file():
            continue
        if len(parts) != 2:
            raise InputError.of(file, f"a template must be in the folder of its class: {root / '<class>' / file.name}")
        if file.suffix.lower() != ".png":
            raise InputError.of(
                file, "a template is a PNG file; save it as PNG, with alpha or black outside the object"
            )
        key = f"{parts[0]}/{file.stem}"
        if key in seen:
            raise InputError.of(file, f"has the same id ({key}) as {seen[key].name}; rename one of them")
        seen[key] = file
        yield key, file


def _read_radiance(path: Path) -> NDArray[np.float32]:
    """Return the radiance in a PNG: gray (8 or 16 bit) times alpha; without alpha, black is outside."""
    data = read_bytes(path)
    gray = decode_gray(data, path)
    if not data.startswith(b"\x89PNG"):
        raise InputError.of(path, "is an image of another format named .png; save it as PNG")
    radiance = gray.astype(np.float32)
    alpha = _alpha(path)
    if alpha is not None and alpha.min() < 255:
        radiance *= alpha.astype(np.float32) / 255.0
    elif gray.min() > 0:
        raise InputError.of(
            path,
            "has neither transparent nor black pixels, so nothing says where the object ends; "
            "add an alpha channel or paint everything outside the object black (0)",
        )
    if not radiance.any():
        raise InputError.of(path, "is black or transparent everywhere; draw the object brighter than 0")
    return radiance


def _alpha(path: Path) -> NDArray[np.uint8] | None:
    """Return the alpha channel of a PNG that can be decoded, or None where it has none."""
    with Image.open(path, formats=["PNG"]) as picture:
        keyed = "transparency" in picture.info and picture.mode in ("1", "L", "P", "RGB")
        if not keyed and picture.mode not in ("LA", "PA", "RGBA"):
            return None
        return np.asarray(picture.convert("RGBA").getchannel("A"))


def _checked(radiance: NDArray[np.floating], id: str) -> NDArray[np.float32]:
    if radiance.ndim != 2 or not np.isfinite(radiance).all() or (radiance < 0).any() or not radiance.any():
        raise InvalidValueError(
            f"template {id}: radiance must be (H, W), finite, at least 0 and somewhere above 0, "
            f"got shape {radiance.shape}"
        )
    return radiance.astype(np.float32)


def _halved(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 2 x 2 means; an odd row or column is filled up with zeros."""
    rows, columns = image.shape
    even = cv2.copyMakeBorder(image, 0, rows % 2, 0, columns % 2, cv2.BORDER_CONSTANT, value=0)
    half = cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, dtype=np.float32)
