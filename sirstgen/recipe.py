"""Recipe: everything a dataset is drawn from, read from YAML or TOML over the default; wrong keys fail at once."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sirstgen.distributions import Distribution, Drawn
from sirstgen.errors import InputFault, InvalidValue
from sirstgen.plan import Kind

_DEFAULT = Path(__file__).with_name("default_recipe.yaml")

# A file's entry replaces the default's, but in sections its entries stand over the default's one by one, and in
# tables (sections of named rows) so do the entries of each row.
_SECTIONS = ("backgrounds", "quality", "clutter_region", "point", "spot")
_TABLES = ("scenes", "classes")

Where = Literal["sky", "water", "ground", "any"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class KernelSize(_Part):
    """Size of a Gaussian target."""

    area: Drawn = Field(description="mask area, pixels")
    aspect: Drawn = Field(description="longer axis / shorter axis, at least 1")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        _positive("area", self.area)
        if self.aspect.support[0] < 1:
            raise ValueError(f"aspect must be at least 1, got {_least(self.aspect)}")
        return self


class TemplateClass(_Part):
    """How the templates of one class (plane, ship, ...) are drawn."""

    where: Where = Field("any", description="side of a visible horizon: sky above; water and ground below")
    length: Drawn | None = Field(None, description="pixels along the main axis; null: the template's typical length")
    tilt: Drawn = Field(Distribution(choice=(0.0,)), description="rotation, degrees")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if self.length is not None:
            _positive("length", self.length)
        return self


def _positive(name: str, drawn: Distribution) -> None:
    if drawn.support[0] <= 0:
        raise ValueError(f"{name} must be positive, got {_least(drawn)}")


def _least(drawn: Distribution) -> str:
    """The smallest value that may be drawn, for messages."""
    unlimited = drawn.limits is None and (drawn.normal is not None or drawn.lognormal is not None)
    return "a distribution without limits (add limits: [low, high])" if unlimited else f"{drawn.support[0]:g}"


def _weights(name: str, table: Mapping[Any, float]) -> None:
    if not table or min(table.values()) < 0 or sum(table.values()) <= 0:
        raise ValueError(f"{name}: weights must not be negative and must not all be 0, got {dict(table)}")


class SceneRow(_Part):
    """One row of P_size (Fig. 7a): what may appear in a scene and how often."""

    kinds: dict[Kind, float] = Field(description="weight of point, spot and extended targets")
    classes: dict[str, float] = Field(default_factory=dict, description="weight of each template class")
    targets_per_image: dict[int, float] | None = Field(None, description="in place of the recipe's own")
    point: KernelSize | None = Field(None, description="in place of the recipe's own")
    spot: KernelSize | None = Field(None, description="in place of the recipe's own")
    reason: str = ""

    @model_validator(mode="after")
    def _drawable(self) -> Self:
        _weights("kinds", self.kinds)
        if self.kinds.get("extended", 0) > 0:
            _weights("classes", self.classes)
        if self.targets_per_image is not None:
            _counts(self.targets_per_image)
        return self


def _counts(table: Mapping[int, float]) -> None:
    _weights("targets_per_image", table)
    if min(table) < 0 or max(table) > 100:
        raise ValueError(f"targets per image must be from 0 to 100, got {sorted(table)}")


class Region(_Part):
    """Where Eq. 10 takes the background; see `sirstgen.plan.ClutterRegion`."""

    kind: Literal["local", "global"] = "local"
    margin: int = Field(20, ge=1, le=1000)


class BackgroundRules(_Part):
    """How backgrounds are chosen and cropped."""

    scene_mix: dict[str, float] | None = Field(None, description="weight of each scene; null: as found in the source")
    min_confidence: float = Field(0.0, ge=0, le=1)
    crop_scale: Drawn = Field(Distribution(choice=(1.0,)), description="side of the crop / side of the image")
    max_enlargement: float = Field(2.0, ge=1, le=8)
    flip: bool = True

    @field_validator("scene_mix")
    @classmethod
    def _mix(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        if value is not None:
            _weights("scene_mix", value)
        return value

    @model_validator(mode="after")
    def _positive(self) -> Self:
        _positive("crop_scale", self.crop_scale)
        return self


class Quality(_Part):
    """What is rejected and drawn again, in place of the paper's removal by hand (section IV-B)."""

    min_contrast: float = Field(8.0, ge=0, description="smallest peak of a target's own contribution, levels of 256")
    border: int = Field(2, ge=0, description="pixels kept free between a target and the image's edge")
    attempts: int = Field(12, ge=1, le=1000, description="places tried before a target's size is drawn again")


class Recipe(_Part):
    """Everything a dataset is drawn from; immutable.

    ``Recipe.default()`` is the paper's; ``Recipe.load(path)`` reads a YAML or TOML file with the entries that differ.
    """

    width: int = Field(ge=16, le=16384)
    height: int = Field(ge=16, le=16384)
    bit_depth: Literal[8, 16]
    scr: Drawn = Field(description="signal-to-clutter ratio, Eq. 10")
    blur_sigma: Drawn = Field(description="sigma of the 5x5 Gaussian blur, pixels")
    mask_level: float = Field(gt=0, le=1)
    clutter_region: Region
    dark_share: float = Field(ge=0, le=1)
    targets_per_image: dict[int, float]
    dim_share: float = Field(ge=0, le=1)
    point: KernelSize
    spot: KernelSize
    classes: dict[str, TemplateClass]
    scenes: dict[str, SceneRow] = Field(min_length=1)
    backgrounds: BackgroundRules
    quality: Quality

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _positive("scr", self.scr)
        _positive("blur_sigma", self.blur_sigma)
        _counts(self.targets_per_image)
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
        """A recipe file over the default recipe; `changes` replace top-level entries of the file.

        Raises:
            InputFault: the file cannot be read or is neither YAML nor TOML.
            InvalidValue: a key or value is wrong; names the key, the value, what is allowed and the nearest spelling.
        """
        source = Path(path)
        try:
            text = source.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputFault.of(source, f"the recipe cannot be read: {error}") from error
        return cls.from_mapping(_parse(text, source) | changes, source.name)

    @classmethod
    def from_mapping(cls, entries: Mapping[str, Any], origin: str = "recipe") -> Self:
        """A recipe from a plain mapping over the default recipe; `origin` is named in errors."""
        merged = dict(_default_entries())
        for key, value in entries.items():
            if key in _TABLES and isinstance(value, Mapping):
                merged[key] = _over(merged[key], value)
            elif key in _SECTIONS and isinstance(value, Mapping):
                merged[key] = {**merged[key], **value}
            else:
                merged[key] = value
        try:
            return cls.model_validate(merged)
        except ValidationError as error:
            raise _explain(error, origin) from None

    def to_mapping(self) -> dict[str, Any]:
        """The complete recipe as JSON values, defaults included; `from_mapping` reads it back to an equal recipe."""
        return self.model_dump(mode="json", exclude_none=True)

    def row(self, scene: str) -> SceneRow:
        """The P_size row of `scene`.

        Raises:
            InvalidValue: there is none.
        """
        if scene not in self.scenes:
            raise InvalidValue(
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
        raise InputFault.of(path, f"not a {kind} file: {' '.join(str(error).split())}") from error
    if entries is None:
        return {}
    if not isinstance(entries, dict):
        raise InputFault.of(path, f"a recipe must be a table of keys, got {type(entries).__name__}")
    return entries


def _explain(error: ValidationError, origin: str) -> InvalidValue:
    """The first fault of a recipe in the words of the house: rule, value, place, nearest spelling."""
    faults = error.errors()
    # A misspelt key also leaves a required one missing; the misspelling is what the user needs to see.
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    spots = [spot for spot in first["loc"] if spot != "[key]"]
    place = ".".join(str(spot) for spot in spots)
    value = first["input"]
    if first["type"] == "extra_forbidden":
        known = _keys_at(spots[:-1])
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
    return InvalidValue(f"{text} ({where})", place=place, value=value, faults=error.error_count())


def _keys_at(spots: list[Any]) -> list[str]:
    """Allowed keys of the recipe part at `spots`; table rows and list positions on the way are passed over."""
    part: type[BaseModel] = Recipe
    for spot in spots:
        if spot in part.model_fields:
            part = _model_in(part.model_fields[spot].annotation) or part
    return list(part.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for model in map(_model_in, get_args(annotation)) if model is not None), None)
