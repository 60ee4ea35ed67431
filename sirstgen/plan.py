"""Plans: one image, fully decided. All randomness ends here; `sirstgen.synthesis.render` is a pure function of a plan.

A plan written by hand is a custom scene; the generator draws the same type. A line of ``targets.jsonl`` holds its plan,
so `ImagePlan.from_dict` rebuilds any image of a dataset.

Coordinates everywhere: x right, y down, pixel centres at integers; angles in degrees from the x axis towards y.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Self, TypeVar, get_args

from sirstgen.checks import MOST_PIXELS, number, pair, short_repr, whole
from sirstgen.errors import InvalidValueError
from sirstgen.stages import Per, find_stage, in_order, records_from_dict, records_to_dict, require

Kind = Literal["point", "spot", "extended"]
RegionKind = Literal["local", "global"]
T = TypeVar("T")


def _set(record: Any, name: str, value: Any) -> None:
    """Set a field of a frozen record while it is made."""
    object.__setattr__(record, name, value)


@dataclass(frozen=True, slots=True)
class ClutterRegion:
    """Where the mean and deviation of the background are taken, Eq. 10.

    Args:
        kind: ``local``: the target's bounding box grown by `margin` on every side and clipped to the image;
            ``global``: the whole image. Always without every target's mask grown by the image's support margin.
        margin: pixels, at least 1.
    """

    kind: RegionKind = "local"
    margin: int = 20

    def __post_init__(self) -> None:
        require(self.kind in get_args(RegionKind), "clutter_region.kind", "must be local or global", self.kind)
        _set(self, "margin", whole("clutter_region.margin", self.margin))
        require(self.margin >= 1, "clutter_region.margin", "must be at least 1 px", self.margin)


@dataclass(frozen=True, slots=True, repr=False)
class TargetPlan:
    """One target, fully decided; its intensity is given by `scr` or by `contrast`.

    Args:
        kind: ``point`` and ``spot`` are Gaussian kernels, ``extended`` is drawn from a template.
        position: (x, y) of the target's centre, image pixels, sub-pixel.
        scr: signal-to-clutter ratio to be met in the written image, Eq. 10; positive.
        contrast: ``|mu_t - mu_b|`` to be met in place of it, gray levels of the image; positive.
        sigma: (along, across) of the Gaussian kernel, pixels; kernels only.
        template: id such as ``plane/03``; extended targets only.
        length: extent of the template along its main axis, pixels; extended targets only.
        angle: rotation, degrees from x towards y.
        mirror: the template mirrored left to right before it is turned.
        polarity: 1 brighter than its background, -1 darker.
        stages: records of the target's stages by name, see `sirstgen.stages`.

    Raises:
        InvalidValueError: a value is not allowed, or does not go with the kind.
    """

    kind: Kind
    position: tuple[float, float]
    scr: float | None = None
    contrast: float | None = None
    sigma: tuple[float, float] | None = None
    template: str | None = None
    length: float | None = None
    angle: float = 0.0
    mirror: bool = False
    polarity: int = 1
    stages: Mapping[str, Any] = field(default_factory=dict, hash=False)

    __repr__ = short_repr

    def __post_init__(self) -> None:
        require(self.kind in get_args(Kind), "kind", "must be point, spot or extended", self.kind)
        _set(self, "position", pair("position", "must be (x, y)", self.position))
        for name in ("scr", "contrast", "length", "angle"):
            _set(self, name, number(name, getattr(self, name)))
        if self.sigma is not None:
            _set(self, "sigma", pair("sigma", "must be two positive lengths (along, across)", self.sigma, repeat=True))
        asked = (self.scr, self.contrast)
        require((self.scr is None) != (self.contrast is None), "one of scr and contrast", "must be given", asked)
        for name, value in (("scr", self.scr), ("contrast", self.contrast)):
            require(value is None or value > 0, name, "must be positive", value)
        require(self.angle is not None, "angle", "must be a number", self.angle)
        require(isinstance(self.template, str | None), "template", "must be the id of a template", self.template)
        require(self.polarity in (1, -1), "polarity", "must be 1 (bright) or -1 (dark)", self.polarity)
        _set(self, "stages", _checked(self.stages, "target"))
        if self.kind == "extended":
            require(self.template is not None, "template", "must name a template for an extended target", None)
            require((self.length or 0) > 0, "length", "must be positive", self.length)
            require(self.sigma is None, "sigma", "goes with point and spot, not with extended", self.sigma)
        else:
            positive = self.sigma is not None and min(self.sigma) > 0
            require(positive, "sigma", "must be two positive lengths (along, across)", self.sigma)
            require(self.template is None, "template", "goes with extended, not with kernels", self.template)
            require(self.length is None, "length", "goes with extended, not with kernels", self.length)

    @classmethod
    def unchecked(cls, **values: Any) -> Self:
        """Return a plan of these values, all of them given, without checks: for code that has just drawn them."""
        return _unchecked(cls, values)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON values, as `from_dict` reads them; numbers that do not apply are null."""
        return {
            "kind": self.kind,
            "template": self.template,
            "position": list(self.position),
            "sigma": None if self.sigma is None else list(self.sigma),
            "length": self.length,
            "angle": self.angle,
            "mirror": self.mirror,
            "scr_requested": self.scr,
            "contrast_requested": self.contrast,
            "polarity": self.polarity,
            "stages": records_to_dict(self.stages),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the target plan in one entry of ``targets`` of a row; keys it does not need are passed over.

        Raises:
            InvalidValueError: a value is not allowed, or a stage is not registered.
        """
        sigma = data.get("sigma")
        x, y = data["position"]
        return cls(
            kind=data["kind"],
            position=(x, y),
            scr=data["scr_requested"],
            contrast=data.get("contrast_requested"),
            sigma=None if sigma is None else (sigma[0], sigma[1]),
            template=data.get("template"),
            length=data.get("length"),
            angle=data.get("angle", 0.0),
            mirror=data.get("mirror", False),
            polarity=data.get("polarity", 1),
            stages=records_from_dict(data.get("stages") or {}, "target"),
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
        try:
            x, y, width, height = crop = tuple(operator.index(part) for part in self.crop)
        except (TypeError, ValueError):
            require(False, "background.crop", "must be four whole numbers (x, y, width, height)", self.crop)
        _set(self, "crop", crop)
        require(isinstance(self.id, str), "background.id", "must be text", self.id)
        inside = x >= 0 and y >= 0 and width >= 1 and height >= 1
        require(inside, "background.crop", "must be (x >= 0, y >= 0, width >= 1, height >= 1)", self.crop)

    def to_dict(self) -> dict[str, Any]:
        """Return the crop as JSON values, as `from_dict` reads them."""
        return {"id": self.id, "crop": list(self.crop), "flip": self.flip, "group": self.group}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the crop in the ``background`` entry of a row."""
        x, y, width, height = data["crop"]
        return cls(data["id"], (x, y, width, height), data.get("flip", False), data.get("group", ""))


@dataclass(frozen=True, slots=True, repr=False)
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
        max_saturated: share of a target's mask that may be black or white; what was asked for is met all the same.
        stages: records of the image's stages by name, see `sirstgen.stages`. With a stage of the slot ``image``,
            targets are measured in the image as it is written, but what was asked for is met before.

    Raises:
        InvalidValueError: a value is not allowed.
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
    max_saturated: float = 0.0
    stages: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name, kind in (("background", BackgroundCrop), ("clutter_region", ClutterRegion)):
            require(isinstance(getattr(self, name), kind), name, f"must be a {kind.__name__}", getattr(self, name))
        given: Any = self.targets
        targets = (given,) if isinstance(given, TargetPlan) else given
        fits = isinstance(targets, list | tuple) and all(isinstance(target, TargetPlan) for target in targets)
        require(fits, "targets", "must be TargetPlan objects", given)
        _set(self, "targets", tuple(targets))
        for name in ("index", "width", "height", "bit_depth"):
            _set(self, name, whole(name, getattr(self, name)))
        for name in ("blur_sigma", "mask_level", "max_saturated"):
            _set(self, name, number(name, getattr(self, name)))
            require(getattr(self, name) is not None, name, "must be a number", None)
        require(self.index >= 0, "index", "must not be negative", self.index)
        size = (self.width, self.height)
        fits = min(size) >= 16 and self.width * self.height <= MOST_PIXELS
        require(fits, "image size", f"must be at least 16x16, and at most {MOST_PIXELS} pixels", size)
        require(self.bit_depth in (8, 16), "bit_depth", "must be 8 or 16", self.bit_depth)
        require(self.blur_sigma > 0, "blur_sigma", "must be positive", self.blur_sigma)
        require(0 < self.mask_level <= 1, "mask_level", "must be in (0, 1]", self.mask_level)
        require(0 <= self.max_saturated <= 1, "max_saturated", "must be from 0 to 1", self.max_saturated)
        _set(self, "stages", _checked(self.stages, "image", self.bit_depth))

    def __repr__(self) -> str:
        size = f"{self.width}x{self.height}, {self.bit_depth} bit"
        return f"ImagePlan({self.background.id}, {size}, {len(self.targets)} targets)"

    @classmethod
    def unchecked(cls, **values: Any) -> Self:
        """Return a plan of these values, all of them given, without checks: for code that has just drawn them."""
        return _unchecked(cls, values)

    @property
    def finished_later(self) -> bool:
        """Whether a stage after the intensity changes what the targets were asked for."""
        return any(find_stage(name).slot == "image" for name in self.stages)

    @property
    def white(self) -> int:
        """The largest gray level: 255 or 65535."""
        return (1 << self.bit_depth) - 1

    def to_dict(self, with_targets: bool = True) -> dict[str, Any]:
        """Return the plan as JSON values, in the layout of a row of ``targets.jsonl``."""
        entries = {
            "index": self.index,
            "width": self.width,
            "height": self.height,
            "bit_depth": self.bit_depth,
            "scene": self.scene,
            "scene_confidence": self.scene_confidence,
            "scene_source": self.scene_source,
            "background": self.background.to_dict(),
            "blur_sigma": self.blur_sigma,
            "clutter_region": {"kind": self.clutter_region.kind, "margin": self.clutter_region.margin},
            "mask_level": self.mask_level,
            "max_saturated": self.max_saturated,
            "stages": records_to_dict(self.stages),
        }
        if with_targets:
            entries["targets"] = [target.to_dict() for target in self.targets]
        return entries

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Return the plan in a row of ``targets.jsonl`` or in the output of `to_dict`.

        Raises:
            InvalidValueError: a key is missing, its value is not allowed, or a stage is not registered.
        """
        plain = {field.name for field in fields(cls)} - {"background", "targets", "clutter_region", "stages"}
        try:
            return cls(
                background=BackgroundCrop.from_dict(row["background"]),
                targets=tuple(TargetPlan.from_dict(target) for target in row["targets"]),
                clutter_region=ClutterRegion(**row["clutter_region"]),
                stages=records_from_dict(row.get("stages") or {}, "image"),
                **{name: row[name] for name in plain if name in row},
            )
        except InvalidValueError:
            raise
        except KeyError as error:
            raise InvalidValueError(f"a plan must hold {error}; a row of targets.jsonl shows the layout") from None
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            raise InvalidValueError(
                f"a plan must hold values of the right kind, got one that is not: {error}; "
                f"a row of targets.jsonl shows the layout"
            ) from None


def _checked(records: Mapping[str, Any], per: Per, bit_depth: int | None = None) -> dict[str, Any]:
    """Return the records in the order of the registry; refuse what is no record of a stage of a target or an image."""
    if not records:
        return {}
    for name, record in records.items():
        stage = find_stage(name)
        right = stage.per == per and isinstance(record, stage.record)
        require(right, f"stages[{name!r}]", f"must be a {stage.record.__name__} on the {stage.per}", record)
        allowed = " or ".join(map(str, stage.bit_depths))
        fits = bit_depth is None or bit_depth in stage.bit_depths
        require(fits, "bit_depth", f"must be {allowed} with the stage {name}", bit_depth)
    return dict(in_order(records))


def _unchecked(cls: type[T], values: dict[str, Any]) -> T:
    made = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made
