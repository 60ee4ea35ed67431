"""Draw the built-in templates: ``python templates/draw.py [FOLDER]`` writes every PNG and ``index.yaml``.

The PNGs are 8-bit gray (relative radiance) with alpha (coverage), 256 px on the longer side. Without FOLDER they
replace the ones beside this file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models import (
    airliner,
    container_ship,
    ferry,
    fighter,
    fishing_boat,
    flying_wing,
    frigate,
    helicopter_uav,
    light_plane,
    motor_boat,
    multicopter,
    sailing_boat,
    surveyor,
    tanker,
    transport,
    tug,
)
from PIL import Image
from solid import Model, view


@dataclass(frozen=True)
class Pose:
    """One template: a model and how it is seen (degrees)."""

    model: Callable[[], Model]
    note: str
    yaw: float = 0.0
    elevation: float = 0.0
    bank: float = 0.0
    pitch: float = 0.0
    length: tuple[float, float] | None = None  # where it differs from its class
    scenes: tuple[str, ...] | None = None  # likewise


UP = ("cloud", "sky-clear", "highlight")
"""Scenes of a camera that looks up, where objects are seen from below."""

OPEN = ("cloud", "sky-clear", "field", "sea", "highlight")
"""Scenes without houses: UAVs with wings cannot hover between them."""


CLASSES = {
    "plane": {"scenes": ["cloud", "sky-clear", "field", "sea", "highlight"], "typical_length": [7, 22]},
    "ship": {"scenes": ["sea"], "typical_length": [8, 25]},
    "uav": {"scenes": ["city", "field", "cloud", "sky-clear", "sea", "highlight"], "typical_length": [6, 18]},
}

POSES = {
    "plane": [
        Pose(airliner, "airliner from the side", elevation=-4),
        Pose(airliner, "airliner from below", elevation=-90, scenes=UP),
        Pose(airliner, "airliner climbing, three-quarter from below", yaw=-35, elevation=-28, pitch=8),
        Pose(airliner, "airliner banking", yaw=20, elevation=-15, bank=-40, pitch=4),
        Pose(airliner, "airliner nearly head-on, from below", yaw=-86, elevation=-16, length=(7, 18)),
        Pose(fighter, "fighter from the side with afterburner"),
        Pose(fighter, "fighter from below with afterburner", elevation=-90, scenes=UP),
        Pose(fighter, "fighter in a steep turn", yaw=25, elevation=-20, bank=55, pitch=5),
        Pose(fighter, "fighter from behind", yaw=70, elevation=-12, bank=20, length=(6, 16)),
        Pose(light_plane, "light plane from the side"),
        Pose(light_plane, "light plane, three-quarter from below", yaw=-40, elevation=-30, bank=10),
        Pose(transport, "four-engine transport from below", elevation=-90, scenes=UP),
        Pose(transport, "four-engine transport, three-quarter from the front", yaw=-60, elevation=-14, bank=6),
    ],
    "ship": [
        Pose(container_ship, "container ship under way from the side", length=(10, 25)),
        Pose(
            container_ship, "container ship under way, three-quarter from the bow", yaw=-42, elevation=8, length=(9, 25)
        ),
        Pose(tanker, "tanker under way from the side", length=(10, 25)),
        Pose(tanker, "tanker under way from the air, three-quarter", yaw=-20, elevation=25, length=(10, 25)),
        Pose(frigate, "frigate under way from the side", length=(10, 25)),
        Pose(frigate, "frigate under way, three-quarter from the bow", yaw=-40, elevation=6, length=(10, 25)),
        Pose(lambda: frigate(False), "frigate bow-on", yaw=-90, elevation=3, length=(6, 14)),
        Pose(fishing_boat, "fishing boat from the side", length=(7, 18)),
        Pose(ferry, "ferry under way from the side", length=(10, 25)),
        Pose(lambda: ferry(False), "ferry stern-on", yaw=80, elevation=4, length=(6, 14)),
        Pose(tug, "tug from the side", length=(7, 16)),
        Pose(motor_boat, "motor boat planing", pitch=5, length=(8, 20)),
        Pose(sailing_boat, "sailing boat from the side", length=(7, 18)),
    ],
    "uav": [
        Pose(lambda: multicopter(4), "quadcopter from below", elevation=-90, scenes=UP),
        Pose(lambda: multicopter(4), "quadcopter from the side", elevation=-6, yaw=8),
        Pose(lambda: multicopter(4), "quadcopter, three-quarter from below", yaw=20, elevation=-35, bank=8),
        Pose(lambda: multicopter(4), "quadcopter tilted into its flight", yaw=30, elevation=-12, pitch=-22),
        Pose(lambda: multicopter(6), "hexacopter from below", elevation=-90, scenes=UP),
        Pose(lambda: multicopter(6), "hexacopter, three-quarter from below", yaw=12, elevation=-32),
        Pose(surveyor, "long-endurance UAV from below", elevation=-90, length=(9, 22), scenes=UP),
        Pose(surveyor, "long-endurance UAV from the side", elevation=-6, length=(8, 20), scenes=OPEN),
        Pose(surveyor, "long-endurance UAV banking", yaw=35, elevation=-20, bank=-30, length=(8, 22), scenes=OPEN),
        Pose(flying_wing, "flying wing from below", elevation=-90, length=(7, 20), scenes=UP),
        Pose(flying_wing, "flying wing, three-quarter", yaw=-35, elevation=-35, bank=12, length=(7, 20), scenes=OPEN),
        Pose(helicopter_uav, "helicopter UAV from the side", elevation=-8),
        Pose(helicopter_uav, "helicopter UAV, three-quarter", yaw=-40, elevation=-18, bank=6),
    ],
}


def main(folder: Path) -> None:
    """Write every template and the index into `folder`."""
    lines = [
        "# Written by draw.py. Lengths in pixels of a 256 x 256 image;",
        "# heading of the nose in degrees, clockwise on screen from right.",
    ]
    for cls, settings in CLASSES.items():
        lines += [
            "",
            f"{cls}: {{scenes: [{', '.join(settings['scenes'])}], typical_length: {settings['typical_length']}}}",
        ]
        (folder / cls).mkdir(parents=True, exist_ok=True)
        for number, pose in enumerate(POSES[cls], start=1):
            image, heading = view(pose.model(), pose.yaw, pose.elevation, pose.bank, pose.pitch)
            Image.fromarray(image).save(folder / cls / f"{number:02d}.png", optimize=True)
            scenes = f"scenes: [{', '.join(pose.scenes)}], " if pose.scenes else ""
            length = f"typical_length: {list(pose.length)}, " if pose.length else ""
            lines.append(f'{cls}/{number:02d}: {{{scenes}{length}heading: {round(heading)}, pose: "{pose.note}"}}')
    (folder / "index.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
