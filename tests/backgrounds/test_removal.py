from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sirstgen.backgrounds.removal import remove_targets, residual_rank
from sirstgen.errors import GenerationError, InvalidValueError


def textured(seed: int = 0, height: int = 160, width: int = 200) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    clouds, grain = cv2.GaussianBlur(noise, (0, 0), 12.0), cv2.GaussianBlur(noise, (0, 0), 0.8)
    frame: NDArray[np.float32] = 100 + 25 * clouds / clouds.std() + 2 * grain / grain.std()
    return frame


def with_targets(
    background: NDArray[np.float32], places: list[tuple[float, float]], peak: float = 90.0, sigma: float = 1.6
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    y, x = np.mgrid[: background.shape[0], : background.shape[1]]
    light = sum(peak * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2)) for cx, cy in places)
    mask = np.where(light > 0.3 * peak, 255, 0).astype(np.uint8)
    return np.clip(np.rint(background + light), 0, 255).astype(np.uint8), mask


PLACES = [(60.3, 50.0), (140.0, 100.6), (70.0, 52.0), (3.0, 120.0)]


def test_targets_leave_no_trace_and_nothing_else_changes() -> None:
    background = textured()
    image, mask = with_targets(background, PLACES)
    clean = remove_targets(image, mask)
    grown = cv2.dilate(mask, np.ones((11, 11), np.uint8)) > 0
    np.testing.assert_array_equal(clean.image[~grown], image[~grown])
    assert clean.targets == 3  # two of them touch once grown
    before = np.abs(image[grown] - background[grown]).mean()
    after = np.abs(clean.image[grown] - background[grown]).mean()
    assert after < 5.0 < before
    hole = (grown).astype(np.uint8)
    assert residual_rank(image, mask > 0, hole) < 0.001
    assert residual_rank(clean.image, mask > 0, hole) >= 0.01


def test_noise_inside_is_that_outside() -> None:
    flat = 100 + np.random.default_rng(2).normal(0, 3, (128, 128)).astype(np.float32)
    image, mask = with_targets(flat, [(64.0, 64.0)], sigma=3.0)
    clean = remove_targets(image, mask).image.astype(np.float32)
    inside = mask > 0
    assert clean[inside].std() == pytest.approx(3.0, rel=0.35)
    assert clean[inside].mean() == pytest.approx(100.0, abs=2.5)


def test_the_copied_piece_takes_the_local_level() -> None:
    ramp = np.tile(np.linspace(40, 200, 200, dtype=np.float32), (160, 1))
    image, mask = with_targets(ramp, [(100.0, 80.0)], peak=50.0)
    clean = remove_targets(image, mask)
    assert np.abs(clean.image - ramp).max() <= 2.0


def test_16_bit_frames_keep_their_depth() -> None:
    background = textured()
    image, mask = with_targets(background, PLACES)
    wide = remove_targets(image.astype(np.uint16) * np.uint16(257), mask).image
    narrow = remove_targets(image, mask).image
    assert wide.dtype == np.uint16
    assert np.abs(wide / 257.0 - narrow).max() <= 1.0


def test_a_frame_without_targets_is_returned_whole() -> None:
    image = textured().astype(np.uint8)
    clean = remove_targets(image, np.zeros_like(image))
    np.testing.assert_array_equal(clean.image, image)
    assert clean.targets == 0


@pytest.mark.parametrize("size", [(40, 200), (160, 24)])
def test_frames_narrower_than_the_search_are_cleaned(size: tuple[int, int]) -> None:
    background = textured()[: size[0], : size[1]]
    image, mask = with_targets(background, [(12.0, 30.0)], sigma=0.8)
    assert remove_targets(image, mask).targets == 1


def test_a_mask_too_large_is_refused() -> None:
    image = textured().astype(np.uint8)
    mask = np.zeros_like(image)
    mask[:60, :80] = 255
    with pytest.raises(GenerationError, match="mask too large") as caught:
        remove_targets(image, mask)
    assert caught.value.data["reason"] == "mask too large"


def test_no_room_for_a_donor_is_refused() -> None:
    image = textured(height=400, width=20).astype(np.uint8)
    mask = np.zeros_like(image)
    mask[4::8, 10] = 1
    with pytest.raises(
        GenerationError, match=r"no clean donor: no target-free piece of 1x1 px within 60 px of x=10, y=4"
    ):
        remove_targets(image, mask, margin=0)


def test_a_target_outside_its_mask_is_found_as_residue() -> None:
    image, mask = with_targets(100 + 0 * textured(), [(100.0, 80.0)], sigma=4.0)
    small = cv2.erode(mask, np.ones((3, 3), np.uint8))
    with pytest.raises(GenerationError, match="residue"):
        remove_targets(image, small, margin=0)


def test_sizes_must_agree() -> None:
    with pytest.raises(InvalidValueError, match="one size"):
        remove_targets(np.zeros((9, 9), np.uint8), np.zeros((9, 8), np.uint8))
