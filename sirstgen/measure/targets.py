"""Targets measured in a pair of image and mask, as anyone can who has the two files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sirstgen.files.images import Gray
from sirstgen.measure.components import find_components
from sirstgen.measure.scr import Box, excluded, measure_clutter, signal_to_clutter
from sirstgen.plan import ClutterRegion


@dataclass(frozen=True, slots=True)
class MeasuredTarget:
    """One 8-connected component of a mask, and what the image shows there.

    Args:
        center: (x, y) centroid of its pixels, pixels.
        bbox: (x, y, width, height), pixels.
        area: pixels.
        scr: Eq. 10; infinite where the clutter is flat.
        mu_t: mean of the image over it, gray levels.
        mu_b: mean over its clutter region, gray levels; NaN where nothing is left of the region.
        sigma_b: population standard deviation over the clutter region, gray levels.
        saturated: pixels that are black or white.
    """

    center: tuple[float, float]
    bbox: Box
    area: int
    scr: float
    mu_t: float
    mu_b: float
    sigma_b: float
    saturated: int


def measure_targets(
    image: Gray, mask: NDArray[np.bool_], region: ClutterRegion | None = None, support_margin: int = 0
) -> list[MeasuredTarget]:
    """Return every target of a mask, in raster order of their first pixels.

    Args:
        image: (H, W) uint8 or uint16, gray levels; black is 0, white 255 or 65535.
        mask: (H, W) bool.
        region: where Eq. 10 takes the background; the bounding box grown by 20 px if None.
        support_margin: pixels by which the masks are grown before they are left out of the clutter.
    """
    components = find_components(mask)
    if not len(components):
        return []
    region = region if region is not None else ClutterRegion()
    white = np.iinfo(image.dtype).max
    left_out = excluded(mask.view(np.uint8), support_margin)
    rows, columns = np.nonzero(mask)
    member = components.labels[rows, columns] - 1
    levels = image[rows, columns]
    targets = []
    for number, area in enumerate(components.areas.tolist()):
        own = member == number
        y, x, values = rows[own], columns[own], levels[own]
        left, top = int(x.min()), int(y.min())
        bbox = (left, top, int(x.max()) - left + 1, int(y.max()) - top + 1)
        clutter = measure_clutter(image, left_out, bbox, region)
        mu_t = int(values.sum(dtype=np.int64)) / area
        targets.append(
            MeasuredTarget(
                center=(int(x.sum()) / area, int(y.sum()) / area),
                bbox=bbox,
                area=area,
                scr=signal_to_clutter(mu_t, clutter),
                mu_t=mu_t,
                mu_b=clutter.mu_b,
                sigma_b=clutter.sigma_b,
                saturated=int(((values == 0) | (values == white)).sum()),
            )
        )
    return targets
