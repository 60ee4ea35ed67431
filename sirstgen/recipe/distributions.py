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
from collections.abc import Sequence
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

T = TypeVar("T")


class Numbers(Protocol):
    """Where random numbers come from: `sirstgen.seeding.Draws`, or a numpy Generator."""

    def random(self) -> float:
        """Return a number, uniform in [0, 1)."""
        ...

    def standard_normal(self) -> float:
        """Return a normal number of mean 0 and deviation 1."""
        ...


_FORMS = ("choice", "between", "normal", "lognormal", "quantiles")


class Part(BaseModel):
    """A part of a recipe: immutable, without unknown keys or numbers that are none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Normal(Part):
    """Normal distribution."""

    mean: float
    sd: float = Field(ge=0)


class LogNormal(Part):
    """Log-normal distribution; `spread` is the standard deviation of the natural logarithm."""

    median: float = Field(gt=0)
    spread: float = Field(ge=0)


class Distribution(Part):
    """A number to be drawn; exactly one of `choice`, `between`, `normal`, `lognormal`, `quantiles`."""

    choice: tuple[float, ...] | None = None
    weights: tuple[float, ...] | None = None
    between: tuple[float, float] | None = None
    normal: Normal | None = None
    lognormal: LogNormal | None = None
    quantiles: tuple[float, ...] | None = Field(
        default=None, description="values at evenly spaced probabilities from 0 to 1; linear between them"
    )
    limits: tuple[float, float] | None = Field(default=None, description="values beyond are moved to the nearer limit")

    @model_validator(mode="after")
    def _consistent(self) -> Distribution:
        forms = [name for name in _FORMS if getattr(self, name) is not None]
        if len(forms) != 1:
            raise ValueError(f"exactly one of {', '.join(_FORMS)} must be given, got {forms or 'none'}")
        if self.quantiles is not None and (len(self.quantiles) < 2 or list(self.quantiles) != sorted(self.quantiles)):
            raise ValueError(f"quantiles must be two or more numbers in rising order, got {list(self.quantiles)}")
        if self.choice is not None and not self.choice:
            raise ValueError("choice must hold at least one number")
        if self.weights is not None:
            if self.choice is None or len(self.weights) != len(self.choice):
                raise ValueError("weights go with choice and must be as many as its numbers")
            if min(self.weights) < 0 or sum(self.weights) <= 0:
                raise ValueError("weights must not be negative and must not all be 0")
        for name in ("between", "limits"):
            pair = getattr(self, name)
            if pair is not None and pair[0] > pair[1]:
                raise ValueError(f"{name} must be [low, high], got {list(pair)}")
        if self.limits is not None and self.normal is None and self.lognormal is None:
            raise ValueError("limits do nothing here: they go with normal and lognormal")
        return self

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

    def draw(self, rng: Numbers) -> float:
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


def weighted_choice(rng: Numbers, items: Sequence[T], weights: Sequence[float] | None = None) -> T:
    """One of `items`; a single uniform draw whatever their number."""
    if weights is None:
        return items[int(rng.random() * len(items))]
    mark = rng.random() * sum(weights)
    for item, weight in zip(items, weights, strict=True):
        mark -= weight
        if mark < 0 and weight > 0:
            return item
    return next(item for item, weight in zip(reversed(items), reversed(weights), strict=True) if weight > 0)


def _short_forms(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return {"choice": [value]}
    if isinstance(value, list | tuple):
        return {"choice": list(value)}
    return value


Drawn = Annotated[Distribution, BeforeValidator(_short_forms)]
"""A recipe entry that may be written as a number, a list, or one of the forms of `Distribution`."""


def check_positive(name: str, drawn: Distribution) -> None:
    """Raise ValueError unless only positive values can be drawn."""
    if drawn.support[0] <= 0:
        raise ValueError(f"{name} must be positive, got {least(drawn)}")


def check_not_negative(name: str, drawn: Distribution) -> None:
    """Raise ValueError if a negative value can be drawn."""
    check_least(name, drawn, 0)


def check_least(name: str, drawn: Distribution, bound: float) -> None:
    """Raise ValueError if a value below `bound` can be drawn."""
    if drawn.support[0] < bound:
        rule = "must not be negative" if bound == 0 else f"must be at least {bound:g}"
        raise ValueError(f"{name} {rule}, got {least(drawn)}")


def check_most(name: str, drawn: Distribution, bound: float) -> None:
    """Raise ValueError if a value above `bound` can be drawn."""
    if drawn.support[1] > bound:
        raise ValueError(f"{name} must be at most {bound:g}, got {drawn.support[1]:g}")


def least(drawn: Distribution) -> str:
    """Return the smallest value that can be drawn, for messages."""
    unlimited = drawn.limits is None and (drawn.normal is not None or drawn.lognormal is not None)
    return "a distribution without limits (add limits: [low, high])" if unlimited else f"{drawn.support[0]:g}"
