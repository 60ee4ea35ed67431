"""Recipe: everything a dataset is drawn from. The defaults are the paper's; entries that are given replace them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from sirstgen.checks import MOST_PIXELS, nearest
from sirstgen.errors import InvalidValueError
from sirstgen.plan import Kind
from sirstgen.recipe.distributions import Distribution, Part, Within
from sirstgen.recipe.messages import explain
from sirstgen.recipe.paper import CLASSES, SCENES
from sirstgen.recipe.parts import (
    BackgroundRules,
    Cluster,
    ContrastLaw,
    Counts,
    KernelSize,
    PointSize,
    Position,
    Quality,
    Region,
    SceneRow,
    Share,
    Side,
    SpotSize,
    TemplateClass,
    drawn,
)
from sirstgen.recipe.reading import laid_over, read_entries, rows_over
from sirstgen.recipe.stage_entries import StageEntries, stage_entries
from sirstgen.stages import find_stage

_REPR_WIDTH = 100


class Recipe(Part):
    """Everything a dataset is drawn from; immutable.

    ``Recipe()`` is the paper's (sections IV-B and IV-C, Fig. 6, Fig. 7, Eq. 10). ``Recipe(scr=[4], quality={"border":
    6})`` replaces single entries: sections are merged entry by entry, rows of `scenes` and `classes` row by row, and
    numbers may be written in any form of `Distribution`. ``Recipe.load(path)`` reads a YAML or TOML file of entries.

    Raises:
        InvalidValueError: a key or value is wrong; names key, value, what is allowed and the nearest spelling.
    """

    width: Side = Field(default=256, description="image width, pixels")
    height: Side = Field(default=256, description="image height, pixels")
    bit_depth: Literal[8, 16] = Field(default=8, description="bits of the images; masks have 8")
    train_share: Share = Field(
        default=0.5,
        description="wanted share of training images; a background and its near-duplicates are on one side",
    )
    scr: Annotated[Distribution, Within(above=0, most=1000)] = Field(
        default=drawn([3, 4, 5, 6]),
        description="signal-to-clutter ratio of Eq. 10, drawn for each target; C = 3, 4, 5, 6",
    )
    contrast: ContrastLaw | None = Field(default=None, description="in place of scr: gray levels drawn directly")
    blur_sigma: Annotated[Distribution, Within(above=0, most=20)] = Field(
        default=drawn([0.2, 0.5, 1]),
        description="sigma of the 5x5 Gaussian blur, pixels, drawn for each image; section IV-B: 0.2, 0.5, 1.0",
    )
    mask_level: float = Field(
        default=0.3,
        ge=0.01,
        le=1,
        description="share of a target's peak from which a pixel is in the mask; annotators of real frames use 0.3",
    )
    clutter_region: Region = Field(default_factory=Region, description="where Eq. 10 takes the background")
    dark_share: Share = Field(
        default=0.0, description="share of targets darker than their background; real sets hold none"
    )
    targets_per_image: Counts = Field(
        default={1: 0.62, 2: 0.30, 3: 0.06, 4: 0.02},
        description="weight of each count, 0 to 100; Fig. 6a: 37 % of the images hold at least two targets",
    )
    share_outside_top10: Share | None = Field(
        default=0.13,
        description="share of targets for which a place outside the image's brightest 10 % is looked for; Fig. 6c: "
        "32 % are there, part of them by glare; null: any place will do",
    )
    point: PointSize = Field(default_factory=PointSize, description="Gaussian targets of a few pixels")
    spot: SpotSize = Field(default_factory=SpotSize, description="larger Gaussian targets")
    classes: dict[str, TemplateClass] = Field(
        default_factory=lambda: {name: TemplateClass(**row) for name, row in CLASSES.items()},
        max_length=1000,
        description="template classes",
    )
    scenes: dict[str, SceneRow] = Field(
        default_factory=lambda: {name: SceneRow(**row) for name, row in SCENES.items()},
        min_length=1,
        max_length=1000,
        description="P_size (Fig. 7a): what may appear where, how often, and why",
    )
    backgrounds: BackgroundRules = Field(
        default_factory=BackgroundRules, description="how backgrounds are chosen and cropped"
    )
    position: Position | None = Field(
        default=None, description="centre of a target, where there is room; null: anywhere in the image"
    )
    cluster: Cluster = Field(default_factory=Cluster, description="targets that keep together")
    stages: StageEntries = Field(
        default_factory=lambda: stage_entries({"uneven_radiance": {}, "defocus": {}}),
        description="what happens to targets and images beyond the paper's steps, by name; {}: nothing",
    )
    quality: Quality = Field(
        default_factory=Quality,
        description='in place of "we manually removed visually low-quality images" (section IV-B)',
    )

    def __init__(self, **entries: Any) -> None:
        self._fill(entries, "recipe")

    def _fill(self, entries: Mapping[str, Any], origin: str) -> None:
        try:
            super().__init__(**entries)
        except ValidationError as error:
            raise explain(error, entries, origin, type(self)) from None

    @model_validator(mode="before")
    @classmethod
    def _rows_over_defaults(cls, entries: Any) -> Any:
        if not isinstance(entries, Mapping):
            return entries
        given = dict(entries)
        tables: tuple[tuple[str, type[Part], Mapping[str, Any]], ...] = (
            ("classes", TemplateClass, CLASSES),
            ("scenes", SceneRow, SCENES),
        )
        for key, row, defaults in tables:
            if isinstance(given.get(key), Mapping):
                given[key] = rows_over(row, defaults, given[key])
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.width * self.height > MOST_PIXELS:
            raise ValueError(
                f"an image must have at most {MOST_PIXELS} pixels, got width {self.width} and height {self.height}"
            )
        for name in self.stages:
            depths = find_stage(name).bit_depths
            if self.bit_depth not in depths:
                allowed = " or ".join(map(str, depths))
                raise ValueError(f"stages.{name} needs a bit_depth of {allowed}, got {self.bit_depth}")
        for scene, row in self.scenes.items():
            for cls in row.classes:
                if cls not in self.classes:
                    known = nearest(cls, self.classes)
                    raise ValueError(f"scenes.{scene}.classes names {cls}, which is not in classes{known}")
        return self

    def __repr__(self) -> str:
        """Return the entries that differ from the default recipe, in at most 100 columns."""
        entries = ", ".join(f"{name}={_short(str(name), value)}" for name, value in self.__repr_args__())
        return f"Recipe({entries if len(entries) <= _REPR_WIDTH - 8 else entries[: _REPR_WIDTH - 11] + '...'})"

    __str__ = __repr__

    @classmethod
    def load(cls, path: str | Path, **changes: Any) -> Self:
        """Return the recipe of a YAML or TOML file, with `changes` over it (``backgrounds={"procedural_share": 0.5}``).

        Raises:
            InputError: the file cannot be read or is neither YAML nor TOML.
            InvalidValueError: a key or value is wrong; names key, value, what is allowed and the nearest spelling.
        """
        source = Path(path)
        return cls.from_dict(laid_over(cls, read_entries(source), changes), source.name)

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any], origin: str = "recipe") -> Self:
        """Return the recipe of a plain mapping, as `to_dict` gives it or with fewer entries.

        Args:
            entries: those that differ from the default recipe.
            origin: named in errors.
        """
        if not isinstance(entries, Mapping) or not all(isinstance(key, str) for key in entries):
            raise InvalidValueError(f"the keys of a recipe must be text ({origin})")
        recipe = cls.__new__(cls)
        recipe._fill(entries, origin)
        return recipe

    def to_dict(self) -> dict[str, Any]:
        """Return the complete recipe as JSON values; `from_dict` reads it back to an equal recipe."""
        return self.model_dump(mode="json")

    def replace(self, **changes: Any) -> Self:
        """Return this recipe with `changes` over it, merged as a file's entries are over the default."""
        return type(self).from_dict(laid_over(type(self), self.to_dict(), changes))

    def to_yaml(self) -> str:
        """Return the complete recipe as YAML, each entry with what it means; `load` reads it back."""
        from sirstgen.recipe.text import to_yaml

        return to_yaml(self)

    def row(self, scene: str) -> SceneRow:
        """Return the P_size row of `scene`.

        Raises:
            InvalidValueError: there is none.
        """
        if scene not in self.scenes:
            raise InvalidValueError(
                f"scene must be one of {', '.join(self.scenes)}, got {scene}{nearest(scene, self.scenes)}; "
                f"give the scene of the frames with --scene or --labels, or add a row scenes.{scene} to the recipe",
                name="scene",
                value=scene,
            )
        return self.scenes[scene]

    def kernel_size(self, scene: str, kind: Kind) -> KernelSize:
        """Return the size of a point or spot target in `scene`."""
        own = self.row(scene)
        return (own.point or self.point) if kind == "point" else (own.spot or self.spot)

    @classmethod
    def default(cls, **changes: Any) -> Self:
        """Return ``Recipe(**changes)``; the name that version 0.2 had for it."""
        return cls(**changes)


def _short(name: str, value: Any) -> str:
    """Return an entry for `repr`: the rows of a table that differ from the default ones, a drawn number in its short
    form.
    """
    if name in ("classes", "scenes"):
        default = Recipe.model_fields[name].get_default(call_default_factory=True, validated_data={})
        return repr({row: entries for row, entries in value.items() if entries != default.get(row)})
    return str(value.written()) if isinstance(value, Distribution) else repr(value)


def schema_text() -> str:
    """Return the recipe's JSON Schema."""
    return json.dumps(Recipe.model_json_schema(), indent=2)
