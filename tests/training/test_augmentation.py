"""Image and mask are augmented together, by draws that can be replayed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sirstgen.errors import InvalidValueError
from sirstgen.seeding import stream
from sirstgen.training.augmentation import Augmentation, AugmentationDraw

STILL = AugmentationDraw(False, False, False, (48, 64), (0, 0), 0.0)


def frame(height: int = 48, width: int = 64) -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(1).integers(1, 100, (height, width)).astype(np.uint8)
    mask = np.zeros((height, width), bool)
    mask[10:14, 20:25] = True
    image[mask] = 250
    return image, mask


def test_an_empty_draw_only_crops() -> None:
    image, mask = frame()
    out, target = Augmentation(crop=32).apply(image, mask, STILL)
    np.testing.assert_array_equal(out[0] * 255, image[:32, :32].astype(np.float32))
    np.testing.assert_array_equal(target[0], mask[:32, :32])
    assert out.dtype == target.dtype == torch.float32


def test_flips_act_in_the_order_of_the_record() -> None:
    image, mask = frame()
    draw = AugmentationDraw(True, True, True, (64, 48), (0, 0), 0.0)
    out, target = Augmentation(crop=48).apply(image, mask, draw)
    expected = image.T[::-1, ::-1]
    np.testing.assert_array_equal(np.rint(out[0].numpy() * 255), expected[:48, :48])
    np.testing.assert_array_equal(target[0], mask.T[::-1, ::-1][:48, :48])


def test_the_resized_mask_stays_on_its_target() -> None:
    image, mask = np.full((40, 40), 20, np.uint8), np.zeros((40, 40), bool)
    mask[19:21, 19:21] = True
    image[mask] = 255
    out, target = Augmentation(crop=80).apply(image, mask, AugmentationDraw(False, False, False, (80, 80), (0, 0), 0.0))
    assert target.sum() == 16
    rows = torch.arange(80.0)
    light = (out[0] - out.min()).sum(1)
    assert (rows @ target[0].sum(1) / 16).item() == pytest.approx((rows @ light / light.sum()).item(), abs=0.01)


def test_small_frames_are_padded_with_black_at_the_right_and_the_bottom() -> None:
    image, mask = frame(24, 30)
    out, target = Augmentation(crop=32).apply(image, mask, AugmentationDraw(False, False, False, (24, 30), (0, 0), 0.0))
    assert out.shape == target.shape == (1, 32, 32)
    assert out[0, :24, :30].min() > 0
    assert out[0, 24:].max() == out[0, :, 30:].max() == 0


def test_blur_touches_the_image_alone() -> None:
    image, mask = frame()
    augmentation = Augmentation(crop=48)
    sharp, target = augmentation.apply(image, mask, STILL)
    blurred, same = augmentation.apply(image, mask, AugmentationDraw(False, False, False, (48, 64), (0, 0), 1.0))
    assert torch.equal(target, same)
    assert blurred.std() < sharp.std()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), height=st.integers(20, 90), width=st.integers(20, 90))
def test_a_crop_around_a_target_holds_a_target(seed: int, height: int, width: int) -> None:
    image = np.full((height, width), 40, np.uint8)
    mask = np.zeros((height, width), bool)
    rng = np.random.default_rng(seed)
    y, x = rng.integers(height - 3), rng.integers(width - 3)
    mask[y : y + 3, x : x + 3] = True
    image[mask] = 200
    choices = Augmentation(crop=32, base=90, around_target=1.0, upside_down=0.5, transpose=0.5, scale=(1.0, 2.0))
    draw = choices.draw(mask, stream(seed, "augmentation"))
    out, target = choices.apply(image, mask, draw)
    assert target.any()
    assert out[target > 0].mean() > out[target == 0].mean()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_paper_s_draw_keeps_its_ranges(seed: int) -> None:
    _, mask = frame(120, 200)
    draw = Augmentation().draw(mask, stream(seed))
    assert 128 <= max(draw.size) <= 512
    assert abs(draw.size[0] / draw.size[1] - 120 / 200) < 0.01
    assert 0 <= draw.blur <= 1
    assert not draw.transpose
    assert not draw.upside_down


def test_sixteen_bit_frames_keep_their_levels() -> None:
    image, mask = frame()
    wide = image.astype(np.uint16) * 257
    eight, _ = Augmentation(crop=32).apply(image, mask, STILL)
    sixteen, _ = Augmentation(crop=32).apply(wide, mask, STILL)
    torch.testing.assert_close(eight, sixteen)


@pytest.mark.parametrize(
    "choice",
    [{"mirror": 1.5}, {"crop": 100}, {"base": 0}, {"scale": (2.0, 1.0)}, {"blur_radius": (-1.0, 0.0)}],
    ids=str,
)
def test_impossible_choices_are_refused(choice: dict[str, object]) -> None:
    with pytest.raises(InvalidValueError, match="augmentation"):
        Augmentation(**choice)  # type: ignore[arg-type]
