"""The paper's classical single-frame detectors by name. Importing this package loads none of them.

Each is a pure function from an image (H, W) in gray levels 0..255 to a target map (H, W) float32, zero or above, with
the published settings as defaults; only the relative values of a map mean anything. Flat and black images give an empty
map, and nothing ever gives NaN.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sirstgen.errors import InvalidValueError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sirstgen.detectors.classical.gray import TargetMap


@dataclass(frozen=True)
class ClassicalDetector:
    """A published method.

    Attributes:
        name: what it is called in commands and files.
        title: what it is called in tables.
        citation: where it was published.
        family: "filter", "local contrast" or "low rank".
        function: "module.function" in this package.
    """

    name: str
    title: str
    citation: str
    family: str
    function: str

    @property
    def threshold(self) -> None:
        """None: a classical map is cut at the adaptive threshold, Eq. 14."""

    def __call__(self, image: ArrayLike, **settings: Any) -> TargetMap:
        """Return the target map of `image`; `settings` in place of the published ones.

        Raises:
            InvalidValueError: not a gray image, or a setting that the method does not have or allow.
        """
        module, function = self.function.split(".")
        detect = getattr(importlib.import_module(f"{__name__}.{module}"), function)
        known = list(inspect.signature(detect).parameters)[1:]
        for setting in settings:
            if setting not in known:
                raise InvalidValueError(f"{self.name} takes {', '.join(known)}, got {setting!r}", value=setting)
        target_map: TargetMap = detect(image, **settings)
        return target_map


REGISTRY = {
    detector.name: detector
    for detector in (
        ClassicalDetector(
            "top-hat", "Top-Hat", "Rivest and Fortin, Opt. Eng. 35(7), 1996", "filter", "top_hat.top_hat"
        ),
        ClassicalDetector(
            "new-top-hat",
            "New Top-Hat (ring)",
            "Bai and Zhou, Pattern Recognition 43(6), 2010",
            "filter",
            "top_hat.new_top_hat",
        ),
        ClassicalDetector(
            "max-median", "Max-Median", "Deshpande et al., Proc. SPIE 3809, 1999", "filter", "max_median.max_median"
        ),
        ClassicalDetector("wslcm", "WSLCM", "Han et al., IEEE GRSL 18(9), 2021", "local contrast", "wslcm.wslcm"),
        ClassicalDetector("tllcm", "TLLCM", "Han et al., IEEE GRSL 17(10), 2020", "local contrast", "tllcm.tllcm"),
        ClassicalDetector("ipi", "IPI", "Gao et al., IEEE TIP 22(12), 2013", "low rank", "ipi.ipi"),
        ClassicalDetector("nram", "NRAM", "Zhang et al., Remote Sens. 10(11), 2018", "low rank", "nram.nram"),
        ClassicalDetector("ript", "RIPT", "Dai and Wu, IEEE JSTARS 10(8), 2017", "low rank", "ript.ript"),
        ClassicalDetector("pstnn", "PSTNN", "Zhang and Peng, Remote Sens. 11(4), 2019", "low rank", "pstnn.pstnn"),
        ClassicalDetector(
            "mslstipt",
            "MSLSTIPT (single-frame tiles)",
            "Sun et al., IEEE TGRS 59(5), 2021",
            "low rank",
            "mslstipt.mslstipt",
        ),
    )
}

# Together about 0.2 s of one core for an image of 256x256; the others take that or ten times as much each.
QUICK = ("top-hat", "new-top-hat", "max-median", "tllcm", "wslcm", "pstnn")


def names() -> list[str]:
    """Return every classical detector, filters first."""
    return list(REGISTRY)


def named(name: str) -> ClassicalDetector:
    """Return the detector called `name`, in any spelling of case, "-" and "_".

    Raises:
        InvalidValueError: there is none; the message names the nearest spelling.
    """
    plain = name.strip().lower().replace("_", "-")
    if plain in REGISTRY:
        return REGISTRY[plain]
    near = difflib.get_close_matches(plain, REGISTRY, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InvalidValueError(
        f"classical detector must be one of {', '.join(REGISTRY)}, got {name!r}{hint}", value=name, allowed=names()
    )


def chosen(text: str) -> list[ClassicalDetector]:
    """Return the detectors of a list of names separated by commas, each once; ``quick``, ``all`` and ``none`` are sets.

    Raises:
        InvalidValueError: no name, or one that no detector has.
    """
    sets: dict[str, tuple[str, ...]] = {"quick": QUICK, "all": tuple(REGISTRY), "none": ()}
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    if not words:
        raise InvalidValueError(f"detectors must be {', '.join(sets)}, or some of {', '.join(REGISTRY)}, got {text!r}")
    found = [named(name) for word in words for name in sets.get(word, (word,))]
    return list(dict.fromkeys(found))
