"""Recipe files, YAML or TOML, as plain entries; and entries laid over others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from sirstgen.errors import InputError
from sirstgen.files.input_files import decoded_text
from sirstgen.recipe.distributions import Distribution

_LARGEST_FILE = 1 << 20  # bytes
_MOST_VALUES = 100_000
_DEEPEST = 16


def read_entries(path: Path) -> dict[str, Any]:
    """Return the entries of a recipe file.

    Raises:
        InputError: the file cannot be read, is too large, or is neither YAML nor TOML; names the file and the line.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError.of(path, f"too large for a recipe ({path.stat().st_size} bytes, at most {_LARGEST_FILE})")
        text = decoded_text(path.read_bytes())
    except UnicodeDecodeError as error:
        raise InputError.of(path, f"the recipe is not UTF-8 text: {error.reason} at byte {error.start}") from None
    except (OSError, ValueError) as error:
        raise InputError.of(path, f"the recipe cannot be read: {getattr(error, 'strerror', None) or error}") from None
    toml = path.suffix.lower() == ".toml"
    try:
        entries = _toml(text) if toml else parse_yaml(text)
        _refuse_excess(entries)
    except (ValueError, OverflowError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise InputError.of(path, f"not a {'TOML' if toml else 'YAML'} recipe: {shortened(what, 200)}") from None
    if entries is None:
        return {}
    if not isinstance(entries, dict):
        raise InputError.of(path, f"a recipe must be a table of keys, got {type(entries).__name__}")
    return entries


def _toml(text: str) -> Any:
    import tomllib

    return tomllib.loads(text)


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML text.

    Raises:
        ValueError: it is none, a key is duplicate, or a number is one that YAML 1.1 reads in another base (010, 1:30).
    """
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            twice = next((key for key, times in Counter(keys).items() if times > 1), None)
            if twice is not None:
                raise ValueError(f"key {shortened(twice)} is given twice, line {node.start_mark.line + 1}")
            return super().construct_mapping(node, deep)

    def number_of(loader: Any, node: Any) -> Any:
        if re.match(r"[-+]?0[0-7_]+$", node.value) or ":" in node.value:
            where = f"line {node.start_mark.line + 1}"
            raise ValueError(f"{shortened(node.value)} would be read in base 8 or 60; write a plain number, {where}")
        kind = node.tag.rpartition(":")[2]
        return getattr(loader, f"construct_yaml_{kind}")(node)

    for tag in ("int", "float"):
        Loader.add_constructor(f"tag:yaml.org,2002:{tag}", number_of)
    # YAML 1.1 as PyYAML reads it takes 1e-3, without a point, for text.
    number = re.compile(r"^[-+]?\d[\d_]*(?:\.\d*)?[eE][-+]?\d+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+0123456789"))
    try:
        return yaml.load(text, Loader=Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise ValueError(f"{what}, line {mark.line + 1}" if mark else what) from None


def _refuse_excess(entries: Any) -> None:
    """Raise ValueError for entries that no recipe needs: nested deeply, or without end by YAML's references."""
    values, level = [entries], 0
    seen = 0
    while values:
        seen += len(values)
        level += 1
        if level > _DEEPEST:
            raise ValueError(f"tables and lists must be nested at most {_DEEPEST} deep")
        if seen > _MOST_VALUES:
            raise ValueError(f"a recipe must hold at most {_MOST_VALUES} values")
        inner: list[Any] = []
        for value in values:
            if isinstance(value, dict | list) and len(inner) <= _MOST_VALUES:
                inner += value.values() if isinstance(value, dict) else value
        values = inner


def laid_over(model: type[BaseModel], entries: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `entries` of `model` with `changes` over them.

    Sections are merged entry by entry and tables row by row; drawn numbers, lists and weights are replaced.
    """
    merged = dict(entries)
    for key, value in changes.items():
        own = merged.get(key)
        field = model.model_fields.get(str(key))
        section = None if field is None else inner_model(field.annotation)
        if section is None or not isinstance(own, Mapping) or not isinstance(value, Mapping):
            merged[key] = value
        elif is_table(field.annotation if field else None):
            merged[key] = rows_over(section, own, value)
        else:
            merged[key] = laid_over(section, own, value)
    return merged


def rows_over(row: type[BaseModel], table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table of rows with the rows of `changes` over its own, each entry by entry."""
    return dict(table) | {
        key: laid_over(row, table[key], value)
        if key in table and isinstance(table[key], Mapping) and isinstance(value, Mapping)
        else value
        for key, value in changes.items()
    }


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """Return the model of a section, or of the rows of a table; None for a value (a drawn number is one)."""
    if isinstance(annotation, type):
        is_section = issubclass(annotation, BaseModel) and not issubclass(annotation, Distribution)
        return annotation if is_section else None
    return next((model for model in map(inner_model, get_args(annotation)) if model is not None), None)


def is_table(annotation: Any) -> bool:
    """Return whether a field holds named rows."""
    return get_origin(annotation) is dict


def shortened(text: str, longest: int = 60) -> str:
    """Return `text`, cut where it is longer, for messages."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
