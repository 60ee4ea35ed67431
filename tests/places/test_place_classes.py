"""Place maps as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from sirstgen.errors import InputError
from sirstgen.files.png import encode_png
from sirstgen.places.classes import GROUND, SKY, WATER, decode_places, encode_places


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.integers(0, 3)))
def test_a_map_survives_its_file(places: np.ndarray) -> None:
    np.testing.assert_array_equal(decode_places(encode_places(places), Path("map.png"), places.shape), places)


def test_hand_drawn_levels_may_be_a_little_off() -> None:
    drawn = encode_png(np.array([[240, 180], [70, 255]], np.uint8))
    assert decode_places(drawn, Path("m.png"), (2, 2)).tolist() == [[SKY, WATER], [GROUND, SKY]]


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.full((2, 2), 128, np.uint8), "got 128 at x=0, y=0"),
        (np.full((2, 3), 255, np.uint8), "size of its background, 2x2, this one has 3x2"),
        (np.full((2, 2), 65535, np.uint16), "a place map is an 8-bit gray image"),
    ],
)
def test_other_images_are_refused_by_name(image: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=rf"m\.png: .*{said}"):
        decode_places(encode_png(image), Path("m.png"), (2, 2))
