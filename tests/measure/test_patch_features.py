"""What the features must and must not see."""

from __future__ import annotations

import numpy as np
import pytest

from sirstgen.measure.patches import background_patch_features, target_patch_features


def blob(sigma: float, peak: float = 80.0) -> np.ndarray:
    y, x = np.mgrid[-10:11, -10:11].astype(float)
    return 60 + peak * np.exp(-(x**2 + y**2) / (2 * sigma**2))


def test_target_shape_does_not_depend_on_level_or_contrast() -> None:
    names, values = target_patch_features(np.stack([blob(1.5), 20 + 0.5 * blob(1.5)]))
    free = [at for at, name in enumerate(names) if name not in ("log_peak", "level", "surroundings_spread", "white")]
    np.testing.assert_allclose(values[0, free], values[1, free], atol=1e-6)
    assert values[0, names.index("log_peak")] == pytest.approx(np.log10(80), abs=1e-6)


def test_a_wider_target_is_wider() -> None:
    names, values = target_patch_features(np.stack([blob(1.0), blob(2.0)]))
    for name in ("pixels_above_0.5", "inertia_minor", "radial_mean_2", "rank_8"):
        assert values[1, names.index(name)] > values[0, names.index(name)]
    assert values[1, names.index("curvature_centre")] < values[0, names.index("curvature_centre")]


def test_mirrored_targets_are_the_same() -> None:
    patch = blob(1.5) + np.random.default_rng(0).normal(0, 3, (21, 21))
    names, values = target_patch_features(np.stack([patch, patch[:, ::-1]]))
    same = [at for at, name in enumerate(names) if name != "asymmetry_x"]
    np.testing.assert_allclose(values[0, same], values[1, same], atol=1e-9)


def test_background_features_tell_direction_and_noise() -> None:
    wave = np.tile(100 + 20 * np.sin(2 * np.pi * np.arange(32) / 8), (32, 1))
    noise = 100 + np.random.default_rng(0).normal(0, 2, (32, 32))
    names, values = background_patch_features(np.stack([wave, wave.T, noise, np.full((32, 32), 255.0)]))
    row = {name: values[:, at] for at, name in enumerate(names)}
    assert row["gradient_x_rms"][0] == pytest.approx(row["gradient_y_rms"][1]) and row["gradient_y_rms"][0] == -3
    assert row["spectrum_4_x"][0] > row["spectrum_4_y"][0] and row["spectrum_4_x"][1] < row["spectrum_4_y"][1]
    assert row["correlation_x1"][0] > 0.5 > row["correlation_x1"][2]
    assert row["white"].tolist() == [0, 0, 0, 1] and row["zero_gradient"][3] == 1
    assert np.isfinite(values).all()
