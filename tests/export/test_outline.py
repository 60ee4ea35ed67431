from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from making.labelled_masks import SHAPES, shape

from sirstgen.export.outline import outline
from sirstgen.measure.components import find_components

SIDE = 12


def by_truncation(points: np.ndarray, scale: int = 1) -> np.ndarray:
    """As ultralytics rasterises: points cut to whole pixels, the boundary included."""
    canvas = np.zeros((SIDE * scale, SIDE * scale), np.uint8)
    cv2.fillPoly(canvas, [(points.astype(np.float32) * scale).astype(np.int32)], 1)
    return canvas.astype(bool)


def by_centres(points: np.ndarray) -> np.ndarray:
    """Pixels whose centre lies inside, even-odd."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    inside = np.zeros((SIDE, SIDE), bool)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 != y1:
            crosses = (y0 <= y) != (y1 <= y)
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


def placed(own: np.ndarray) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[2 : 2 + own.shape[0], 3 : 3 + own.shape[1]] = own
    return mask


@pytest.mark.parametrize("name", SHAPES)
def test_every_rule_gives_the_mask_back(name: str) -> None:
    mask = placed(shape(name))
    points = outline(mask)
    np.testing.assert_array_equal(by_truncation(points), mask)
    np.testing.assert_array_equal(by_centres(points), mask)
    y, x = np.nonzero(mask)
    box = (*points.min(axis=0), *points.max(axis=0))
    np.testing.assert_allclose(box, (x.min(), y.min(), x.max() + 1, y.max() + 1), atol=0.0021)


def test_one_pixel_has_four_corners_and_an_area() -> None:
    points = outline(shape("one pixel"))
    assert points.shape == (4, 2)
    assert cv2.contourArea(points.astype(np.float32)) > 0.99


@settings(deadline=None, max_examples=150)
@given(arrays(bool, (SIDE, SIDE), elements=st.booleans()))
def test_any_component_comes_back(mask: np.ndarray) -> None:
    found = find_components(mask)
    for number in range(1, len(found) + 1):
        own = found.labels == number
        points = outline(own)
        np.testing.assert_array_equal(by_truncation(points), own)
        np.testing.assert_array_equal(by_centres(points), own)
