"""Shapes fitted by trying: renders on the set's own cleaned frames until targets measure as the labelled ones do.

The number of Gaussians of a target and the strength of a codec cannot be read off a frame; what they leave can:
the residual of a Gaussian, the profile across the mask's border, the ripples beside it. So candidates are rendered by
the generator itself, measured as the real targets were, and compared statistic by statistic. One setting is changed at
a time, and a change is kept where the mean distance falls by more than chance would have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.comparison.distances import kolmogorov_smirnov
from sirstgen.errors import GenerationError
from sirstgen.fit.cleaned import CleanedFrames
from sirstgen.fit.findings import Finding, rounded
from sirstgen.fit.sizes import LARGEST_BLOB, LEAST_OF_A_KIND
from sirstgen.measure.target_statistics import TargetStatistics, target_statistics
from sirstgen.recipe.recipe import Recipe
from sirstgen.synthesis.generator import Generator

LEAST_TARGETS = 30

_IMAGES = 120
_GAIN = 0.002  # of the mean distance: smaller gains are chance
_ASPECTS = (1.0, 0.8, 0.6)
_CLIPS = ((0.3, 1.2), (0.4, 1.6), (0.5, 2.0))  # beyond 1 is not clipped
_CLIP_EXPONENTS = (0, 0.4, 0.8)
_WIDE_PEAKS = (0.09, 0.15, 0.24)
_SMALL = {"offset": {"between": [0.6, 1.4]}, "size": {"between": [0.3, 0.7]}}  # Gaussians that keep their borders steep
_QUALITIES = ((70, 95), (50, 95), (30, 90), (20, 70))

Table = dict[str, NDArray[np.float64]]
Settings = dict[str, Any]


@dataclass
class Trial:
    """Settings of shape and what is known of them.

    Args:
        settings: ``mask_level``, entries of stages (None: left out) and ``aspect_power``.
        distance: mean distance from the labelled targets; infinite before it is known.
        steps: what was tried, for the notes: (name, distance) each.
    """

    settings: Settings
    distance: float = np.inf
    steps: dict[str, list[tuple[str, float]]] = field(default_factory=dict)


def starting_settings(blocky: float) -> Settings:
    """Return the settings before any trial: those that bring rendered targets nearest to NUAA-SIRST.

    Args:
        blocky: share of frames with 8-px blocks.
    """
    return {
        "mask_level": 0.25,
        "mask_jitter": {"deviation": 0.15},
        "extra_gaussians": {"count": [2, 3, 4, 5], **_SMALL},
        "wide_component": {"peak": {"quantiles": [0, 0, 0.05, 0.1, 0.15]}},
        "saturation_clip": {"level": {"between": [0.4, 1.6]}, "exponent": 0.8},
        "point_spread": None,
        "undershoot": None,
        "codec": _codec(min(2 * blocky, 1.0), 30, 90),
        "aspect_power": 1.0,
    }


def candidates(blocky: float, undershoot: float) -> dict[str, dict[str, Settings]]:
    """Return what is tried, by setting and by name; a codec only where blocks are seen.

    Args:
        blocky: share of frames with 8-px blocks.
        undershoot: share of targets with a dark ring.
    """
    counts = {"1 Gaussian": [0], "1-3": [0, 1, 2], "2-4": [1, 2, 3], "3-6": [2, 3, 4, 5]}
    tried: dict[str, dict[str, Settings]] = {
        "extra_gaussians": {name: {"extra_gaussians": {"count": count}} for name, count in counts.items()},
        "saturation_clip": {
            "no clip": {"saturation_clip": None},
            **{
                f"clip at {low:g}-{high:g} ^{power:g}": {
                    "saturation_clip": {"level": {"between": [low, high]}, "exponent": power}
                }
                for low, high in _CLIPS
                for power in _CLIP_EXPONENTS
            },
        },
        "wide_component": {
            "none": {"wide_component": None},
            **{
                f"to {most:g}": {"wide_component": {"peak": {"quantiles": [0, 0, most / 3, most / 1.5, most]}}}
                for most in _WIDE_PEAKS
            },
        },
        "codec": {"no codec": {"codec": None}},
        "undershoot": {"no undershoot": {"undershoot": None}},
        "mask": {},
        "point_spread": {
            "no point spread": {"point_spread": None},
            "point spread 0.5": {"point_spread": {"sigma": 0.5}},
            "point spread 0.4-1": {"point_spread": {"sigma": {"between": [0.4, 1.0]}}},
        },
        "aspect": {f"aspect to the {power:g}": {"aspect_power": power} for power in _ASPECTS},
    }
    tried["extra_gaussians"] |= {
        f"{name}, small": {"extra_gaussians": {"count": counts[name], **_SMALL}} for name in ("2-4", "3-6")
    }
    if blocky > 0:
        for share in dict.fromkeys((blocky, min(2 * blocky, 1.0), 1.0)):
            for low, high in _QUALITIES:
                tried["codec"][f"codec {low}-{high} on {share:.0%}"] = {"codec": _codec(share, low, high)}
    if undershoot > 0:
        for depth in (0.1, 0.2, 0.3):
            value = {
                "choice": [0, depth / 2, depth],
                "weights": [rounded(1 - undershoot, 2), *[rounded(undershoot / 2, 2)] * 2],
            }
            tried["undershoot"][f"undershoot to {depth:g}"] = {"undershoot": {"depth": value}}
    for level in (0.2, 0.25, 0.3, 0.35, 0.4):
        for jitter in (0, 0.05, 0.1, 0.15):
            tried["mask"][f"mask at {level:g} +- {jitter:g}"] = {
                "mask_level": level,
                "mask_jitter": {"deviation": jitter} if jitter else None,
            }
    return tried


def _codec(share: float, low: int, high: int) -> dict[str, Any] | None:
    if share == 0:
        return None
    return {"share": rounded(share, 2), "quality": {"between": [low, high]}, "scope": "targets"}


def shape_table(targets: Sequence[TargetStatistics]) -> Table:
    """Return the statistics that distinguish shapes, for each target; NaN where it has none.

    Large targets are few and unlike the others, so what their bodies look like is in columns of its own as well.
    """
    rows = [
        {
            **{name: float(getattr(target, name)) for name in _PLAIN},
            **{f"inside_{3 - place}": value for place, value in enumerate(target.inside)},
            **{f"outside_{place + 1}": value for place, value in enumerate(target.outside)},
            **{f"roughness_{place + 1}": value for place, value in enumerate(target.roughness)},
            "ring_to_peak": target.ring_spread / abs(target.peak),
        }
        for target in targets
    ]
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}
    large = np.array([target.area > LARGEST_BLOB for target in targets])
    return table | {f"large_{name}": np.where(large, table[name], np.nan) for name in _OF_BODIES if table}


_PLAIN = (
    "aspect",
    "mean_to_peak",
    "spread",
    "edge",
    "undershoot",
    "sigma_major",
    "sigma_minor",
    "fit_residual",
    "mask_level",
    "maxima",
)
_OF_BODIES = ("mean_to_peak", "edge", "fit_residual", "inside_3", "inside_2", "inside_1", "outside_1", "outside_2")


def distances(real: Table, drawn: Table) -> dict[str, float]:
    """Return the Kolmogorov-Smirnov distance of each statistic, 0 to 1; 1 where nothing drawn has it.

    Of fewer than 8 real values it would say little, and is left out.
    """
    found = {
        name: kolmogorov_smirnov(values[np.isfinite(values)], drawn[name][np.isfinite(drawn[name])])
        for name, values in real.items()
        if np.isfinite(values).sum() >= LEAST_OF_A_KIND
    }
    return {name: distance if np.isfinite(distance) else 1.0 for name, distance in found.items()}


def fit_shape(
    real: Table,
    recipe_of: Callable[[Settings], Recipe],
    backgrounds: CleanedFrames,
    start: Settings,
    tried: Mapping[str, Mapping[str, Settings]],
    progress: Callable[[int, int], None] | None = None,
) -> Trial:
    """Return the settings whose rendered targets measure most like the labelled ones: one pass over the settings, then
    another over Gaussians and codec, which lean on the others.

    Args:
        real: of the labelled targets.
        recipe_of: a recipe with these settings.
        backgrounds: to render on.
        start: settings to begin with.
        tried: from `candidates`.
        progress: called with trials done and trials in all.
    """
    best = Trial(dict(start))
    best.distance = _distance(real, recipe_of(best.settings), backgrounds)
    order = [*tried, "extra_gaussians", "codec"]
    total = 1 + sum(len(tried[name]) for name in order)
    done = 1
    for name in order:
        steps = []
        for label, change in tried[name].items():
            settings = {**best.settings, **change}
            distance = best.distance if settings == best.settings else _distance(real, recipe_of(settings), backgrounds)
            steps.append((label, distance, settings))
            done += 1
            if progress is not None:
                progress(done, total)
        label, distance, settings = min(steps, key=lambda step: step[1])
        if distance < best.distance - _GAIN:
            best.settings, best.distance = settings, distance
        best.steps[name] = [(label, distance) for label, distance, _ in steps]
    return best


def _distance(real: Table, recipe: Recipe, backgrounds: CleanedFrames) -> float:
    drawn = shape_table(rendered_targets(recipe, backgrounds))
    return float(np.mean(list(distances(real, drawn).values()))) if drawn else np.inf


def rendered_targets(recipe: Recipe, backgrounds: CleanedFrames, images: int = _IMAGES) -> list[TargetStatistics]:
    """Return the targets of images that the generator draws, seed 0: the same draws for every recipe, as far as they
    go.
    """
    generator = Generator(recipe, backgrounds, seed=0)
    found = []
    for index in range(images):
        try:
            sample = generator[index]
        except GenerationError:
            continue  # no place for these targets on this frame
        found += target_statistics(sample.image, sample.mask > 0)
    return found


def shape_findings(best: Trial, seen: Mapping[str, str]) -> list[Finding]:
    """Return the settings as entries of a recipe, with the distances that chose them.

    Args:
        best: from `fit_shape`, or settings that were never tried.
        seen: what the labelled targets show, by entry; for the notes.
    """
    findings = []
    for name, group in _GROUPS.items():
        tried = sorted(best.steps.get(group, []), key=lambda step: step[1])[:4]
        how = (
            f"Rendered with {', '.join(f'{label} {distance:.3f}' for label, distance in tried)} (mean KS distance)."
            if tried
            else "Not fitted: as for NUAA-SIRST."
        )
        note = f"{seen[name]} {how}" if name in seen else how
        value = best.settings[name]
        if name == "mask_level":
            findings.append(Finding((name,), value, note))
        elif value is not None:
            for number, (key, part) in enumerate(value.items()):
                findings.append(Finding(("stages", name, key), part, note if number == 0 else "As above."))
    return findings


_GROUPS = {
    "mask_level": "mask",
    "mask_jitter": "mask",
    "extra_gaussians": "extra_gaussians",
    "wide_component": "wide_component",
    "saturation_clip": "saturation_clip",
    "point_spread": "point_spread",
    "undershoot": "undershoot",
    "codec": "codec",
}
"""Entries of the recipe in the order of the file, each with the group of candidates that it was chosen from."""
