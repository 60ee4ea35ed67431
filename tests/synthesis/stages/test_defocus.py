"""Stage ``defocus``: small silhouettes are compact bodies with soft borders, kernels stay as they are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sirstgen.errors import InvalidValueError
from sirstgen.recipe.recipe import Recipe
from sirstgen.synthesis.profile import Profile
from sirstgen.synthesis.rasterise import RasterisedTarget
from sirstgen.synthesis.sampler import Sampler
from sirstgen.synthesis.stages.defocus import Defocus
from sirstgen.synthesis.templates import TemplateLibrary

SCENES = ("cloud", "sea", "city", "field", "highlight")


def small_silhouettes(recipe: Recipe) -> list[RasterisedTarget]:
    """Return extended targets of up to 12 px length and 50 px area, in images that are not blurred."""
    sampler = Sampler(recipe, TemplateLibrary.open(), 11)
    draws = [sampler.target(index, 0, 0, SCENES[index % 5], 0.2) for index in range(700)]
    rasters = [sampler.rasterised(draw, 0.2, {})[1] for draw in draws if draw.length is not None and draw.length < 12]
    return [raster for raster in rasters if raster.area < 50]


def solidity(raster: RasterisedTarget) -> float:
    """Return the area of the mask over that of its convex hull, in whole pixels."""
    rows, columns = np.nonzero(raster.mask)
    sides = [np.stack([2 * columns + x, 2 * rows + y], axis=1) for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    hull = cv2.convexHull(np.concatenate(sides).astype(np.int32))
    inside = [
        cv2.pointPolygonTest(hull, (2.0 * x, 2.0 * y), False) >= 0
        for y in range(raster.mask.shape[0])
        for x in range(raster.mask.shape[1])
    ]
    return raster.area / sum(inside)


def border_gradient(raster: RasterisedTarget) -> float:
    """Return the median gradient on the mask's border pixels, in peaks a pixel."""
    values, mask = np.pad(raster.values, 2), np.pad(raster.mask, 2)
    border = mask & ~cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return float(np.median(np.hypot(*np.gradient(values))[border > 0]))


def test_small_silhouettes_are_compact_and_their_borders_as_soft_as_those_of_real_targets() -> None:
    targets = small_silhouettes(Recipe())
    assert len(targets) > 40
    assert all(target.pieces == 1 for target in targets)
    solid = [solidity(target) for target in targets]
    assert min(solid) > 0.6
    assert np.percentile(solid, 5) > 0.7
    # 213 training frames of NUAA-SIRST: 0.40, 0.34 and 0.29 for areas below 16, 26 and 50 px
    assert 0.25 < np.median([border_gradient(target) for target in targets]) < 0.38


def test_without_it_small_silhouettes_are_ragged() -> None:
    targets = small_silhouettes(Recipe(stages={"uneven_radiance": {}}))
    assert np.percentile([solidity(target) for target in targets], 5) < 0.65
    assert any(target.pieces > 1 for target in targets)


def test_it_blurs_and_keeps_the_sum() -> None:
    profile = Profile(np.array([[0.0, 1.0, 0.0]]), 4, 5)
    blurred = Defocus(0.8).apply(profile)
    assert (blurred.left, blurred.top, blurred.values.shape) == (2, 3, (5, 7))
    assert blurred.values.sum() == pytest.approx(1)
    assert blurred.values[2, 3] == blurred.values.max() < 0.3


@pytest.mark.parametrize("sigma", [0.0, -1.0, 101.0, float("nan")])
def test_values_that_cannot_be_drawn_are_refused(sigma: float) -> None:
    with pytest.raises(InvalidValueError, match=r"defocus\.sigma must be positive and at most 100"):
        Defocus(sigma)
