"""Recipe: everything a dataset is drawn from, read from YAML or TOML over the default; wrong keys fail at once."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from sirstgen.errors import InputError, InvalidValueError
from sirstgen.plan import Kind
from sirstgen.recipe.distributions import Drawn, Part, check_positive
from sirstgen.recipe.parts import (
    BackgroundRules,
    Cluster,
    ContrastLaw,
    KernelSize,
    Position,
    Quality,
    Region,
    SceneRow,
    TemplateClass,
    check_counts,
)
from sirstgen.recipe.stage_entries import StageEntries, entries_model
from sirstgen.stages import find_stage

_DEFAULT = Path(__file__).with_name("default_recipe.yaml")

# A file's entry replaces the default's, but in sections its entries stand over the default's one by one, and in
# tables (sections of named rows) so do the entries of each row.
_SECTIONS = ("backgrounds", "quality", "clutter_region", "point", "spot", "cluster")
_TABLES = ("scenes", "classes", "stages")

_RENAMED = {
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
"""Keys of version 0.2 and what they are called now."""


class Recipe(Part):
    """Everything a dataset is drawn from; immutable.

    ``Recipe.default()`` is the paper's; ``Recipe.load(path)`` reads a YAML or TOML file with the entries that differ.
    """

    width: int = Field(ge=16, le=16384)
    height: int = Field(ge=16, le=16384)
    bit_depth: Literal[8, 16]
    scr: Drawn = Field(description="signal-to-clutter ratio, Eq. 10")
    contrast: ContrastLaw | None = Field(None, description="in place of scr")
    blur_sigma: Drawn = Field(description="sigma of the 5x5 Gaussian blur, pixels")
    mask_level: float = Field(gt=0, le=1)
    stages: StageEntries = Field(description="what happens to targets and images beyond the paper's steps")
    position: Position | None = None
    cluster: Cluster
    clutter_region: Region
    dark_share: float = Field(ge=0, le=1)
    targets_per_image: dict[int, float]
    share_outside_top10: float | None = Field(
        None, ge=0, le=1, description="share of targets outside the brightest 10 % (Fig. 6c); null: any place will do"
    )
    point: KernelSize
    spot: KernelSize
    classes: dict[str, TemplateClass]
    scenes: dict[str, SceneRow] = Field(min_length=1)
    backgrounds: BackgroundRules
    quality: Quality

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_positive("scr", self.scr)
        check_positive("blur_sigma", self.blur_sigma)
        for name in self.stages:
            depths = find_stage(name).bit_depths
            if self.bit_depth not in depths:
                allowed = " or ".join(map(str, depths))
                raise ValueError(f"stages.{name} needs a bit_depth of {allowed}, got {self.bit_depth}")
        check_counts(self.targets_per_image)
        for scene, row in self.scenes.items():
            for cls in row.classes:
                if cls not in self.classes:
                    known = nearest(cls, self.classes)
                    raise ValueError(f"scenes.{scene}.classes names {cls}, which is not in classes{known}")
        return self

    @classmethod
    def default(cls, **changes: Any) -> Self:
        """The paper's recipe, with top-level entries replaced by `changes` (``scr=[4], width=128``)."""
        return cls.from_mapping(changes)

    @classmethod
    def load(cls, path: str | Path, **changes: Any) -> Self:
        """A recipe file over the default recipe, and `changes` over both (``backgrounds={"procedural_share": 0.5}``).

        Raises:
            InputError: the file cannot be read or is neither YAML nor TOML.
            InvalidValueError: a key or value is wrong; names key, value, what is allowed and the nearest spelling.
        """
        source = Path(path)
        try:
            text = source.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError.of(source, f"the recipe cannot be read: {error}") from error
        return cls.from_mapping(_merged(_parse(text, source), changes), source.name)

    @classmethod
    def from_mapping(cls, entries: Mapping[str, Any], origin: str = "recipe") -> Self:
        """A recipe from a plain mapping over the default recipe; `origin` is named in errors."""
        merged = _merged(_default_entries(), entries)
        try:
            return cls.model_validate(merged)
        except ValidationError as error:
            raise _explain(error, origin) from None

    def to_mapping(self) -> dict[str, Any]:
        """The complete recipe as JSON values, defaults included; `from_mapping` reads it back to an equal recipe."""
        # Entries left out are read as the default's, and only this one's default is a number that null replaces.
        return self.model_dump(mode="json", exclude_none=True) | {"share_outside_top10": self.share_outside_top10}

    def row(self, scene: str) -> SceneRow:
        """The P_size row of `scene`.

        Raises:
            InvalidValueError: there is none.
        """
        if scene not in self.scenes:
            raise InvalidValueError(
                f"scene must be one of {', '.join(self.scenes)}, got {scene}{nearest(scene, self.scenes)}; "
                f"add a row scenes.{scene} to the recipe",
                name="scene",
                value=scene,
            )
        return self.scenes[scene]

    def kernel_size(self, scene: str, kind: Kind) -> KernelSize:
        """Size of a point or spot target in `scene`."""
        own = self.row(scene)
        return (own.point or self.point) if kind == "point" else (own.spot or self.spot)


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes` over it: sections entry by entry, tables row by row, other entries as a whole."""
    merged = dict(base)
    for key, value in changes.items():
        own = merged.get(key)
        if key in _TABLES and isinstance(own, Mapping) and isinstance(value, Mapping):
            merged[key] = _over(own, value)
        elif key in _SECTIONS and isinstance(own, Mapping) and isinstance(value, Mapping):
            merged[key] = {**own, **value}
        else:
            merged[key] = value
    return merged


def _over(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`table` with the rows of `changes` over its own, entry by entry."""
    merged = dict(table)
    for key, value in changes.items():
        row = merged.get(key)
        merged[key] = {**row, **value} if isinstance(row, Mapping) and isinstance(value, Mapping) else value
    return merged


def nearest(word: str, words: Any) -> str:
    """`` (did you mean X?)`` for the nearest spelling among `words`, or nothing."""
    close = difflib.get_close_matches(str(word), [str(other) for other in words], n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def schema_text() -> str:
    """The recipe's JSON Schema."""
    return json.dumps(Recipe.model_json_schema(), indent=2)


def recipe_text(recipe: Recipe) -> str:
    """The complete recipe as YAML; `Recipe.load` reads it back."""
    import yaml

    return str(yaml.safe_dump(recipe.to_mapping(), sort_keys=False, default_flow_style=None, width=120)).rstrip()


@cache
def _default_entries() -> dict[str, Any]:
    return _parse(_DEFAULT.read_text(encoding="utf-8"), _DEFAULT)


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        if path.suffix.lower() == ".toml":
            import tomllib

            entries: Any = tomllib.loads(text)
        else:
            import yaml

            entries = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except Exception as error:
        # PyYAML is imported only where it is needed, so its exceptions have no name here.
        if not isinstance(error, ValueError) and type(error).__module__.split(".")[0] != "yaml":
            raise
        kind = "TOML" if path.suffix.lower() == ".toml" else "YAML"
        raise InputError.of(path, f"not a {kind} file: {' '.join(str(error).split())}") from error
    if entries is None:
        return {}
    if not isinstance(entries, dict):
        raise InputError.of(path, f"a recipe must be a table of keys, got {type(entries).__name__}")
    return entries


def _explain(error: ValidationError, origin: str) -> InvalidValueError:
    """The first fault of a recipe in the words of the house: rule, value, place, nearest spelling."""
    faults = error.errors()
    # A misspelt key also leaves a required one missing; the misspelling is what the user needs to see.
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    spots = [spot for spot in first["loc"] if spot != "[key]"]
    place = ".".join(str(spot) for spot in spots)
    value = first["input"]
    if first["type"] == "extra_forbidden":
        known = _keys_at(spots[:-1])
        if place in _RENAMED:
            text = f"unknown key {place}: it is now {_RENAMED[place]}"
            return InvalidValueError(f"{text} ({origin})", place=place, value=value, faults=error.error_count())
        text = f"unknown key {spots[-1]}{nearest(str(spots[-1]), known)}; allowed: {', '.join(known)}"
    elif first["type"] == "missing":
        text = f"{place} must be given"
    else:
        rule = first["msg"].removeprefix("Value error, ")
        rule = rule.replace("a valid dictionary or instance of Distribution", "a number, a list or a distribution")
        rule = re.sub(r"a valid dictionary( or instance of \w+)?", "a table of keys", rule)
        text = re.sub("^Input should be", f"{place} must be", rule).replace("Keys should be", "keys must be")
        if not isinstance(value, Mapping) and "got" not in rule:
            text += f", got {value!r}"
    where = f"{origin}: {place}" if place else origin
    return InvalidValueError(f"{text} ({where})", place=place, value=value, faults=error.error_count())


def _keys_at(spots: list[Any]) -> list[str]:
    """Allowed keys of the recipe part at `spots`; table rows and list positions on the way are passed over."""
    part: type[BaseModel] = Recipe
    if spots[:1] == ["stages"]:
        part, spots = entries_model(), spots[1:]
    for spot in spots:
        if spot in part.model_fields:
            part = _model_in(part.model_fields[spot].annotation) or part
    return list(part.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for model in map(_model_in, get_args(annotation)) if model is not None), None)
