"""Faults of a recipe in one short line: what is wrong, the value, where, the nearest spelling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sirstgen.checks import nearest
from sirstgen.errors import InvalidValueError
from sirstgen.recipe.reading import inner_model, shortened
from sirstgen.recipe.stage_entries import ByRegistry, entries_model

_LONGEST = 280  # characters of a message

RENAMED: dict[str, str] = {
    "psf_sigma": "stages.point_spread.sigma",
    "halo": "stages.undershoot.depth",
    "irregular": "stages.extra_gaussians, stages.saturation_clip and stages.wide_component",
    "mask_jitter": "stages.mask_jitter.deviation",
    "noise": "stages.sensor_noise",
    "codec": "stages.codec",
    "dim_share": "share_outside_top10",
    "formation": "cluster",
    "backgrounds.whole": "backgrounds.native_size",
}
"""Keys of earlier versions, joined with dots, and where their entries are now."""

_RULES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than": lambda bound: f"must be above {bound['gt']:g}" if bound["gt"] else "must be positive",
    "greater_than_equal": lambda bound: f"must be at least {bound['ge']:g}",
    "less_than": lambda bound: f"must be below {bound['lt']:g}",
    "less_than_equal": lambda bound: f"must be at most {bound['le']:g}",
    "finite_number": lambda _: "must be a finite number",
    "float_type": lambda _: "must be a number",
    "int_type": lambda _: "must be a whole number",
    "int_parsing": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "bool_type": lambda _: "must be true or false",
    "string_type": lambda _: "must be text",
    "string_too_long": lambda bound: f"must be at most {bound['max_length']} characters long",
    "literal_error": lambda bound: f"must be {bound['expected']}",
    "dict_type": lambda _: "must be a table of keys",
    "mapping_type": lambda _: "must be a table of keys",
    "model_type": lambda bound: (
        "must be a number, a list or a distribution"
        if bound["class_name"] == "Distribution"
        else "must be a table of keys"
    ),
    "tuple_type": lambda _: "must be a list",
    "list_type": lambda _: "must be a list",
    "too_short": lambda bound: f"must hold at least {bound['min_length']}, got {bound['actual_length']}",
    "too_long": lambda bound: f"must hold at most {bound['max_length']}, got {bound['actual_length']}",
    "missing": lambda _: "must be given",
    "out_of_bounds": lambda bound: f"must be {bound['rule']}, got {bound['value']:g}",
    "without_limits": lambda bound: (
        f"must be {bound['rule']}, got a distribution without limits (add limits: [low, high])"
    ),
}
"""The rule that each kind of fault breaks."""

_COMPLETE = ("too_short", "too_long", "missing", "out_of_bounds", "without_limits", "value_error")
"""Kinds whose rule needs no value after it."""


def explain(error: ValidationError, entries: Any, origin: str, model: type[BaseModel]) -> InvalidValueError:
    """Return the error to raise for a recipe that pydantic refused.

    Args:
        error: what pydantic found.
        entries: what the recipe was made from; only places that are in it are named.
        origin: name of the file, or ``recipe``.
        model: of the recipe.

    Returns:
        An error whose message names the first fault and the places of the others, in fewer than 300 characters; its
        data holds ``place``, ``value`` and ``faults``, the number of faults.
    """
    # A misspelt key may also leave another one missing; the misspelling is what the user needs to see.
    faults = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    first = faults[0]
    spots = _spots(first, entries)
    place = joined(spots)
    if first["type"] == "extra_forbidden":
        text = _unknown_key(spots, model)
    else:
        of_key = first["loc"][-1:] == ("[key]",)
        words = [spot for spot in (spots[:-1] if of_key else spots) if isinstance(spot, str)]
        name = place if first["type"] == "missing" else words[-1] if words else ""
        text = _broken_rule(first, f"a key of {name}" if of_key else shortened(name, 80))
    where = f"{origin}: {shortened(place, 80)}" if place else origin
    places = {joined(_spots(fault, entries)) for fault in faults[1:]}
    others = sorted(other for other in places if not place.startswith(other))
    more = f"; also wrong: {', '.join(others)}" if others else ""
    message = f"{shortened(text, _LONGEST - len(where) - 3)} ({where})"
    message += shortened(more, max(0, _LONGEST - len(message))) if len(message) < _LONGEST - 30 else ""
    return InvalidValueError(message, place=place, value=first["input"], faults=len(faults))


def joined(spots: Iterable[Any]) -> str:
    """Return a place as a user writes it, ``scenes.sea.kinds`` or ``scr[1]``."""
    place = ""
    for spot in spots:
        place += f"[{spot}]" if isinstance(spot, int) else f".{shortened(str(spot), 40)}" if place else str(spot)
    return place


def shown(value: Any) -> str:
    """Return a value for a message, cut where it is long."""
    if isinstance(value, Mapping):
        return "a table of keys"
    if isinstance(value, list | tuple | set):
        return shortened(f"a list of {len(value)}" if len(value) > 20 else str(value))
    try:
        return shortened(repr(value))
    except ValueError:  # a whole number of more digits than Python prints
        return f"a number of {value.bit_length()} bits" if isinstance(value, int) else type(value).__name__


def _broken_rule(fault: ErrorDetails, name: str) -> str:
    bound = fault.get("ctx", {})
    kind = fault["type"]
    if kind == "value_error":
        return str(bound["error"])
    rule = _RULES[kind](bound) if kind in _RULES else f"is not allowed ({kind})"
    return f"{name or 'a recipe'} {rule}" + ("" if kind in _COMPLETE else f", got {shown(fault['input'])}")


def _unknown_key(spots: list[Any], model: type[BaseModel]) -> str:
    key, place = shortened(str(spots[-1]), 40), joined(spots)
    if place in RENAMED:
        return f"{place} is now {RENAMED[place]}"
    known = list(_model_at(spots[:-1], model).model_fields)
    hint = nearest(spots[-1], known)
    return f"unknown key {key}{hint}" + ("" if hint else shortened(f"; allowed: {', '.join(known)}", 160))


def _spots(fault: ErrorDetails, entries: Any) -> list[Any]:
    """Return the place of a fault, without the steps that pydantic adds to what the user wrote."""
    here, spots = entries, []
    steps = [step for step in fault["loc"] if step != "[key]"]
    for number, step in enumerate(steps):
        if isinstance(here, Mapping):
            found = next((key for key in (step, str(step)) if key in here), None)
            last = number == len(steps) - 1 and fault["type"] in ("missing", "extra_forbidden")
            if found is None and not last:
                continue
            here = here[found] if found is not None else None
        elif isinstance(here, list | tuple) and isinstance(step, int) and step < len(here):
            here = here[step]
        else:
            continue
        spots.append(step)
    value = fault.get("ctx", {}).get("value")
    if isinstance(here, list | tuple) and value in here:  # which of several numbers is out of bounds
        spots.append(here.index(value))
    return spots


def _model_at(spots: list[Any], model: type[BaseModel]) -> type[BaseModel]:
    """Return the model whose keys are allowed at `spots`; rows of tables and places in lists are passed over."""
    for spot in spots:
        if spot in model.model_fields:
            annotation = model.model_fields[spot].annotation
            if any(isinstance(note, ByRegistry) for note in model.model_fields[spot].metadata):
                annotation = entries_model()
            model = inner_model(annotation) or _distribution(annotation) or model
    return model


def _distribution(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for model in map(_distribution, get_args(annotation)) if model is not None), None)
