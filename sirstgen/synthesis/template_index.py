"""The index of a template folder: what is said about a class or one of its templates, checked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sirstgen.checks import nearest
from sirstgen.errors import InputError, InvalidValueError
from sirstgen.files.input_files import decoded_text, parse_json, read_bytes
from sirstgen.recipe.reading import parse_yaml

INDEX_NAMES = ("index.yaml", "index.yml", "index.json")


def read_index(root: Path, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the settings that the index of a template folder gives, by class or id; empty where there is no index.

    Args:
        root: the folder of templates.
        ids: of the templates in it, such as ``plane/03``.

    Raises:
        InputError: the index is no YAML or JSON table, or there are two.
        InvalidValueError: it names an unknown template or setting, or gives a value that is not allowed.
    """
    found = [root / name for name in INDEX_NAMES if (root / name).is_file()]
    if not found:
        return {}
    if len(found) > 1:
        raise InputError.of(found[1], f"there is {found[0].name} too; keep one index")
    path = found[0]
    try:
        text = decoded_text(read_bytes(path))
        entries: object = parse_json(text) if path.suffix == ".json" else parse_yaml(text)
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix == ".json" else "YAML"
        raise InputError.of(path, f"not a {kind} file: {' '.join(str(error).split())}") from error
    if not isinstance(entries, dict):
        raise InputError.of(path, "an index is a table of templates (plane/03: {heading: 180})")
    known = {name for key in ids for name in (key, key.split("/")[0])}
    for key in entries:
        if key not in known:
            raise InvalidValueError(f"{path}: {key!r} is neither a class nor a template here{nearest(str(key), known)}")
    return {str(key): _settings(entry, f"{path}: {key}") for key, entry in entries.items()}


def _settings(entry: object, where: str) -> dict[str, Any]:
    """Return one entry of an index, checked, as arguments of `Template`."""
    if not isinstance(entry, dict):
        raise InvalidValueError(f"{where} must be a table of {', '.join(_SETTINGS)}; got {entry!r}")
    settings = {}
    for key, value in entry.items():
        if key not in _SETTINGS:
            allowed = ", ".join(_SETTINGS)
            raise InvalidValueError(
                f"{where}: {key!r} is not a setting of a template{nearest(str(key), _SETTINGS)}: {allowed}"
            )
        rule, convert = _SETTINGS[key]
        try:
            settings[key] = convert(value)
        except (TypeError, ValueError):
            raise InvalidValueError(f"{where}: {key} must be {rule}, got {value!r}") from None
    return settings


def _scenes(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(scene, str) for scene in value):
        raise TypeError
    return tuple(value)


def _lengths(value: Any) -> tuple[float, float]:
    if not isinstance(value, list):
        raise TypeError
    shortest, longest = (float(length) for length in value)
    if not 0 < shortest <= longest < math.inf:
        raise ValueError
    return shortest, longest


def _degrees(value: Any) -> float:
    if not math.isfinite(float(value)):
        raise ValueError
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


_SETTINGS = {
    "scenes": ("a list of scene names", _scenes),
    "typical_length": ("two positive lengths in pixels, [shortest, longest]", _lengths),
    "heading": ("an angle in degrees", _degrees),
    "pose": ("text", _text),
}
