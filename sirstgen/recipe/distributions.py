"""Numbers that a recipe draws: a constant, a choice, a range or a distribution, written in one way everywhere.

In a recipe file::

    scr: 4                                                   # always 4
    scr: [3, 4, 5, 6]                                        # one of these, equally likely
    scr: {choice: [3, 6], weights: [0.8, 0.2]}
    scr: {between: [2, 8]}                                   # uniform
    scr: {normal: {mean: 4, sd: 1}, limits: [2, 8]}
    scr: {lognormal: {median: 50, spread: 0.55}, limits: [10, 120]}   # spread: sd of the logarithm
    scr: {quantiles: [1.9, 5.3, 10.5, 17, 28.6]}             # least value, quartiles, largest: linear between
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_serializer, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

T = TypeVar("T")


class Random(Protocol):
    """Where random numbers come from: `sirstgen.seeding.Draws`, or a numpy Generator."""

    def random(self) -> float:
        """Return a number, uniform in [0, 1)."""
        ...

    def standard_normal(self) -> float:
        """Return a normal number of mean 0 and deviation 1."""
        ...


FORMS = ("choice", "between", "normal", "lognormal", "quantiles")

# Strict models refuse a list where a tuple is declared; what is inside stays strict.
Numbers = Annotated[tuple[float, ...], Field(strict=False, max_length=10_000)]
Pair = Annotated[tuple[float, float], Field(strict=False)]


class Part(BaseModel):
    """A part of a recipe: immutable, without unknown keys, and with numbers that are finite numbers, not text."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yield the entries that differ from their defaults, for a short `repr`."""
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if field.is_required() or value != field.get_default(call_default_factory=True, validated_data={}):
                yield name, value


class Normal(Part):
    """Normal distribution."""

    mean: float
    sd: float = Field(ge=0)


class LogNormal(Part):
    """Log-normal distribution; `spread` is the standard deviation of the natural logarithm."""

    median: float = Field(gt=0)
    spread: float = Field(ge=0, le=10)


class Distribution(Part):
    """A number to be drawn; exactly one of `choice`, `between`, `normal`, `lognormal`, `quantiles`.

    A number or a list of numbers is read as a `choice`.

    Raises:
        pydantic.ValidationError: a value is not allowed; a recipe that holds it raises InvalidValueError.
    """

    choice: Numbers | None = None
    weights: Numbers | None = None
    between: Pair | None = None
    normal: Normal | None = None
    lognormal: LogNormal | None = None
    quantiles: Numbers | None = Field(
        default=None, description="values at evenly spaced probabilities from 0 to 1; linear between them"
    )
    limits: Pair | None = Field(default=None, description="values beyond are moved to the nearer limit")

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, np.ndarray | np.generic):
            value = value.tolist()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"choice": [value]}
        return {"choice": list(value)} if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _consistent(self) -> Distribution:
        forms = [name for name in FORMS if getattr(self, name) is not None]
        if len(forms) != 1:
            raise ValueError(f"exactly one of {', '.join(FORMS)} must be given, got {' and '.join(forms) or 'none'}")
        if self.quantiles is not None and (len(self.quantiles) < 2 or list(self.quantiles) != sorted(self.quantiles)):
            raise ValueError("quantiles must be two or more numbers in rising order")
        if self.choice is not None and not self.choice:
            raise ValueError("choice must hold at least one number")
        if self.weights is not None:
            if self.choice is None or len(self.weights) != len(self.choice):
                raise ValueError("weights go with choice and must be one for each of its numbers")
            if min(self.weights) < 0 or not 0 < sum(self.weights) < math.inf:
                raise ValueError("weights must not be negative and must not all be 0")
        for name in ("between", "limits"):
            pair = getattr(self, name)
            if pair is not None and pair[0] > pair[1]:
                raise ValueError(f"{name} must be [low, high], got {list(pair)}")
        if self.limits is not None and self.normal is None and self.lognormal is None:
            raise ValueError("limits do nothing here: they go with normal and lognormal")
        return self

    @model_serializer
    def written(self) -> Any:
        """Return the shortest form that reads back to this distribution."""
        if self.choice is not None and self.weights is None:
            numbers = [plain(number) for number in self.choice]
            return numbers[0] if len(numbers) == 1 else numbers
        held = {name: getattr(self, name) for name in type(self).model_fields if getattr(self, name) is not None}
        return {
            name: {key: plain(number) for key, number in value}
            if isinstance(value, Part)
            else [plain(number) for number in value]
            for name, value in held.items()
        }

    def __repr__(self) -> str:
        return f"Distribution({self.written()})"

    __str__ = __repr__

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return forms_schema({"type": "number"})

    @property
    def support(self) -> tuple[float, float]:
        """Smallest and largest value that can be drawn."""
        if self.choice is not None:
            return min(self.choice), max(self.choice)
        if self.between is not None:
            return self.between
        if self.quantiles is not None:
            return self.quantiles[0], self.quantiles[-1]
        if self.limits is not None:
            return self.limits
        if self.lognormal is not None:
            return 0.0, math.inf
        return -math.inf, math.inf

    def draw(self, rng: Random) -> float:
        """Return one value, rounded to six decimals unless it is one of a choice."""
        if self.choice is not None:
            return weighted_choice(rng, self.choice, self.weights)
        if self.between is not None:
            low, high = self.between
            return round(low + (high - low) * rng.random(), 6)
        if self.quantiles is not None:
            place = rng.random() * (len(self.quantiles) - 1)
            step = int(place)
            value = self.quantiles[step] + (place - step) * (self.quantiles[step + 1] - self.quantiles[step])
            return round(value, 6)
        if self.normal is not None:
            value = self.normal.mean + self.normal.sd * rng.standard_normal()
        else:
            assert self.lognormal is not None  # held by the validator
            value = self.lognormal.median * math.exp(self.lognormal.spread * rng.standard_normal())
        if self.limits is not None:
            value = min(max(value, self.limits[0]), self.limits[1])
        return round(value, 6)


@dataclass(frozen=True)
class Within:
    """Bounds of a drawn number: ``area: Annotated[Distribution, Within(above=0, most=10_000)]``.

    Every value that can be drawn must be inside. A normal or log-normal distribution without limits takes `least` and
    `most` as its limits; it is refused where they are not both given.

    Args:
        least: smallest allowed value.
        most: largest allowed value.
        above: values must be larger than this, in place of `least`.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None

    @property
    def text(self) -> str:
        """The rule in words, such as ``above 0 and at most 1000`` or ``from 0 to 255``."""
        return range_text(self.above, self.least, self.most)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        bounds = {"exclusiveMinimum": self.above, "minimum": self.least, "maximum": self.most}
        return forms_schema({"type": "number"} | {key: bound for key, bound in bounds.items() if bound is not None})

    def _checked(self, drawn: Distribution) -> Distribution:
        endless = drawn.limits is None and (drawn.normal is not None or drawn.lognormal is not None)
        if endless and self.least is not None and self.most is not None:
            return drawn.model_copy(update={"limits": (float(self.least), float(self.most))})
        low, high = drawn.support
        if (self.above is not None and low <= self.above) or (self.least is not None and low < self.least):
            self._refuse(low, endless)
        if self.most is not None and high > self.most:
            self._refuse(high, endless)
        return drawn

    def _refuse(self, value: float, endless: bool) -> None:
        if value <= 0 and self.above == 0:
            rule = "positive"
        else:
            rule = "at least 0" if value < 0 and self.least == 0 else self.text
        kind = "without_limits" if endless else "out_of_bounds"
        raise PydanticCustomError(kind, "must be {rule}, got {value}", {"rule": rule, "value": value})


def forms_schema(number: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of every form of a drawn number, given that of the number."""

    def table(required: str, **properties: Any) -> dict[str, Any]:
        return {"type": "object", "properties": properties, "required": [required], "additionalProperties": False}

    def numbers(least: int, most: int = 10_000, item: dict[str, Any] = number) -> dict[str, Any]:
        return {"type": "array", "items": item, "minItems": least, "maxItems": most}

    free, positive = {"type": "number"}, {"type": "number", "minimum": 0}
    normal = table("mean", mean=free, sd=positive) | {"required": ["mean", "sd"]}
    lognormal = table("median", median={**free, "exclusiveMinimum": 0}, spread={**positive, "maximum": 10})
    lognormal["required"] = ["median", "spread"]
    return {
        "anyOf": [
            number,
            numbers(1),
            table("choice", choice=numbers(1), weights=numbers(1, item=positive)),
            table("between", between=numbers(2, 2)),
            table("normal", normal=normal, limits=numbers(2, 2)),
            table("lognormal", lognormal=lognormal, limits=numbers(2, 2)),
            table("quantiles", quantiles=numbers(2)),
        ]
    }


def range_text(above: float | None, least: float | None, most: float | None) -> str:
    """Return bounds in words: ``from 0 to 1``, ``above 0 and at most 1``."""
    if least is not None and most is not None:
        return f"from {least:g} to {most:g}"
    rules = (("above", above), ("at least", least), ("at most", most))
    return " and ".join(f"{word} {bound:g}" for word, bound in rules if bound is not None)


def plain(number: float) -> float:
    """Return a whole number as an int, so that it is written without a decimal point."""
    return int(number) if number == int(number) and abs(number) < 1e15 else number


def weighted_choice(rng: Random, items: Sequence[T], weights: Sequence[float] | None = None) -> T:
    """Return one of `items`; takes a single uniform draw whatever their number."""
    if weights is None:
        return items[int(rng.random() * len(items))]
    mark = rng.random() * sum(weights)
    for item, weight in zip(items, weights, strict=True):
        mark -= weight
        if mark < 0 and weight > 0:
            return item
    return next(item for item, weight in zip(reversed(items), reversed(weights), strict=True) if weight > 0)


Drawn = Distribution
"""A recipe entry that may be written as a number, a list, or one of the forms of `Distribution`."""
