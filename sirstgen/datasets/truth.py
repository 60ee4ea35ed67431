"""The lines of ``targets.jsonl``, checked as far as commands rely on them."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sirstgen.errors import InputError
from sirstgen.files.image_files import named
from sirstgen.files.input_files import loaded_json

_Pixels = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]


class _Target(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)

    bbox: tuple[_Pixels, _Pixels, _Pixels, _Pixels] | None = Field(default=None, strict=False)
    area: float | None = Field(default=None, ge=1, le=1 << 26)
    kind: str | None = None
    template: str | None = None
    scr: float | None = None


class _Row(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)

    id: str
    index: int | None = Field(default=None, ge=0, lt=1 << 63)
    scene: str | None = None
    background: dict[str, Any] | None = None
    clutter_region: dict[str, Any] | None = None
    support_margin: int | None = Field(default=None, ge=0, le=4096)
    targets: list[_Target] = Field(default=[], strict=False)


def parse_truth(data: bytes, path: Path, ids: Container[str]) -> dict[str, dict[str, Any]]:
    """Return the lines of the content `data` of ``targets.jsonl`` by id.

    Args:
        data: one JSON object a line.
        path: the file, for messages.
        ids: the ids that have an image.

    Raises:
        InputError: a line is no JSON object with an id, has a key twice, names an id twice or one without image, or an
            entry that commands rely on (targets with bbox and area, scene, background, clutter region) is of another
            type.
    """
    rows: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(data.splitlines(), start=1):
        row = loaded_json(line, f"{path}: line {number}")
        key = row.get("id") if isinstance(row, dict) else None
        if not isinstance(row, dict) or not isinstance(key, str):
            raise InputError.of(path, f"line {number} is not a JSON object with an id")
        if key not in ids or key in rows:
            what = "is there twice" if key in rows else "has no image"
            raise InputError.of(path, f"line {number}: id {named([key])!r} {what}")
        try:
            _Row.model_validate(row)
        except ValidationError as fault:
            first = fault.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise InputError.of(path, f"line {number}: {named([place])}: {first['msg']}") from None
        known = _stated(row, _Row)
        rows[key] = known | {"targets": [_stated(target, _Target) for target in known.get("targets", ())]}
    return rows


def _stated(entry: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Return the entry without nulls for what commands rely on: a null means that it is not stated."""
    relied_on = model.model_fields.keys() - {"template"}  # null for targets that are none
    return {name: value for name, value in entry.items() if value is not None or name not in relied_on}
