"""Recipes as commented YAML, and the table of entries in docs/recipe.md; both follow from the models."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sirstgen.recipe.distributions import Distribution, Within, range_text
from sirstgen.recipe.reading import inner_model, is_table
from sirstgen.recipe.stage_entries import ByRegistry, entries_model

if TYPE_CHECKING:
    from sirstgen.recipe.recipe import Recipe

_WIDTH = 116
_COMMENT = 34  # column of comments beside short entries

HEAD = """\
Every entry of a recipe. Defaults are the DNA-Net paper's dataset (sections IV-B, IV-C, Fig. 6, Fig. 7, Eq. 10).
A recipe file needs only the entries that differ; rows of `scenes` and `classes` are merged with the default rows.
docs/recipe.md shows the forms of a drawn number: a number, a list, between, normal, lognormal, quantiles."""


def to_yaml(recipe: Recipe) -> str:
    """Return the complete recipe as YAML, each entry with what it means; `Recipe.load` reads it back."""
    head = [f"# {line}" for line in HEAD.splitlines()]
    return "\n".join([*head, "", *_section(type(recipe), recipe.model_dump(), 0)]) + "\n"


def entry_table(model: type[BaseModel], place: str = "") -> str:
    """Return the Markdown table of the entries of a model, below `place`: meaning, allowed values, default."""
    rows = ["| entry | meaning | allowed | default |", "|---|---|---|---|"]
    rows += ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in _rows(model, place)]
    return "\n".join(rows)


def stage_table() -> str:
    """Return the Markdown table of the entries of all stages that are registered."""
    tables = [
        entry_table(get_args(field.annotation)[0], f"{name}.").split("\n")
        for name, field in entries_model().model_fields.items()
    ]
    return "\n".join(tables[0][:2] + [row for table in tables for row in table[2:]])


def _section(model: type[BaseModel], entries: Mapping[str, Any], depth: int) -> Iterator[str]:
    """Yield the lines of a section's entries, the long ones under their comments."""
    indent = "  " * depth
    apart = False  # whether the line before ended a section
    for name, value in entries.items():
        field = model.model_fields.get(name)
        comment = (field.description or "") if field is not None else ""
        section = inner_model(field.annotation) if field is not None else None
        if section is not None and isinstance(value, Mapping) and value and depth == 0:
            yield from ("", *_comment(comment, indent))
            yield f"{indent}{name}:"
            table = field is not None and is_table(field.annotation)
            yield from _table(value, depth + 1) if table else _section(section, value, depth + 1)
            apart = True
        else:
            if apart:
                yield ""
            apart = False
            line = f"{indent}{name}: {_flow(value)}"
            beside = f"{line:<{_COMMENT}}  # {comment}"
            if not comment or len(beside) > _WIDTH:
                yield from _comment(comment, indent)
                yield line
            else:
                yield beside


def _table(rows: Mapping[str, Any], depth: int) -> Iterator[str]:
    """Yield the lines of named rows, without entries that are null."""
    indent = "  " * depth
    for name, row in rows.items():
        held = {key: value for key, value in row.items() if value is not None}
        line = f"{indent}{_flow(name)}: {_flow(held)}"
        if len(line) <= _WIDTH:
            yield line
        else:
            yield f"{indent}{_flow(name)}:"
            yield from (f"{indent}  {key}: {_flow(value)}" for key, value in held.items())


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")


def _flow(value: Any) -> str:
    import yaml

    text = str(yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**9, allow_unicode=True))
    return text.removesuffix("\n").removesuffix("...").strip()


def _rows(model: type[BaseModel], place: str = "") -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        section = inner_model(field.annotation)
        here = f"{place}{name}"
        if any(isinstance(note, ByRegistry) for note in field.metadata):
            yield f"`{here}`", f"{field.description}: [stages](stages.md)", "stages by name", "`{}`"
            continue
        default = "" if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
        if section is not None and not (place and default is None):
            if default is None:
                yield f"`{here}`", field.description or "", "a table of the entries below", "`null`"
            row = "NAME." if is_table(field.annotation) else ""
            yield from _rows(section if not isinstance(default, BaseModel) else type(default), f"{here}.{row}")
        else:
            yield f"`{here}`", field.description or "", allowed(field), _default(default)


def allowed(field: FieldInfo) -> str:
    """Return what a field may hold, in words: its kind and its bounds."""
    annotation: Any = field.annotation
    notes = list(field.metadata)
    choices = [option for option in get_args(annotation) if option is not type(None)]
    if get_origin(annotation) is not dict and type(None) in get_args(annotation) and len(choices) == 1:
        annotation = choices[0]
    while hasattr(annotation, "__metadata__"):
        notes += annotation.__metadata__
        annotation = annotation.__origin__
    bounds = next((note.text for note in notes if isinstance(note, Within)), "")
    parts = [part for note in notes for part in getattr(note, "metadata", [note])]
    above, least, most = (
        next((getattr(part, key) for part in parts if hasattr(part, key)), None) for key in ("gt", "ge", "le")
    )
    return f"{_kind(annotation)} {bounds or range_text(above, least, most)}".strip()


def _kind(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if origin is dict:
        return "weights"
    if origin is tuple:
        return "a list"
    if isinstance(annotation, type) and issubclass(annotation, Distribution):
        return "drawn"
    if inner_model(annotation) is not None:
        return "a table"
    return {int: "whole number", float: "number", bool: "`true` or `false`", str: "text"}.get(annotation, "")


def _default(value: Any) -> str:
    if value == "":
        return ""
    if isinstance(value, Distribution | tuple):
        value = value.written() if isinstance(value, Distribution) else list(value)
    return f"`{_flow(value)}`"
