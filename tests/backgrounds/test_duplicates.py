from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sirstgen.backgrounds.duplicates import SIDE, group_duplicates, thumbnail


def scene(seed: int, height: int = 120, width: int = 160) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(size=(height, width)).astype(np.float32)
    field = cv2.GaussianBlur(noise, (0, 0), 9.0)
    return np.clip(110 + 30 * field / field.std(), 0, 255).astype(np.uint8)


def test_enhanced_resized_and_mirrored_copies_join_and_others_do_not() -> None:
    base = scene(1)
    enhanced = np.clip(0.6 * base.astype(np.float32) + 70, 0, 255).astype(np.uint8)
    resized = cv2.resize(base, (320, 200), interpolation=cv2.INTER_LINEAR)
    frames = [scene(2), base, enhanced, resized, base[:, ::-1], scene(3), base.astype(np.uint16) * 200]
    groups = group_duplicates([thumbnail(np.ascontiguousarray(frame)) for frame in frames])
    assert groups == [0, 1, 1, 1, 1, 5, 1]


def test_a_sky_without_texture_is_alike_to_nothing() -> None:
    ramp = np.tile(np.linspace(90, 120, 160), (120, 1))
    noisy = (ramp + np.random.default_rng(0).normal(0, 0.5, ramp.shape)).astype(np.uint8)
    assert thumbnail(noisy) is None
    assert group_duplicates([None, None]) == [0, 1]


def test_links_join_whatever_the_pixels_say() -> None:
    assert group_duplicates([None] * 5, linked=[(3, 4), (1, 3)]) == [0, 1, 2, 1, 1]


def test_all_pairs_within_the_window_are_found_across_blocks() -> None:
    rng = np.random.default_rng(0)
    codes: list[NDArray[np.int8] | None] = [rng.integers(-127, 128, SIDE * SIDE).astype(np.int8) for _ in range(2200)]
    codes[2190] = codes[3]
    groups = group_duplicates(codes)
    assert groups[2190] == 3
    assert len(set(groups)) == 2199
    assert group_duplicates(codes, window=1024)[2190] == 2190
