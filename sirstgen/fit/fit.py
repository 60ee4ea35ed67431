"""fit: a recipe from a labelled real set, so that rendered frames are like it; each entry with where it came from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sirstgen.datasets.readers import Dataset, check_files
from sirstgen.fit.cleaned import CleanedFrames, clean_frames
from sirstgen.fit.contrast import fit_contrast
from sirstgen.fit.findings import Finding, percentiles, to_entries, to_yaml
from sirstgen.fit.frames import (
    BLOCKY,
    blocky_share,
    fit_cluster,
    fit_counts,
    fit_noise,
    fit_position,
    fit_saturation,
    fit_scene_mix,
    fit_sizes,
)
from sirstgen.fit.labelled import LabelledSet, chosen_ids, measure_labelled
from sirstgen.fit.shape import (
    LEAST_TARGETS,
    Settings,
    Trial,
    candidates,
    fit_shape,
    shape_findings,
    shape_table,
    starting_settings,
)
from sirstgen.fit.sizes import LARGEST_BLOB, fit_scenes, fit_sizes_of_targets
from sirstgen.recipe.recipe import Recipe
from sirstgen.scenes.labels import SceneLabel

_MATCHED_FRAMES = 120
_DEEP = -0.1  # of the peak: a ring so dark is an undershoot

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, repr=False)
class FittedRecipe:
    """A recipe fitted to a labelled set.

    Args:
        name: of the set.
        frames: measured.
        targets: measured.
        findings: the entries that differ from the default recipe, in the order of the file.
        unknowns: what could not be estimated, and what was written instead.
        distance: mean KS distance of the shapes of rendered and labelled targets; None where it was not tried.
    """

    name: str
    frames: int
    targets: int
    findings: tuple[Finding, ...]
    unknowns: tuple[str, ...]
    distance: float | None = None

    def __repr__(self) -> str:
        return (
            f"FittedRecipe({self.name!r}, {self.frames} frames, {self.targets} targets, {len(self.findings)} entries)"
        )

    @property
    def entries(self) -> Mapping[str, Any]:
        """The entries as nested tables."""
        return to_entries(self.findings)

    @property
    def notes(self) -> dict[str, str]:
        """Where each entry came from, by its keys joined with dots."""
        return {".".join(finding.place): finding.note for finding in self.findings}

    def recipe(self) -> Recipe:
        """Return the recipe: these entries over the default one."""
        return Recipe.from_dict(self.entries, f"recipe fitted to {self.name}")

    def text(self) -> str:
        """Return the recipe file: YAML, each entry under a comment that says where it came from."""
        head = [
            f"Fitted to {self.name}: {self.frames} frames with {self.targets} targets, measured at native size.",
            "Only entries that differ from the default recipe. Use: sirstgen synth --recipe FILE --backgrounds FOLDER,",
            "best with backgrounds harvested from the same set (sirstgen backgrounds harvest).",
            *(f"Not estimated: {unknown}." for unknown in self.unknowns),
        ]
        return to_yaml(self.findings, head)

    def to_dict(self) -> dict[str, Any]:
        """Return entries, notes and unknowns as JSON values."""
        return {
            "name": self.name,
            "frames": self.frames,
            "targets": self.targets,
            "entries": self.entries,
            "notes": self.notes,
            "unknowns": list(self.unknowns),
            "shape_distance": self.distance,
        }


def fit_recipe(
    dataset: Dataset | Path | str,
    ids: Sequence[str] | None = None,
    labels: Mapping[str, SceneLabel] | None = None,
    *,
    part: str | None = None,
    noise: bool = False,
    match: bool = True,
    progress: Progress | None = None,
) -> FittedRecipe:
    """Return a recipe that draws what a labelled set shows.

    Args:
        dataset: labelled frames, at native size; a dataset or its folder.
        ids: which of them, in place of `part`.
        labels: scenes by frame name, as `sirstgen.scenes.labels.read_labels` reads them.
        part: ``train`` or ``all``; ``train`` where the set has split lists.
        noise: also draw sensor noise, for backgrounds that have none.
        match: find shapes and codec by rendering (about a minute); without it they are as for NUAA-SIRST.
        progress: called with the stage, steps done and steps in all.

    Raises:
        InvalidValueError: fewer than 20 frames, no target in any, or an id that is not there or is a test frame.
        InputError: a file cannot be read.
    """
    dataset = Dataset.of(dataset)
    keys = chosen_ids(dataset, part, ids)
    check_files([(dataset, keys)])
    found = measure_labelled(dataset, keys, labels, _stage(progress, "measuring"))
    known = tuple(Recipe().scenes)
    blocky = blocky_share(found) if found.bit_depth == 8 else 0.0  # the codec stage is one of 8 bits
    rings = found.values("undershoot")
    undershoot = float((rings < _DEEP).mean()) if rings.size else 0.0
    trial = Trial(starting_settings(blocky))
    unknowns = []
    if len(found.targets) < LEAST_TARGETS:
        unknowns.append(
            f"shapes, mask level and codec: {len(found.targets)} targets (at least {LEAST_TARGETS} are needed), as for "
            "NUAA-SIRST"
        )
    elif match:
        backgrounds = clean_frames(dataset, _some(found, known), _stage(progress, "cleaning"))
        if len(backgrounds):
            trial = _matched(found, known, backgrounds, trial, blocky, undershoot, progress)
        else:
            unknowns.append("shapes, mask level and codec: no frame could be cleaned to render on, as for NUAA-SIRST")
    parts = _parts(found, known, trial.settings["aspect_power"], noise)
    findings = [*parts.before, *shape_findings(trial, _seen(found)), *parts.after]
    return FittedRecipe(
        found.name,
        len(found.frames),
        len(found.targets),
        tuple(findings),
        tuple(parts.unknowns + unknowns),
        trial.distance if np.isfinite(trial.distance) else None,
    )


class _Parts(NamedTuple):
    """Entries that do not depend on shapes: those before the shapes in the file and those after; and the unknowns."""

    before: list[Finding]
    after: list[Finding]
    unknowns: list[str]


def _parts(found: LabelledSet, known: tuple[str, ...], power: float, noise: bool) -> _Parts:
    contrast, no_contrast = fit_contrast(found)
    cluster, no_cluster = fit_cluster(found)
    sizes, no_sizes = fit_sizes_of_targets(found, power)
    scenes, no_scenes = fit_scenes(found, known, power)
    mix, no_mix = fit_scene_mix(found, known)
    frame, rest = _split(fit_sizes(found), ("width", "height", "bit_depth"))
    before = [
        *frame,
        Finding(("blur_sigma",), 0.2, "No blur: real backgrounds have been through a lens once."),
        Finding(("share_outside_top10",), None, "Any place, bright or dim: contrast and position are measured."),
        fit_counts(found),
        fit_position(found),
        *cluster,
        *contrast,
        *sizes,
    ]
    after = [*fit_noise(found, noise), *fit_saturation(found), *scenes, *rest, *mix]
    return _Parts(before, after, no_contrast + no_cluster + no_sizes + no_scenes + no_mix)


def _matched(
    found: LabelledSet,
    known: tuple[str, ...],
    backgrounds: CleanedFrames,
    start: Trial,
    blocky: float,
    undershoot: float,
    progress: Progress | None,
) -> Trial:
    parts_of = functools.cache(lambda power: _parts(found, known, power, noise=False))
    seen = _seen(found)

    def recipe_of(settings: Settings) -> Recipe:
        parts = parts_of(settings["aspect_power"])
        findings = [*parts.before, *shape_findings(Trial(settings), seen), *parts.after]
        entries = to_entries(finding for finding in findings if finding.place != ("backgrounds", "scene_mix"))
        return Recipe.from_dict(entries)

    return fit_shape(
        shape_table([target.statistics for target in found.targets]),
        recipe_of,
        backgrounds,
        start.settings,
        candidates(blocky, undershoot),
        _stage(progress, "trying shapes"),
    )


def _seen(found: LabelledSet) -> dict[str, str]:
    """Return what the labelled targets show of what was found by trying, by setting."""
    blockiness = found.frame_values("blockiness")
    share = f"{blocky_share(found):.0%} of {blockiness.size} frames have an 8-px blockiness above {BLOCKY:g}."
    return {
        "extra_gaussians": f"Residual of a Gaussian / peak: {percentiles(found.values('fit_residual'))}.",
        "saturation_clip": (
            f"Level 2 px inside the border / peak: {percentiles(found.profile('inside', 1))}. Gradient at the border / "
            f"peak of targets over {LARGEST_BLOB} px: {_of_bodies(found)}."
        ),
        "wide_component": f"Level 4 px outside the border / peak: {percentiles(found.profile('outside', 3))}.",
        "codec": f"{share} Marks at targets are fainter and more common.",
        "undershoot": f"Lowest ring / peak: {percentiles(found.values('undershoot'))}.",
        "mask_level": f"Threshold that gives the mask / peak: {percentiles(found.values('mask_level'))}.",
        "point_spread": f"Gradient at the border / peak, per px: {percentiles(found.values('edge'))}.",
    }


def _of_bodies(found: LabelledSet) -> str:
    targets = [target.statistics for target in found.targets]
    edges = np.array([target.edge for target in targets if target.area > LARGEST_BLOB])
    edges = edges[np.isfinite(edges)]
    return f"{percentiles(edges)} per px" if edges.size else "there are none"


def _some(found: LabelledSet, known: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the frames to render on, evenly spread over the set, each with a scene of the recipe."""
    places = np.linspace(0, len(found.frames) - 1, min(len(found.frames), _MATCHED_FRAMES)).round().astype(int)
    frames = [found.frames[place] for place in places]
    return [(frame.key, frame.scene if frame.scene in known else known[0]) for frame in frames]


def _split(findings: list[Finding], first: tuple[str, ...]) -> tuple[list[Finding], list[Finding]]:
    return (
        [finding for finding in findings if finding.place[0] in first],
        [finding for finding in findings if finding.place[0] not in first],
    )


def _stage(progress: Progress | None, stage: str) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(stage, done, total)
