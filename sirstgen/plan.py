"""Plans: one image, fully decided. All randomness ends here; `sirstgen.synthesis.render` is a pure function of a plan.

A plan written by hand is a custom scene; the sampler writes the same type. A line of ``targets.jsonl`` holds its plan,
so `ImagePlan.from_row` rebuilds any image of a dataset.

Coordinates everywhere: x right, y down, pixel centres at integers; angles in degrees from the x axis towards y.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, get_args

from sirstgen.errors import InvalidValue

Kind = Literal["point", "spot", "extended"]
RegionKind = Literal["local", "global"]


def _require(rule: bool, name: str, text: str, value: object) -> None:
    if not rule:
        raise InvalidValue(f"{name} {text}, got {value}", name=name, value=value)


def _finite(*numbers: float) -> bool:
    return all(math.isfinite(number) for number in numbers)


@dataclass(frozen=True, slots=True)
class ClutterRegion:
    """Where the mean and deviation of the background are taken, Eq. 10.

    Args:
        kind: ``local``: the target's bounding box grown by `margin` on every side and clipped to the image;
            ``global``: the whole image. Always without every target's mask grown by the image's support margin.
        margin: pixels.
    """

    kind: RegionKind = "local"
    margin: int = 20

    def __post_init__(self) -> None:
        _require(self.kind in get_args(RegionKind), "clutter_region.kind", "must be local or global", self.kind)
        _require(self.margin >= 1, "clutter_region.margin", "must be at least 1 px", self.margin)


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """One target, fully decided.

    Args:
        kind: ``point`` and ``spot`` are Gaussian kernels, ``extended`` is drawn from a template.
        position: (x, y) of the target's centre, image pixels, sub-pixel.
        scr: signal-to-clutter ratio to be met in the written image, Eq. 10; positive.
        sigma: (along, across) of the Gaussian kernel, pixels; kernels only.
        template: id such as ``plane/03``; extended targets only.
        length: extent of the template along its main axis, pixels; extended targets only.
        angle: rotation, degrees from x towards y.
        mirror: the template mirrored left to right before it is turned.
        polarity: 1 brighter than its background, -1 darker.
    """

    kind: Kind
    position: tuple[float, float]
    scr: float
    sigma: tuple[float, float] | None = None
    template: str | None = None
    length: float | None = None
    angle: float = 0.0
    mirror: bool = False
    polarity: int = 1

    def __post_init__(self) -> None:
        _require(self.kind in get_args(Kind), "kind", "must be point, spot or extended", self.kind)
        _require(len(self.position) == 2 and _finite(*self.position), "position", "must be (x, y)", self.position)
        _require(_finite(self.scr) and self.scr > 0, "scr", "must be positive", self.scr)
        _require(_finite(self.angle), "angle", "must be finite", self.angle)
        _require(self.polarity in (1, -1), "polarity", "must be 1 (bright) or -1 (dark)", self.polarity)
        if self.kind == "extended":
            _require(self.template is not None, "template", "must name a template for an extended target", None)
            length = self.length
            _require(length is not None and _finite(length) and length > 0, "length", "must be positive", length)
            _require(self.sigma is None, "sigma", "goes with point and spot, not with extended", self.sigma)
        else:
            sigma = self.sigma
            positive = sigma is not None and len(sigma) == 2 and _finite(*sigma) and min(sigma) > 0
            _require(positive, "sigma", "must be two positive lengths (along, across)", sigma)
            _require(self.template is None, "template", "goes with extended, not with kernels", self.template)
            _require(self.length is None, "length", "goes with extended, not with kernels", self.length)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads; numbers that do not apply are null."""
        return {
            "kind": self.kind,
            "template": self.template,
            "position": list(self.position),
            "sigma": None if self.sigma is None else list(self.sigma),
            "length": self.length,
            "angle": self.angle,
            "mirror": self.mirror,
            "scr_requested": self.scr,
            "polarity": self.polarity,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """A target plan from one entry of ``targets`` in a row; keys it does not need are passed over."""
        sigma = data.get("sigma")
        x, y = data["position"]
        return cls(
            kind=data["kind"],
            position=(x, y),
            scr=data["scr_requested"],
            sigma=None if sigma is None else (sigma[0], sigma[1]),
            template=data.get("template"),
            length=data.get("length"),
            angle=data.get("angle", 0.0),
            mirror=data.get("mirror", False),
            polarity=data.get("polarity", 1),
        )


@dataclass(frozen=True, slots=True)
class BackgroundCrop:
    """Which part of which background an image shows.

    Args:
        id: the background's id in its source, such as ``sea/0007``.
        crop: (x, y, width, height) in pixels of the background; resized to the image where the sizes differ.
        flip: mirrored left to right after the crop.
        group: backgrounds of one group are near-duplicates and stay on one side of a train/test split.
    """

    id: str
    crop: tuple[int, int, int, int]
    flip: bool = False
    group: str = ""

    def __post_init__(self) -> None:
        x, y, width, height = self.crop
        inside = x >= 0 and y >= 0 and width >= 1 and height >= 1
        _require(inside, "background.crop", "must be (x >= 0, y >= 0, width >= 1, height >= 1)", self.crop)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {"id": self.id, "crop": list(self.crop), "flip": self.flip, "group": self.group}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """A crop from the ``background`` entry of a row."""
        x, y, width, height = data["crop"]
        return cls(data["id"], (x, y, width, height), data.get("flip", False), data.get("group", ""))


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """One image, fully decided.

    Args:
        background: the background and its crop.
        targets: may be empty. In any order; the written row lists them in raster order of their masks.
        index: the image's number in its run; 0 for a plan written by hand.
        width: image width, pixels.
        height: image height, pixels.
        bit_depth: 8 or 16.
        scene: scene class of the background.
        scene_confidence: 0 to 1.
        scene_source: ``cnn``, ``folder``, ``labels``, ``procedural`` or ``plan`` (by hand).
        blur_sigma: sigma of the 5x5 Gaussian blur, pixels.
        mask_level: share of the target's own peak from which a pixel belongs to the mask, 0 < level <= 1.
        clutter_region: where Eq. 10 takes the background.
    """

    background: BackgroundCrop
    targets: tuple[TargetPlan, ...] = ()
    index: int = 0
    width: int = 256
    height: int = 256
    bit_depth: int = 8
    scene: str = "unknown"
    scene_confidence: float = 1.0
    scene_source: str = "plan"
    blur_sigma: float = 0.5
    mask_level: float = 0.3
    clutter_region: ClutterRegion = ClutterRegion()

    def __post_init__(self) -> None:
        _require(self.index >= 0, "index", "must not be negative", self.index)
        _require(
            self.width >= 16 and self.height >= 16, "image size", "must be at least 16x16", (self.width, self.height)
        )
        _require(self.bit_depth in (8, 16), "bit_depth", "must be 8 or 16", self.bit_depth)
        _require(_finite(self.blur_sigma) and self.blur_sigma > 0, "blur_sigma", "must be positive", self.blur_sigma)
        _require(0 < self.mask_level <= 1, "mask_level", "must be in (0, 1]", self.mask_level)

    @property
    def white(self) -> int:
        """The largest gray level: 255 or 65535."""
        return (1 << self.bit_depth) - 1

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values, in the layout of a row of ``targets.jsonl``."""
        return {
            "index": self.index,
            "width": self.width,
            "height": self.height,
            "bit_depth": self.bit_depth,
            "scene": self.scene,
            "scene_confidence": self.scene_confidence,
            "scene_source": self.scene_source,
            "background": self.background.to_json(),
            "blur_sigma": self.blur_sigma,
            "clutter_region": {"kind": self.clutter_region.kind, "margin": self.clutter_region.margin},
            "mask_level": self.mask_level,
            "targets": [target.to_json() for target in self.targets],
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The plan in a row of ``targets.jsonl`` or in the output of `to_json`.

        Raises:
            InvalidValue: a key is missing or its value is not allowed.
        """
        plain = {field.name for field in fields(cls)} - {"background", "targets", "clutter_region"}
        try:
            return cls(
                background=BackgroundCrop.from_json(row["background"]),
                targets=tuple(TargetPlan.from_json(target) for target in row["targets"]),
                clutter_region=ClutterRegion(**row["clutter_region"]),
                **{name: row[name] for name in plain if name in row},
            )
        except InvalidValue:
            raise
        except KeyError as error:
            raise InvalidValue(f"a plan must hold {error}; a row of targets.jsonl shows the layout") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise InvalidValue(
                f"a plan must hold values of the right kind, got one that is not: {error}; "
                f"a row of targets.jsonl shows the layout"
            ) from None
