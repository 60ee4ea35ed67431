"""The sections of a recipe, each with its bounds and defaults; `sirstgen.recipe.recipe` puts them together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic.functional_validators import AfterValidator

from sirstgen.plan import Kind
from sirstgen.recipe.distributions import Distribution, Part, Within

Where = Literal["sky", "water", "ground", "any"]

MOST_TARGETS = 100
"""Targets in an image, at most."""


def _weights(table: Mapping[Any, float]) -> Mapping[Any, float]:
    if table and not 0 < sum(table.values()) <= 1e9:
        raise ValueError(f"weights must not all be 0, got {dict(table)}")
    return table


Weight = Annotated[float, Field(ge=0, le=1e6)]
Weights = Annotated[dict[str, Weight], AfterValidator(_weights)]
Count = Annotated[int, Field(strict=False, ge=0, le=MOST_TARGETS)]  # keys of JSON are text
Counts = Annotated[dict[Count, Weight], Field(min_length=1), AfterValidator(_weights)]
Share = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=16, le=8192)]
Degrees = Annotated[Distribution, Within(least=-360, most=360)]


def drawn(value: Any) -> Distribution:
    """Return the distribution that `value` is the short form of; for defaults."""
    return Distribution.model_validate(value)


class KernelSize(Part):
    """Size of a Gaussian target."""

    area: Annotated[Distribution, Within(above=0, most=10_000)] = Field(description="mask area, pixels")
    aspect: Annotated[Distribution, Within(least=1, most=50)] = Field(description="longer axis / shorter axis")
    angle: Degrees = Field(default=drawn({"between": [0, 180]}), description="of the longer axis, degrees from x to y")
    where: Where = Field(default="any", description="place of the whole target: sky, water, ground, any")


class PointSize(KernelSize):
    """Size of a point target. Fig. 6b: 27 % of targets cover at most 0.01 % of the image (6 px of 256x256)."""

    area: Annotated[Distribution, Within(above=0, most=10_000)] = Field(
        default=drawn({"choice": [4.5, 5, 6, 8], "weights": [0.6, 0.3, 0.05, 0.05]}), description="mask area, pixels"
    )
    aspect: Annotated[Distribution, Within(least=1, most=50)] = Field(
        default=drawn({"between": [1, 1.2]}), description="longer axis / shorter axis"
    )


class SpotSize(KernelSize):
    """Size of a spot target. Fig. 6b: 96 % of targets cover at most 0.15 % of the image (98 px of 256x256)."""

    area: Annotated[Distribution, Within(above=0, most=10_000)] = Field(
        default=drawn({"lognormal": {"median": 21, "spread": 0.35}, "limits": [12, 49]}),
        description="mask area, pixels",
    )
    aspect: Annotated[Distribution, Within(least=1, most=50)] = Field(
        default=drawn({"between": [1, 1.9]}), description="longer axis / shorter axis"
    )


class ContrastLaw(Part):
    """Contrast drawn directly, in place of an SCR: level (sigma_b / clutter)^c (mask area / area)^a, within limits.

    The contrast of real targets rises with about the fourth root of sigma_b.
    """

    level: Annotated[Distribution, Within(least=0, most=10_000)] = Field(
        description="|mu_t - mu_b| at the reference clutter and area, gray levels of 256"
    )
    clutter: float = Field(default=5.0, gt=0, le=255, description="reference sigma_b, gray levels of 256")
    clutter_exponent: float = Field(default=0.0, ge=-1, le=2, description="c: of sigma_b / clutter")
    area: float = Field(default=20.0, gt=0, le=10_000, description="reference mask area, pixels")
    area_exponent: float = Field(default=0.0, ge=-2, le=2, description="a: of mask area / area")
    limits: Annotated[tuple[float, float], Field(strict=False)] = Field(
        default=(1.0, 255.0), description="of the contrast, gray levels of 256"
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not 0 < self.limits[0] <= self.limits[1] <= 255:
            raise ValueError(f"limits must be [low, high], above 0 and at most 255, got {list(self.limits)}")
        return self


class Position(Part):
    """Position of targets in the image, as shares of its width and height; without it, anywhere."""

    x: Annotated[Distribution, Within(least=-1, most=2)] = Field(description="of the centre, share of the width")
    y: Annotated[Distribution, Within(least=-1, most=2)] = Field(description="of the centre, share of the height")


class Cluster(Part):
    """Targets that keep together: drones in a swarm, boats in a convoy."""

    share: Share = Field(default=0.0, description="chance that a further target is near one before it")
    distance: Annotated[Distribution, Within(above=0, most=10_000)] = Field(
        default=drawn({"between": [12, 60]}), description="of their centres, pixels"
    )


class TemplateClass(Part):
    """How the templates of one class (plane, ship, ...) are drawn."""

    where: Where = Field(default="any", description="place of the whole target: sky, water, ground, any")
    length: Annotated[Distribution, Within(above=0, most=1000)] | None = Field(
        default=None, description="pixels along the main axis; null: the template's typical length"
    )
    tilt: Degrees = Field(default=drawn(0), description="rotation, degrees")


class SceneRow(Part):
    """One row of P_size (Fig. 7a): what may appear in a scene and how often."""

    kinds: Annotated[dict[Kind, Weight], AfterValidator(_weights)] = Field(
        default_factory=dict, description="weights of point, spot and extended targets"
    )
    classes: Weights = Field(default_factory=dict, description="weights of template classes, for extended targets")
    targets_per_image: Counts | None = Field(default=None, description="in place of the recipe's own")
    point: PointSize | None = Field(default=None, description="in place of the recipe's own")
    spot: SpotSize | None = Field(default=None, description="in place of the recipe's own")
    above_horizon: Share | None = Field(
        default=None, description="chance that a point or spot goes to the sky, where there is sky; null: anywhere"
    )
    reason: str = Field(default="", max_length=1000, description="a note for readers")

    @model_validator(mode="after")
    def _drawable(self) -> Self:
        if not self.kinds:
            raise ValueError("kinds must be given: weights of point, spot and extended")
        if self.kinds.get("extended", 0) > 0 and not self.classes:
            raise ValueError("classes must be given where extended has a weight: weights of template classes")
        return self


class Region(Part):
    """Where Eq. 10 takes the background; see `sirstgen.plan.ClutterRegion`."""

    kind: Literal["local", "global"] = Field(
        default="local", description="local: the target's box grown by margin; global: the whole image"
    )
    margin: int = Field(default=20, ge=1, le=1000, description="pixels")


class BackgroundRules(Part):
    """How backgrounds are chosen and cropped."""

    scene_mix: Annotated[Weights, Field(min_length=1)] | None = Field(
        default=None, description="weight of each scene; null: as many images of each as the source has frames"
    )
    min_confidence: Share = Field(default=0.0, description="frames whose scene is less sure are left out and counted")
    crop_scale: Annotated[Distribution, Within(above=0, most=100)] = Field(
        default=drawn(1), description="side of the crop / side of the image"
    )
    max_enlargement: float = Field(default=2.0, ge=1, le=8, description="frames smaller than image / this are not used")
    flip: bool = Field(default=True, description="half of the crops are mirrored left to right")
    native_size: bool = Field(
        default=False, description="images as large as their background, at most width x height, and never resized"
    )
    procedural_share: Share = Field(default=0.0, description="of the images: on procedural backgrounds, made on demand")
    sizes: (
        Annotated[
            tuple[Annotated[tuple[Side, Side], Field(strict=False)], ...],
            Field(strict=False, min_length=1, max_length=10_000),
        ]
        | None
    ) = Field(
        default=None,
        description="with native_size: [width, height] of images on larger or procedural frames; null: width x height",
    )


class Quality(Part):
    """What is rejected and drawn again, in place of the paper's removal by hand (section IV-B)."""

    min_contrast: float = Field(
        default=8.0, ge=0, le=255, description="smallest peak of a target's own contribution, gray levels of 256"
    )
    border: int = Field(default=2, ge=0, le=1000, description="pixels kept free between a target and the image's edge")
    max_saturated: Share = Field(default=0.0, description="share of a target's mask that may be black or white")
    attempts: int = Field(
        default=12, ge=1, le=1000, description="places tried for a target before its size is drawn again"
    )
