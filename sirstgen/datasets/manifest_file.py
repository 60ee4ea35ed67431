"""Reading ``dataset.json``, checked as far as commands rely on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sirstgen.errors import InputError
from sirstgen.files.atomic import MANIFEST
from sirstgen.files.image_files import named
from sirstgen.files.input_files import RepeatedKeyError, parse_json, read_bytes

_Count = Annotated[int, Field(ge=0, lt=1 << 53)]
_Counts = dict[str, _Count]


class _Model(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Shard(_Model):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    number: _Count
    split: str
    sha256: str
    bytes: _Count
    ids: Annotated[list[str], Field(min_length=2, max_length=2)]
    count: _Count
    targets: _Count


class _Shards(_Model):
    size: Annotated[int, Field(ge=1, lt=1 << 53)]
    files: list[_Shard]


class _Part(_Model):
    dataset: str | None
    train: _Count
    test: _Count = 0


class _MixedImage(_Model):
    id: str
    kind: str
    part: str


class _Manifest(_Model):
    count: _Count
    name: str = ""
    seed: Annotated[int, Field(ge=0, lt=1 << 64)] = 0
    split: _Counts = {}
    redrawn: _Counts = {}
    recipe: dict[str, Any] = {}
    backgrounds: dict[str, Any] = {}
    templates: str = ""
    plans: str | None = None
    shards: _Shards = _Shards(size=1, files=[])
    kind: str = ""


class _MixManifest(_Manifest):
    real: _Part
    synthetic: _Part
    images: list[_MixedImage]


def check_manifest(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the entry and the message of each fault of a manifest.

    A fault is an entry that commands rely on and that is missing or of another type. All other entries may hold any
    value.
    """
    model = _MixManifest if manifest.get("kind") == "mix" else _Manifest
    try:
        model.model_validate(manifest)
    except ValidationError as fault:
        for error in fault.errors(include_url=False, include_input=False):
            yield ".".join(map(str, error["loc"])), error["msg"]


def parse_manifest(data: bytes, path: Path | str) -> dict[str, Any]:
    """Return the content of a ``dataset.json``.

    Args:
        data: the bytes of the file.
        path: its name, for messages.

    Raises:
        InputError: the content is no JSON object, or `check_manifest` finds a fault.
    """
    try:
        manifest = parse_json(data)
    except RepeatedKeyError as error:
        raise InputError.of(path, str(error)) from None
    except (ValueError, RecursionError) as error:
        raise InputError.of(path, f"is not JSON ({error})") from None
    if not isinstance(manifest, dict) or "count" not in manifest:
        raise InputError.of(path, "not the manifest of a sirstgen dataset")
    for entry, message in check_manifest(manifest):
        raise InputError.of(path, f"{named([entry])}: {message}")
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the ``dataset.json`` of a finished dataset.

    Raises:
        InputError: there is none, it cannot be read, or it has a fault (`check_manifest`).
    """
    if not (folder / MANIFEST).exists():
        raise InputError.of(folder, f"not a finished sirstgen dataset (there is no {MANIFEST})")
    return parse_manifest(read_bytes(folder / MANIFEST), folder / MANIFEST)
