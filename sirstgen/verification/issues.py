"""A fault: one claim of a dataset that its files do not bear out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Issue:
    """One claim that does not hold.

    Args:
        place: the file, below the dataset folder, or the image's id and the target's number.
        what: which claim, or what is wrong.
        stated: what the dataset says; None where it says nothing.
        found: what its files show; None where there is nothing to show.
    """

    place: str
    what: str
    stated: Any = None
    found: Any = None

    def __str__(self) -> str:
        parts = [f"stated {_short(self.stated)}"] if self.stated is not None else []
        parts += [f"found {_short(self.found)}"] if self.found is not None else []
        return f"{self.place}: {self.what}" + (f": {', '.join(parts)}" if parts else "")

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; NaN and infinity, which JSON does not have, as text."""
        return {"place": self.place, "what": self.what, "stated": _plain(self.stated), "found": _plain(self.found)}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _short(value: Any, limit: int = 80) -> str:
    text = str(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
