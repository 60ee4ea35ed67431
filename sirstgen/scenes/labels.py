"""Scene labels from files: those a person wrote, and the scene network's decisions kept in the user's cache.

Nothing here needs torch: a folder whose scenes are known is opened without it.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sirstgen.errors import InputError, printable
from sirstgen.files.caching import Cache, digest_of
from sirstgen.files.images import IMAGE_SUFFIXES, read_bytes
from sirstgen.files.input_files import RepeatedKeyError, decoded_text, parse_json

WEIGHTS = Path(__file__).parent / "weights" / "scenes.safetensors"
"""The weights of the scene network that ships with sirstgen."""

_NAME_COLUMNS = ("name", "id", "file", "image", "filename")
_COLUMNS = ("scene", "confidence", "scene_confidence", "group", *_NAME_COLUMNS)
WORDS = {"high": 1.0, "low": 0.5}
"""What a labeller's words for confidence count as."""


@dataclass(frozen=True, slots=True)
class SceneLabel:
    """One frame's scene, the confidence in it (0 to 1) and, where the label says so, its near-duplicate group."""

    scene: str
    confidence: float = 1.0
    group: str | None = None


def read_labels(path: Path | str) -> dict[str, SceneLabel]:
    """Return the labels of a JSON or CSV file, by frame name without suffix.

    JSON: ``{"0007": "sea"}`` or ``{"0007": {"scene": "sea", "confidence": 0.9, "group": "g1"}}``; ``confidence`` (or
    ``scene_confidence``) is 0 to 1 or one of `WORDS`, and is 1 where missing. CSV: a header with ``name`` and ``scene``
    (``confidence`` and ``group`` if wanted), or no header and two columns; semicolons or tabs may stand for commas. A
    name is the file's stem or its path below the folder; an image suffix is cut off.

    Raises:
        InputError: the file cannot be read or does not have this form.
    """
    try:
        text = decoded_text(read_bytes(path))
    except ValueError:
        raise InputError.of(path, "labels are UTF-8 text, JSON or CSV; this is neither") from None
    rows = _csv_rows(text, path) if Path(path).suffix.lower() == ".csv" else _json_rows(text, path)
    labels: dict[str, SceneLabel] = {}
    for name, row in rows:
        label = _label(row, f"{path}: label of {name!r}")
        key = frame_name(name)
        if labels.setdefault(key, label) != label:
            raise InputError.of(path, f"{key!r} has two different labels; keep one of them")
    if not labels:
        raise InputError.of(path, "holds no label; leave it out, or write one line a frame")
    return labels


def frame_name(name: str) -> str:
    """Return `name` as a POSIX path without its image suffix."""
    pure = PurePosixPath(name.strip().replace("\\", "/"))
    return str(pure.with_suffix("")) if pure.suffix.lower() in IMAGE_SUFFIXES else str(pure)


def _json_rows(text: str, path: Path | str) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        content = parse_json(text)
    except RepeatedKeyError as fault:
        raise InputError.of(path, str(fault)) from None
    except (ValueError, RecursionError) as fault:  # a number of thousands of digits is a ValueError, too
        raise InputError.of(
            path, f"not valid JSON ({printable(str(fault), 80)}); labels are JSON, or CSV in a file named .csv"
        ) from None
    if not isinstance(content, dict):
        raise InputError.of(path, f'labels are an object {{"name": "scene"}}, got a {type(content).__name__}')
    return [(name, value if isinstance(value, dict) else {"scene": value}) for name, value in content.items()]


def _csv_rows(text: str, path: Path | str) -> list[tuple[str, Mapping[str, Any]]]:
    try:
        file = io.StringIO(text, newline=None)
        comma = next((mark for mark in ",;\t" if mark in text.partition("\n")[0]), ",")
        lines = [line for line in csv.reader(file, delimiter=comma, skipinitialspace=True) if any(line)]
    except csv.Error as fault:
        raise InputError.of(path, f"not valid CSV ({fault})") from None
    header = [cell.strip().lower() for cell in lines[0]] if lines else []
    if twice := sorted({cell for cell in header if cell and header.count(cell) > 1} & set(_COLUMNS)):
        raise InputError.of(path, f"the header has the column {twice[0]!r} twice; keep one of them")
    if "scene" in header:
        names = [name for name in _NAME_COLUMNS if name in header]
        if not names:
            raise InputError.of(path, f"the header needs a column 'name' beside 'scene', got {header}")
        records = [dict(zip(header, (cell.strip() for cell in line), strict=False)) for line in lines[1:]]
        return [(record.get(names[0], ""), record) for record in records]
    if header and header[0] in _NAME_COLUMNS:
        raise InputError.of(path, f"the header needs a column 'scene' beside {header[0]!r}, got {header}")
    for number, line in enumerate(lines, start=1):
        if len(line) != 2:
            raise InputError.of(path, f"line {number} must be 'name,scene', got {','.join(line)!r}; or write a header")
    return [(line[0], {"scene": line[1].strip()}) for line in lines]


def _label(row: Mapping[str, Any], where: str) -> SceneLabel:
    scene = row.get("scene")
    if not isinstance(scene, str) or not scene:
        raise InputError(f"{where} needs a scene, a word such as 'sea', got {scene!r}")
    given = row.get("scene_confidence", row.get("confidence"))
    confidence = 1.0 if given is None or given == "" else WORDS.get(given) if isinstance(given, str) else given
    try:
        number = float(given if confidence is None else confidence)  # a CSV cell: a number as text
    except (TypeError, ValueError):
        number = math.nan
    if not 0.0 <= number <= 1.0:
        raise InputError(f"{where}: confidence must be 0 to 1, 'high' or 'low', got {given!r}")
    group = row.get("group")
    return SceneLabel(scene, number, str(group) if group not in (None, "") else None)


class SceneDecisions:
    """The shipped scene network's decisions, in the user's cache, by digest of the frame's gray levels.

    Keyed by content and weights: renamed and moved frames keep their decision; changed ones lose it, and all do where
    the weights change.
    """

    def __init__(self) -> None:
        self._cache = Cache("scenes", digest_of(WEIGHTS.read_bytes())[:12], ".json")

    def get(self, key: str) -> SceneLabel | None:
        """Return the decision on the frame of the digest `key`; None where there is none, or a damaged one."""
        data = self._cache.get(key)
        return None if data is None else SceneLabel(**json.loads(data))

    def put(self, key: str, label: SceneLabel) -> None:
        """Keep a decision."""
        self._cache.put(key, json.dumps({"scene": label.scene, "confidence": label.confidence}).encode())
