from __future__ import annotations

import numpy as np

from sirstgen.backgrounds.levels import to_bit_depth


def test_8_to_16_bits_covers_the_range_and_comes_back() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    wide = to_bit_depth(image, 16)
    assert wide.dtype == np.uint16
    np.testing.assert_array_equal(wide, image.astype(np.uint32) * 257)


def test_16_to_8_bits_is_the_way_back() -> None:
    image = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    narrow = to_bit_depth(image, 8)
    assert narrow.dtype == np.uint8
    np.testing.assert_array_equal(narrow, np.rint(image / 257))


def test_the_wanted_depth_is_returned_as_it_is() -> None:
    for dtype, depth in ((np.uint8, 8), (np.uint16, 16)):
        image = np.ones((4, 4), dtype)
        assert to_bit_depth(image, depth) is image
