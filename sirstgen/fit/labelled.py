"""A labelled set measured frame by frame at native size: what a recipe is fitted to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.datasets.readers import Dataset
from sirstgen.errors import InvalidValueError
from sirstgen.files.gray_scale import Gray, levels_per_256
from sirstgen.measure.background_statistics import MIN_SIDE, background_statistics
from sirstgen.measure.horizon import find_horizon
from sirstgen.measure.target_statistics import TargetStatistics, target_statistics
from sirstgen.measure.targets import measure_targets
from sirstgen.scenes.labels import SceneLabel

LEAST_FRAMES = 20

_INVERTED = 0.5  # of a frame's area: no set of small targets covers so much
_POSITIONS_ONLY = 0.9
_NO_CONTRAST = 0.5  # gray levels of 256: less is rounding
_SUPPORT = 4  # pixels by which the renderer grows masks around targets of usual contrast before it takes the clutter
_FRAME_STATISTICS = ("blockiness", "residual_std", "residual_lag1_x", "residual_lag1_y")


@dataclass(frozen=True, slots=True)
class LabelledTarget:
    """One labelled target.

    Args:
        statistics: what the frame shows of it.
        contrast: mean over the mask - mean over the clutter region, as the renderer takes both; gray levels of 256.
        clutter: standard deviation over that region, gray levels of 256.
        above: whether it is above the frame's horizon; None where no horizon was found.
    """

    statistics: TargetStatistics
    contrast: float
    clutter: float
    above: bool | None


@dataclass(frozen=True, slots=True)
class LabelledFrame:
    """One labelled frame.

    Args:
        key: its id.
        width, height: pixels.
        scene: from the labels; None where they do not name it.
        statistics: some of `background_statistics`; gray levels of 256.
        horizon: whether one was found.
        targets: in raster order.
    """

    key: str
    width: int
    height: int
    scene: str | None
    statistics: Mapping[str, float]
    horizon: bool
    targets: tuple[LabelledTarget, ...]


@dataclass(frozen=True)
class LabelledSet:
    """The frames of a labelled set.

    Args:
        name: of the set.
        bit_depth: 16 if any frame has 16 bits.
        frames: measured.
    """

    name: str
    bit_depth: int
    frames: tuple[LabelledFrame, ...]

    @property
    def targets(self) -> list[LabelledTarget]:
        """All targets of all frames."""
        return [target for frame in self.frames for target in frame.targets]

    def of_scene(self, scene: str) -> LabelledSet:
        """Return the frames that are labelled `scene`."""
        return LabelledSet(self.name, self.bit_depth, tuple(frame for frame in self.frames if frame.scene == scene))

    def values(self, name: str) -> NDArray[np.float64]:
        """Return one statistic of every target, without those that do not have it."""
        found = np.array([getattr(target.statistics, name) for target in self.targets], float)
        return np.asarray(found[np.isfinite(found)])

    def profile(self, side: str, place: int) -> NDArray[np.float64]:
        """Return one step of the profile ``inside`` or ``outside`` the mask, of every target that is large enough."""
        found = np.array([getattr(target.statistics, side)[place] for target in self.targets], float)
        return np.asarray(found[np.isfinite(found)])

    def frame_values(self, name: str) -> NDArray[np.float64]:
        """Return one statistic of every frame that is large enough to have it."""
        return np.array([frame.statistics[name] for frame in self.frames if name in frame.statistics], float)


def chosen_ids(dataset: Dataset, part: str | None = None, ids: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the frames that a recipe is fitted to: never the test list of a set that has one, unless asked for by
    name.

    Args:
        dataset: labelled frames.
        part: ``train`` or ``all``; by default the training list, or else the frames that are in no test list.
        ids: these, in place of a part.

    Raises:
        InvalidValueError: part is neither, or an id is not in the set or is in its test list.
        InputError: the set has no training list, and one was asked for.
    """
    if part not in (None, "train", "all"):
        raise InvalidValueError(f"part must be train or all, got {part}", name="part", value=part)
    held_out = set(dataset.listed("test") or () if part != "all" else ())
    if ids is None:
        if part == "train" or (part is None and dataset.listed("train") is not None):
            return dataset.split("train")
        return tuple(key for key in dataset.ids if key not in held_out)
    known = set(dataset.ids)
    for key in ids:
        if key not in known:
            raise InvalidValueError(f"ids must be frames of {dataset.name}, got {key}", name="ids", value=key)
        if key in held_out:
            raise InvalidValueError(
                f"ids must not be test frames of {dataset.name}, got {key}; take it out, or ask for part all",
                name="ids",
                value=key,
            )
    return tuple(dict.fromkeys(ids))


def measure_labelled(
    dataset: Dataset,
    ids: Sequence[str],
    labels: Mapping[str, SceneLabel] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LabelledSet:
    """Measure `ids` of a labelled set.

    Args:
        dataset: labelled frames.
        ids: which of them.
        labels: scenes by id, or by the last part of an id; frames that are not named have none.
        progress: called with frames done and frames in all.

    Raises:
        InvalidValueError: fewer than `LEAST_FRAMES` frames, or no target in any of them.
        InputError: a file cannot be read.
    """
    if len(ids) < LEAST_FRAMES:
        raise InvalidValueError(
            f"a recipe is fitted to at least {LEAST_FRAMES} frames, got {len(ids)}; label more, or take --split all",
            name="ids",
            value=len(ids),
        )
    named = labels or {}
    frames, depths = [], set()
    for done, key in enumerate(ids, start=1):
        image, mask = dataset.sample(key)
        depths.add(image.dtype.itemsize * 8)
        label = named.get(key) or named.get(PurePosixPath(key).name)
        frames.append(_measure(key, image, mask, label.scene if label is not None else None))
        if progress is not None:
            progress(done, len(ids))
    found = LabelledSet(dataset.name, max(depths), tuple(frames))
    if not found.targets:
        raise InvalidValueError(f"a recipe is fitted to targets, the {len(ids)} frames of {dataset.name} hold none")
    _refuse_useless_masks(found)
    return found


def _refuse_useless_masks(found: LabelledSet) -> None:
    """Raise InvalidValueError where masks are inverted, mark positions and no shapes, or places without contrast."""
    areas = np.array([target.statistics.area for target in found.targets])
    covered = [
        sum(target.statistics.area for target in frame.targets) / (frame.width * frame.height) for frame in found.frames
    ]
    if float(np.median(covered)) > _INVERTED:
        raise InvalidValueError(
            f"masks of {found.name} cover {np.median(covered):.0%} of the frames, so they seem inverted; "
            "white must be target",
            name="masks",
        )
    single = int((areas == 1).sum())
    if single > _POSITIONS_ONLY * areas.size:
        raise InvalidValueError(
            f"masks of one pixel show no size and shape: {single} of {areas.size} targets of {found.name}; "
            "label whole targets",
            name="masks",
        )
    flat = sum(abs(target.contrast) < _NO_CONTRAST for target in found.targets)
    if 2 * flat > areas.size:
        raise InvalidValueError(
            f"targets must show a contrast: {flat} of {areas.size} of {found.name} differ by less than {_NO_CONTRAST:g}"
            " gray levels of 256 from what is around them; check that the masks belong to the images, or give the gray "
            "scale of raw counts (--gray-scale)",
            name="masks",
        )


def _measure(key: str, image: Gray, mask: NDArray[np.bool_], scene: str | None) -> LabelledFrame:
    height, width = image.shape
    to_256 = 1 / levels_per_256(image)
    horizon = find_horizon(image)
    targets = []
    for statistics, clutter in zip(
        target_statistics(image, mask), measure_targets(image, mask, support_margin=_SUPPORT), strict=True
    ):
        away = 0.0 if horizon is None else horizon.signed_distance(*statistics.center)
        contrast = (clutter.mu_t - clutter.mu_b) * to_256
        targets.append(
            LabelledTarget(
                statistics,
                contrast if math.isfinite(contrast) else statistics.contrast,
                clutter.sigma_b * to_256,
                None if horizon is None else away < 0,
            )
        )
    found: Mapping[str, Any] = {}
    if min(height, width) >= MIN_SIDE:
        every = background_statistics(image.astype(np.float32) * np.float32(to_256))
        found = {name: every[name] for name in _FRAME_STATISTICS}
    return LabelledFrame(key, width, height, scene, found, horizon is not None, tuple(targets))
