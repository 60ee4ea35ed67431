"""What every classical detector does to its image first, and the field's min-max scaling."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sirstgen.errors import InvalidValueError

Image = NDArray[np.float64]
TargetMap = NDArray[np.float32]


def as_gray(image: ArrayLike) -> Image:
    """Return `image` as a two-dimensional float64 array, checked.

    Args:
        image: (H, W), any real dtype, gray levels 0..255.

    Raises:
        InvalidValueError: not two-dimensional, empty, complex, or with NaN or infinity in it.
    """
    array = np.asarray(image)
    if array.ndim != 2 or array.size == 0:
        raise InvalidValueError(
            f"an image for a classical detector must be gray (H, W) and not empty, got {array.shape}"
        )
    if array.dtype.kind not in "biuf":
        raise InvalidValueError(f"an image for a classical detector must hold real numbers, got {array.dtype}")
    gray = array.astype(np.float64)
    if not np.isfinite(gray).all():
        raise InvalidValueError("an image for a classical detector must be finite; it holds NaN or infinity")
    return gray


def is_flat(image: Image) -> bool:
    """Return whether every pixel of `image` is equal: nothing stands out, and several published codes divide 0 by 0."""
    return bool(image.min() == image.max())


def as_target_map(response: NDArray[np.floating]) -> TargetMap:
    """Return `response` clipped to its positive part, float32: a target is brighter than what is around it."""
    return np.asarray(np.maximum(response, 0.0), np.float32)


def min_max_scaled(values: Image) -> Image:
    """Return ``(x - min) / (max - min)``, the `mat2gray` of the published codes.

    All zero where every value is equal.
    """
    lowest, span = values.min(), np.ptp(values)
    return (values - lowest) / span if span > 0 else np.zeros_like(values)
