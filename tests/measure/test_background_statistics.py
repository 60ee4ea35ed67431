import cv2
import numpy as np
import pytest

from sirstgen.backgrounds.procedural.fields import fractal
from sirstgen.errors import InvalidValueError
from sirstgen.measure.background_statistics import background_statistics
from sirstgen.seeding import stream


def test_a_constant_frame_has_no_clutter_and_no_faults():
    found = background_statistics(np.full((64, 80), 90, dtype=np.uint8))
    assert found["mean"] == 90
    assert found["zero_gradient"] == 1
    none = set(found) - {"mean", "zero_gradient", "blockiness", "horizon_row"}
    assert {name: found[name] for name in none} == dict.fromkeys(none, 0.0)
    assert found["blockiness"] == 1


def test_white_noise_is_measured_as_what_it_is():
    found = background_statistics(100 + 5 * stream(0, "noise").standard_normal((200, 300)))
    assert found["std"] == pytest.approx(5, rel=0.02)
    assert found["noise_sigma"] == pytest.approx(5, rel=0.03)
    assert found["local_std_p50"] == pytest.approx(5, rel=0.05)
    assert found["gradient_kurtosis"] == pytest.approx(3, rel=0.05)
    assert abs(found["psd_slope"]) < 0.2
    assert abs(found["anisotropy"]) < 0.03
    assert found["column_fpn"] < 1
    assert found["horizon_variance"] < 0.02


@pytest.mark.parametrize("beta", [2.0, 3.0])
def test_the_slope_of_a_power_law_field_is_found(beta):
    slopes = [
        background_statistics(120 + 30 * fractal(stream(0, number), 256, 256, beta, outer=1000))["psd_slope"]
        for number in range(6)
    ]
    assert np.mean(slopes) == pytest.approx(beta, abs=0.25)


def test_a_horizon_is_found_at_its_row():
    frame = np.full((120, 160), 60, dtype=np.uint8)
    frame[48:] = 100
    found = background_statistics(frame)
    assert found["horizon_row"] == pytest.approx(0.4, abs=0.02)
    assert found["horizon_variance"] > 0.95
    assert found["horizon_step"] == 40


def test_lying_stripes_make_the_anisotropy_positive_and_rows_uneven():
    rows = 10 * stream(1, "rows").standard_normal((128, 1))
    found = background_statistics(100 + rows + stream(1, "grain").standard_normal((128, 128)))
    assert found["anisotropy"] > 2
    assert found["row_fpn"] > 5 > found["column_fpn"]


def test_coarse_jpeg_shows_as_blocks():
    smooth = (120 + 12 * fractal(stream(2), 128, 128, 2.0)).astype(np.uint8)
    _, packed = cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, 10])
    coded = cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)
    assert background_statistics(smooth)["blockiness"] < 1.2 < background_statistics(coded)["blockiness"]


def test_saturation_is_a_share_of_the_full_scale_of_the_type():
    frame = np.zeros((40, 40), dtype=np.uint16)
    frame[:10] = 65000
    assert background_statistics(frame)["saturation"] == 0.25
    assert background_statistics((frame // 257).astype(np.uint8))["saturation"] == 0.25


def test_low_residual_correlation_of_white_noise_is_negative_and_of_blurred_noise_positive():
    white = stream(3).standard_normal((128, 128)).astype(np.float32)
    blurred = cv2.GaussianBlur(white, (0, 0), 1.0)
    assert background_statistics(white)["residual_lag1_x"] < 0.05
    assert background_statistics(blurred)["residual_lag1_x"] > 0.3
    assert background_statistics(blurred)["residual_lag1_y"] > 0.3


@pytest.mark.parametrize("shape", [(31, 64), (64, 64, 3), (64,)])
def test_what_is_no_gray_frame_is_refused_with_its_shape(shape):
    with pytest.raises(InvalidValueError, match="at least 32x32"):
        background_statistics(np.zeros(shape, dtype=np.uint8))
