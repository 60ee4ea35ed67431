"""Skies: clear, and with every cloud form that real infrared frames show."""

from __future__ import annotations

import numpy as np

from sirstgen.backgrounds.procedural.camera import Codec, finish, spread
from sirstgen.backgrounds.procedural.canvas import Drawn, all_sky
from sirstgen.backgrounds.procedural.cloud_forms import (
    Form,
    bank,
    broken,
    deck,
    heaps,
    layers,
    streaks,
    trail,
    wisps,
)
from sirstgen.backgrounds.procedural.fields import Field, fractal, shading

_FORMS = {form.__name__: form for form in (heaps, bank, wisps, deck, broken, layers, streaks)}
# A third of the real NUAA skies, a tenth of the NUDT ones are clear; `two` are wisps and another form.
_KINDS = ("clear", *_FORMS, "two")
_SHARES = (0.30, 0.15, 0.12, 0.10, 0.10, 0.09, 0.04, 0.03, 0.07)


def generate(rng: np.random.Generator, height: int, width: int) -> Drawn:
    """Draw one sky with its place map."""
    kind = str(rng.choice(_KINDS, p=_SHARES))
    sky = clear_sky(rng, height, width)
    if kind != "clear":
        sky = _clouded(rng, sky, kind)
    noise = spread(rng, 0.42, 0.9)
    frame = finish(
        rng,
        sky,
        noise=noise,
        grain=spread(rng, 0.75, 0.45),
        softness=spread(rng, 0.65, 0.4),
        pattern=noise * spread(rng, 0.2, 0.5),
        # Coding leaves flat blocks with sparse steps in a clear sky: over half of the real ones show them.
        codec=Codec(0.6, (25, 85)) if kind == "clear" else Codec(0.45),
        overdriven=0.06,
    )
    return all_sky(frame)


def _clouded(rng: np.random.Generator, sky: Field, kind: str) -> Field:
    """Return the sky with clouds of one kind, or of two, and with a trail in some frames."""
    height, width = sky.shape
    names = [kind] if kind != "two" else ["wisps", str(rng.choice(["heaps", "bank", "broken"]))]
    contrast = float(np.clip(rng.lognormal(np.log(80), 0.85), 10, 320))
    if kind == "deck":  # all of the frame is cloud, so less contrast makes the same clutter
        contrast *= 0.6
    for name in names:
        sky = over(sky, _FORMS[name](rng, height, width), contrast)
    if rng.random() < 0.04:
        sky = over(sky, trail(rng, height, width), 0.5 * contrast)
    light = np.float32(min(rng.lognormal(np.log(4), 0.9), 12)) * shading(rng, height, width)
    return np.asarray(sky + light, dtype=np.float32)


def clear_sky(rng: np.random.Generator, height: int, width: int) -> Field:
    """Return smooth shading, mostly brighter towards the ground, with a little haze; gray levels."""
    mean = float(np.clip(rng.normal(93, 33), 28, 165))
    slope = float(np.clip(rng.lognormal(np.log(4.5), 0.9), 0.5, 18))
    field = shading(rng, height, width)
    if field[: height // 2].mean() > field[height // 2 :].mean() and rng.random() < 0.7:
        field = field[::-1]
    haze = fractal(rng, height, width, 3.0, stretch=(2.0, 1.0)) * np.float32(min(rng.lognormal(np.log(0.5), 0.9), 5.0))
    return (mean + slope * field + haze).astype(np.float32)


def over(sky: Field, form: Form, contrast: float) -> Field:
    """Return the sky with `form` in front; its brightest parts are `contrast` gray levels above the sky's mean."""
    opacity, brightness = form
    level = sky.mean() + contrast * (brightness - 0.15)
    return np.asarray(sky + opacity * (level - sky), dtype=np.float32)
