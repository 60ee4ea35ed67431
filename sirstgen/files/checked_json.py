"""JSON objects that hold their own checksum: the state of runs, in which a changed byte must not go unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sirstgen.files.input_files import parse_json

_CHECKSUM = "sha256"


def checked_text(values: Mapping[str, Any]) -> str:
    """Return a JSON object as one line, with a checksum of its values as its last entry."""
    return json.dumps({**values, _CHECKSUM: _checksum(values)}) + "\n"


def parse_checked(data: str | bytes) -> dict[str, Any] | None:
    """Return the values that `checked_text` wrote; None where the text was changed since."""
    try:
        values = parse_json(data)
        checksum = values.pop(_CHECKSUM)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
    return values if checksum == _checksum(values) else None


def _checksum(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
