from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from sirstgen.errors import InvalidValueError
from sirstgen.files.images import decode_gray
from sirstgen.files.png import encode_png

sides = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(st.sampled_from([np.uint8, np.uint16]).flatmap(lambda dtype: arrays.arrays(dtype, sides)))
def test_every_decoder_reads_the_same_pixels(image: np.ndarray) -> None:
    data = encode_png(image)
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    by_pillow = Image.open(io.BytesIO(data))
    by_pillow.load()
    assert by_pillow.mode == ("L" if image.dtype == np.uint8 else "I;16")
    for decoded in (by_opencv, np.asarray(by_pillow), decode_gray(data, "memory")):
        assert decoded.dtype == image.dtype
        np.testing.assert_array_equal(decoded, image)


def test_views_are_written_as_they_look() -> None:
    image = np.arange(60, dtype=np.uint16).reshape(6, 10) * 999
    for view in (image[::2, ::-1], image.T, image[1:5, 2:9]):
        np.testing.assert_array_equal(decode_gray(encode_png(view), "memory"), view)


def test_smooth_images_become_small() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8)[:, None], (1, 256))
    assert len(encode_png(ramp)) < 2000


@pytest.mark.parametrize("image", [np.zeros((2, 2)), np.zeros((2, 2, 3), np.uint8), np.zeros((0, 4), np.uint8)])
def test_what_is_no_gray_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(InvalidValueError, match=r"takes \(H, W\) uint8 or uint16, got"):
        encode_png(image)
