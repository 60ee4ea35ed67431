"""What a recipe draws per frame, fitted: sizes, counts, scenes, places, noise and the traces of a codec."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.fit.findings import Finding, percentiles, quantiles, rounded
from sirstgen.fit.labelled import LabelledFrame, LabelledSet
from sirstgen.recipe.parts import MOST_TARGETS
from sirstgen.seeding import stream

BLOCKY = 1.25
"""Blockiness from which on a frame counts as having been through an 8-px codec."""

LEAST_HORIZONS = 10

TOGETHER = 64
"""Pixels; targets of one frame that are no farther apart are in one cluster."""

_LEAST_FURTHER = 10
_SHUFFLES = 20  # of every frame with several targets

_LARGEST = 95  # percentile of the sides
_SIZES = 12  # sizes of procedural images
_LEAST_TARGETS = 40  # for quantiles of places
_PULL = 2.0  # frames' worth of a smooth law that counts are drawn towards
_EDGE = (0.03, 0.97)


def fit_sizes(found: LabelledSet) -> list[Finding]:
    """Return `width`, `height`, `bit_depth` and the entries of `backgrounds` that follow from them."""
    sides = np.array([(frame.width, frame.height) for frame in found.frames])
    width, height = (round(float(side)) for side in np.percentile(sides, _LARGEST, axis=0))
    fitting = {(int(across), int(down)) for across, down in sides if across <= width and down <= height}
    ordered = sorted(fitting or {(width, height)}, key=lambda size: size[0] * size[1])
    places = np.linspace(0, len(ordered) - 1, min(_SIZES, len(ordered))).round().astype(int)
    findings = [
        Finding(
            (name,),
            max(side, 16),
            f"Largest: {_LARGEST} % of {len(sides)} frames. Theirs: {percentiles(theirs)} px.",
        )
        for name, side, theirs in (("width", width, sides[:, 0]), ("height", height, sides[:, 1]))
    ]
    if found.bit_depth != 8:
        findings.append(Finding(("bit_depth",), found.bit_depth, f"{found.name} has frames of 16 bits."))
    return [
        *findings,
        Finding(
            ("backgrounds", "native_size"),
            True,
            "Images at the size of their background: real frames are never resized before they are labelled.",
        ),
        Finding(
            ("backgrounds", "sizes"),
            [list(ordered[place]) for place in places],
            f"For procedural backgrounds and larger frames: {len(places)} of {len(ordered)} sizes that frames have.",
        ),
    ]


def fit_counts(found: LabelledSet) -> Finding:
    """Return `targets_per_image`: the counts seen, drawn a little towards a geometric law, and no count that was not
    seen. More than `MOST_TARGETS` count as that many.
    """
    counts = Counter(min(len(frame.targets), MOST_TARGETS) for frame in found.frames)
    frames = len(found.frames)
    mean = sum(count * times for count, times in counts.items()) / frames
    least = min(counts)
    ratio = (mean - least) / (mean - least + 1) if mean > least else 0.0
    law = {count: (1 - ratio) * ratio ** (count - least) for count in counts}
    total = sum(law.values())
    table = {
        count: rounded((counts[count] + _PULL * law[count] / total) / (frames + _PULL), 2) for count in sorted(counts)
    }
    seen = ", ".join(f"{count}: {counts[count]}" for count in sorted(counts))
    return Finding(
        ("targets_per_image",), table, f"From {frames} frames, smoothed a little; frames by targets: {seen}."
    )


def fit_scene_mix(found: LabelledSet, known: tuple[str, ...]) -> tuple[list[Finding], list[str]]:
    """Return `backgrounds.scene_mix` from the frames' labels."""
    labelled = Counter(frame.scene for frame in found.frames if frame.scene is not None)
    if not labelled:
        return [], ["scene mix: no labels; scenes come as found in the backgrounds"]
    mix = {scene: labelled[scene] for scene in known if labelled[scene]}
    other = {scene: count for scene, count in sorted(labelled.items()) if scene not in known}
    unknowns = [f"scenes without a row in the recipe, left out: {other}"] if other else []
    if not mix:
        return [], unknowns
    total = sum(mix.values())
    note = (
        f"From {total} labelled frames: {', '.join(f'{scene} {count}' for scene, count in mix.items())}. "
        "Take this entry out for backgrounds that do not show all of these scenes."
    )
    table = {scene: rounded(count / total, 2) for scene, count in mix.items()}
    return [Finding(("backgrounds", "scene_mix"), table, note)], unknowns


def fit_position(found: LabelledSet) -> Finding:
    """Return `position`: where targets are in their frames."""
    places = {axis: found.values(axis) for axis in ("x", "y")}
    value: dict[str, Any]
    if len(places["x"]) >= _LEAST_TARGETS:
        value = {axis: quantiles(values[(values >= 0) & (values <= 1)]) for axis, values in places.items()}
        form = "quantiles"
    else:
        value = {
            axis: {
                "normal": {"mean": rounded(float(values.mean()), 2), "sd": rounded(float(values.std()), 2)},
                "limits": list(_EDGE),
            }
            for axis, values in places.items()
        }
        form = f"normal, since quantiles need {_LEAST_TARGETS} targets"
    spread = ", ".join(f"{axis} sd {values.std():.2f}" for axis, values in places.items())
    return Finding(
        ("position",), value, f"Share of width and height, from {len(places['x'])} targets ({form}): {spread}."
    )


def fit_cluster(found: LabelledSet) -> tuple[list[Finding], list[str]]:
    """Return `cluster`: how often, and how closely, targets of one frame keep together.

    The targets of a frame are joined by the shortest ways (minimum spanning tree); those of at most `TOGETHER` px
    are together. What is together by chance is taken off: targets of other frames, at their shares of width and
    height, in place of the frame's own.
    """
    ways = np.array([way for frame in found.frames for way in _ways(_centres(frame))])
    if ways.size < _LEAST_FURTHER:
        return [], [
            f"clusters: {ways.size} further targets in a frame (at least {_LEAST_FURTHER} are needed), none are drawn"
        ]
    close = ways[ways <= TOGETHER]
    chance = _chance_of_company(found)
    share = max(close.size / ways.size - chance, 0.0) / (1 - chance)
    note = (
        f"{close.size} of {ways.size} further targets of a frame are at most {TOGETHER} px from another one, "
        f"{chance:.0%} would be by chance."
    )
    findings = [Finding(("cluster", "share"), rounded(share, 2), note)]
    if close.size:
        findings.append(Finding(("cluster", "distance"), quantiles(close), f"{percentiles(close)} px."))
    return findings, []


def _centres(frame: LabelledFrame) -> NDArray[np.float64]:
    return np.array([target.statistics.center for target in frame.targets], float).reshape(-1, 2)


def _ways(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the edges of the minimum spanning tree of (n, 2) places, pixels."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    if len(centres) < 2:
        return np.zeros(0)
    away = np.linalg.norm(centres[:, np.newaxis] - centres, axis=2)
    return np.asarray(minimum_spanning_tree(away).data, np.float64)


def _chance_of_company(found: LabelledSet) -> float:
    """Return the share of further targets that would be together if places were independent, at most 0.9."""
    shares = np.column_stack([found.values("x"), found.values("y")])
    rng = stream(0, "chance of company")
    ways = [
        way
        for frame in found.frames
        for _ in range(_SHUFFLES if len(frame.targets) > 1 else 0)
        for way in _ways(shares[rng.permutation(len(shares))[: len(frame.targets)]] * (frame.width, frame.height))
    ]
    return min(float(np.mean(np.array(ways) <= TOGETHER)), 0.9)


def fit_horizon(found: LabelledSet, place: tuple[str, ...]) -> Finding | None:
    """Return `above_horizon` of a scene; None where too few frames show a horizon.

    Args:
        found: the frames of the scene.
        place: the scene's row, such as ``("scenes", "sea")``.
    """
    frames = [frame for frame in found.frames if frame.horizon and frame.targets]
    if len(frames) < LEAST_HORIZONS:
        return None
    above = [bool(target.above) for frame in frames for target in frame.targets]
    share = (sum(above) + 0.5) / (len(above) + 1)
    note = f"{sum(above)} of {len(above)} targets in the {len(frames)} frames where a horizon was found."
    return Finding((*place, "above_horizon"), rounded(share, 2), note)


def fit_noise(found: LabelledSet, wanted: bool) -> list[Finding]:
    """Return `stages.sensor_noise`: only where it is wanted, since backgrounds taken from real frames have theirs
    already.
    """
    sigma = found.frame_values("residual_std")
    if not sigma.size:
        return []
    lag = np.concatenate([found.frame_values("residual_lag1_x"), found.frame_values("residual_lag1_y")])
    lag1 = rounded(float(np.clip(np.median(lag), 0, 0.9)), 2)
    level = f"{percentiles(sigma)} gray levels of 256, lag-1 {np.median(lag):.2f}"
    seen = f"{sigma.size} frames, flattest fifth of each: {level}."
    if not wanted:
        return [
            Finding(
                ("stages", "sensor_noise", "sigma"),
                0,
                f"Real backgrounds have their noise already, and targets of this contrast hide theirs. {seen}",
            ),
            Finding(("stages", "sensor_noise", "lag1"), lag1, "For a sigma of your own, on backgrounds without noise."),
        ]
    return [
        Finding(
            ("stages", "sensor_noise", "sigma"), quantiles(np.clip(sigma, 0, np.percentile(sigma, 95))), f"From {seen}"
        ),
        Finding(("stages", "sensor_noise", "lag1"), lag1, "Median of both axes."),
    ]


def fit_saturation(found: LabelledSet) -> list[Finding]:
    """Return `quality.max_saturated`: how much of a target's mask is black or white in the set."""
    saturated = found.values("saturated")
    if not saturated.any():
        return []
    most = float(saturated.max())
    note = f"{(saturated > 0).mean():.0%} of {saturated.size} targets have pixels that are; at most {most:.0%} of one."
    return [Finding(("quality", "max_saturated"), rounded(most, 2), f"Share of a mask that is black or white: {note}")]


def blocky_share(found: LabelledSet) -> float:
    """Return the share of frames that show the 8-px blocks of a codec."""
    blockiness = found.frame_values("blockiness")
    return float((blockiness > BLOCKY).mean()) if blockiness.size else 0.0
