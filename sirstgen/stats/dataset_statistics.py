"""Statistics of a dataset's targets, after Fig. 6 of the paper, measured in the pixels of any readable folder.

Fig. 6 describes the paper's synthetic set of 1,327 images by four shares: images with at least two targets, targets of
at most 0.01 % and of at most 0.15 % of the image area, and targets outside the brightest 10 % of their image. The paper
does not define the last one; here a target counts when its mean is below the image's 90th percentile.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sirstgen.datasets.readers import Dataset, check_files
from sirstgen.errors import InputError
from sirstgen.files.gray_scale import EIGHT_BIT, GrayScale, levels_per_256
from sirstgen.measure.targets import measure_targets
from sirstgen.plan import ClutterRegion

PAPER = {"multiple": 0.37, "tiny": 0.27, "small": 0.96, "dim": 0.32}
"""What the paper says of its own set, section IV and Fig. 6."""

TINY, SMALL = 0.0001, 0.0015  # shares of the image area

QUANTILES = (5, 25, 50, 75, 95)

SHARES = {
    "multiple": "images with 2 or more targets",
    "tiny": "targets <= 0.01 % of the image area",
    "small": "targets <= 0.15 % of the image area",
    "dim": "targets outside the brightest 10 %",
}
MEASURES = {
    "area": "area, px",
    "area_share": "area, % of the image",
    "contrast": "contrast mu_t - mu_b, of 256 levels",
    "scr": "SCR, Eq. 10",
    "scr_masks_only": "SCR, masks alone left out",
}


@dataclass(frozen=True, repr=False)
class DatasetStatistics:
    """What a dataset's targets are like.

    Args:
        name: the folder's name.
        images: images.
        targets_per_image: number of images by number of targets.
        values: for each target, by measure, float64: ``area`` (pixels), ``area_share`` (% of the image), ``contrast``
            (mu_t - mu_b, levels of 256), ``level`` (% of the image's pixels that are darker than the target's mean),
            ``scr`` (Eq. 10 over the clutter region that the line of ``targets.jsonl`` states; without one as the next),
            ``scr_masks_only`` (over the bounding box grown by 20 px without the masks: the same measure for any set).
        dim: targets whose mean is below the 90th percentile of their image.
        scenes: images of each scene; empty where no line states it.
        kinds: targets of each kind; empty where no line states it.
        warnings: what was mended while reading.
        gray_scale: black and white of frames of more than 8 bits (`sirstgen.files.gray_scale`).
        wide: whether there are such frames.
    """

    name: str
    images: int
    targets_per_image: dict[int, int]
    values: dict[str, NDArray[np.float64]]
    dim: int
    scenes: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    gray_scale: GrayScale = EIGHT_BIT
    wide: bool = False

    def __repr__(self) -> str:
        return f"DatasetStatistics({self.name!r}, {self.images} images, {len(self.values['area'])} targets)"

    @property
    def counts_per_level(self) -> float | None:
        """Counts of the files that make one level of 256; None where all frames have 8 bits."""
        scale = self.gray_scale
        return (scale.white - scale.black) / 255 if self.wide else None

    @property
    def targets(self) -> int:
        """Targets in all: 8-connected components of the masks."""
        return sum(count * images for count, images in self.targets_per_image.items())

    def shares(self) -> dict[str, float]:
        """Return the four figures of Fig. 6, 0 to 1; NaN where there is nothing to take a share of."""
        areas = self.values["area_share"] / 100
        several = sum(images for count, images in self.targets_per_image.items() if count >= 2)
        return {
            "multiple": _share(several, self.images),
            "tiny": _share(int((areas <= TINY).sum()), areas.size),
            "small": _share(int((areas <= SMALL).sum()), areas.size),
            "dim": _share(self.dim, areas.size),
        }

    def quantiles(self) -> dict[str, dict[str, float]]:
        """Return the percentiles of each measure.

        Targets without clutter (sigma_b = 0) have no SCR and are left out of it.
        """
        found = {}
        for name in MEASURES:
            values = self.values[name]
            values = values[np.isfinite(values)]
            if values.size:
                levels = np.percentile(values, QUANTILES).tolist()
                found[name] = {str(at): level for at, level in zip(QUANTILES, levels, strict=True)}
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON values, the paper's beside; a share that does not exist is null."""
        return {
            "name": self.name,
            "images": self.images,
            "targets": self.targets,
            "targets_per_image": {str(count): images for count, images in self.targets_per_image.items()},
            "fig_6": {
                name: {"value": None if math.isnan(value) else value, "paper": PAPER[name], "meaning": SHARES[name]}
                for name, value in self.shares().items()
            },
            "quantiles": self.quantiles(),
            "gray_scale": self.gray_scale.to_dict(),
            "counts_per_level": self.counts_per_level,
            "scenes": self.scenes,
            "kinds": self.kinds,
            "warnings": list(self.warnings),
        }


def dataset_statistics(
    folder: str | Path | Dataset, progress: Callable[[int, int], None] | None = None
) -> DatasetStatistics:
    """Measure every target of a dataset in its images and masks.

    Args:
        folder: any folder that `sirstgen.datasets.readers.Dataset` reads; where there is a ``targets.jsonl``, scenes,
            kinds and clutter regions are taken from its lines, everything else from pixels.
        progress: called with images done and images in all.

    Raises:
        InputError: the folder or one of its files cannot be read.
    """
    dataset = Dataset.of(folder)
    truth = dataset.truth()
    per_image: Counter[int] = Counter()
    scenes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    values: dict[str, list[float]] = {name: [] for name in (*MEASURES, "level")}
    dim, wide = 0, False
    for done, key in enumerate(dataset.ids, start=1):
        try:
            image, mask = dataset.sample(key)
        except InputError:
            check_files([(dataset, dataset.ids)])  # counts all that are like it
            raise
        wide |= image.dtype == np.uint16
        row = truth.get(key, {})
        if "scene" in row:
            scenes[str(row["scene"])] += 1
        kinds.update(entry["kind"] for entry in row.get("targets", ()) if "kind" in entry)
        plain = measure_targets(image, mask)
        how = _clutter(row, dataset)
        stated = measure_targets(image, mask, *how) if how is not None else plain
        per_image[len(plain)] += 1
        to_256 = 1 / levels_per_256(image)
        bright = float(np.percentile(image, 90)) if plain else 0.0
        for target, as_stated in zip(plain, stated, strict=True):
            values["area"].append(target.area)
            values["area_share"].append(100 * target.area / image.size)
            values["contrast"].append((as_stated.mu_t - as_stated.mu_b) * to_256)
            values["level"].append(100 * float((image < target.mu_t).mean()))
            values["scr"].append(as_stated.scr)
            values["scr_masks_only"].append(target.scr)
            dim += target.mu_t < bright
        if progress is not None:
            progress(done, len(dataset))
    return DatasetStatistics(
        name=dataset.name,
        images=len(dataset),
        targets_per_image=dict(sorted(per_image.items())),
        values={name: np.array(entries, np.float64) for name, entries in values.items()},
        dim=dim,
        scenes=dict(sorted(scenes.items())),
        kinds=dict(sorted(kinds.items())),
        warnings=tuple(dataset.notes()),
        gray_scale=dataset.gray_scale if wide else EIGHT_BIT,
        wide=wide,
    )


def _clutter(row: Mapping[str, Any], dataset: Dataset) -> tuple[ClutterRegion, int] | None:
    """Return the clutter region and support margin that a line states; None where there is none."""
    if "clutter_region" not in row or "support_margin" not in row:
        return None
    try:
        return ClutterRegion(**row["clutter_region"]), int(row["support_margin"])
    except (TypeError, ValueError) as error:
        raise InputError.of(dataset.folder / "targets.jsonl", f"{row['id']}: {error}") from None


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
