"""The default rows of the tables `classes` and `scenes`: P_size after Fig. 7a of the paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CLASSES: Mapping[str, Mapping[str, Any]] = {
    "plane": {"where": "sky", "tilt": {"between": [-35, 35]}},
    "uav": {"where": "sky", "tilt": {"between": [-20, 20]}},
    "ship": {"where": "water", "tilt": {"between": [-4, 4]}},
}

SCENES: Mapping[str, Mapping[str, Any]] = {
    "cloud": {
        "kinds": {"point": 0.47, "spot": 0.29, "extended": 0.24},
        "classes": {"plane": 0.7, "uav": 0.3},
        "reason": "Skies hold aircraft at every distance, so every size; nothing floats there.",
    },
    "sky-clear": {
        "kinds": {"point": 0.47, "spot": 0.29, "extended": 0.24},
        "classes": {"plane": 0.7, "uav": 0.3},
        "reason": "As cloud, which holds clear skies in the paper; for label files that distinguish the two.",
    },
    "sea": {
        "kinds": {"point": 0.30, "spot": 0.34, "extended": 0.36},
        "classes": {"ship": 0.8, "plane": 0.1, "uav": 0.1},
        "reason": "Ships dominate and are seen as extended bodies; aircraft only above the horizon.",
    },
    "city": {
        "kinds": {"point": 0.47, "spot": 0.35, "extended": 0.18},
        "classes": {"uav": 1.0},
        "reason": "Only small drones fly between houses; the paper calls a plane before a facade nonsense.",
    },
    "field": {
        "kinds": {"point": 0.45, "spot": 0.29, "extended": 0.26},
        "classes": {"uav": 0.75, "plane": 0.25},
        "reason": "Drones low over the land and, above the ridge line, small aircraft.",
    },
    "highlight": {
        "kinds": {"point": 0.38, "spot": 0.36, "extended": 0.26},
        "classes": {"uav": 0.6, "plane": 0.4},
        "reason": "Glare hides the smallest targets, so they are rarer; the published set shows drones and aircraft.",
    },
}
