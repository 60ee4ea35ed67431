from __future__ import annotations

import numpy as np

from sirstgen.backgrounds.levels import to_bit_depth


def test_8_to_16_bits_covers_the_range_and_comes_back() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    wide = to_bit_depth(image, 16)
    assert wide.dtype == np.uint16
    np.testing.assert_array_equal(wide, image.astype(np.uint32) * 257)


def test_16_to_8_bits_is_linear_between_the_quantiles_and_ignores_dead_pixels() -> None:
    image = np.linspace(20000, 24000, 10000).astype(np.uint16).reshape(100, 100)
    image[0, 0], image[0, 1] = 0, 65535
    narrow = to_bit_depth(image, 8)
    assert narrow.dtype == np.uint8
    assert (narrow[0, 0], narrow[0, 1]) == (0, 255)
    assert abs(int(narrow[50, 0]) - 128) <= 1
    assert np.all(np.diff(narrow.ravel()[2:].astype(int)) >= 0)


def test_16_to_8_bits_keeps_the_little_that_differs() -> None:
    image = np.full((100, 100), 3000, np.uint16)
    image[4, 5] = 3100
    narrow = to_bit_depth(image, 8)
    assert (narrow[4, 5], narrow[0, 0]) == (255, 0)


def test_the_wanted_depth_is_returned_as_it_is() -> None:
    for dtype, depth in ((np.uint8, 8), (np.uint16, 16)):
        image = np.ones((4, 4), dtype)
        assert to_bit_depth(image, depth) is image
