"""Where real frames lie: the 10th and 90th percentile of each background statistic, scene by scene.

Measured by `sirstgen.measure.background_statistics`, targets inpainted and 3 px of border trimmed, on
the training halves of NUAA-SIRST and NUDT-SIRST and on SIRST-v2 frames without targets (halved, for they are two to
three times larger), by content label; clear skies count as cloud. NUAA and NUDT weigh the same whatever their numbers,
SIRST-v2 half as much.

========== ===== ===== ========
frames     NUAA  NUDT  SIRST-v2
========== ===== ===== ========
city       9     72    171
cloud      124   141   27
field      22    22    9
highlight  20    14    0
sea        9     6     0
========== ===== ===== ========

Cloud frames, and NUDT and SIRST-v2 frames of city and field, are those labelled with high confidence; of the rest every
labelled frame is used, for there are few. Sea rests on 15 frames: take its ends as rough.
"""

from __future__ import annotations

RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "city": {
        "mean": (68.1, 159),
        "std": (22, 63),
        "psd_slope": (2.32, 4.54),
        "local_std_p5": (0.299, 1.74),
        "local_std_p50": (1.09, 6.65),
        "local_std_p95": (5.03, 37.8),
        "noise_sigma": (0.187, 1.92),
        "residual_std": (0.267, 1.34),
        "residual_lag1_x": (0.167, 0.581),
        "residual_lag1_y": (0.0371, 0.555),
        "gradient_kurtosis": (7.85, 46.5),
        "gradient_p99": (7.07, 72),
        "anisotropy": (-0.847, 1.05),
        "zero_gradient": (0.0512, 0.395),
        "horizon_variance": (0.0847, 0.767),
        "saturation": (0, 0.000785),
    },
    "cloud": {
        "mean": (48.7, 147),
        "std": (5.64, 65.9),
        "psd_slope": (1.99, 4.46),
        "local_std_p5": (0, 2.07),
        "local_std_p50": (0.685, 7.57),
        "local_std_p95": (1.85, 28.9),
        "noise_sigma": (0.15, 0.91),
        "residual_std": (0.0329, 1.42),
        "residual_lag1_x": (0.111, 0.713),
        "residual_lag1_y": (0.0106, 0.642),
        "gradient_kurtosis": (3.87, 26.6),
        "gradient_p99": (2.24, 34.2),
        "anisotropy": (-0.141, 0.907),
        "zero_gradient": (0.0411, 0.629),
        "horizon_variance": (0.113, 0.738),
        "saturation": (0, 0.0181),
    },
    "field": {
        "mean": (60.8, 149),
        "std": (17.8, 65.2),
        "psd_slope": (2.01, 3.37),
        "local_std_p5": (0.497, 3.55),
        "local_std_p50": (1.85, 15.7),
        "local_std_p95": (7.74, 36.3),
        "noise_sigma": (0.323, 3.31),
        "residual_std": (0.371, 2.4),
        "residual_lag1_x": (0.177, 0.768),
        "residual_lag1_y": (-0.0053, 0.7),
        "gradient_kurtosis": (5.1, 38.4),
        "gradient_p99": (10.8, 70.1),
        "anisotropy": (-0.198, 1.04),
        "zero_gradient": (0.0146, 0.335),
        "horizon_variance": (0.147, 0.843),
        "saturation": (0, 0.00255),
    },
    "highlight": {
        "mean": (129, 196),
        "std": (27, 92.7),
        "psd_slope": (2.46, 4.24),
        "local_std_p5": (0, 2.3),
        "local_std_p50": (1.71, 8.7),
        "local_std_p95": (5.36, 33.9),
        "noise_sigma": (0.257, 0.554),
        "residual_std": (0.00052, 1.07),
        "residual_lag1_x": (0.366, 0.823),
        "residual_lag1_y": (0.318, 0.691),
        "gradient_kurtosis": (6.18, 40),
        "gradient_p99": (4.56, 39.2),
        "anisotropy": (-0.195, 0.966),
        "zero_gradient": (0.0438, 0.483),
        "horizon_variance": (0.199, 0.785),
        "saturation": (1.04e-05, 0.345),
    },
    "sea": {
        "mean": (68.1, 166),
        "std": (14.2, 68.8),
        "psd_slope": (1.88, 3.76),
        "local_std_p5": (0.79, 2.93),
        "local_std_p50": (1.68, 9.51),
        "local_std_p95": (4.72, 36.4),
        "noise_sigma": (0.287, 1.34),
        "residual_std": (0.551, 2.22),
        "residual_lag1_x": (0.239, 0.617),
        "residual_lag1_y": (0.165, 0.506),
        "gradient_kurtosis": (4.56, 35.9),
        "gradient_p99": (4.66, 55.7),
        "anisotropy": (0.342, 1.2),
        "zero_gradient": (0.0124, 0.222),
        "horizon_variance": (0.404, 0.921),
        "saturation": (0, 0.00842),
    },
}
