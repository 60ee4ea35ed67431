"""The detectors by name. Importing this package imports no torch; building a net does."""

from __future__ import annotations

import difflib
import importlib
import inspect
from typing import TYPE_CHECKING, Any

from sirstgen.errors import InvalidValueError

if TYPE_CHECKING:
    from sirstgen.detectors.detector import Detector

_BUILDERS = {
    "dnanet-resnet10": "dnanet.resnet10",
    "dnanet-resnet18": "dnanet.resnet18",
    "dnanet-resnet34": "dnanet.resnet34",
    "dnanet-vgg10": "dnanet.vgg10",
    "dnanet-resnet10-light": "dnanet.resnet10_light",
    "acm": "acm.unet",
    "acm-fpn": "acm.fpn",
    "alcnet": "alcnet.published",
    "alcnet-resnet20": "alcnet.resnet20",
    "mdvsfa": "mdvsfa.full",
    "mdvsfa-light": "mdvsfa.light",
}
_SHORT = {
    "dnanet": "dnanet-resnet18",
    "dnanet-light": "dnanet-resnet10-light",
    "acm-unet": "acm",
    "mdvsfa-cgan": "mdvsfa",
}
_ADVERSARIAL = {"mdvsfa", "mdvsfa-light"}


def names() -> list[str]:
    """Return the name of every detector that `build` can make."""
    return list(_BUILDERS)


def canonical(name: str) -> str:
    """Return the full name of a detector: ``dnanet`` is ``dnanet-resnet18``.

    Raises:
        InvalidValueError: there is no such detector; the message names the nearest spelling.
    """
    plain = name.strip().lower().replace("_", "-")
    plain = _SHORT.get(plain, plain)
    if plain in _BUILDERS:
        return plain
    if f"dnanet-{plain}" in _BUILDERS:
        return f"dnanet-{plain}"
    near = difflib.get_close_matches(plain, [*_BUILDERS, *_SHORT], n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InvalidValueError(
        f"detector must be one of {', '.join(_BUILDERS)}, got {name!r}{hint}", value=name, allowed=names()
    )


def is_adversarial(name: str) -> bool:
    """Return whether this detector is trained against a discriminator, in place of a loss on its mask alone."""
    return canonical(name) in _ADVERSARIAL


def build(name: str, in_channels: int = 3, **choices: Any) -> Detector:
    """Return a fresh detector, with torch's default weights.

    Args:
        name: one of `names()`, or short: ``dnanet``, ``dnanet-light``, ``resnet18``.
        in_channels: channels of the image; 3 as published, 1 for gray frames.
        **choices: what the builder takes besides (``deep_supervision`` for DNA-Net).

    Raises:
        InvalidValueError: unknown name, or a choice that this detector does not have.
    """
    name = canonical(name)
    module, builder = _BUILDERS[name].split(".")
    make = getattr(importlib.import_module(f"sirstgen.detectors.{module}"), builder)
    unknown = sorted(set(choices) - set(inspect.signature(make).parameters))
    if unknown:
        raise InvalidValueError(f"detector {name} does not take {', '.join(unknown)}", value=unknown)
    net: Detector = make(in_channels, **choices)
    return net
