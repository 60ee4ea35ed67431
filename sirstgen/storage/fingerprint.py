"""The fingerprint of a run: the parts that decide its pixels. A refusal to resume names the part that differs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sirstgen import __version__
from sirstgen.synthesis.generator import Generator
from sirstgen.synthesis.planned import PlannedGenerator

PARTS = ("sirstgen", "seed", "recipe", "backgrounds", "templates", "plans")
"""In the order in which a difference is named. The manifest holds each of them under the same key."""

_NAMES = {"sirstgen": "sirstgen version", "templates": "templates digest", "plans": "plans digest"}
_LONGEST = 60  # characters of a value in a message
_ABSENT = object()


def fingerprint(generator: Generator) -> dict[str, Any]:
    """Return everything that decides the pixels of a run, as JSON values; runs with equal ones give equal images."""
    return {
        "sirstgen": __version__,
        "seed": generator.seed,
        "recipe": generator.recipe.to_dict(),
        "backgrounds": generator.backgrounds.describe(),
        "templates": generator.templates.digest(),
        # Images that were drawn have no plans apart from the recipe.
        "plans": generator.plans_digest() if isinstance(generator, PlannedGenerator) else None,
    }


def difference(begun: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Return what differs between two fingerprints, ``its seed is 7, this run's is 8``; None if nothing does.

    Args:
        begun: of the run or dataset that is there; parts that it lacks differ.
        now: of the run that would resume it.
    """
    # What was read from a file went through JSON: tuples are lists there, keys are text.
    sides = [json.loads(json.dumps({part: side.get(part) for part in PARTS})) for side in (begun, now)]
    found = list(_differences(*sides))
    if not found:
        return None
    place, old, new = found[0]
    more = f" (and {len(found) - 1} more: {_short(', '.join(place for place, _, _ in found[1:]))})" if found[1:] else ""
    return f"its {place} is {_shown(old)}, this run's is {_shown(new)}{more}"


def _differences(begun: Any, now: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, Any, Any]]:
    """Yield each place at which two JSON values differ, with both values."""
    if isinstance(begun, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*now, *begun)):
            yield from _differences(begun.get(key, _ABSENT), now.get(key, _ABSENT), (*place, key))
    elif begun is not now and begun != now:
        name = ".".join(place)
        yield _NAMES.get(name, name), begun, now


def _shown(value: Any) -> str:
    return "absent" if value is _ABSENT else _short(json.dumps(value))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
