from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sirstgen.errors import InvalidValueError
from sirstgen.stages import ImageContext
from sirstgen.synthesis.stages.codec import Codec
from sirstgen.synthesis.stages.sensor_noise import SensorNoise

NOTHING = ImageContext(lambda: False)


@pytest.mark.parametrize("lag1", [0.0, 0.4, 0.7])
def test_noise_has_the_deviation_and_correlation_it_states(lag1: float) -> None:
    image = np.full((300, 300), 20000, np.uint16)
    field = SensorNoise(50.0, lag1, 3).apply(image).astype(float) - 20000
    assert field.std() == pytest.approx(50, rel=0.02)
    for first, second in ((field[:, 1:], field[:, :-1]), (field[1:], field[:-1])):
        assert np.corrcoef(first.ravel(), second.ravel())[0, 1] == pytest.approx(lag1, abs=0.03)


def test_noise_is_that_of_its_seed_and_stays_within_black_and_white() -> None:
    image = np.tile(np.array([[0, 255]], np.uint8), (40, 20))
    noisy = [SensorNoise(30.0, 0.4, seed).apply(image) for seed in (1, 1, 2)]
    assert np.array_equal(noisy[0], noisy[1]) and not np.array_equal(noisy[0], noisy[2])
    assert noisy[0].dtype == np.uint8


def texture(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return cv2.GaussianBlur(rng.integers(0, 256, (height, width)).astype(np.uint8), (0, 0), 1.0)


@given(st.integers(0, 7), st.integers(0, 7), st.integers(24, 40), st.integers(24, 40))
def test_blocks_begin_at_the_phase(x: int, y: int, height: int, width: int) -> None:
    """A step on the block grid survives the lowest quality; one inside a block does not."""
    image = np.full((height, width), 60, np.uint8)
    image[:, x + 8 :] = 180
    image[y + 8 :] += 40
    kept = Codec(1, (x, y)).apply(image, NOTHING).astype(int)
    steps = np.abs(np.diff(kept, axis=1)).sum(axis=0), np.abs(np.diff(kept, axis=0)).sum(axis=1)
    assert steps[0].argmax() == x + 7 and (np.delete(steps[0], x + 7) == 0).all()
    assert steps[1].argmax() == y + 7 and (np.delete(steps[1], y + 7) == 0).all()


def test_only_blocks_with_a_changed_pixel_are_written_back() -> None:
    image = texture(64, 64)
    changed = np.zeros(image.shape, bool)
    changed[20, 30] = True
    shown = Codec(20, (4, 2), "targets").apply(image, ImageContext(lambda: changed))
    differing = np.argwhere(shown != image)
    assert len(differing)
    assert differing.min(axis=0).tolist() >= [18, 28] and differing.max(axis=0).tolist() <= [25, 35]
    whole = Codec(20, (4, 2)).apply(image, NOTHING)
    assert np.array_equal(shown[18:26, 28:36], whole[18:26, 28:36])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: SensorNoise(0.0, 0.4, 1),
        lambda: SensorNoise(1.0, 0.95, 1),
        lambda: SensorNoise(1.0, 0.4, -1),
        lambda: Codec(0),
        lambda: Codec(50, (8, 0)),
        lambda: Codec(50, (0, 0), "blocks"),  # type: ignore[arg-type]
    ],
)
def test_stages_out_of_range_are_refused(wrong: object) -> None:
    with pytest.raises(InvalidValueError, match="must"):
        wrong()  # type: ignore[operator]
