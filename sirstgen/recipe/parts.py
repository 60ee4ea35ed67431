"""The parts of a recipe, each with its rules; `sirstgen.recipe.recipe` puts them together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sirstgen.plan import Kind
from sirstgen.recipe.distributions import Distribution, Drawn, Part, check_not_negative, check_positive, least

Where = Literal["sky", "water", "ground", "any"]


class KernelSize(Part):
    """Size of a Gaussian target."""

    area: Drawn = Field(description="mask area, pixels")
    aspect: Drawn = Field(description="longer axis / shorter axis, at least 1")
    angle: Drawn = Field(Distribution(between=(0.0, 180.0)), description="of the longer axis, degrees from x to y")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        check_positive("area", self.area)
        if self.aspect.support[0] < 1:
            raise ValueError(f"aspect must be at least 1, got {least(self.aspect)}")
        return self


class ContrastLaw(Part):
    """Contrast drawn directly, in place of an SCR: level (sigma_b / clutter)^c (mask area / area)^a, within limits.

    Real targets hardly know the clutter around them: their contrast rises with about the fourth root of sigma_b.
    """

    level: Drawn = Field(description="|mu_t - mu_b| at the reference clutter and area, gray levels of 256")
    clutter: float = Field(5.0, gt=0, description="reference sigma_b, gray levels of 256")
    clutter_exponent: float = Field(0.0, ge=-1, le=2)
    area: float = Field(20.0, gt=0, description="reference mask area, pixels")
    area_exponent: float = Field(0.0, ge=-2, le=2)
    limits: tuple[float, float] = Field((1.0, 255.0), description="of the contrast, gray levels of 256")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        check_not_negative("level", self.level)
        if not 0 < self.limits[0] <= self.limits[1]:
            raise ValueError(f"limits must be [low, high], both positive, got {list(self.limits)}")
        return self


class Position(Part):
    """Where targets stand in the image, as shares of its width and height; without it, anywhere."""

    x: Drawn
    y: Drawn


class Cluster(Part):
    """Targets that keep together: drones in a swarm, boats in a convoy."""

    share: float = Field(0.0, ge=0, le=1, description="chance that a further target stands near one before it")
    distance: Drawn = Field(Distribution(between=(12.0, 60.0)), description="of their centres, pixels")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        check_positive("distance", self.distance)
        return self


class TemplateClass(Part):
    """How the templates of one class (plane, ship, ...) are drawn."""

    where: Where = Field("any", description="side of a visible horizon: sky above; water and ground below")
    length: Drawn | None = Field(None, description="pixels along the main axis; null: the template's typical length")
    tilt: Drawn = Field(Distribution(choice=(0.0,)), description="rotation, degrees")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if self.length is not None:
            check_positive("length", self.length)
        return self


def check_weights(name: str, table: Mapping[Any, float]) -> None:
    if not table or min(table.values()) < 0 or sum(table.values()) <= 0:
        raise ValueError(f"{name}: weights must not be negative and must not all be 0, got {dict(table)}")


class SceneRow(Part):
    """One row of P_size (Fig. 7a): what may appear in a scene and how often."""

    kinds: dict[Kind, float] = Field(description="weight of point, spot and extended targets")
    classes: dict[str, float] = Field(default_factory=dict, description="weight of each template class")
    targets_per_image: dict[int, float] | None = Field(None, description="in place of the recipe's own")
    point: KernelSize | None = Field(None, description="in place of the recipe's own")
    spot: KernelSize | None = Field(None, description="in place of the recipe's own")
    above_horizon: float | None = Field(
        None, ge=0, le=1, description="chance that a point or spot goes above a visible horizon; null: anywhere"
    )
    reason: str = ""

    @model_validator(mode="after")
    def _drawable(self) -> Self:
        check_weights("kinds", self.kinds)
        if self.kinds.get("extended", 0) > 0:
            check_weights("classes", self.classes)
        if self.targets_per_image is not None:
            check_counts(self.targets_per_image)
        return self


def check_counts(table: Mapping[int, float]) -> None:
    check_weights("targets_per_image", table)
    if min(table) < 0 or max(table) > 100:
        raise ValueError(f"targets per image must be from 0 to 100, got {sorted(table)}")


class Region(Part):
    """Where Eq. 10 takes the background; see `sirstgen.plan.ClutterRegion`."""

    kind: Literal["local", "global"] = "local"
    margin: int = Field(20, ge=1, le=1000)


class BackgroundRules(Part):
    """How backgrounds are chosen and cropped."""

    scene_mix: dict[str, float] | None = Field(None, description="weight of each scene; null: as found in the source")
    min_confidence: float = Field(0.0, ge=0, le=1)
    crop_scale: Drawn = Field(Distribution(choice=(1.0,)), description="side of the crop / side of the image")
    max_enlargement: float = Field(2.0, ge=1, le=8)
    flip: bool = True
    native_size: bool = Field(
        False, description="images as large as their background, at most width x height, and never resized"
    )
    procedural_share: float = Field(0.0, ge=0, le=1, description="of the images: backgrounds made on demand")
    sizes: tuple[tuple[int, int], ...] | None = Field(
        None, description="with native_size: [width, height], drawn, of images on larger or procedural frames"
    )

    @field_validator("scene_mix")
    @classmethod
    def _mix(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        if value is not None:
            check_weights("scene_mix", value)
        return value

    @model_validator(mode="after")
    def _positive(self) -> Self:
        check_positive("crop_scale", self.crop_scale)
        return self


class Quality(Part):
    """What is rejected and drawn again, in place of the paper's removal by hand (section IV-B)."""

    min_contrast: float = Field(8.0, ge=0, description="smallest peak of a target's own contribution, levels of 256")
    border: int = Field(2, ge=0, description="pixels kept free between a target and the image's edge")
    max_saturated: float = Field(0.0, ge=0, le=1, description="share of a target's mask that may be black or white")
    attempts: int = Field(12, ge=1, le=1000, description="places tried before a target's size is drawn again")
