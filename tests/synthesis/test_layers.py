"""Layers from blurred frames equal those that are blurred one by one."""

from __future__ import annotations

import numpy as np
import pytest
from making.clutter import clutter

from sirstgen.plan import BackgroundCrop
from sirstgen.synthesis.layers import BackgroundLayers
from sirstgen.synthesis.optics import background_layer


@pytest.mark.parametrize("bit_depth", [8, 16])
@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0])
def test_a_layer_does_not_depend_on_the_crops_before_it(sigma: float, bit_depth: int) -> None:
    frame = clutter(1, 90, 120)
    if bit_depth == 16:
        frame = frame.astype(np.uint16) * 257
    layers = BackgroundLayers()
    corners = [(0, 0), (56, 26), (13, 7), (56, 0), (0, 26), (40, 20)]
    for number, (x, y) in enumerate(corners * 2):
        crop = BackgroundCrop("a", (x, y, 64, 64), flip=number % 2 == 1)
        found = layers.layer(frame, crop, (64, 64), sigma)
        np.testing.assert_array_equal(found, background_layer(frame, crop, (64, 64), sigma))
        assert found.flags.c_contiguous


def test_resized_crops_and_whole_frames_are_layers_too() -> None:
    frame = clutter(2, 64, 64)
    layers = BackgroundLayers()
    for crop, size in (((0, 0, 64, 64), (64, 64)), ((4, 4, 48, 48), (32, 32))):
        for _ in range(4):
            shown = BackgroundCrop("a", crop)
            found = layers.layer(frame, shown, size, 0.5)
            np.testing.assert_array_equal(found, background_layer(frame, shown, size, 0.5))
