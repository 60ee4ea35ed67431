"""What a target is asked to show: a signal-to-clutter ratio, a contrast, or a contrast by the recipe's law."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sirstgen.recipe.parts import ContrastLaw


class Request:
    """What a target is asked to show: an SCR, or a contrast in gray levels; and whether it is bright or dark."""

    __slots__ = ("contrast", "polarity", "scr")

    def __init__(self, scr: float | None, contrast: float | None, polarity: int) -> None:
        self.scr, self.contrast, self.polarity = scr, contrast, polarity

    def signal(self, sigma_b: float) -> float:
        """Return the wanted difference of means in clutter of this deviation, gray levels."""
        if self.contrast is not None:
            return self.polarity * self.contrast
        assert self.scr is not None  # one of the two is given
        return self.polarity * self.scr * sigma_b

    def signals(self, sigma_b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the wanted differences in clutters of these deviations, gray levels; a new array."""
        if self.contrast is not None:
            return np.full_like(sigma_b, self.polarity * self.contrast)
        assert self.scr is not None
        return sigma_b * (self.polarity * self.scr)

    def settled(self, sigma_b: float) -> Request:
        """Return what is asked for in clutter of this deviation; the same for a fixed SCR or contrast."""
        return self

    def __str__(self) -> str:
        return f"scr {self.scr:g}" if self.contrast is None else f"contrast {self.contrast:.1f}"


class LawRequest(Request):
    """A contrast by the recipe's law, which is settled once the clutter around the target is known."""

    __slots__ = ("_law", "_level", "_levels")

    def __init__(self, law: ContrastLaw, level: float, levels: float, polarity: int) -> None:
        super().__init__(None, None, polarity)
        self._law, self._level, self._levels = law, level, levels

    def signal(self, sigma_b: float) -> float:
        """Return the wanted difference of means in clutter of this deviation, gray levels."""
        law = self._law
        # Below a level of 256, deviations are rounding and say nothing.
        contrast = self._level * (max(sigma_b / self._levels, 1.0) / law.clutter) ** law.clutter_exponent
        return float(self.polarity * round(min(max(contrast, law.limits[0]), law.limits[1]) * self._levels, 6))

    def signals(self, sigma_b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the wanted differences in clutters of these deviations, gray levels; a new array."""
        law = self._law
        contrast = (np.maximum(sigma_b / self._levels, 1.0) / law.clutter) ** law.clutter_exponent
        return (self._level * contrast).clip(*law.limits) * (self.polarity * self._levels)

    def settled(self, sigma_b: float) -> Request:
        """Return what is asked for in clutter of this deviation."""
        return Request(None, abs(self.signal(sigma_b)), self.polarity)
