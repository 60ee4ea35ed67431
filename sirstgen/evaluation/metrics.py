"""IoU, nIoU, pixel accuracy, Pd and Fa (section V-A of the DNA-Net paper), streamed over images of any size.

Three conventions differ in what they do with the same masks:

=============  ======================================================================================================
``exact``      Fa counts every pixel of every unmatched prediction. Targets are the pixels labelled at least half.
``basicirstd`` The BasicIRSTD code: as ``exact``, but a target is made of fully labelled pixels only.
``dnanet``     The DNA-Net code: as ``basicirstd``, but an unmatched prediction is left out of Fa when *any* matched one
               in the same image has the same area. This makes Fa too low; figures published before 2024 are counted so.
=============  ======================================================================================================

All three share the published matching (`sirstgen.measure.components.match_targets`) and the published IoU: a gray
label pixel counts as labelled from half on, but as agreement only where it is full. On masks of 0 and 255 none of this
matters. The published codes fix the image size at 256x256 and divide by zero where there are no targets; here any size
works, and a figure without a denominator is nan.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sirstgen.errors import InvalidValueError
from sirstgen.measure.components import Components, find_components, match_targets

Convention = Literal["exact", "dnanet", "basicirstd"]
EmptyImages = Literal["skip", "zero", "one"]

# Sums of per-image IoU are kept as whole numbers of this unit: adding them up in any order gives the same bits.
_IOU_UNIT = 1 << 60


@dataclass(frozen=True)
class DetectionResult:
    """What was counted over a set of images, and the figures that follow from it.

    Attributes:
        convention: how it was counted, see the module's description.
        deviation: pixels; centroids this far apart or farther do not match.
        empty: what an image counts in nIoU when neither label nor prediction holds a pixel: nothing (``skip``), 0
            (``zero``, the ACM code) or 1 (``one``).
        images: number of images.
        empty_images: those of them without a labelled or predicted pixel.
        pixels: pixels of all images.
        predicted_pixels: pixels predicted as target.
        labelled_pixels: pixels labelled above 0.
        missed_pixels: labelled pixels that were not predicted.
        intersection: predicted pixels that are fully labelled.
        union: pixels that are predicted or labelled at least half.
        targets: labelled targets (eight-connected).
        detected: those of them that a prediction matches.
        predictions: predicted targets (eight-connected).
        false_pixels: pixels that count as false alarms in this convention.
        iou_sum: sum of the per-image IoU, in units of 2**-60.
    """

    convention: Convention = "exact"
    deviation: float = 3.0
    empty: EmptyImages = "skip"
    images: int = 0
    empty_images: int = 0
    pixels: int = 0
    predicted_pixels: int = 0
    labelled_pixels: int = 0
    missed_pixels: int = 0
    intersection: int = 0
    union: int = 0
    targets: int = 0
    detected: int = 0
    predictions: int = 0
    false_pixels: int = 0
    iou_sum: int = 0

    @property
    def iou(self) -> float:
        """Foreground IoU pooled over all images, Eq. 11: sum of intersections / sum of unions; nan without either."""
        return _ratio(self.intersection, self.union)

    @property
    def niou(self) -> float:
        """Mean over images of each image's IoU (ACM); `empty` says what an image without any target pixel counts."""
        total, images = self.iou_sum, self.images
        if self.empty == "skip":
            images -= self.empty_images
        elif self.empty == "one":
            total += self.empty_images * _IOU_UNIT
        return _ratio(total, images * _IOU_UNIT)

    @property
    def pixel_accuracy(self) -> float:
        """Recall of labelled pixels ("pixAcc" of the published codes); nan without labelled pixels."""
        return _ratio(self.intersection, self.labelled_pixels)

    @property
    def pd(self) -> float:
        """Probability of detection, Eq. 12: matched targets / labelled targets; nan without labelled targets."""
        return _ratio(self.detected, self.targets)

    @property
    def fa(self) -> float:
        """False-alarm rate, Eq. 13: false pixels / all pixels (papers print it times 1e6); nan without images."""
        return _ratio(self.false_pixels, self.pixels)

    @property
    def tpr(self) -> float:
        """Share of the positive pixels that was predicted (pixel-level ROC); nan without positive pixels."""
        return _ratio(self.intersection, self.intersection + self.missed_pixels, self._spacing)

    @property
    def fpr(self) -> float:
        """Share of the negative pixels that was predicted (pixel-level ROC); nan without negative pixels."""
        positive = self.intersection + self.missed_pixels
        return _ratio(self.predicted_pixels - self.intersection, self.pixels - positive, self._spacing)

    @property
    def _spacing(self) -> float:
        """What the published ROC adds to its denominators."""
        return 0.001 if self.convention == "dnanet" else 0.0

    def __add__(self, other: DetectionResult) -> DetectionResult:
        """Return the result over the images of both; they must have been counted in the same way."""
        for name in _SETTINGS:
            if getattr(self, name) != getattr(other, name):
                raise InvalidValueError(
                    f"results are added only when their {name} is the same, "
                    f"got {getattr(self, name)!r} and {getattr(other, name)!r}"
                )
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in _COUNTS})

    def to_dict(self) -> dict[str, Any]:
        """Return settings, counts and figures for JSON; figures that are undefined are None."""
        figures = {name: getattr(self, name) for name in ("iou", "niou", "pixel_accuracy", "pd", "fa", "tpr", "fpr")}
        counts = {name: value for name, value in asdict(self).items() if name != "iou_sum"}
        return counts | {name: None if math.isnan(value) else value for name, value in figures.items()}


_SETTINGS = ("convention", "deviation", "empty")
_COUNTS = tuple(field.name for field in fields(DetectionResult) if field.name not in _SETTINGS)


class DetectionMetrics:
    """Counter of the paper's measures, image by image; keeps counts, never images.

    Args:
        convention: ``exact``, ``dnanet`` or ``basicirstd``, see the module's description.
        deviation: pixels, positive; a prediction matches a target when their centroids are *less* than this apart.
        threshold: predictions are scores, and pixels with a score *above* this are target (0.5 for probabilities, 0 for
            logits). None: predictions are masks already (bool, 0/1 or 0/255).
        empty: what nIoU counts for an image where neither label nor prediction holds a pixel: ``skip`` leaves it out,
            ``zero`` is the ACM code, ``one`` counts it as right. Real sets without empty masks are not affected.

    Accumulators of parallel workers are joined with `merge`; the order does not matter, to the bit.
    """

    def __init__(
        self,
        convention: Convention = "exact",
        deviation: float = 3.0,
        *,
        threshold: float | None = None,
        empty: EmptyImages = "skip",
    ) -> None:
        if convention not in get_args(Convention):
            raise InvalidValueError(f"convention must be one of {', '.join(get_args(Convention))}, got {convention!r}")
        if empty not in get_args(EmptyImages):
            raise InvalidValueError(f"empty must be one of {', '.join(get_args(EmptyImages))}, got {empty!r}")
        if not deviation > 0:
            raise InvalidValueError(f"deviation must be positive, got {deviation}")
        self.threshold = threshold
        self._total = DetectionResult(convention=convention, deviation=float(deviation), empty=empty)

    def update(self, prediction: ArrayLike, label: ArrayLike) -> NDArray[np.bool_]:
        """Count one image.

        Args:
            prediction: (H, W) bool, 0/1 or 0/255; scores of any real type when a threshold was given.
            label: (H, W) bool, 0/1 or 0..255 (whole or real numbers).

        Returns:
            (targets,) bool: for each labelled target, in raster order, whether it was detected.

        Raises:
            InvalidValueError: shapes differ, or values are neither of these.
        """
        mask = foreground(prediction, self.threshold)
        known = Label.read(label, self._total.convention)
        image, detected = count_image(mask, known, self._total)
        self._total += image
        return detected

    def merge(self, *others: DetectionMetrics) -> Self:
        """Add what `others` have counted; they must have the same settings."""
        for other in others:
            self._total += other._total
        return self

    def result(self) -> DetectionResult:
        """Return the counts and figures over all images so far."""
        return self._total


@dataclass(frozen=True)
class Label:
    """A label as a convention reads it: its masks by level, and its targets."""

    full: NDArray[np.bool_]
    half: NDArray[np.bool_]
    above_zero: NDArray[np.bool_]
    targets: Components

    @classmethod
    def read(cls, label: ArrayLike, convention: Convention) -> Label:
        """Read a (H, W) label of bool, 0/1 or 0..255; InvalidValueError for anything else."""
        array = _plane(label, "label")
        if array.dtype == bool:
            return cls(array, array, array, find_components(array))
        low, high = _finite_range(array, "label")
        if low < 0 or 1 < high < 128 or high > 255:
            raise InvalidValueError(f"labels must be bool, 0/1 or 0..255, got values from {low:g} to {high:g}")
        level = 255 if high > 1 else 1
        full, half = array >= level, array >= level / 2
        # The published codes cast the label to whole numbers, and every gray pixel becomes background.
        return cls(full, half, array > 0, find_components(half if convention == "exact" else full))


def foreground(prediction: ArrayLike, threshold: float | None) -> NDArray[np.bool_]:
    """Return the (H, W) mask of a prediction: scores above `threshold`, or the mask itself where that is None."""
    array = _plane(prediction, "prediction")
    if array.dtype == bool:
        return array
    low, high = _finite_range(array, "prediction")
    if threshold is not None:
        return np.asarray(array > threshold, dtype=bool)
    if low < 0 or high not in (0, 1, 255) or bool(np.any((array != 0) & (array != high))):
        raise InvalidValueError("predictions are scores, not masks of bool, 0/1 or 0/255: give a threshold")
    return np.asarray(array != 0, dtype=bool)


def count_image(
    mask: NDArray[np.bool_], label: Label, settings: DetectionResult
) -> tuple[DetectionResult, NDArray[np.bool_]]:
    """Return the counts of one image, and which of its targets were detected.

    `settings` gives convention and deviation.
    """
    if mask.shape != label.full.shape:
        raise InvalidValueError(
            f"prediction and label must have the same size, got {mask.shape} and {label.full.shape}"
        )
    predictions = find_components(mask)
    matches = match_targets(label.targets.centroids, predictions.centroids, settings.deviation)
    detected = matches >= 0
    matched = matches[detected]
    if settings.convention == "dnanet":
        false = ~np.isin(predictions.areas, predictions.areas[matched])
    else:
        false = np.ones(len(predictions), dtype=bool)
        false[matched] = False
    predicted = int(predictions.areas.sum())
    intersection = int(np.count_nonzero(mask & label.full))
    union = predicted + int(np.count_nonzero(label.half)) - intersection
    labelled = int(np.count_nonzero(label.above_zero))
    return DetectionResult(
        convention=settings.convention,
        deviation=settings.deviation,
        empty=settings.empty,
        images=1,
        empty_images=int(union == 0),
        pixels=mask.size,
        predicted_pixels=predicted,
        labelled_pixels=labelled,
        missed_pixels=labelled - int(np.count_nonzero(mask & label.above_zero)),
        intersection=intersection,
        union=union,
        targets=len(label.targets),
        detected=len(matched),
        predictions=len(predictions),
        false_pixels=int(predictions.areas[false].sum()),
        iou_sum=intersection * _IOU_UNIT // union if union else 0,
    ), detected


def adaptive_threshold(target_map: NDArray[np.floating[Any]]) -> float:
    """Return the threshold for the target map of a classical detector, Eq. 14: ``max(0.7 max(G), 0.5 std(G) +
    mean(G))``.

    Pixels strictly above it are target, so that an all-zero map gives an empty mask.

    Args:
        target_map: (H, W) real; values that are not finite count as 0.
    """
    finite = np.where(np.isfinite(target_map), target_map, 0).astype(np.float64)
    return float(max(0.7 * finite.max(), 0.5 * finite.std() + finite.mean()))


def _ratio(part: int, whole: int, spacing: float = 0.0) -> float:
    if spacing:
        return part / (whole + spacing)
    return part / whole if whole else math.nan


def _plane(values: ArrayLike, name: str) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "buif":
        raise InvalidValueError(f"a {name} must be a (height, width) array of numbers, got {array.dtype} {array.shape}")
    return array


def _finite_range(array: NDArray[Any], name: str) -> tuple[float, float]:
    low, high = float(array.min()), float(array.max())
    if math.isnan(low) or math.isnan(high):
        raise InvalidValueError(f"a {name} must hold numbers only, got nan")
    return low, high
