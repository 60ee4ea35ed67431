"""The parts of a recipe, each with its rules; `sirstgen.recipe.recipe` puts them together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from sirstgen.plan import Kind
from sirstgen.recipe.distributions import Distribution, Drawn, Part
from sirstgen.stages import CodecScope

Where = Literal["sky", "water", "ground", "any"]

LOWEST_CUT = 0.05
"""Share of the peak; cut lower, a mask would reach into the tails that stamps leave out."""


class KernelSize(Part):
    """Size of a Gaussian target."""

    area: Drawn = Field(description="mask area, pixels")
    aspect: Drawn = Field(description="longer axis / shorter axis, at least 1")
    angle: Drawn = Field(Distribution(between=(0.0, 180.0)), description="of the longer axis, degrees from x to y")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        check_positive("area", self.area)
        if self.aspect.support[0] < 1:
            raise ValueError(f"aspect must be at least 1, got {_least(self.aspect)}")
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


class Irregular(Part):
    """Point and spot targets as sums of Gaussians: what the lobes beside the main one are like."""

    lobes: Drawn = Field(Distribution(choice=(1.0,)), description="Gaussians in all; 1: the main one alone")
    offset: Drawn = Field(Distribution(between=(0.5, 1.5)), description="distance from the main one, its sigmas")
    size: Drawn = Field(Distribution(between=(0.4, 1.0)), description="sigma relative to the main one's")
    weight: Drawn = Field(Distribution(between=(0.3, 1.0)), description="peak relative to the main one's")
    cut: Drawn = Field(
        Distribution(choice=(1.0,)), description="share of the peak at which a target is cut flat; 1 and more: not"
    )
    cut_exponent: float = Field(0.0, ge=0, le=2, description="the cut of a mask of `area` px is cut (20 / area)^this")
    glow: Drawn = Field(
        Distribution(choice=(0.0,)), description="peak of a wide Gaussian, share of the cut one; 0: none"
    )
    glow_size: Drawn = Field(Distribution(between=(2.0, 3.0)), description="its sigma relative to the main one's")

    @model_validator(mode="after")
    def _drawable(self) -> Self:
        low, high = self.lobes.support
        if low < 1 or high > 12:
            raise ValueError(f"lobes must be from 1 to 12, got {low:g} to {high:g}")
        check_positive("size", self.size)
        check_positive("weight", self.weight)
        if self.cut.support[0] < LOWEST_CUT:
            raise ValueError(f"cut must be at least {LOWEST_CUT}, got {_least(self.cut)}")
        check_not_negative("glow", self.glow)
        check_positive("glow_size", self.glow_size)
        return self

    @property
    def plain(self) -> bool:
        """Every target is one Gaussian, uncut."""
        uncut = self.cut.support[0] >= 1 and self.cut_exponent == 0
        return uncut and self.lobes.support[1] == 1 and self.glow.support[1] == 0


class Noise(Part):
    """Sensor noise on the finished image."""

    sigma: Drawn = Field(Distribution(choice=(0.0,)), description="gray levels of 256; 0: none")
    lag1: float = Field(0.4, ge=0, le=0.9, description="correlation of pixels side by side")

    @model_validator(mode="after")
    def _not_negative(self) -> Self:
        check_not_negative("sigma", self.sigma)
        return self


class Codec(Part):
    """The 8-px blocks of a lossy codec on the finished image."""

    share: float = Field(0.0, ge=0, le=1, description="of the images")
    quality: Drawn = Field(Distribution(between=(70.0, 95.0)), description="of JPEG, 1 to 100")
    scope: CodecScope = Field("image", description="all blocks, or those that a target changes")

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        low, high = self.quality.support
        if low < 1 or high > 100:
            raise ValueError(f"quality must be from 1 to 100, got {low:g} to {high:g}")
        return self


class Position(Part):
    """Where targets stand in the image, as shares of its width and height; without it, anywhere."""

    x: Drawn
    y: Drawn


class Formation(Part):
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


def check_positive(name: str, drawn: Distribution) -> None:
    if drawn.support[0] <= 0:
        raise ValueError(f"{name} must be positive, got {_least(drawn)}")


def check_not_negative(name: str, drawn: Distribution) -> None:
    if drawn.support[0] < 0:
        raise ValueError(f"{name} must not be negative, got {_least(drawn)}")


def _least(drawn: Distribution) -> str:
    """The smallest value that may be drawn, for messages."""
    unlimited = drawn.limits is None and (drawn.normal is not None or drawn.lognormal is not None)
    return "a distribution without limits (add limits: [low, high])" if unlimited else f"{drawn.support[0]:g}"


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
    whole: bool = Field(
        False, description="images as large as their background, at most width x height, and never resized"
    )
    procedural_share: float = Field(0.0, ge=0, le=1, description="of the images: backgrounds made on demand")
    sizes: tuple[tuple[int, int], ...] | None = Field(
        None, description="with whole: [width, height], drawn, of images on larger or procedural frames"
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
