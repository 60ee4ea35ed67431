"""The statistics by which two sets are compared, with what they mean: of targets and of whole backgrounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sirstgen.measure.target_statistics import TargetStatistics

_STEEPEST_SCR = 1e3  # in place of the infinite SCR on flat clutter


@dataclass(frozen=True)
class Measure:
    """One statistic.

    Args:
        name: its key in tables and JSON.
        meaning: for reports, with its unit.
        floor: where given, the statistic is compared by its logarithm, values below `floor` counting as that.
    """

    name: str
    meaning: str
    floor: float | None = None

    def scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values as they are compared."""
        return values if self.floor is None else np.log10(np.maximum(values, self.floor))


TARGET_MEASURES: tuple[Measure, ...] = (
    Measure("area", "area, px", 1),
    Measure("aspect", "aspect of the mask", 1),
    Measure("along_x", "elongation along x (+) or y (-)"),
    Measure("x", "centre / width"),
    Measure("y", "centre / height"),
    Measure("border", "distance from the frame's edge, px"),
    Measure("contrast", "contrast to the ring, gray levels"),
    Measure("peak", "peak contrast, gray levels"),
    Measure("mean_to_peak", "contrast / peak contrast"),
    Measure("spread", "deviation in the mask / peak"),
    Measure("ring", "level of the ring, gray levels"),
    Measure("clutter", "local clutter sigma_b, gray levels", 0.1),
    Measure("clutter_global", "clutter of the frame, gray levels", 0.1),
    Measure("scr", "SCR, local", 0.1),
    Measure("scr_global", "SCR, whole frame", 0.03),
    Measure("saturated", "share of saturated pixels"),
    Measure("brighter", "share of the frame that is brighter"),
    Measure("inside_2", "profile 2 px inside / peak"),
    Measure("inside_1", "profile 1 px inside / peak"),
    Measure("outside_1", "profile 1 px outside / peak"),
    Measure("outside_2", "profile 2 px outside / peak"),
    Measure("outside_3", "profile 3 px outside / peak"),
    Measure("edge", "gradient at the border / peak, per px"),
    Measure("undershoot", "lowest ring / peak"),
    Measure("sigma_major", "sigma along the long axis, px", 0.1),
    Measure("sigma_minor", "sigma along the short axis, px", 0.1),
    Measure("fit_residual", "residual of a Gaussian / peak"),
    Measure("mask_level", "threshold that gives the mask / peak"),
    Measure("maxima", "local maxima in the mask"),
    Measure("neighbour", "distance of the nearest target, px", 1),
    Measure("count", "targets in the frame"),
)

BACKGROUND_MEASURES: tuple[Measure, ...] = (
    Measure("mean", "mean level, gray levels"),
    Measure("std", "deviation, gray levels", 0.1),
    Measure("psd_slope", "slope of the power spectrum"),
    Measure("local_std_p5", "local deviation, 5 %", 0.05),
    Measure("local_std_p50", "local deviation, median", 0.05),
    Measure("local_std_p95", "local deviation, 95 %", 0.05),
    Measure("noise_sigma", "noise (Immerkaer), gray levels", 0.01),
    Measure("residual_std", "noise in flat places, gray levels", 0.01),
    Measure("residual_lag1_x", "noise correlation along x"),
    Measure("residual_lag1_y", "noise correlation along y"),
    Measure("gradient_kurtosis", "kurtosis of the gradients", 1),
    Measure("gradient_p99", "gradient, 99 %", 0.1),
    Measure("anisotropy", "log2 of vertical / horizontal gradients"),
    Measure("horizon_row", "row of the best two-region split / height"),
    Measure("horizon_variance", "share of variance that a horizon explains"),
    Measure("horizon_step", "largest step between row means", 0.05),
    Measure("saturation", "share at white"),
    Measure("blockiness", "8-px blockiness"),
    Measure("zero_gradient", "share without gradient"),
    Measure("column_fpn", "column pattern", 0.1),
    Measure("row_fpn", "row pattern", 0.1),
)


def target_row(target: TargetStatistics) -> list[float]:
    """Return the values of `TARGET_MEASURES`, NaN where the target has none."""
    turned = math.cos(2 * math.radians(target.angle)) * (1 - 1 / target.aspect)
    derived = {
        "along_x": turned,
        "inside_2": target.inside[1],
        "inside_1": target.inside[2],
        "outside_1": target.outside[0],
        "outside_2": target.outside[1],
        "outside_3": target.outside[2],
    }
    values = (derived[name] if name in derived else getattr(target, name) for name in _TARGET_NAMES)
    return [min(float(value), _STEEPEST_SCR) if value == math.inf else float(value) for value in values]


_TARGET_NAMES = tuple(measure.name for measure in TARGET_MEASURES)
