"""The sky above a horizon, a wood or roofs."""

from __future__ import annotations

import numpy as np

from sirstgen.backgrounds.procedural.cloud_forms import bank, broken, heaps, layers, wisps
from sirstgen.backgrounds.procedural.fields import Field, fractal, rounded, shading, smoothstep


def low_sky(rng: np.random.Generator, height: int, width: int, foot: float, fall: float, cloud: float = 8.0) -> Field:
    """Return a sky, gray levels around 0 at its foot: vertical fall-off, slow shading, in some frames clouds.

    Args:
        foot: row where the sky meets the land, pixels.
        fall: gray levels that it gains on the way up; negative where it gets colder.
        cloud: largest contrast of streaks, gray levels; clouds with a body have up to four times as much.
    """
    up = (np.clip(foot - np.arange(height), 0, height) / height).astype(np.float32)[:, None]
    sky = np.float32(fall) * (1 - rounded(np.exp, -up / np.float32(rng.uniform(0.06, 0.35))))
    sky = sky + np.float32(rng.uniform(0.5, 4.0)) * shading(rng, height, width)
    kind = rng.random()
    if kind < 0.25:  # clouds with a body, as above the horizon of half of the real streets and mountains
        form = (heaps, broken, layers, bank, wisps)[rng.choice(5, p=[0.3, 0.25, 0.1, 0.15, 0.2])]
        opacity, brightness = form(rng, height, width)
        contrast = np.float32(rng.uniform(0.8, 4.0) * cloud) * (1 if rng.random() < 0.9 else -0.25)
        sky = sky + contrast * opacity * (np.float32(0.25) + brightness)
    elif kind < 0.6:
        streaks = fractal(rng, height, width, 3.6, outer=height / 2, stretch=(rng.uniform(2, 5), 1.0))
        streaks = smoothstep(streaks, -0.2, 2.4) * smoothstep(up, 0.0, 0.1)
        sky = sky + np.float32(rng.uniform(0.15, 1.0) * cloud) * streaks
    return np.asarray(sky, dtype=np.float32)
