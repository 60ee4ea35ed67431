"""The registry of stages: what may happen to a target or an image beyond the steps that every image goes through.

A stage is one module with three parts:

* an *entry* (a pydantic model): what the recipe says under ``stages: {<name>: ...}``, with ``draw(rng, context)``,
  which returns a record, or None where nothing happens;
* a *record* (a frozen dataclass of JSON values): everything that was drawn. It is under ``stages`` in the plan and in
  the line of ``targets.jsonl``, and has ``apply``, a pure function;
* one call of `register_stage`.

`Slot` says where a record is applied and what its ``apply`` takes and returns:

=============  =====================================================================================================
slot           ``apply`` of the record
=============  =====================================================================================================
``components`` ``(main: GaussianComponent) -> list[GaussianComponent]``: Gaussians beside the main one of a target
``radiance``   ``(profile: Profile) -> Profile``: before the 5x5 blur
``profile``    ``(profile: Profile) -> Profile``: after it
``mask``       ``(level: float) -> float``: the share of the peak from which a pixel belongs to the mask
``image``      ``(image, context: ImageContext) -> image``: after the intensity; (H, W) uint8 or uint16
=============  =====================================================================================================
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple, get_args

from sirstgen.checks import nearest
from sirstgen.errors import InvalidValueError
from sirstgen.files.gray_scale import levels_of_bits
from sirstgen.seeding import Draws

Slot = Literal["components", "radiance", "profile", "mask", "image"]
Per = Literal["target", "image"]

_BUILT_IN = (
    "sirstgen.synthesis.stages.mask_jitter",
    "sirstgen.synthesis.stages.extra_gaussians",
    "sirstgen.synthesis.stages.wide_component",
    "sirstgen.synthesis.stages.saturation_clip",
    "sirstgen.synthesis.stages.uneven_radiance",
    "sirstgen.synthesis.stages.defocus",
    "sirstgen.synthesis.stages.point_spread",
    "sirstgen.synthesis.stages.undershoot",
    "sirstgen.synthesis.stages.fixed_pattern",
    "sirstgen.synthesis.stages.sensor_noise",
    "sirstgen.synthesis.stages.codec",
)
"""The modules of the built-in stages. Stages of one slot are applied in this order."""


class Stage(NamedTuple):
    """One registered stage.

    Args:
        name: key in recipe, plan and row.
        slot: where its record is applied.
        per: one record for each target, or one for each image.
        entry: pydantic model of the recipe entry.
        record: frozen dataclass of what was drawn.
        bit_depths: images that it can be applied to.
    """

    name: str
    slot: Slot
    per: Per
    entry: type[Any]
    record: type[Any]
    bit_depths: tuple[int, ...] = (8, 16)


_stages: dict[str, Stage] = {}
_complete: list[bool] = []  # holds True once the built-in stages are registered and in order


def register_stage(
    name: str,
    *,
    slot: Slot,
    entry: type[Any],
    record: type[Any],
    per: Per | None = None,
    before: str | None = None,
    bit_depths: tuple[int, ...] = (8, 16),
) -> Stage:
    """Add a stage to those that recipes, plans and rows may name; a stage of that name is replaced.

    Args:
        name: key under ``stages``; a Python identifier.
        slot: where the record is applied, see the table of `sirstgen.stages`.
        entry: pydantic model with ``draw(rng: Draws, context: DrawContext) -> record | None``.
        record: frozen dataclass whose fields are JSON values (tuples for lists), with ``apply``.
        per: ``target`` or ``image``: how often a record is drawn; by default what the slot is applied to.
        before: name of the stage that it comes before; by default it comes last.
        bit_depths: images that it can be applied to.

    Raises:
        InvalidValueError: a wrong name, slot or neighbour.
    """
    require(name.isidentifier(), "the name of a stage", "must be a Python identifier", name)
    require(slot in get_args(Slot), "slot", f"must be one of {', '.join(get_args(Slot))}", slot)
    made = Stage(name, slot, per or ("image" if slot == "image" else "target"), entry, record, bit_depths)
    require(made.per == "image" or slot != "image", "per", "must be image for the slot image", made.per)
    if entry.__module__ not in _BUILT_IN:
        registered_stages()  # the built-in ones come first
    others = [other for other in _stages if other != name]
    require(before is None or before in others, "before", "must name another registered stage", before)
    _stages.pop(name, None)
    if before is None:
        _stages[name] = made
        return made
    ordered = [stage for other in _stages.values() for stage in ((made, other) if other.name == before else (other,))]
    _stages.clear()
    _stages.update((stage.name, stage) for stage in ordered)
    return made


def registered_stages() -> Mapping[str, Stage]:
    """Return all stages by name, in the order in which those of one slot are applied."""
    if not _complete:
        for module in _BUILT_IN:
            importlib.import_module(module)
        ordered = sorted(_stages.values(), key=lambda stage: _BUILT_IN.index(stage.entry.__module__))
        _stages.clear()
        _stages.update((stage.name, stage) for stage in ordered)
        _complete.append(True)
    return _stages


def find_stage(name: str) -> Stage:
    """Return the stage of that name.

    Raises:
        InvalidValueError: it is not registered; names the nearest spelling.
    """
    known = registered_stages()
    if name not in known:
        raise InvalidValueError(
            f"stage {name!r} is not registered{nearest(name, known)}; import the module that registers it "
            f"(on the command line: --import MODULE)",
            name="stage",
            value=name,
        )
    return known[name]


class DrawContext:
    """What is known when the records of one image or of one target are drawn.

    Attributes:
        index: number of the image.
        width, height: of the image, pixels.
        bit_depth: 8 or 16.
        scene: scene class of the background.
        mask_level: of the recipe.
        kind: ``point``, ``spot`` or ``extended``; None for the image.
        area: drawn mask area of a point or spot target, pixels; None otherwise.
    """

    __slots__ = (
        "_entries", "_records", "_streams",
        "area", "bit_depth", "height", "index", "kind", "mask_level", "scene", "width",
    )  # fmt: skip

    def __init__(
        self,
        entries: Mapping[str, Any],
        streams: Callable[[str], Draws],
        *,
        index: int = 0,
        width: int = 256,
        height: int = 256,
        bit_depth: int = 8,
        scene: str = "unknown",
        mask_level: float = 0.3,
        kind: str | None = None,
        area: float | None = None,
    ) -> None:
        self._entries, self._streams = entries, streams
        self._records: dict[str, Any] = {}
        self.index, self.width, self.height, self.bit_depth = index, width, height, bit_depth
        self.scene, self.mask_level, self.kind, self.area = scene, mask_level, kind, area

    @property
    def levels(self) -> float:
        """Gray levels of the image per level of 8 bits."""
        return levels_of_bits(self.bit_depth)

    def drawn(self, name: str) -> Any:
        """Return the record of another stage of the same target or image, or None where it has none."""
        if name not in self._records:
            entry = self._entries.get(name)
            self._records[name] = None if entry is None else entry.draw(self._streams(name), self)
        return self._records[name]


@dataclass(frozen=True)
class ImageContext:
    """What a stage of the slot ``image`` may know.

    Args:
        changed: returns the pixels that targets have changed, (H, W) bool.
    """

    changed: Callable[[], Any]


def records_to_dict(records: Mapping[str, Any]) -> dict[str, Any]:
    """Return the records as JSON values, by name of their stage."""
    return {
        name: {part.name: _listed(getattr(record, part.name)) for part in fields(record)}
        for name, record in records.items()
    }


def records_from_dict(data: Mapping[str, Any], per: Per) -> dict[str, Any]:
    """Return the records in the ``stages`` of a plan or a row.

    Raises:
        InvalidValueError: a stage that is not registered, or one of an image on a target or the other way round.
    """
    found = {}
    for name, values in data.items():
        stage = find_stage(name)
        require(stage.per == per, f"stages.{name}", f"must be on the {stage.per}, not on the {per}", values)
        known = {part.name for part in fields(stage.record)}
        unknown = [key for key in values if key not in known]
        require(not unknown, f"stages.{name}", f"must hold {', '.join(sorted(known))} alone", unknown)
        found[name] = stage.record(**{key: _frozen(value) for key, value in values.items()})
    return dict(in_order(found)) if found else found


def in_order(records: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the records by name in the order of the registry."""
    return ((name, records[name]) for name in registered_stages() if name in records)


def records_in(slot: Slot, records: Mapping[str, Any]) -> list[Any]:
    """Return the records of one slot, in the order of the registry."""
    return [record for name, record in records.items() if _stages[name].slot == slot] if records else []


def _listed(value: Any) -> Any:
    return [_listed(part) for part in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(part) for part in value) if isinstance(value, list | tuple) else value


def require(rule: bool, name: str, text: str, value: object) -> None:
    """Raise InvalidValueError unless the rule holds: what is wrong with which value."""
    if not rule:
        raise InvalidValueError(f"{name} {text}, got {value}", name=name, value=value)


def finite(*numbers: float) -> bool:
    """Return whether all numbers are finite."""
    return all(map(math.isfinite, numbers))
