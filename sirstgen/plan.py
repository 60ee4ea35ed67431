"""Plans: one image, fully decided. All randomness ends here; `sirstgen.synthesis.render` is a pure function of a plan.

A plan written by hand is a custom scene; the sampler writes the same type. A line of ``targets.jsonl`` holds its plan,
so `ImagePlan.from_row` rebuilds any image of a dataset.

Coordinates everywhere: x right, y down, pixel centres at integers; angles in degrees from the x axis towards y.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple, Self, get_args

from sirstgen.errors import InvalidValueError
from sirstgen.stages import BlockCodec, SensorNoise, finite, require

Kind = Literal["point", "spot", "extended"]
RegionKind = Literal["local", "global"]


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
        require(self.kind in get_args(RegionKind), "clutter_region.kind", "must be local or global", self.kind)
        require(self.margin >= 1, "clutter_region.margin", "must be at least 1 px", self.margin)


class Lobe(NamedTuple):
    """One of the Gaussians that an irregular target has beside its main one.

    Args:
        dx: columns from the target's position, pixels.
        dy: rows from the target's position, pixels.
        along: sigma along `angle`, pixels.
        across: sigma across it, pixels.
        angle: degrees from x towards y.
        weight: its peak relative to the main one's.
    """

    dx: float
    dy: float
    along: float
    across: float
    angle: float
    weight: float


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """One target, fully decided; its intensity is given by `scr` or by `contrast`.

    Args:
        kind: ``point`` and ``spot`` are Gaussian kernels, ``extended`` is drawn from a template.
        position: (x, y) of the target's centre, image pixels, sub-pixel.
        scr: signal-to-clutter ratio to be met in the written image, Eq. 10; positive.
        contrast: ``|mu_t - mu_b|`` to be met in place of it, gray levels of the image; positive.
        sigma: (along, across) of the Gaussian kernel, pixels; kernels only.
        lobes: further Gaussians of an irregular target; kernels only.
        template: id such as ``plane/03``; extended targets only.
        length: extent of the template along its main axis, pixels; extended targets only.
        angle: rotation, degrees from x towards y.
        mirror: the template mirrored left to right before it is turned.
        polarity: 1 brighter than its background, -1 darker.
        halo: depth of the undershoot around it, as a sharpened frame shows; share of the peak, 0 to 0.9.
        mask_level: of this target, in place of the image's.
        cut: share of its peak at which it is cut flat, before the point spread, as a body or a saturated sensor shows
            it; 1: not at all.
    """

    kind: Kind
    position: tuple[float, float]
    scr: float | None = None
    contrast: float | None = None
    sigma: tuple[float, float] | None = None
    lobes: tuple[Lobe, ...] = ()
    template: str | None = None
    length: float | None = None
    angle: float = 0.0
    mirror: bool = False
    polarity: int = 1
    halo: float = 0.0
    mask_level: float | None = None
    cut: float = 1.0

    def __post_init__(self) -> None:
        require(self.kind in get_args(Kind), "kind", "must be point, spot or extended", self.kind)
        require(len(self.position) == 2 and finite(*self.position), "position", "must be (x, y)", self.position)
        asked = (self.scr, self.contrast)
        require((self.scr is None) != (self.contrast is None), "one of scr and contrast", "must be given", asked)
        for name, value in (("scr", self.scr), ("contrast", self.contrast)):
            require(value is None or (finite(value) and value > 0), name, "must be positive", value)
        require(0 <= self.halo <= 0.9, "halo", "must be from 0 to 0.9", self.halo)
        level = self.mask_level
        require(level is None or 0 < level <= 1, "mask_level", "must be in (0, 1]", level)
        require(0 < self.cut <= 1, "cut", "must be in (0, 1]", self.cut)
        require(finite(self.angle), "angle", "must be finite", self.angle)
        require(self.polarity in (1, -1), "polarity", "must be 1 (bright) or -1 (dark)", self.polarity)
        if self.kind == "extended":
            require(self.template is not None, "template", "must name a template for an extended target", None)
            length = self.length
            require(length is not None and finite(length) and length > 0, "length", "must be positive", length)
            kernel = (self.sigma, self.lobes)
            require(kernel == (None, ()), "sigma, lobes", "go with point and spot, not with extended", kernel)
        else:
            sigma = self.sigma
            positive = sigma is not None and len(sigma) == 2 and finite(*sigma) and min(sigma) > 0
            require(positive, "sigma", "must be two positive lengths (along, across)", sigma)
            drawable = all(
                finite(*lobe) and min(lobe.along, lobe.across) > 0 and lobe.weight > 0 for lobe in self.lobes
            )
            require(drawable, "lobes", "must have positive sigmas and weights", self.lobes)
            require(self.template is None, "template", "goes with extended, not with kernels", self.template)
            require(self.length is None, "length", "goes with extended, not with kernels", self.length)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads; numbers that do not apply are null."""
        return {
            "kind": self.kind,
            "template": self.template,
            "position": list(self.position),
            "sigma": None if self.sigma is None else list(self.sigma),
            "lobes": [list(lobe) for lobe in self.lobes],
            "length": self.length,
            "angle": self.angle,
            "mirror": self.mirror,
            "scr_requested": self.scr,
            "contrast_requested": self.contrast,
            "polarity": self.polarity,
            "halo": self.halo,
            "mask_level": self.mask_level,
            "cut": self.cut,
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
            contrast=data.get("contrast_requested"),
            sigma=None if sigma is None else (sigma[0], sigma[1]),
            lobes=tuple(Lobe(*lobe) for lobe in data.get("lobes", ())),
            template=data.get("template"),
            length=data.get("length"),
            angle=data.get("angle", 0.0),
            mirror=data.get("mirror", False),
            polarity=data.get("polarity", 1),
            halo=data.get("halo", 0.0),
            mask_level=data.get("mask_level"),
            cut=data.get("cut", 1.0),
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
        require(inside, "background.crop", "must be (x >= 0, y >= 0, width >= 1, height >= 1)", self.crop)

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
        psf_sigma: sigma of the targets' own point spread, pixels; 0 for none. Backgrounds have been through theirs.
        noise: sensor noise on the finished image; None for none.
        codec: a block codec after that; None for none. With noise or codec, targets are measured in the image as it
            is written, but what was asked for is met before.
        max_saturated: share of a target's mask that may be black or white; what was asked for is met all the same.
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
    psf_sigma: float = 0.0
    noise: SensorNoise | None = None
    codec: BlockCodec | None = None
    max_saturated: float = 0.0

    def __post_init__(self) -> None:
        require(self.index >= 0, "index", "must not be negative", self.index)
        require(
            self.width >= 16 and self.height >= 16, "image size", "must be at least 16x16", (self.width, self.height)
        )
        require(self.bit_depth in (8, 16), "bit_depth", "must be 8 or 16", self.bit_depth)
        require(finite(self.blur_sigma) and self.blur_sigma > 0, "blur_sigma", "must be positive", self.blur_sigma)
        require(0 < self.mask_level <= 1, "mask_level", "must be in (0, 1]", self.mask_level)
        require(finite(self.psf_sigma) and self.psf_sigma >= 0, "psf_sigma", "must not be negative", self.psf_sigma)
        require(0 <= self.max_saturated <= 1, "max_saturated", "must be from 0 to 1", self.max_saturated)
        require(self.codec is None or self.bit_depth == 8, "bit_depth", "must be 8 with a codec", self.bit_depth)

    @property
    def finished_later(self) -> bool:
        """Whether a stage after the intensity changes what the targets were asked for."""
        return self.noise is not None or self.codec is not None

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
            "max_saturated": self.max_saturated,
            "psf_sigma": self.psf_sigma,
            "noise": None if self.noise is None else asdict(self.noise),
            "codec": None if self.codec is None else {**asdict(self.codec), "phase": list(self.codec.phase)},
            "targets": [target.to_json() for target in self.targets],
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The plan in a row of ``targets.jsonl`` or in the output of `to_json`.

        Raises:
            InvalidValueError: a key is missing or its value is not allowed.
        """
        plain = {field.name for field in fields(cls)} - {"background", "targets", "clutter_region", "noise", "codec"}
        noise, codec = row.get("noise"), row.get("codec")
        try:
            return cls(
                background=BackgroundCrop.from_json(row["background"]),
                targets=tuple(TargetPlan.from_json(target) for target in row["targets"]),
                clutter_region=ClutterRegion(**row["clutter_region"]),
                noise=None if noise is None else SensorNoise(**noise),
                codec=None if codec is None else BlockCodec(**{**codec, "phase": tuple(codec["phase"])}),
                **{name: row[name] for name in plain if name in row},
            )
        except InvalidValueError:
            raise
        except KeyError as error:
            raise InvalidValueError(f"a plan must hold {error}; a row of targets.jsonl shows the layout") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise InvalidValueError(
                f"a plan must hold values of the right kind, got one that is not: {error}; "
                f"a row of targets.jsonl shows the layout"
            ) from None
