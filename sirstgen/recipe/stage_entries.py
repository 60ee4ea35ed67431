"""The ``stages`` of a recipe: entries of any registered stages, by name, validated by the models of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, GetJsonSchemaHandler, create_model
from pydantic_core import CoreSchema, core_schema

from sirstgen.recipe.distributions import Part
from sirstgen.stages import Stage, find_stage, registered_stages


def entries_model() -> type[BaseModel]:
    """Return a model with one optional field for each stage that is registered now."""
    return _model(tuple(registered_stages().values()))


_models: dict[tuple[Stage, ...], type[BaseModel]] = {}


def _model(stages: tuple[Stage, ...]) -> type[BaseModel]:
    if stages not in _models:
        fields: dict[str, Any] = {stage.name: (stage.entry | None, None) for stage in stages}
        _models[stages] = create_model("Stages", __base__=Part, **fields)
    return _models[stages]


def stage_entries(value: Any) -> dict[str, Part]:
    """Return the entries that are given, in the order of the registry; null leaves a stage out."""
    if not isinstance(value, Mapping):
        raise ValueError("stages must be a table of stages")
    for name in value:
        find_stage(str(name))
    found = entries_model().model_validate(dict(value))
    return {name: entry for name, entry in found if entry is not None}


class ByRegistry:
    """Validation, serialisation and JSON Schema of `StageEntries` follow the registry at the time of the call."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            stage_entries, serialization=core_schema.plain_serializer_function_ser_schema(_dumped)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(entries_model().__pydantic_core_schema__)


def _dumped(entries: dict[str, Part]) -> dict[str, Any]:
    return {name: entry.model_dump(mode="json", exclude_none=True) for name, entry in entries.items()}


StageEntries = Annotated[dict[str, Part], ByRegistry()]
"""Entries of stages by name."""
